//! A request against the shapes of its operation.

use std::fmt;

use axum::http::HeaderMap;
use serde_json::{Map, Value};

use super::table::{Bounds, Kind, Member, Operation, Place, Shape, Text};
use crate::api::error::Field;

/// As many failures of one request are listed. A hostile one could have a million.
pub(super) const MOST: usize = 100;

/// As many characters of a value are shown.
const LONGEST_SHOWN: usize = 64;

/// What of a request the models speak of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    /// The parameters of the path, in their order, decoded.
    pub(super) path: &'a [String],
    /// The parameters of the query, decoded.
    pub(super) query: &'a [(String, String)],
    pub(super) headers: &'a HeaderMap,
    /// The body, of an operation that has JSON there.
    pub(super) document: Option<&'a Value>,
}

/// Holds a request against all that its operation asks, and lists what does not fit.
///
/// Members that the operation does not know are let through, as they are at AWS; a `null` is as if it was not there.
pub(super) fn check(operation: &Operation, request: Request<'_>) -> Result<(), Vec<Field>> {
    let mut walk = Walk {
        failures: Vec::new(),
    };
    for input in &operation.members {
        let (member, name) = (&input.member, input.member.name.as_str());
        let found = match &input.place {
            Place::Path(index) => request.path.get(*index).map(|text| of_text(member, text)),
            Place::Query(key) => {
                let values = request.query.iter().filter(|(named, _)| named == key);
                of_texts(member, values.map(|(_, value)| value.as_str()))
            }
            Place::Header(header) => {
                let values = request.headers.get_all(header).iter();
                let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()));
                let values: Vec<_> = values.collect();
                of_texts(member, values.iter().map(AsRef::as_ref))
            }
            Place::Body => {
                let body = request.document.and_then(Value::as_object);
                body.and_then(|body| body.get(name)).cloned()
            }
            Place::Document => request.document.cloned(),
        };
        walk.member(&At::Top(name), member, found.as_ref(), false);
    }
    match walk.failures.is_empty() {
        true => Ok(()),
        false => Err(walk.failures),
    }
}

/// The value of a member that stands in a path, a query or a header, where everything is text.
fn of_text(member: &Member, text: &str) -> Value {
    match &member.shape.kind {
        // What is no number stays a text, which then has the wrong type.
        Kind::Integer(_) => text
            .parse::<i64>()
            .map_or_else(|_| Value::from(text), Value::from),
        _ => Value::from(text),
    }
}

/// The same of a member that may stand there several times. One that should not counts as it is read: the first time.
fn of_texts<'a>(member: &Member, mut texts: impl Iterator<Item = &'a str>) -> Option<Value> {
    match &member.shape.kind {
        Kind::List(..) => {
            let values: Vec<Value> = texts.map(Value::from).collect();
            (!values.is_empty()).then_some(Value::Array(values))
        }
        Kind::Text(Text {
            instead: Some(instead),
            ..
        }) if instead.empty_is_none() => texts.next().filter(|t| !t.is_empty()).map(Value::from),
        _ => texts.next().map(|text| of_text(member, text)),
    }
}

/// The place of a value in a request, in the words of AWS: elements of lists are counted from 1.
enum At<'a> {
    Top(&'a str),
    Member(&'a At<'a>, &'a str),
    Element(&'a At<'a>, usize),
    Value(&'a At<'a>),
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top(name) => f.write_str(name),
            Self::Member(above, name) => write!(f, "{above}.{name}"),
            Self::Element(above, index) => write!(f, "{above}.{}.member", index + 1),
            Self::Value(above) => write!(f, "{above}.value"),
        }
    }
}

struct Walk {
    failures: Vec<Field>,
}

impl Walk {
    fn is_full(&self) -> bool {
        self.failures.len() >= MOST
    }

    /// Notes a failure; `shown` is the value, if it may be shown.
    fn fail(&mut self, at: &At<'_>, shown: Option<&Value>, constraint: &str) {
        if self.is_full() {
            return;
        }
        let shown = shown.map(shown_value).unwrap_or_default();
        let name = at.to_string();
        let message =
            format!("Value{shown} at '{name}' failed to satisfy constraint: {constraint}");
        self.failures.push(Field { name, message });
    }

    fn member(&mut self, at: &At<'_>, member: &Member, value: Option<&Value>, secret: bool) {
        match value.filter(|value| !value.is_null()) {
            Some(value) => self.value(at, &member.shape, value, secret),
            None if member.required => self.fail(at, None, "Member must not be null"),
            None => {}
        }
    }

    fn value(&mut self, at: &At<'_>, shape: &Shape, value: &Value, secret: bool) {
        let secret = secret || shape.sensitive;
        match (&shape.kind, value) {
            (Kind::Structure(members), Value::Object(found)) => {
                self.members(at, members, found, secret);
            }
            (Kind::Union(members), Value::Object(found)) => {
                self.union(at, members, found);
                self.members(at, members, found, secret);
            }
            (Kind::List(length, element), Value::Array(elements)) => {
                self.size(at, *length, elements.len());
                self.elements(at, *length, element, elements, secret);
            }
            (Kind::Map { size, key, value }, Value::Object(entries)) => {
                self.size(at, *size, entries.len());
                self.entries(at, *size, (key, value), entries, secret);
            }
            (Kind::Blob, _) => {}
            _ => {
                let complaints = complaints(shape, value);
                for complaint in &complaints {
                    self.fail(at, (!secret).then_some(value), complaint);
                }
            }
        }
    }

    fn members(
        &mut self,
        at: &At<'_>,
        members: &[Member],
        found: &Map<String, Value>,
        secret: bool,
    ) {
        for member in members {
            let name = member.name.as_str();
            self.member(&At::Member(at, name), member, found.get(name), secret);
        }
    }

