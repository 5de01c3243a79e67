//! Pages of a list: `maxResults` and `nextToken`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::agents::Secret;
use crate::api::error::ApiError;

/// What list operations take in the query.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct PageQuery {
    max_results: Option<String>,
    next_token: Option<String>,
}

impl PageQuery {
    fn size(&self) -> Result<usize, ApiError> {
        let Some(text) = &self.max_results else {
            return Ok(100);
        };
        text.parse()
            .ok()
            .filter(|size| (1..=100).contains(size))
            .ok_or_else(|| {
                ApiError::invalid(
                    "maxResults",
                    format!("maxResults is a number from 1 to 100, not {text:?}"),
                )
            })
    }
}

/// A list, and whose.
///
/// A token names the last item seen, by its key, and the next page begins behind that, whether the item is still there or not.
/// So pages neither repeat nor skip what stays. The token is marked with the list it was made for: it opens no other one.
pub(super) struct List<'a> {
    secret: &'a Secret,
    names: Vec<&'a str>,
}

impl<'a> List<'a> {
    /// The list of this kind; the scope is the tenant, and the agent where a list is one's.
    pub(super) fn new(secret: &'a Secret, kind: &'a str, scope: &[&'a str]) -> Self {
        let mut names = vec!["page", kind];
        names.extend(scope);
        Self { secret, names }
    }

    /// The page that was asked for, and the token of the next one. The items are sorted by their keys.
    pub(super) fn page<T>(
        &self,
        query: &PageQuery,
        mut items: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), ApiError> {
        let size = query.size()?;
        if let Some(token) = &query.next_token {
            let after = self.open(token).ok_or_else(|| {
                ApiError::invalid(
                    "nextToken",
                    "nextToken is not one that this list gave; begin again without it",
                )
            })?;
            items.drain(..items.partition_point(|item| key(item) <= after));
        }
        let more = items.len() > size;
        items.truncate(size);
        let last = items.last().filter(|_| more);
        let token = last.map(|last| self.seal(&key(last)));
        Ok((items, token))
    }

    fn seal(&self, key: &str) -> String {
        let mut token = self.secret.mark(&self.words(key));
        token.extend(key.as_bytes());
        URL_SAFE_NO_PAD.encode(token)
    }

    fn open(&self, token: &str) -> Option<String> {
        let token = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (mark, key) = token.split_at_checked(Secret::MARK)?;
        let key = std::str::from_utf8(key).ok()?;
        self.secret
            .marked(&self.words(key), mark)
            .then(|| key.to_owned())
    }

    fn words<'b>(&'b self, key: &'b str) -> Vec<&'b str> {
        let mut words = self.names.clone();
        words.push(key);
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];

    fn query(max_results: &str, next_token: Option<String>) -> PageQuery {
        PageQuery {
            max_results: Some(max_results.to_owned()),
            next_token,
        }
    }

    fn keys(keys: &[&'static str]) -> Vec<&'static str> {
        keys.to_vec()
    }

    #[test]
    fn pages_cover_the_list_once() {
        let secret = Secret::for_tests(1);
        let list = List::new(&secret, "letters", &["tenant"]);
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let (page, next) = list
                .page(&query("2", token), keys(&KEYS), |key| (*key).to_owned())
                .unwrap();
            seen.extend(page);
            token = next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, KEYS);
    }

    #[test]
    fn a_full_last_page_has_no_token() {
        let secret = Secret::for_tests(1);
        let list = List::new(&secret, "letters", &["tenant"]);
        let page = list.page(&query("5", None), keys(&KEYS), |key| (*key).to_owned());
        assert_eq!(page.unwrap().1, None);
    }

    #[test]
    fn the_next_page_begins_behind_the_last_item_even_when_it_is_gone() {
        let secret = Secret::for_tests(1);
        let list = List::new(&secret, "letters", &["tenant"]);
        let key = |key: &&str| (*key).to_owned();
        let (_, token) = list.page(&query("2", None), keys(&KEYS), key).unwrap();
        let rest = keys(&["a", "aa", "d", "e"]);
        let (page, _) = list.page(&query("2", token), rest, key).unwrap();
        assert_eq!(page, ["d", "e"]);
    }

    #[test]
    fn strange_sizes_and_tokens_are_refused() {
        let (secret, other) = (Secret::for_tests(1), Secret::for_tests(2));
        let key = |key: &&str| (*key).to_owned();
        let list = List::new(&secret, "letters", &["tenant", "agent"]);
        let refused = |query: PageQuery| list.page(&query, keys(&KEYS), key).map(|(page, _)| page);
        for size in ["0", "101", "-1", "many"] {
            refused(query(size, None)).expect_err(size);
        }
        let foreign = [
            List::new(&other, "letters", &["tenant", "agent"]).seal("b"),
            List::new(&secret, "numbers", &["tenant", "agent"]).seal("b"),
            List::new(&secret, "letters", &["other", "agent"]).seal("b"),
            List::new(&secret, "letters", &["tenant", "other"]).seal("b"),
            URL_SAFE_NO_PAD.encode("b"),
            "%%%".to_owned(),
            String::new(),
        ];
        for token in foreign {
            let query = query("2", Some(token.clone()));
            refused(query).expect_err(&token);
        }
        refused(query("2", Some(list.seal("b")))).unwrap();
    }
}
