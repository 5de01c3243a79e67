//! An agent with one tool.

use kellion_sdk::Agent;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::models::MODEL;

#[derive(Deserialize, JsonSchema)]
struct Calculation {
    /// Two numbers with one of + - * / between them, such as "2 * 5".
    expression: String,
}

pub(crate) fn with_calculator() -> Agent {
    Agent::new(MODEL).tool(
        "calculator",
        "Evaluates an arithmetic expression.",
        |Calculation { expression }| calculate(&expression),
    )
}

fn calculate(expression: &str) -> Result<String, String> {
    let wrong = || format!("`{expression}` is not two numbers with one of + - * / between them");
    // Behind the first character, which may be a sign.
    let at = expression
        .char_indices()
        .skip(1)
        .find(|(_, each)| "+-*/".contains(*each))
        .ok_or_else(wrong)?
        .0;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
    let (left, right) = (number(&expression[..at])?, number(&expression[at + 1..])?);
    let value = match &expression[at..=at] {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        _ if right == 0.0 => return Err("division by zero".to_owned()),
        _ => left / right,
    };
    Ok(value.to_string())
}

#[cfg(test)]
mod tests;