    fn union(&mut self, at: &At<'_>, members: &[Member], found: &Map<String, Value>) {
        let set = |member: &&Member| found.get(&member.name).is_some_and(|v| !v.is_null());
        if members.iter().filter(set).count() != 1 {
            let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
            let names = names.join(", ");
            let constraint = format!("Member must have exactly one of its members set: [{names}]");
            self.fail(at, None, &constraint);
        }
    }

    fn size(&mut self, at: &At<'_>, bounds: Bounds, size: usize) {
        for complaint in outside(bounds, whole(size), "length") {
            self.fail(at, None, &complaint);
        }
    }

    /// No more elements than there may be: that there are more is said already.
    fn elements(
        &mut self,
        at: &At<'_>,
        length: Bounds,
        shape: &Shape,
        elements: &[Value],
        secret: bool,
    ) {
        for (index, element) in elements.iter().take(most(length)).enumerate() {
            if self.is_full() {
                return;
            }
            if is_scalar(shape) || element.is_null() {
                self.inside(at, shape, element, secret, "Member must satisfy constraint");
            } else {
                self.value(&At::Element(at, index), shape, element, secret);
            }
        }
    }

    fn entries(
        &mut self,
        at: &At<'_>,
        size: Bounds,
        (key, value): (&Shape, &Shape),
        entries: &Map<String, Value>,
        secret: bool,
    ) {
        for (name, entry) in entries.iter().take(most(size)) {
            if self.is_full() {
                return;
            }
            let name = Value::from(name.as_str());
            self.inside(at, key, &name, secret, "Map keys must satisfy constraint");
            if is_scalar(value) || entry.is_null() {
                self.inside(
                    at,
                    value,
                    entry,
                    secret,
                    "Map value must satisfy constraint",
                );
            } else {
                self.value(&At::Value(at), value, entry, secret);
            }
        }
    }

    /// What is wrong with a part of a list or map counts as wrong with the whole.
    fn inside(&mut self, at: &At<'_>, shape: &Shape, value: &Value, secret: bool, lead: &str) {
        let complaints = match value {
            Value::Null => vec!["Member must not be null".to_owned()],
            value => complaints(shape, value),
        };
        if !complaints.is_empty() {
            let shown = (!secret && !shape.sensitive).then_some(value);
            self.fail(at, shown, &format!("{lead}: [{}]", complaints.join(", ")));
        }
    }
}

fn is_scalar(shape: &Shape) -> bool {
    matches!(
        shape.kind,
        Kind::Text(_) | Kind::Integer(_) | Kind::Boolean | Kind::Blob
    )
}

fn most(bounds: Bounds) -> usize {
    let most = bounds.max.and_then(|most| usize::try_from(most).ok());
    most.unwrap_or(usize::MAX)
}

fn whole(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

/// What a value that is no part of a larger one in the model has to satisfy and does not; for others, their type.
fn complaints(shape: &Shape, value: &Value) -> Vec<String> {
    let of_type = |name: &str| vec![format!("Member must be of type {name}")];
    match (&shape.kind, value) {
        (Kind::Text(text), Value::String(value)) => of_string(text, value),
        (Kind::Integer(bounds), Value::Number(number)) => match number.as_i64() {
            Some(number) => {
                let complaints = outside(*bounds, number, "value");
                match complaints.is_empty() && i32::try_from(number).is_err() {
                    true => of_type("integer"),
                    false => complaints,
                }
            }
            None => of_type("integer"),
        },
        (Kind::Boolean, Value::Bool(_)) => Vec::new(),
        (Kind::Structure(_) | Kind::Union(_), _) => of_type("structure"),
        (Kind::List(..), _) => of_type("list"),
        (Kind::Map { .. }, _) => of_type("map"),
        (Kind::Text(_), _) => of_type("string"),
        (Kind::Integer(_), _) => of_type("integer"),
        (Kind::Boolean, _) => of_type("boolean"),
        (Kind::Blob, _) => Vec::new(),
    }
}

fn of_string(text: &Text, value: &str) -> Vec<String> {
    let mut complaints = outside(text.length, whole(value.chars().count()), "length");
    if let Some(instead) = text.instead {
        complaints.extend(instead.complaint(value));
        return complaints;
    }
    if let Some(pattern) = &text.pattern
        && !pattern.takes(value)
    {
        complaints.push(format!(
            "Member must satisfy regular expression pattern: {}",
            pattern.source
        ));
    }
    if !text.values.is_empty() && !text.values.iter().any(|one| one == value) {
        let values = text.values.join(", ");
        complaints.push(format!("Member must satisfy enum value set: [{values}]"));
    }
    complaints
}

fn outside(bounds: Bounds, number: i64, what: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    if let Some(min) = bounds.min.filter(|min| number < *min) {
        complaints.push(format!(
            "Member must have {what} greater than or equal to {min}"
        ));
    }
    if let Some(max) = bounds.max.filter(|max| number > *max) {
        complaints.push(format!(
            "Member must have {what} less than or equal to {max}"
        ));
    }
    complaints
}

/// The value in quotes, on one line and short. Of what is made of parts, nothing.
fn shown_value(value: &Value) -> String {
    match value {
        Value::String(text) => format!(" '{}'", shown_text(text)),
        Value::Number(_) | Value::Bool(_) => format!(" '{value}'"),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

fn shown_text(text: &str) -> String {
    let mut shown = String::new();
    let mut characters = text.chars();
    for c in characters.by_ref().take(LONGEST_SHOWN) {
        match c.is_control() {
            true => shown.extend(c.escape_debug()),
            false => shown.push(c),
        }
    }
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}
