//! From the component's export to the author's code. Only [`export!`](crate::export!) calls this.

use std::cell::RefCell;

use crate::bindings::{AgentError, Context};
use crate::{Body, FromBody, Handler, IntoBody, Result, host};

/// Makes a type or a function the agent of this component. Once in a crate of type `cdylib`.
///
/// `export!(Agent)` takes a type that implements [`Handler`](crate::Handler);
/// `export!(fn answer)` takes a function `fn(Payload, &Context) -> Result<Answer>`, for an agent
/// that remembers nothing.
///
/// ```
/// # use kellion_sdk::{Context, Result};
/// #[derive(serde::Deserialize)]
/// struct Guest {
///     name: String,
/// }
///
/// fn greet(guest: Guest, context: &Context) -> Result<String> {
///     Ok(format!("Hello {}, this is turn {}.", guest.name, context.turn))
/// }
/// kellion_sdk::export!(fn greet);
/// ```
#[macro_export]
macro_rules! export {
    (fn $function:path) => {
        $crate::export!(@invoke |payload, context| {
            $crate::export::turn(payload, &context, $function)
        });
    };
    (@invoke |$payload:ident, $context:ident| $body:block) => {
        const _: () = {
            struct Component;

            impl $crate::bindings::Guest for Component {
                fn invoke(
                    $payload: ::std::vec::Vec<u8>,
                    $context: $crate::bindings::Context,
                ) -> ::std::result::Result<::std::vec::Vec<u8>, $crate::bindings::AgentError>
                $body
            }

            $crate::bindings::export_agent!(Component with_types_in $crate::bindings);
        };
    };
    ($handler:ty) => {
        $crate::export!(@invoke |payload, context| {
            ::std::thread_local! {
                static SESSION: $crate::export::Session<$handler> =
                    const { $crate::export::Session::new() };
            }
            SESSION.with(|session| session.turn(payload, &context))
        });
    };
}

/// The agent between two turns. An instance serves one session, so there is one of it.
pub struct Session<H>(RefCell<Option<H>>);

impl<H: Handler> Session<H> {
    /// Before the first turn.
    #[expect(
        clippy::new_without_default,
        reason = "only the macro makes one, in a constant"
    )]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    /// One turn with memory.
    pub fn turn(&self, payload: Vec<u8>, context: &Context) -> Result<Vec<u8>, AgentError> {
        let mut memory = self.0.borrow_mut();
        let handler = memory.get_or_insert_with(H::start);
        turn(payload, context, |payload, context| {
            handler.invoke(payload, context)
        })
    }
}

/// One turn: read the payload, run the author's code, write the answer.
pub fn turn<P: FromBody, A: IntoBody>(
    payload: Vec<u8>,
    context: &Context,
    run: impl FnOnce(P, &Context) -> Result<A>,
) -> Result<Vec<u8>, AgentError> {
    let payload = Body {
        content_type: context.content_type.clone(),
        bytes: payload,
    };
    let answer = run(P::from_body(payload)?, context)?.into_body()?;
    if let Some(content_type) = answer.content_type {
        host::set_content_type(&content_type);
    }
    Ok(answer.bytes)
}

#[cfg(test)]
mod tests;
