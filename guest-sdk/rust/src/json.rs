//! JSON in, with errors that say what is wrong and where.

use std::fmt;

use serde::de::DeserializeOwned;

/// Why bytes are not the JSON that was wanted. Its text goes on from the thing's name: "payload …".
#[derive(Debug)]
pub(crate) enum Misfit {
    Empty,
    NotJson(serde_json::Error),
    /// JSON, but not of the type's shape.
    Shape(serde_path_to_error::Error<serde_json::Error>),
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Misfit> {
    if bytes.trim_ascii().is_empty() {
        return Err(Misfit::Empty);
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        if error.inner().is_data() {
            Misfit::Shape(error)
        } else {
            Misfit::NotJson(error.into_inner())
        }
    })?;
    reader.end().map_err(Misfit::NotJson)?;
    Ok(value)
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is not JSON: it is empty"),
            Self::NotJson(error) => write!(f, "is not JSON: {error}"),
            // The root has no path worth telling.
            Self::Shape(error) if error.path().iter().next().is_none() => {
                write!(f, "does not fit: {}", error.inner())
            }
            Self::Shape(error) => write!(f, "does not fit: `{}`: {}", error.path(), error.inner()),
        }
    }
}
