//! Arithmetic: `+ - * / ^`, parentheses, signs and decimal numbers, with the usual precedence.
//!
//! ```text
//! sum     = product (("+" | "-") product)*
//! product = signed (("*" | "/") signed)*
//! signed  = ("+" | "-") signed | power
//! power   = atom ("^" signed)?
//! atom    = number | "(" sum ")"
//! ```

use std::fmt;

/// How deep an expression may nest. Each level takes a few frames of the stack, and a session's
/// stack is small.
const MAX_DEPTH: usize = 64;

/// Whole numbers below this are exact in an `f64`.
const EXACT_LIMIT: f64 = 9_007_199_254_740_992.0;

/// Why an expression has no value. The model reads it. Positions count characters from 1.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Error {
    Unexpected {
        character: char,
        position: usize,
    },
    EndsTooSoon,
    InvalidNumber {
        text: String,
        position: usize,
    },
    DivisionByZero,
    TooDeep,
    /// The result is too large, or is no real number.
    NotANumber,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected {
                character,
                position,
            } => {
                write!(f, "unexpected `{character}` at position {position}")
            }
            Self::EndsTooSoon => f.write_str("the expression ends too soon"),
            Self::InvalidNumber { text, position } => {
                write!(f, "`{text}` at position {position} is not a number")
            }
            Self::DivisionByZero => f.write_str("division by zero"),
            Self::TooDeep => write!(f, "nested more than {MAX_DEPTH} deep"),
            Self::NotANumber => f.write_str("the result is too large or not a real number"),
        }
    }
}

impl std::error::Error for Error {}

/// The value of an expression.
pub(crate) fn evaluate(expression: &str) -> Result<f64, Error> {
    let mut parser = Parser {
        characters: expression.chars().collect(),
        next: 0,
        depth: 0,
    };
    let value = parser.sum()?;
    match parser.peek() {
        Some(character) => Err(parser.unexpected(character)),
        None => finite(value),
    }
}

/// A value as people write it: whole numbers without a point, others to 15 significant digits,
/// which hides the noise of binary fractions.
pub(crate) fn display(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < EXACT_LIMIT {
        // Adding zero turns -0 into 0.
        return format!("{}", value + 0.0);
    }
    let rounded = format!("{value:.14e}").parse().unwrap_or(value);
    if (1e-6..1e15).contains(&rounded.abs()) {
        format!("{rounded}")
    } else {
        format!("{rounded:e}")
    }
}

fn finite(value: f64) -> Result<f64, Error> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Error::NotANumber)
    }
}

struct Parser {
    characters: Vec<char>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn sum(&mut self) -> Result<f64, Error> {
        let mut value = self.product()?;
        loop {
            if self.take('+') {
                value += self.product()?;
            } else if self.take('-') {
                value -= self.product()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<f64, Error> {
        let mut value = self.signed()?;
        loop {
            if self.take('*') {
                value *= self.signed()?;
            } else if self.take('/') {
                let divisor = self.signed()?;
                if divisor == 0.0 {
                    return Err(Error::DivisionByZero);
                }
                value /= divisor;
            } else {
                return Ok(value);
            }
        }
    }

    /// Every way down goes through here, so that the depth is counted here alone.
    fn signed(&mut self) -> Result<f64, Error> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        let value = if self.take('-') {
            -self.signed()?
        } else if self.take('+') {
            self.signed()?
        } else {
            self.power()?
        };
        self.depth -= 1;
        // At once: divided by later, an overflow would look like a plain zero.
        finite(value)
    }

    fn power(&mut self) -> Result<f64, Error> {
        let base = self.atom()?;
        if !self.take('^') {
            return Ok(base);
        }
        // To the right first: 2^3^2 is 2^(3^2).
        let exponent = self.signed()?;
        if base == 0.0 && exponent < 0.0 {
            return Err(Error::DivisionByZero);
        }
        Ok(base.powf(exponent))
    }

    fn atom(&mut self) -> Result<f64, Error> {
        if self.take('(') {
            let value = self.sum()?;
            return if self.take(')') {
                Ok(value)
            } else {
                Err(self.unexpected_next())
            };
        }
        match self.peek() {
            Some('0'..='9' | '.') => self.number(),
            _ => Err(self.unexpected_next()),
        }
    }

    fn number(&mut self) -> Result<f64, Error> {
        let start = self.next;
        let rest = &self.characters[start..];
        let text: String = rest
            .iter()
            .take_while(|&&c| c.is_ascii_digit() || c == '.')
            .collect();
        self.next += text.len();
        text.parse().map_err(|_| Error::InvalidNumber {
            text,
            position: start + 1,
        })
    }

    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        while self
            .characters
            .get(self.next)
            .is_some_and(|c| c.is_whitespace())
        {
            self.next += 1;
        }
        self.characters.get(self.next).copied()
    }

    fn take(&mut self, wanted: char) -> bool {
        let is_next = self.peek() == Some(wanted);
        self.next += usize::from(is_next);
        is_next
    }

    fn unexpected_next(&mut self) -> Error {
        self.peek()
            .map_or(Error::EndsTooSoon, |character| self.unexpected(character))
    }

    fn unexpected(&self, character: char) -> Error {
        Error::Unexpected {
            character,
            position: self.next + 1,
        }
    }
}

#[cfg(test)]
mod tests;
