//! An agent that sends back what it gets, byte for byte: the least that an agent can do, for the benchmarks.

use kellion_sdk::{Body, Context, Result};

fn echo(payload: Body, _: &Context) -> Result<Body> {
    Ok(payload)
}

kellion_sdk::export!(fn echo);
