use serde_json::json;

use super::{Skill, input};
use crate::contract::model::Tool;

fn tool(schema: &str) -> Tool {
    Tool {
        name: "any".to_owned(),
        description: None,
        input_schema: schema.to_owned(),
    }
}

#[test]
fn the_argument_goes_where_the_schema_wants_it() {
    let string = r#"{"type":"string"}"#;
    let number = r#"{"type":"number"}"#;
    for (properties, required, expected) in [
        (
            format!(r#"{{"expression":{string},"also":{string}}}"#),
            "[]",
            json!({ "expression": "2*5" }),
        ),
        (
            format!(r#"{{"also":{string},"formula":{string}}}"#),
            r#"["formula"]"#,
            json!({ "formula": "2*5" }),
        ),
        (
            format!(r#"{{"digits":{number},"formula":{string}}}"#),
            r#"["digits"]"#,
            json!({ "formula": "2*5" }),
        ),
        (format!(r#"{{"digits":{number}}}"#), "[]", json!({})),
    ] {
        let schema =
            format!(r#"{{"type":"object","properties":{properties},"required":{required}}}"#);
        assert_eq!(
            input(&tool(&schema), Skill::Calculator, Some("2*5")),
            expected,
            "{schema}"
        );
    }
}

#[test]
fn a_tool_without_a_use_for_the_argument_gets_an_empty_object() {
    for schema in [
        "{}",
        r#"{"type":"object","properties":{}}"#,
        "null",
        "not json",
        "[]",
        r#"{"properties":7,"required":1}"#,
    ] {
        assert_eq!(
            input(&tool(schema), Skill::Weather, Some("Bonn")),
            json!({}),
            "{schema}"
        );
    }
}

#[test]
fn an_unknown_place_is_named_only_when_one_is_required() {
    let with = |required: &str| {
        tool(&format!(
            r#"{{"properties":{{"city":{{"type":"string"}}}},"required":{required}}}"#
        ))
    };
    assert_eq!(input(&with("[]"), Skill::Weather, None), json!({}));
    assert_eq!(
        input(&with(r#"["city"]"#), Skill::Weather, None),
        json!({ "city": "here" })
    );
    assert_eq!(
        input(&with("[]"), Skill::Weather, Some("Bonn")),
        json!({ "city": "Bonn" })
    );
}
