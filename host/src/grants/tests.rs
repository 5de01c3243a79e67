use std::io::Cursor;

use super::*;

fn manifest(toml: &str) -> Manifest {
    Manifest::parse(toml.as_bytes()).unwrap()
}

fn policy(toml: &str) -> Policy {
    toml::from_str(toml).unwrap()
}

fn granted(asked: &str, allowed: &str) -> Grant {
    Grant::of(&manifest(asked), &policy(allowed))
}

/// Terms as an author would write them.
fn terms(toml: &str) -> Terms {
    toml::from_str(toml).unwrap()
}

fn refusals(grant: &Grant) -> Vec<String> {
    grant.refused.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_asked_and_nothing_bounded_is_the_default() {
    let grant = Grant::of(&Manifest::default(), &Policy::default());
    assert_eq!(grant, Grant::default());
    assert_eq!(grant.model("any.model-v1:0"), Ok(()));
    assert_eq!(grant.environment("ANY"), Ok(()));
}

#[test]
fn of_numbers_the_smaller_one_counts() {
    for (asked, allowed, expected, refused) in [
        ("memory_mib = 64", "", "memory_mib = 64", ""),
        ("", "memory_mib = 64", "memory_mib = 64", ""),
        ("memory_mib = 64", "memory_mib = 128", "memory_mib = 64", ""),
        (
            "memory_mib = 256",
            "memory_mib = 128",
            "memory_mib = 128",
            "memory_mib 256: the tenant's policy allows 128",
        ),
        (
            "turn_seconds = 9\nturn_cpu_ms = 5",
            "turn_seconds = 8\nturn_cpu_ms = 6",
            "turn_seconds = 8\nturn_cpu_ms = 5",
            "turn_seconds 9: the tenant's policy allows 8",
        ),
        (
            "model_calls_per_turn = 0\ninput_tokens_per_session = 7",
            "model_calls_per_turn = 1\noutput_tokens_per_session = 3",
            "model_calls_per_turn = 0\ninput_tokens_per_session = 7\noutput_tokens_per_session = 3",
            "",
        ),
    ] {
        let grant = granted(asked, allowed);
        assert_eq!(grant.granted, terms(expected), "{asked} / {allowed}");
        assert_eq!(refusals(&grant).join("\n"), refused, "{asked} / {allowed}");
    }
}

#[test]
fn of_models_what_both_sides_mean_is_granted() {
    for (asked, allowed, expected) in [
        (
            r#"models = ["*"]"#,
            r#"models = ["a.*"]"#,
            r#"models = ["a.*"]"#,
        ),
        (
            r#"models = ["a.*"]"#,
            r#"models = ["*"]"#,
            r#"models = ["a.*"]"#,
        ),
        (
            r#"models = ["a.*"]"#,
            r#"models = ["a.b*"]"#,
            r#"models = ["a.b*"]"#,
        ),
        (
            r#"models = ["a.b"]"#,
            r#"models = ["a.*", "*"]"#,
            r#"models = ["a.b"]"#,
        ),
        (
            r#"models = ["a.*", "a.b"]"#,
            r#"models = ["*"]"#,
            r#"models = ["a.*"]"#,
        ),
        (r#"models = ["a.*"]"#, "", r#"models = ["a.*"]"#),
        ("", r#"models = ["a.*"]"#, r#"models = ["a.*"]"#),
        ("models = []", r#"models = ["*"]"#, "models = []"),
        (r#"models = ["a"]"#, r#"models = ["ab*"]"#, "models = []"),
    ] {
        assert_eq!(
            granted(asked, allowed).granted,
            terms(expected),
            "{asked} / {allowed}"
        );
    }
}

#[test]
fn a_name_that_the_policy_does_not_allow_is_refused_with_a_reason() {
    let grant = granted(
        r#"
        models = ["anthropic.*", "openai.*"]
        egress = ["api.example.com"]
        environment = ["A", "B"]
        secrets = ["TOKEN"]
        "#,
        r#"
        models = ["anthropic.claude-*"]
        environment = ["A"]
        secrets = []
        "#,
    );
    assert_eq!(
        grant.granted,
        terms(
            r#"
            models = ["anthropic.claude-*"]
            egress = []
            environment = ["A"]
            secrets = []
            "#
        )
    );
    assert_eq!(
        refusals(&grant),
        [
            "models openai.*: the tenant's policy allows [anthropic.claude-*]",
            "egress api.example.com: the tenant's policy allows no host",
            "environment B: the tenant's policy allows [A]",
            "secrets TOKEN: the tenant's policy allows none",
        ]
    );
    let open = granted(
        r#"egress = ["a.example"]"#,
        r#"egress = ["a.example", "b.example"]"#,
    );
    assert_eq!(open.granted, terms(r#"egress = ["a.example"]"#));
    assert!(open.refused.is_empty());
}

#[test]
fn a_denial_says_where_to_add_what_is_missing() {
    let asked = granted(r#"models = ["anthropic.claude-*"]"#, "");
    assert_eq!(asked.model("anthropic.claude-sonnet"), Ok(()));
    let denied = asked.model("openai.gpt").unwrap_err().to_string();
    assert_eq!(
        denied,
        "the agent's grant does not cover the model openai.gpt; its manifest asks for [anthropic.claude-*]: add it to \
         agent.toml, or have the tenant's policy allow it"
    );
    let bounded = granted("", r#"models = ["anthropic.*"]"#);
    let denied = bounded.model(&"x".repeat(10_000)).unwrap_err().to_string();
    assert!(denied.contains("the tenant's policy does not allow it"));
    assert!(denied.len() < 500, "{denied}");

    let named = granted(r#"environment = ["A"]"#, "");
    assert_eq!(named.environment("A"), Ok(()));
    let denied = named.environment("B").unwrap_err().to_string();
    assert!(denied.contains("environment variable B"), "{denied}");
    assert!(denied.contains("its manifest asks for [A]"), "{denied}");
}

#[test]
fn a_difference_is_told_line_by_line() {
    let before = granted(r#"models = ["a.*", "b"]"#, "");
    let after = granted(
        r#"
        models = ["b", "c"]
        memory_mib = 64
        environment = ["X"]
        model_calls_per_turn = 3
        "#,
        "",
    );
    assert_eq!(
        Difference::between(&before, &after).lines(),
        [
            "+ models c",
            "- models a.*",
            "+ environment X",
            "- environment *",
            "~ memory_mib the server's -> 64",
            "~ model_calls_per_turn the server's -> 3",
        ]
    );
    let more = granted(
        r#"
        models = ["b", "c"]
        memory_mib = 128
        environment = ["X"]
        model_calls_per_turn = 3
        "#,
        "",
    );
    let difference = Difference::between(&after, &more);
    assert_eq!(difference.to_string(), "~ memory_mib 64 -> 128");
    assert!(Difference::between(&more, &more).lines().is_empty());
    assert_eq!(
        Difference::of_first(&Grant::default()).lines(),
        ["+ models *", "+ environment *"]
    );
}

#[test]
fn a_manifest_is_checked_and_an_error_names_its_line() {
    for (text, part) in [
        ("memory_mib = 64\nmodles = []", "line 2"),
        ("modles = []", "unknown field `modles`"),
        ("memory_mib = 0", "line 1"),
        ("memory_mib = -1", "line 1"),
        ("memory_mib = \"64\"", "line 1"),
        ("models = [\"a*b\"]", "* at the end alone"),
        ("models = [\"\"]", "1 to 256"),
        ("egress = [\"https://x.example/\"]", "without scheme"),
        ("egress = [\"X.example\"]", "lower case"),
        ("environment = [\"A=B\"]", "without ="),
        ("{\"models\": [\"*\"],\n \"x\": 1}", "line 2"),
        ("[[", "line 1"),
    ] {
        let error = Manifest::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{text}: {error}");
    }
    let long = format!("models = [{}]", "\"m\",".repeat(101));
    let error = Manifest::parse(long.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("101 are too many"), "{error}");
    let error = Manifest::parse(&[b'#'; MANIFEST_BYTES + 1]).unwrap_err();
    assert!(error.to_string().contains("65537 bytes"), "{error}");
    assert!(Manifest::parse(b"\xff").is_err());
}

#[test]
fn deep_nesting_is_an_error_and_no_overflow() {
    for deep in [
        "[".repeat(60_000),
        format!("models = {}", "[".repeat(60_000)),
        format!("{{\"models\": {}", "[".repeat(60_000)),
        "a.".repeat(30_000),
    ] {
        assert!(Manifest::parse(deep.as_bytes()).is_err());
    }
}

#[test]
fn a_policy_is_read_and_written_in_both_languages() {
    let toml = policy("models = [\"a.*\"]\nmemory_mib = 64");
    let json: Policy = serde_json::from_str(r#"{ "memory_mib": 64, "models": ["a.*"] }"#).unwrap();
    assert_eq!(toml, json);
    assert_eq!(
        serde_json::to_string(&toml).unwrap(),
        r#"{"models":["a.*"],"memory_mib":64}"#
    );
    assert_eq!(
        toml::from_str::<Policy>(&toml::to_string(&toml).unwrap()).unwrap(),
        toml
    );
    assert!(toml::from_str::<Policy>("memory = 64").is_err());
    assert_eq!(serde_json::to_string(&Policy::default()).unwrap(), "{}");
}

#[test]
fn a_grant_is_stored_and_read_again() {
    let grant = granted(
        "models = [\"a.*\"]\nmemory_mib = 256\nenvironment = []",
        "memory_mib = 128",
    );
    let text = serde_json::to_string(&grant).unwrap();
    assert_eq!(serde_json::from_str::<Grant>(&text).unwrap(), grant);
}

/// A component of these custom sections, each with a name and content.
fn component(sections: &[(&str, &[u8])]) -> Vec<u8> {
    use wasm_encoder::{Component, CustomSection, Module, ModuleSection};

    let mut component = Component::new();
    let mut module = Module::new();
    // In a module it means nothing.
    module.section(&CustomSection {
        name: SECTION.into(),
        data: b"memory_mib = 1".into(),
    });
    component.section(&ModuleSection(&module));
    for (name, data) in sections {
        component.section(&CustomSection {
            name: (*name).into(),
            data: (*data).into(),
        });
    }
    component.finish()
}

fn read(bytes: &[u8]) -> Result<Manifest, Invalid> {
    Manifest::of_component(Cursor::new(bytes)).unwrap()
}

#[test]
fn a_manifest_is_read_from_the_components_own_section() {
    let text = b"memory_mib = 64".as_slice();
    let asks = manifest("memory_mib = 64");
    assert_eq!(read(&component(&[])), Ok(Manifest::default()));
    assert_eq!(
        read(&component(&[("name", b"x"), (SECTION, text)])),
        Ok(asks.clone())
    );
    assert_eq!(
        read(&component(&[(SECTION, text), ("kellion:manifesu", b"x")])),
        Ok(asks.clone())
    );
    let again = asks.text().unwrap();
    assert_eq!(read(&component(&[(SECTION, again.as_bytes())])), Ok(asks));
    assert_eq!(manifest("# nothing").text(), None);

    let twice = read(&component(&[(SECTION, text), (SECTION, text)])).unwrap_err();
    assert!(
        twice.to_string().contains("more than one section"),
        "{twice}"
    );
    let wrong = read(&component(&[(SECTION, b"x = 1")])).unwrap_err();
    assert!(
        wrong.to_string().contains("the component's manifest"),
        "{wrong}"
    );
    let long = read(&component(&[(SECTION, &[b' '; MANIFEST_BYTES + 1])])).unwrap_err();
    assert!(long.to_string().contains("at most 65536"), "{long}");
}

#[test]
fn what_is_no_component_has_no_manifest() {
    let whole = component(&[(SECTION, b"memory_mib = 64")]);
    for cut in 0..whole.len() {
        assert_eq!(read(&whole[..cut]).map(|_| ()), Ok(()), "{cut}");
    }
    for bytes in [
        b"\0asm\x01\0\0\0\0\x01\0".as_slice(),
        b"\0asm\x0d\0\x01\0\0\xff\xff\xff\xff\xff\xff",
        b"\0asm\x0d\0\x01\0\0\x02\x10kellion:manifest",
    ] {
        assert_eq!(read(bytes), Ok(Manifest::default()), "{bytes:?}");
    }
    let many = [b"\0asm\x0d\0\x01\0".to_vec(), [0, 1, 0].repeat(100_001)].concat();
    assert!(read(&many).is_err());
}
