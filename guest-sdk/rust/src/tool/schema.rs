//! From a Rust type to an input schema that every provider takes.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A tool's input schema.
pub(super) struct InputSchema {
    pub(super) json: String,
    pub(super) shape: Shape,
}

/// How the input travels.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// As it is: an object.
    Object,
    /// Inside a [`Wrapper`], because providers take objects only.
    Wrapped,
}

/// An object round an input that is none.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Wrapper<I> {
    pub(super) input: I,
}

pub(super) fn of<I: JsonSchema>() -> InputSchema {
    let schema = generate::<I>();
    let (mut schema, shape) = if is_plain_object(&schema) {
        (schema, Shape::Object)
    } else {
        (generate::<Wrapper<I>>(), Shape::Wrapped)
    };
    // The tool has a description of its own; the type's is for readers of the code.
    schema.remove("description");
    // Some providers want them even when there are none.
    schema
        .ensure_object()
        .entry("properties")
        .or_insert_with(|| Value::Object(Map::new()));
    InputSchema {
        json: schema.to_value().to_string(),
        shape,
    }
}

fn generate<T: JsonSchema>() -> Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        // Not every model follows references, and the dialect is no part of the input.
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings
        .with_transform(DropTitles)
        .into_generator()
        .into_root_schema_for::<T>()
}

/// An object without alternatives at its top, which Claude refuses.
fn is_plain_object(schema: &Schema) -> bool {
    let has_alternatives = ["oneOf", "anyOf", "allOf"]
        .iter()
        .any(|key| schema.get(*key).is_some());
    schema.get("type") == Some(&json!("object")) && !has_alternatives
}

/// Rust's type names mean nothing to a model.
#[derive(Clone)]
struct DropTitles;

impl Transform for DropTitles {
    fn transform(&mut self, schema: &mut Schema) {
        schema.remove("title");
        transform_subschemas(self, schema);
    }
}
