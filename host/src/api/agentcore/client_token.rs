//! `clientToken`: what makes a call the same call when it is made again.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::agents::Once;
use crate::api::error::ApiError;
use crate::api::parse;
use crate::ids::{ClientToken, InvalidId};

const FIELD: &str = "clientToken";

/// An operation that can be asked for twice, and the ids that its path names.
pub(super) struct Asked<'a>(pub(super) &'static str, pub(super) &'a [&'a str]);

/// The query of an operation that has its token there and no other parameter.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::api) struct TokenQuery {
    client_token: Option<String>,
}

impl TokenQuery {
    pub(super) fn once(self, asked: &Asked<'_>) -> Result<Option<Once>, ApiError> {
        asked.once(self.client_token, &Value::Null)
    }
}

impl Asked<'_> {
    /// Reads a body that has the token in it.
    pub(super) fn body<T: DeserializeOwned>(
        &self,
        body: &[u8],
    ) -> Result<(T, Option<Once>), ApiError> {
        let mut body: Value = parse(body)?;
        let token = body.as_object_mut().and_then(|body| body.remove(FIELD));
        let token = match token {
            None | Some(Value::Null) => None,
            Some(Value::String(token)) => Some(token),
            Some(_) => return Err(ApiError::invalid(FIELD, "clientToken is text")),
        };
        let once = self.once(token, &body)?;
        let input = serde_json::from_value(body).map_err(|error| {
            ApiError::unreadable(format!("the request cannot be read: {error}"))
        })?;
        Ok((input, once))
    }

    /// The call, if it has a token.
    pub(super) fn once(
        &self,
        token: Option<String>,
        parameters: &Value,
    ) -> Result<Option<Once>, ApiError> {
        let Some(token) = token else {
            return Ok(None);
        };
        let token: ClientToken = token
            .parse()
            .map_err(|error: InvalidId| ApiError::invalid(FIELD, error.to_string()))?;
        let Self(operation, ids) = self;
        let all = json!({ "operation": operation, "ids": ids, "parameters": parameters });
        Ok(Some(Once::new(token, all)))
    }
}
