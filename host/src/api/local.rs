//! `local` mode has no keys, so it must not be reachable through somebody's browser.

use axum::http::{HeaderMap, HeaderName, header};

use super::error::{ApiError, Code};

/// Refuses what a foreign web page sends here: by its `Origin`, by what the browser says of it (`Sec-Fetch-Site`), or by a
/// `Host` that only DNS rebinding explains.
pub(super) fn check(headers: &HeaderMap) -> Result<(), ApiError> {
    if is_local(headers) {
        return Ok(());
    }
    Err(ApiError::new(
        Code::AccessDenied,
        "this server runs without keys and takes requests from this machine only: use its loopback address",
    ))
}

fn is_local(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    let host = text(header::HOST).is_none_or(is_loopback);
    let origin = text(header::ORIGIN).is_none_or(|origin| {
        origin
            .split_once("://")
            .is_some_and(|(_, authority)| is_loopback(authority))
    });
    // Sent with what has no `Origin`, such as an image's address.
    let site = text(HeaderName::from_static("sec-fetch-site"));
    let same = site.is_none_or(|site| site != "cross-site");
    host && origin && same
}

/// Whether an authority, with or without a port, is this machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_local() {
        for local in [
            "localhost",
            "localhost:8080",
            "127.0.0.1:1",
            "[::1]:8080",
            "127.9.9.9",
        ] {
            assert!(is_loopback(local), "{local}");
        }
        for foreign in [
            "",
            "example.com",
            "example.com:8080",
            "10.0.0.1",
            "127.0.0.1.example.com",
            "localhost.example.com",
        ] {
            assert!(!is_loopback(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_refused() {
        let with = |name, value: &'static str| {
            HeaderMap::from_iter([(name, header::HeaderValue::from_static(value))])
        };
        assert!(is_local(&HeaderMap::new()));
        assert!(is_local(&with(header::ORIGIN, "http://localhost:3000")));
        assert!(!is_local(&with(header::ORIGIN, "https://example.com")));
        assert!(!is_local(&with(header::ORIGIN, "null")));
        assert!(!is_local(&with(header::HOST, "rebound.example.com:8080")));
    }
}
