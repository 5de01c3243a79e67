//! Pages of a list: `maxResults` and `nextToken`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::api::error::ApiError;

/// What list operations take in the query.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct PageQuery {
    max_results: Option<String>,
    next_token: Option<String>,
}

/// The page that was asked for, and the token of the next one. A token names the last item seen, by a key that the list
/// is sorted by, so that pages neither repeat nor skip what stays.
pub(super) fn page<T>(
    query: &PageQuery,
    items: Vec<T>,
    key: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let size = match &query.max_results {
        None => 100,
        Some(text) => text
            .parse()
            .ok()
            .filter(|size| (1..=100).contains(size))
            .ok_or_else(|| {
                ApiError::invalid(
                    "maxResults",
                    format!("maxResults is a number from 1 to 100, not {text:?}"),
                )
            })?,
    };
    let start = match &query.next_token {
        None => 0,
        Some(token) => {
            let unknown =
                || ApiError::invalid("nextToken", "nextToken is not one that this list gave");
            let after = URL_SAFE_NO_PAD
                .decode(token)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            let after = after.ok_or_else(unknown)?;
            1 + items
                .iter()
                .position(|item| key(item) == after)
                .ok_or_else(unknown)?
        }
    };
    let more = items.len() > start + size;
    let items: Vec<T> = items.into_iter().skip(start).take(size).collect();
    let token = items
        .last()
        .filter(|_| more)
        .map(|last| URL_SAFE_NO_PAD.encode(key(last)));
    Ok((items, token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(max_results: Option<&str>, next_token: Option<String>) -> PageQuery {
        PageQuery {
            max_results: max_results.map(str::to_owned),
            next_token,
        }
    }

    #[test]
    fn pages_cover_the_list_once() {
        let items: Vec<u32> = (0..25).collect();
        let (mut seen, mut token) = (Vec::new(), None);
        loop {
            let (page, next) =
                page(&query(Some("10"), token), items.clone(), u32::to_string).unwrap();
            seen.extend(page);
            token = next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, items);
    }

    #[test]
    fn a_full_last_page_has_no_token() {
        let (_, token) =
            page(&query(Some("5"), None), vec![1, 2, 3, 4, 5], i32::to_string).unwrap();
        assert_eq!(token, None);
    }

    #[test]
    fn strange_sizes_and_tokens_are_refused() {
        for size in ["0", "101", "-1", "many"] {
            assert!(
                page(&query(Some(size), None), vec![1], i32::to_string).is_err(),
                "{size}"
            );
        }
        assert!(
            page(
                &query(None, Some("%%%".to_owned())),
                vec![1],
                i32::to_string
            )
            .is_err()
        );
        assert!(
            page(
                &query(None, Some(URL_SAFE_NO_PAD.encode("9"))),
                vec![1],
                i32::to_string
            )
            .is_err()
        );
    }
}
