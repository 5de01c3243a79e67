//! What a signature covers, and in which form: the attack A11 of the threat model.

use super::super::keys::{hex, sha256};
use super::fixtures::{Body, Request, SESSION_ID, now};

fn covered() -> Request {
    Request::invocation().signed_by_aws(Body::Covered, now())
}

#[test]
fn a11_a_header_that_binds_must_be_signed() {
    for name in [
        SESSION_ID,
        "x-amzn-bedrock-agentcore-runtime-user-id",
        "x-amzn-bedrock-agentcore-runtime-custom-role",
        "x-amz-security-token",
        "x-amz-anything",
        "x-amz-content-sha256",
    ] {
        let mut request = Request::invocation();
        request.headers.remove(SESSION_ID);
        let mut request = request.signed_by_aws(Body::Covered, now());
        assert_eq!(request.verified(now()), Ok(()));
        request.set(name, &hex(&sha256(&request.body)));
        let message = format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.");
        assert_eq!(request.invalid(), message);
    }
}

#[test]
fn a11_the_host_and_the_date_must_be_signed() {
    let mut request = covered();
    request.reword("SignedHeaders=host;", "SignedHeaders=");
    assert_eq!(
        request.invalid(),
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    );

    let mut request = covered();
    request.reword(";x-amz-date", "");
    assert_eq!(
        request.invalid(),
        "'x-amz-date' must be a 'SignedHeader' in the AWS Authorization."
    );

    let mut request = covered();
    request.headers.remove("x-amz-date");
    request.reword(";x-amz-date", "");
    request.set("date", "Mon, 23 Nov 2026 12:00:00 GMT");
    assert_eq!(
        request.invalid(),
        "'date' must be a 'SignedHeader' in the AWS Authorization."
    );
}

#[test]
fn a11_what_proxies_and_clients_add_after_signing_is_left_alone() {
    let mut request = covered();
    for name in [
        "x-amzn-trace-id",
        "x-amz-user-agent",
        "user-agent",
        "traceparent",
        "amz-sdk-request",
        "x-forwarded-for",
    ] {
        request.set(name, "whatever");
    }
    assert_eq!(request.verified(now()), Ok(()));
}

#[test]
fn a11_the_list_of_signed_headers_has_one_form() {
    for (old, new) in [
        ("=host;", "=Host;"),
        ("=host;", "=host;host;"),
        ("=host;", "=;host;"),
        ("=host;", "=x-custom;host;"),
        ("=host;", "=h ost;"),
        ("=host;", "=h\\ost;"),
    ] {
        let mut request = covered();
        request.reword(old, new);
        assert!(
            request.invalid().starts_with("SignedHeaders must "),
            "{new}"
        );
    }
    let mut request = covered();
    request.reword("=host;", "=accept;host;");
    assert!(
        request
            .invalid()
            .starts_with("SignedHeaders names 'accept', which the request does not have.")
    );
}

#[test]
fn a11_headers_are_folded_and_joined_as_botocore_does() {
    let mut request = Request::invocation();
    request.set("mcp-name", "  two   words  ");
    request.add("x-custom", "b");
    request.add("x-custom", " a ");
    let request = request.signed_by_aws(Body::Covered, now());

    let mut folded = request.clone();
    folded.set("mcp-name", "two words");
    folded.set("x-custom", "b,a");
    assert_eq!(folded.verified(now()), Ok(()));
    folded.set("mcp-name", "two\twords");
    assert_eq!(folded.verified(now()), Ok(()));

    for (name, value) in [
        ("mcp-name", "twowords"),
        ("x-custom", "a,b"),
        ("x-custom", "b a"),
        ("x-custom", "b"),
    ] {
        let mut other = request.clone();
        other.set(name, value);
        assert!(other.verified(now()).is_err(), "{name}: {value}");
    }
}

#[test]
fn a11_a_query_may_be_reordered_and_nothing_else() {
    let mut request = Request::invocation();
    request.query = "b=x%20y&a=2&a=1&empty=&bare".to_owned();
    let request = request.signed_by_aws(Body::Covered, now());
    for (query, same) in [
        ("b=x%20y&a=2&a=1&empty=&bare", true),
        ("a=1&a=2&b=x%20y&bare&empty=", true),
        ("a=1&a=2&b=x%20y&bare=&empty", true),
        ("b=x+y&a=2&a=1&empty=&bare", false),
        ("b=x%2By&a=2&a=1&empty=&bare", false),
        ("b=x y&a=2&a=1&empty=&bare", false),
        ("b=%78%20y&a=2&a=1&empty=&bare", false),
        ("b=x%20y&a=2&a=1&empty=", false),
        ("b=x%20y&a=2&a=1&empty=&bare&", false),
        ("b=x%20y&a=2&a=1&a=1&empty=&bare", false),
        ("B=x%20y&a=2&a=1&empty=&bare", false),
    ] {
        let mut other = request.clone();
        other.query = query.to_owned();
        assert_eq!(other.verified(now()).is_ok(), same, "{query}");
    }
}

#[test]
fn a11_a_path_is_what_it_was_encoded_as() {
    let mut request = Request::invocation();
    request.path = "/runtimes/arn%3Aaws%2Fx/%2E%2E/%C3%A9".to_owned();
    let request = request.signed_by_aws(Body::Covered, now());
    for (path, same) in [
        ("/runtimes/arn%3Aaws%2Fx/%2E%2E/%C3%A9", true),
        ("//runtimes/./arn%3Aaws%2Fx/%2E%2E/%C3%A9", true),
        ("/x/../runtimes/arn%3Aaws%2Fx/%2E%2E/%C3%A9", true),
        ("/runtimes/arn:aws%2Fx/%2E%2E/%C3%A9", false),
        ("/runtimes/arn%3Aaws/x/%2E%2E/%C3%A9", false),
        ("/runtimes/arn%3aaws%2Fx/%2E%2E/%C3%A9", false),
        ("/runtimes/arn%253Aaws%252Fx/%252E%252E/%25C3%25A9", false),
        ("/runtimes/arn%3Aaws%2Fx/../%C3%A9", false),
        ("/runtimes/%C3%A9", false),
        ("/runtimes/arn%3Aaws%2Fx/%2E%2E/é", false),
        ("/runtimes/arn%3Aaws%2Fx/%2E%2E/%C3%A9/", false),
        ("/Runtimes/arn%3Aaws%2Fx/%2E%2E/%C3%A9", false),
    ] {
        let mut other = request.clone();
        other.path = path.to_owned();
        assert_eq!(other.verified(now()).is_ok(), same, "{path}");
    }
}
