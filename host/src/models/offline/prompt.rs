//! What a user asks, and the frame that the tutorial's agent puts around it:
//! `My name is Maira. Here is my request: How much is 2X5?. This is session <id>.`

#[cfg(test)]
mod tests;

const NAME: &str = "My name is ";
const REQUEST: &str = "Here is my request:";
const SESSION: &str = "This is session ";

/// A user's text, taken apart. Without a frame, the whole text is the request.
#[derive(Debug, PartialEq)]
pub(super) struct Prompt<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) request: &'a str,
    pub(super) session: Option<&'a str>,
}

/// Reads a user's text.
pub(super) fn parse(text: &str) -> Prompt<'_> {
    let name = text
        .find(NAME)
        .map(|at| &text[at + NAME.len()..])
        .and_then(name);
    let session = text
        .rfind(SESSION)
        .map(|at| text[at + SESSION.len()..].trim())
        .map(|id| id.strip_suffix('.').unwrap_or(id));
    let session = session.filter(|id| !id.is_empty() && !id.contains(char::is_whitespace));
    let request = match text.find(REQUEST) {
        None => text,
        Some(at) => {
            let rest = &text[at + REQUEST.len()..];
            // The frame's own full stop stands between the request and the session.
            let end = if session.is_some() {
                rest.rfind(SESSION).unwrap_or(rest.len())
            } else {
                rest.len()
            };
            let rest = rest[..end].trim();
            rest.strip_suffix('.').unwrap_or(rest)
        }
    };
    Prompt {
        name,
        request: request.trim(),
        session,
    }
}

/// A name: up to three words before the next full stop, comma or line end.
fn name(rest: &str) -> Option<&str> {
    let end = rest
        .find(['.', ',', '!', '?', ';', '\n'])
        .unwrap_or(rest.len());
    let name = rest[..end].trim();
    let words = name.split_whitespace().count();
    (1..=3).contains(&words).then_some(name)
}
