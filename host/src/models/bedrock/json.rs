//! JSON text, as the contract carries it, to and from the SDK's own tree.

use aws_smithy_types::{Document, Number};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::errors::Problem;

#[cfg(test)]
mod tests;

/// The SDK's tree for a JSON text. Text that nests deeper than 128 levels is refused by the parser.
pub(super) fn parse(text: &str) -> Result<Document, Problem> {
    match serde_json::from_str::<Value>(text) {
        Ok(value) => Ok(document(value)),
        Err(error) => Err(Problem::new(format!("this is not JSON: {error}"))),
    }
}

/// As [`parse`], for places where only an object makes sense.
pub(super) fn parse_object(text: &str) -> Result<Document, Problem> {
    match parse(text)? {
        object @ Document::Object(_) => Ok(object),
        _ => Err(Problem::new("a JSON object is needed here, such as {}")),
    }
}

/// JSON text of the SDK's tree; the same tree always gives the same text.
pub(super) fn text(document: Document) -> String {
    value(document).to_string()
}

/// Text that came in pieces, made safe to hand on as JSON: nothing becomes `{}`, and what is not JSON (an answer cut off
/// by its token limit) becomes a JSON string of itself, so that nothing is lost and nobody acts on half an object.
pub(super) fn from_pieces(text: String) -> String {
    if text.trim().is_empty() {
        return "{}".to_owned();
    }
    match serde_json::from_str::<IgnoredAny>(&text) {
        Ok(_) => text,
        Err(_) => Value::String(text).to_string(),
    }
}

/// The SDK's tree of a JSON value.
pub(super) fn document(value: Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(value) => Document::Bool(value),
        Value::Number(number) => Document::Number(if let Some(value) = number.as_u64() {
            Number::PosInt(value)
        } else if let Some(value) = number.as_i64() {
            Number::NegInt(value)
        } else {
            Number::Float(number.as_f64().unwrap_or(f64::NAN))
        }),
        Value::String(value) => Document::String(value),
        Value::Array(items) => Document::Array(items.into_iter().map(document).collect()),
        Value::Object(fields) => Document::Object(
            fields
                .into_iter()
                .map(|(name, field)| (name, document(field)))
                .collect(),
        ),
    }
}

/// The JSON value of the SDK's tree. A number that JSON cannot write becomes null.
pub(super) fn value(document: Document) -> Value {
    match document {
        Document::Null => Value::Null,
        Document::Bool(value) => Value::Bool(value),
        Document::Number(Number::PosInt(value)) => value.into(),
        Document::Number(Number::NegInt(value)) => value.into(),
        Document::Number(Number::Float(value)) => value.into(),
        Document::String(value) => Value::String(value),
        Document::Array(items) => Value::Array(items.into_iter().map(value).collect()),
        Document::Object(fields) => {
            // The SDK's map has no order of its own; a journal wants the same text every time.
            let mut fields: Vec<_> = fields.into_iter().collect();
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(
                fields
                    .into_iter()
                    .map(|(name, field)| (name, value(field)))
                    .collect(),
            )
        }
    }
}
