use std::collections::BTreeMap;

use serde_json::json;

use super::*;

/// Not for the model.
#[derive(Deserialize, JsonSchema)]
struct Search {
    /// The words to look for.
    title: String,
    within: Option<Area>,
}

#[derive(Deserialize, JsonSchema)]
struct Area {
    /// In kilometres.
    radius: u32,
}

fn schema<I: DeserializeOwned + JsonSchema>() -> Value {
    let tool = Tool::new("any", "Anything.", |_: I| Ok::<_, String>(""));
    serde_json::from_str(&tool.declaration().input_schema).expect("a schema is JSON")
}

fn output_of<O: Serialize + Clone + 'static>(output: O) -> ToolOutput {
    let mut tool = Tool::new("any", "Anything.", move |_: NoInput| {
        Ok::<_, String>(output.clone())
    });
    tool.run("{}").expect("the tool cannot fail")
}

#[test]
fn the_schema_is_a_plain_object_with_the_doc_comments() {
    assert_eq!(
        schema::<Search>(),
        json!({
            "type": "object",
            "properties": {
                "title": { "type": "string", "description": "The words to look for." },
                "within": {
                    "type": ["object", "null"],
                    "properties": {
                        "radius": {
                            "type": "integer",
                            "format": "uint32",
                            "minimum": 0,
                            "description": "In kilometres.",
                        },
                    },
                    "required": ["radius"],
                },
            },
            "required": ["title"],
        })
    );
}

#[test]
fn a_tool_without_input_has_an_object_schema_all_the_same() {
    assert_eq!(
        schema::<NoInput>(),
        json!({ "type": "object", "properties": {} })
    );
}

#[test]
fn an_input_that_is_no_object_is_wrapped_in_one() {
    let mut shout = Tool::new("shout", "Shouts.", |text: String| {
        Ok::<_, String>(text.to_uppercase())
    });

    let schema = json!({
        "type": "object",
        "properties": { "input": { "type": "string" } },
        "required": ["input"],
    });
    assert_eq!(
        schema,
        serde_json::from_str::<Value>(&shout.declaration().input_schema).expect("JSON")
    );
    assert_eq!(
        shout.run(r#"{"input": "hey"}"#),
        Ok(ToolOutput::Text("HEY".to_owned()))
    );
}

#[test]
fn alternatives_at_the_top_are_wrapped_and_refer_to_themselves() {
    #[derive(Deserialize, JsonSchema)]
    #[serde(tag = "kind")]
    enum Tree {
        Leaf,
        #[expect(dead_code, reason = "only its schema matters")]
        Node {
            children: Vec<Tree>,
        },
    }

    let schema = schema::<Tree>();
    assert_eq!(schema["type"], "object");
    let tree = &schema["properties"]["input"];
    assert!(tree["oneOf"].is_array(), "not inside: {schema:#}");

    let reference = tree["oneOf"][1]["properties"]["children"]["items"]["$ref"].as_str();
    let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
    let target = pointer.and_then(|pointer| schema.pointer(pointer));
    assert_eq!(target, Some(tree), "a tree's child is no tree: {schema:#}");
}

#[test]
fn an_input_that_does_not_fit_is_an_error_that_names_the_field() {
    let mut find = Tool::new("find", "Finds.", |Search { title, within }: Search| {
        Ok::<_, String>((title, within.map(|area| area.radius)))
    });

    let error = find.run(r#"{"title": "cafe", "within": {"radius": "far"}}"#);
    let expected = "input does not fit: `within.radius`: invalid type: string \"far\", expected u32 \
                    at line 1 column 44";
    assert_eq!(error, Err(expected.to_owned()));
    assert_eq!(
        find.run("{"),
        Err("input is not JSON: EOF while parsing an object at line 1 column 1".to_owned())
    );
}

#[test]
fn no_input_at_all_is_an_empty_object() {
    let mut now = Tool::new("now", "Now.", |_: NoInput| Ok::<_, String>("noon"));

    assert_eq!(now.run(""), Ok(ToolOutput::Text("noon".to_owned())));
}

#[test]
fn only_objects_are_json_results() {
    assert_eq!(output_of("sunny"), ToolOutput::Text("sunny".to_owned()));
    assert_eq!(
        output_of(BTreeMap::from([("n", 1)])),
        ToolOutput::Json(r#"{"n":1}"#.to_owned())
    );
    assert_eq!(output_of([1, 2]), ToolOutput::Text("[1,2]".to_owned()));
    assert_eq!(output_of(42), ToolOutput::Text("42".to_owned()));
}

#[test]
fn a_blank_result_is_a_text_that_providers_take() {
    assert_eq!(output_of(" \n"), ToolOutput::Text("(nothing)".to_owned()));
}

#[test]
fn the_functions_own_error_is_told() {
    let mut fails = Tool::new("fails", "Fails.", |_: NoInput| Err::<(), _>("out of order"));

    assert_eq!(fails.run("{}"), Err("out of order".to_owned()));
}
