//! Compiled programs: what is in their place without being this server's own is never run; what was refused is not compiled
//! again; and nobody waits for the hundred compilations of another.

mod compiling;
mod damaged;

use crate::harness::wat;

/// An agent that always gives this answer, which has no quotes in it.
fn saying(answer: &str) -> Vec<u8> {
    let length = answer.len() + 2;
    wat::agent(&format!(
        r#"(data (i32.const 1024) "\"{answer}\"")
        (func (export "invoke") (param i32) (result i32)
            (call $answer (i32.const 1024) (i32.const {length})))"#
    ))
}
