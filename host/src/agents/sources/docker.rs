//! Who this server is to a registry: what `docker login` has left in its file.

use std::collections::HashMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// The part of the file that says who logs in where.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct File {
    auths: HashMap<String, Login>,
    cred_helpers: HashMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Login {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

/// A name and a password.
pub(super) type Credentials = (String, String);

/// The credentials for a registry, if the file has some. Read anew each time: some are good for hours only.
///
/// An error is words for the owner of an agent, who cannot see the file: it says what the operator has to do.
pub(super) fn credentials(
    file: Option<&Path>,
    registry: &str,
) -> Result<Option<Credentials>, String> {
    let Some(file) = file else { return Ok(None) };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(_) => return Err(unreadable(registry)),
    };
    of(&text, registry)
}

fn of(text: &str, registry: &str) -> Result<Option<Credentials>, String> {
    let file: File = serde_json::from_str(text).map_err(|_| unreadable(registry))?;
    if let Some(helper) = file.cred_helpers.get(registry) {
        return Err(helped(registry, helper));
    }
    let login = file.auths.iter().find(|(name, _)| host(name) == registry);
    let Some((_, login)) = login else {
        return Ok(None);
    };
    if let (Some(name), Some(password)) = (&login.username, &login.password) {
        return Ok(Some((name.clone(), password.clone())));
    }
    match (&login.auth, &file.creds_store) {
        (Some(auth), _) if !auth.is_empty() => {
            decode(auth).map(Some).ok_or_else(|| unreadable(registry))
        }
        (_, Some(helper)) => Err(helped(registry, helper)),
        _ if login.identitytoken.is_some() => Err(format!(
            "this server is logged in to {registry} with an identity token, which it cannot use: its operator logs it in \
             with a name and a password"
        )),
        _ => Ok(None),
    }
}

/// The registry that an entry is about; docker's own has an address for historical reasons.
fn host(entry: &str) -> &str {
    let host = entry
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    match host.split('/').next().unwrap_or(host) {
        "index.docker.io" => "docker.io",
        host => host,
    }
}

fn decode(auth: &str) -> Option<Credentials> {
    let decoded = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

fn unreadable(registry: &str) -> String {
    format!(
        "this server's credentials for {registry} cannot be read: its operator looks at the docker configuration of the \
         server's user"
    )
}

fn helped(registry: &str, helper: &str) -> String {
    format!(
        "this server's credentials for {registry} are kept by the helper docker-credential-{helper}, and it runs no helpers: \
         its operator puts them into `auths` of the docker configuration"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_found_by_their_registry() {
        let file = r#"{
            "auths": {
                "https://index.docker.io/v1/": { "auth": "aHViOnNlY3JldA==" },
                "registry.example:5000": { "auth": "YTpiOmM=" },
                "plain.example": { "username": "u", "password": "p" }
            },
            "HttpHeaders": {}
        }"#;
        let pair = |name: &str, password: &str| Some((name.to_owned(), password.to_owned()));
        assert_eq!(of(file, "docker.io"), Ok(pair("hub", "secret")));
        assert_eq!(of(file, "registry.example:5000"), Ok(pair("a", "b:c")));
        assert_eq!(of(file, "plain.example"), Ok(pair("u", "p")));
        assert_eq!(of(file, "registry.example"), Ok(None));
        assert_eq!(credentials(Some(Path::new("/none")), "docker.io"), Ok(None));
    }

    #[test]
    fn what_cannot_be_used_says_what_to_do_and_shows_no_secret() {
        let cases = [
            ("{", "cannot be read"),
            (
                r#"{"auths": {"r": {"auth": "c2VjcmV0"}}}"#,
                "cannot be read",
            ),
            (
                r#"{"credHelpers": {"r": "pass"}}"#,
                "docker-credential-pass",
            ),
            (
                r#"{"auths": {"r": {}}, "credsStore": "desktop"}"#,
                "docker-credential-desktop",
            ),
            (
                r#"{"auths": {"r": {"identitytoken": "c2VjcmV0"}}}"#,
                "identity token",
            ),
        ];
        for (file, told) in cases {
            let error = of(file, "r").unwrap_err();
            assert!(error.contains(told), "{error}");
            assert!(!error.contains("secret") && !error.contains("c2VjcmV0"));
        }
    }
}
