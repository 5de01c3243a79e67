//! Finds a calculation in a sentence. Nothing is calculated here: that is the tool's work.

#[cfg(test)]
mod tests;

/// The longest expression that is passed to a tool, in bytes: far more than anyone types into a chat.
const MAX_EXPRESSION: usize = 200;

/// A calculation that a sentence asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Calculation {
    /// Complete in itself: `2*5`.
    Whole(String),
    /// Goes on from an earlier result: `+ 34`.
    Continued {
        /// One of `+ - * / ^`.
        operator: char,
        /// What follows the operator.
        operand: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
enum Token<'a> {
    Number(&'a str),
    Operator(char),
    Open,
    Close,
    /// "that", "it": the earlier result.
    Earlier,
    Word,
}

#[derive(Debug, Clone)]
struct Placed<'a> {
    token: Token<'a>,
    spaced: bool,
}

/// The calculation in a sentence, if there is one; the longest, when there are several.
pub(super) fn find(sentence: &str) -> Option<Calculation> {
    let lower = sentence.to_lowercase();
    let tokens = tokens(&lower);
    let mut best: Option<&[Placed<'_>]> = None;
    for run in tokens.split(|placed| placed.token == Token::Word) {
        let run = trimmed(run);
        let numbers = run
            .iter()
            .any(|placed| matches!(placed.token, Token::Number(_)));
        let operators = run
            .iter()
            .any(|placed| matches!(placed.token, Token::Operator(_)));
        if numbers && operators && best.is_none_or(|best| run.len() > best.len()) {
            best = Some(run);
        }
    }
    calculation(best?)
}

fn calculation(run: &[Placed<'_>]) -> Option<Calculation> {
    let first = run
        .iter()
        .position(|placed| placed.token != Token::Earlier)?;
    let (earlier, rest) = run.split_at(first);
    if rest.iter().any(|placed| placed.token == Token::Earlier) {
        return None;
    }
    let (head, tail) = rest.split_first()?;
    let Token::Operator(operator) = head.token else {
        return whole(rest);
    };
    let sign =
        operator == '-' && earlier.is_empty() && tail.first().is_some_and(|next| !next.spaced);
    if sign
        && tail
            .iter()
            .any(|placed| matches!(placed.token, Token::Operator(_)))
    {
        return whole(rest);
    }
    let operand = valid(tail).then(|| write(tail))?;
    Some(Calculation::Continued { operator, operand })
}

fn whole(run: &[Placed<'_>]) -> Option<Calculation> {
    valid(run).then(|| Calculation::Whole(write(run)))
}

/// Cuts off what cannot end an expression: "2 + 3 -" asks for "2 + 3".
fn trimmed<'a, 'b>(mut run: &'a [Placed<'b>]) -> &'a [Placed<'b>] {
    while let Some((last, rest)) = run.split_last()
        && matches!(
            last.token,
            Token::Operator(_) | Token::Earlier | Token::Open
        )
    {
        run = rest;
    }
    run
}

/// True when operands and operators alternate and the parentheses fit.
fn valid(run: &[Placed<'_>]) -> bool {
    let mut depth = 0_usize;
    let mut wants_operand = true;
    for placed in run {
        match placed.token {
            Token::Number(_) if wants_operand => wants_operand = false,
            Token::Open if wants_operand => depth += 1,
            Token::Operator('-') if wants_operand => {}
            Token::Operator(_) if !wants_operand => wants_operand = true,
            Token::Close if !wants_operand && depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    !wants_operand && depth == 0 && write(run).len() <= MAX_EXPRESSION
}

/// The expression, with the spaces that its writer set.
fn write(run: &[Placed<'_>]) -> String {
    let mut text = String::new();
    for placed in run {
        if placed.spaced && !text.is_empty() {
            text.push(' ');
        }
        match placed.token {
            Token::Number(digits) => text.push_str(digits),
            Token::Operator(operator) => text.push(operator),
            Token::Open => text.push('('),
            Token::Close => text.push(')'),
            Token::Earlier | Token::Word => {}
        }
    }
    text
}

/// The words of a lower-case sentence. "multiplied by" and "divided by" are one operator each.
fn tokens(text: &str) -> Vec<Placed<'_>> {
    let mut tokens: Vec<Placed<'_>> = Vec::new();
    let mut rest = text;
    let mut spaced = false;
    while let Some(c) = rest.chars().next() {
        if c.is_whitespace() {
            spaced = true;
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let length = if c.is_ascii_digit() {
            number(rest)
        } else if c.is_alphabetic() {
            word(rest, tokens.last())
        } else {
            c.len_utf8()
        };
        let (piece, after) = rest.split_at(length);
        rest = after;
        let token = match piece {
            "+" | "plus" => Token::Operator('+'),
            "-" | "−" | "minus" => Token::Operator('-'),
            "*" | "×" | "·" | "x" | "times" | "multiplied" => Token::Operator('*'),
            "/" | "÷" | "divided" => Token::Operator('/'),
            "^" => Token::Operator('^'),
            "(" => Token::Open,
            ")" => Token::Close,
            "that" | "it" | "this" => Token::Earlier,
            "by" if matches!(
                tokens.last(),
                Some(Placed {
                    token: Token::Operator('*' | '/'),
                    ..
                })
            ) =>
            {
                continue;
            }
            _ if c.is_ascii_digit() => Token::Number(piece),
            _ => Token::Word,
        };
        tokens.push(Placed { token, spaced });
        spaced = false;
    }
    tokens
}

/// The length of the number that the text begins with; a full stop belongs to it only before another digit.
fn number(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 0;
    while end < bytes.len() {
        let decimal = bytes[end] == b'.' && bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
        if !bytes[end].is_ascii_digit() && !decimal {
            break;
        }
        end += 1;
    }
    end
}

/// The length of the word that the text begins with. After a number an x stands alone: `2x5`, `2x(3+4)`.
fn word(text: &str, before: Option<&Placed<'_>>) -> usize {
    let operand = matches!(
        before,
        Some(Placed {
            token: Token::Number(_) | Token::Close,
            ..
        })
    );
    if operand && text.starts_with('x') && !text[1..].starts_with(char::is_alphabetic) {
        return 1;
    }
    text.find(|c: char| !c.is_alphanumeric())
        .unwrap_or(text.len())
}
