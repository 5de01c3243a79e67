//! The table of operations and shapes, read once from `service.json`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock, OnceLock};

use axum::http::HeaderName;
use regex::Regex;
use serde::Deserialize;

use super::differences::Instead;

static TABLE: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    read(include_str!("service.json"))
        .expect("the table is part of the program, and a test reads it")
});

/// All operations of the models that this server knows.
pub(super) fn operations() -> &'static [Operation] {
    &TABLE
}

/// The operation that a route serves, whatever the route calls its parameters.
pub(super) fn operation_of(method: &str, path: &str) -> Option<&'static Operation> {
    let parameter = |segment: &str| segment.starts_with('{');
    operations().iter().find(|operation| {
        let (ours, theirs) = (path.split('/'), operation.uri.split('/'));
        operation.method == method
            && ours.clone().count() == theirs.clone().count()
            && ours
                .zip(theirs)
                .all(|(ours, theirs)| ours == theirs || (parameter(ours) && parameter(theirs)))
    })
}

/// One operation, with the members of its input by where they stand in a request.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: String,
    method: String,
    uri: String,
    pub(super) members: Vec<Input>,
}

impl Operation {
    /// Whether its body is JSON, and not nothing or a blob.
    pub(super) fn has_document(&self) -> bool {
        let json = |place: &Place| matches!(place, Place::Body | Place::Document);
        self.members.iter().any(|member| json(&member.place))
    }
}

/// A member of an operation's input.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) place: Place,
    pub(super) member: Member,
}

/// Where in a request a member stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The parameter of the path with this index.
    Path(usize),
    /// The parameter of the query with this name.
    Query(String),
    Header(HeaderName),
    /// A member of the JSON object that the body is.
    Body,
    /// The JSON document that the body is.
    Document,
}

/// A member of a structure.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) shape: Arc<Shape>,
}

/// What a value has to be.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    /// Whether the value is never shown, with all that is in it.
    pub(super) sensitive: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    Structure(Vec<Member>),
    /// Has exactly one of its members.
    Union(Vec<Member>),
    List(Bounds, Arc<Shape>),
    Map {
        size: Bounds,
        key: Arc<Shape>,
        value: Arc<Shape>,
    },
    Text(Text),
    Integer(Bounds),
    Boolean,
    /// Bytes, which are not for this table to judge.
    Blob,
}

/// The least and the most of a number, a length or a count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) min: Option<i64>,
    pub(super) max: Option<i64>,
}

#[derive(Debug)]
pub(super) struct Text {
    /// In characters.
    pub(super) length: Bounds,
    pub(super) pattern: Option<Pattern>,
    /// The only values, if there are any.
    pub(super) values: Vec<String>,
    pub(super) instead: Option<Instead>,
}

/// A pattern that a whole text has to match, compiled when it is first asked.
#[derive(Debug)]
pub(super) struct Pattern {
    /// As the model has it.
    pub(super) source: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn new(source: &str) -> Self {
        Self {
            source: source.to_owned(),
            compiled: OnceLock::new(),
        }
    }

    /// The expression; none of a pattern that cannot be compiled, of which there are none: a test compiles all.
    pub(super) fn regex(&self) -> Option<&Regex> {
        let compile = || {
            // In the models' dialect a digit is one of ten.
            let source = self.source.replace(r"\d", "[0-9]");
            Regex::new(&format!(r"\A(?:{source})\z")).ok()
        };
        self.compiled.get_or_init(compile).as_ref()
    }

    pub(super) fn takes(&self, text: &str) -> bool {
        self.regex().is_none_or(|regex| regex.is_match(text))
    }
}

#[derive(Deserialize)]
struct WireService {
    operations: BTreeMap<String, WireOperation>,
    shapes: BTreeMap<String, WireShape>,
}

#[derive(Deserialize)]
struct WireOperation {
    method: String,
    uri: String,
    input: String,
}

