use super::*;

#[test]
fn a_session_id_has_33_to_256_characters_of_the_grammar() {
    for length in [33, 100, 256] {
        assert!("a".repeat(length).parse::<SessionId>().is_ok(), "{length}");
    }
    for length in [0, 32, 257] {
        assert!("a".repeat(length).parse::<SessionId>().is_err(), "{length}");
    }
    for forbidden in [" ", "/", "..", "%2e", "\0", "\r\n", "é", "*", ">", ".", "-"] {
        let id = format!("{forbidden}{}", "a".repeat(40));
        assert!(id.parse::<SessionId>().is_err(), "{id:?}");
    }
}

#[test]
fn an_agent_id_is_a_name_and_ten_characters() {
    let id = AgentId::new(&"my_agent".parse().unwrap());
    assert_eq!(id.name(), "my_agent");
    assert_eq!(id.as_str().parse(), Ok(id));
    for wrong in [
        "my_agent",
        "my_agent-short",
        "../x-0123456789",
        "a-b-0123456789",
        "-0123456789",
    ] {
        assert!(wrong.parse::<AgentId>().is_err(), "{wrong}");
    }
}

#[test]
fn a_version_counts_from_1_to_99999() {
    assert_eq!("1".parse(), Ok(Version::FIRST));
    assert_eq!(Version::FIRST.next().map(Version::number), Some(2));
    assert_eq!("99999".parse::<Version>().unwrap().next(), None);
    for wrong in ["", "0", "01", "+1", "-1", "100000", "latest"] {
        assert!(wrong.parse::<Version>().is_err(), "{wrong}");
    }
}

#[test]
fn an_error_shows_the_value_on_one_short_line() {
    let error = format!("\n\u{1b}[2J{}", "x".repeat(500))
        .parse::<SessionId>()
        .unwrap_err()
        .to_string();
    assert!(
        !error.contains('\n') && !error.contains('\u{1b}'),
        "{error}"
    );
    assert!(error.len() < 300, "{error}");
    assert!(error.contains("33 to 256"), "{error}");
}

#[test]
fn ids_are_checked_when_they_are_deserialized() {
    assert!(serde_json::from_str::<TenantId>("\"123456789012\"").is_ok());
    assert!(serde_json::from_str::<TenantId>("\"12345678901\"").is_err());
}

#[test]
fn an_invocation_id_is_visible_ascii() {
    for right in [
        "a",
        "7b1c8c2e-0a0e-4a58-9d0f-2f6f4a1f8a11",
        "order#12/retry;x",
    ] {
        assert!(right.parse::<InvocationId>().is_ok(), "{right}");
    }
    for wrong in ["", " ", "a b", "é", "a\n", &"a".repeat(257)] {
        assert!(wrong.parse::<InvocationId>().is_err(), "{wrong:?}");
    }
}
