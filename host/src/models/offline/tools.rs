//! The tools that the offline model knows how to use, found among those that an agent offers.

use serde_json::{Map, Value};

use crate::contract::model::{Request, Tool};

#[cfg(test)]
mod tests;

/// What a tool is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Skill {
    Calculator,
    Weather,
    Time,
}

impl Skill {
    /// The names under which agents offer such a tool; the first is the tutorial's.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Self::Calculator => &["calculator", "calculate"],
            Self::Weather => &["weather", "get_weather"],
            Self::Time => &["get_time", "current_time", "time"],
        }
    }

    /// The properties that take this tool's argument, by preference.
    fn properties(self) -> &'static [&'static str] {
        match self {
            Self::Calculator => &["expression"],
            Self::Weather => &["city", "location", "place"],
            Self::Time => &["timezone", "city", "location"],
        }
    }
}

/// The tool that an agent offers for a skill.
pub(super) fn offered(request: &Request, skill: Skill) -> Option<&Tool> {
    skill
        .names()
        .iter()
        .find_map(|name| request.tools.iter().find(|tool| tool.name == *name))
}

/// The input of a tool, as its schema wants it: the argument under the skill's own property, else under the first required
/// string property, else under the first string property; `{}` when it has none or the argument is unknown and not needed.
pub(super) fn input(tool: &Tool, skill: Skill, argument: Option<&str>) -> Value {
    let schema: Value = serde_json::from_str(&tool.input_schema).unwrap_or_default();
    let properties = schema["properties"].as_object();
    let is_string = |name: &&str| {
        properties.is_some_and(|all| {
            all.get(*name)
                .is_some_and(|property| property["type"] == "string")
        })
    };
    let required: Vec<&str> = schema["required"].as_array().map_or_else(Vec::new, |all| {
        all.iter().filter_map(Value::as_str).collect()
    });
    let first = || properties.and_then(|all| all.keys().map(String::as_str).find(is_string));
    let own = skill.properties().iter().copied().find(is_string);
    let Some(name) = own
        .or_else(|| required.iter().copied().find(is_string))
        .or_else(first)
    else {
        return Value::Object(Map::new());
    };
    match argument {
        Some(argument) => serde_json::json!({ name: argument }),
        // Something has to stand there, and nothing is known.
        None if required.contains(&name) => serde_json::json!({ name: "here" }),
        None => Value::Object(Map::new()),
    }
}