#[derive(Deserialize)]
struct WireShape {
    #[serde(rename = "type")]
    kind: WireKind,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    union: bool,
    payload: Option<String>,
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<String>,
    #[serde(default, rename = "enum")]
    values: Vec<String>,
    #[serde(default)]
    sensitive: bool,
    #[serde(default)]
    members: BTreeMap<String, WireMember>,
    member: Option<WireMember>,
    key: Option<WireMember>,
    value: Option<WireMember>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum WireKind {
    Structure,
    List,
    Map,
    String,
    Integer,
    Boolean,
    Blob,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireMember {
    shape: String,
    location: Option<WireLocation>,
    location_name: Option<String>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum WireLocation {
    Uri,
    Querystring,
    Header,
}

/// Reads the table; or says what in it is not as it should be.
fn read(json: &str) -> Result<Vec<Operation>, String> {
    let services: Vec<WireService> = serde_json::from_str(json).map_err(|e| e.to_string())?;
    let mut operations = Vec::new();
    for service in &services {
        let mut reader = Reader {
            wire: &service.shapes,
            read: HashMap::new(),
        };
        for (name, operation) in &service.operations {
            operations.push(Operation {
                name: name.clone(),
                method: operation.method.clone(),
                uri: operation.uri.clone(),
                members: reader.input(operation)?,
            });
        }
    }
    Ok(operations)
}

/// Puts the shapes of one service together.
struct Reader<'a> {
    wire: &'a BTreeMap<String, WireShape>,
    read: HashMap<&'a str, Arc<Shape>>,
}

impl<'a> Reader<'a> {
    fn wire(&self, name: &str) -> Result<&'a WireShape, String> {
        self.wire.get(name).ok_or(format!("no shape {name}"))
    }

    fn input(&mut self, operation: &WireOperation) -> Result<Vec<Input>, String> {
        let wire = self.wire(&operation.input)?;
        let mut members = Vec::new();
        for member in self.members(wire)? {
            let at = &wire.members[&member.name];
            let called = at.location_name.as_deref().unwrap_or(&member.name);
            let place = match at.location {
                Some(WireLocation::Uri) => {
                    let mut parameters = operation.uri.split('/').filter(|s| s.starts_with('{'));
                    let index = parameters.position(|s| s == format!("{{{called}}}"));
                    Place::Path(index.ok_or(format!("no parameter {called}"))?)
                }
                Some(WireLocation::Querystring) => Place::Query(called.to_owned()),
                Some(WireLocation::Header) => {
                    Place::Header(called.parse().map_err(|_| format!("no header {called}"))?)
                }
                None if wire.payload.as_ref() != Some(&member.name) => Place::Body,
                None if matches!(member.shape.kind, Kind::Blob) => continue,
                None => Place::Document,
            };
            members.push(Input { place, member });
        }
        Ok(members)
    }

    fn members(&mut self, wire: &'a WireShape) -> Result<Vec<Member>, String> {
        let members = wire.members.iter().map(|(name, member)| {
            Ok(Member {
                name: name.clone(),
                required: wire.required.contains(name),
                shape: self.shape(&member.shape)?,
            })
        });
        members.collect()
    }

    /// No shape is made of itself, so this ends.
    fn shape(&mut self, name: &'a str) -> Result<Arc<Shape>, String> {
        if let Some(shape) = self.read.get(name) {
            return Ok(Arc::clone(shape));
        }
        let wire = self.wire(name)?;
        let bounds = Bounds {
            min: wire.min,
            max: wire.max,
        };
        let kind = match wire.kind {
            WireKind::Structure if wire.union => Kind::Union(self.members(wire)?),
            WireKind::Structure => Kind::Structure(self.members(wire)?),
            WireKind::List => Kind::List(bounds, self.part(name, wire.member.as_ref())?),
            WireKind::Map => Kind::Map {
                size: bounds,
                key: self.part(name, wire.key.as_ref())?,
                value: self.part(name, wire.value.as_ref())?,
            },
            WireKind::String => Kind::Text(Text {
                length: bounds,
                pattern: wire.pattern.as_deref().map(Pattern::new),
                values: wire.values.clone(),
                instead: Instead::of(name),
            }),
            WireKind::Integer => Kind::Integer(bounds),
            WireKind::Boolean => Kind::Boolean,
            WireKind::Blob => Kind::Blob,
        };
        let shape = Arc::new(Shape {
            kind,
            sensitive: wire.sensitive,
        });
        self.read.insert(name, Arc::clone(&shape));
        Ok(shape)
    }

    fn part(&mut self, of: &str, part: Option<&'a WireMember>) -> Result<Arc<Shape>, String> {
        let part = part.ok_or(format!("{of} is made of nothing"))?;
        self.shape(&part.shape)
    }
}
