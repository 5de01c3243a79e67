//! What the offline model says and which tools it calls.

use serde_json::Value;

use super::arithmetic::{self, Calculation};
use super::history::{History, Outcome, bounded};
use super::tool_use;
use super::tools::{self, Skill};
use crate::contract::model::{Error, Request, ToolUse};

/// The next step of a conversation.
#[derive(Debug, PartialEq)]
pub(super) enum Reply {
    Say(String),
    Call(Vec<ToolUse>),
}

/// Something that the open question asks for.
#[derive(Debug)]
enum Wish {
    Calculate(Calculation),
    Weather { place: Option<String> },
    Time,
    Name,
    Session,
}

/// Reads the conversation and takes the next step: the tools that the question needs, then the answer from their results.
pub(super) fn reply(request: &Request) -> Result<Reply, Error> {
    let history = History::read(&request.messages)?;
    let wishes = wishes(history.prompt.request);
    if history.results.is_empty() {
        let calls: Vec<ToolUse> = wishes
            .iter()
            .filter_map(|wish| call(wish, request, &history))
            .enumerate()
            .map(|(position, (name, input))| tool_use(request, position, name, &input))
            .collect();
        if !calls.is_empty() {
            return Ok(Reply::Call(calls));
        }
    }
    let sentences: Vec<String> = if wishes.is_empty() {
        vec![excuse(history.prompt.request)]
    } else {
        wishes
            .iter()
            .map(|wish| sentence(wish, request, &history))
            .collect()
    };
    let greeting = history
        .name
        .map_or_else(|| "Hello!".to_owned(), |name| format!("Hello {name}!"));
    Ok(Reply::Say(format!("{greeting} {}", sentences.join(" "))))
}

fn wishes(request: &str) -> Vec<Wish> {
    let lower = request.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let has = |word: &str| words.contains(&word);
    let mut wishes = Vec::new();
    if let Some(calculation) = arithmetic::find(request) {
        wishes.push(Wish::Calculate(calculation));
    }
    if has("weather") {
        wishes.push(Wish::Weather {
            place: place(request),
        });
    }
    if has("time") {
        wishes.push(Wish::Time);
    }
    if lower.contains("who am i") || lower.contains("my name") {
        wishes.push(Wish::Name);
    }
    if has("session") {
        wishes.push(Wish::Session);
    }
    wishes
}

/// The place of a question such as "the weather in New York?": the capitalised words after "in".
fn place(request: &str) -> Option<String> {
    let mut words = request
        .split_whitespace()
        .skip_while(|word| *word != "in")
        .skip(1);
    let mut place: Vec<&str> = Vec::new();
    for word in words.by_ref() {
        let bare = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        if !bare.starts_with(char::is_uppercase) {
            break;
        }
        place.push(bare);
        if bare.len() < word.len() {
            break;
        }
    }
    (!place.is_empty()).then(|| place.join(" "))
}

/// The tool and the input that a wish needs, when the agent offers the tool and all is known.
fn call<'a>(wish: &Wish, request: &'a Request, history: &History<'_>) -> Option<(&'a str, Value)> {
    let (skill, argument) = match wish {
        Wish::Calculate(calculation) => {
            (Skill::Calculator, Some(expression(calculation, history)?))
        }
        Wish::Weather { place } => (Skill::Weather, place.clone()),
        Wish::Time => (Skill::Time, None),
        Wish::Name | Wish::Session => return None,
    };
    let tool = tools::offered(request, skill)?;
    Some((&tool.name, tools::input(tool, skill, argument.as_deref())))
}

/// The expression for the calculator; none when it goes on from a result that the conversation does not hold.
fn expression(calculation: &Calculation, history: &History<'_>) -> Option<String> {
    match calculation {
        Calculation::Whole(expression) => Some(expression.clone()),
        Calculation::Continued { operator, operand } => {
            Some(format!("{} {operator} {operand}", history.last_result()?))
        }
    }
}

fn sentence(wish: &Wish, request: &Request, history: &History<'_>) -> String {
    match wish {
        Wish::Calculate(calculation) => match expression(calculation, history) {
            Some(expression) => from_tool(
                Skill::Calculator,
                &format!("calculate {expression}"),
                request,
                history,
                |outcome| {
                    format!(
                        "{} is {}.",
                        asked(outcome).unwrap_or(expression),
                        unstopped(&outcome.text)
                    )
                },
            ),
            None => nothing_earlier(calculation, history),
        },
        Wish::Weather { place } => from_tool(
            Skill::Weather,
            "tell the weather",
            request,
            history,
            |outcome| {
                let place = place
                    .as_ref()
                    .map_or_else(String::new, |place| format!(" in {place}"));
                format!("The weather{place} is {}.", unstopped(&outcome.text))
            },
        ),
        Wish::Time => from_tool(Skill::Time, "tell the time", request, history, |outcome| {
            format!("The time is {}.", unstopped(&outcome.text))
        }),
        Wish::Name => match history.name {
            Some(name) => format!("Your name is {name}."),
            None => "You have not told me your name.".to_owned(),
        },
        Wish::Session => match history.prompt.session {
            Some(session) => format!("This is session {session}."),
            None => "You have not told me which session this is.".to_owned(),
        },
    }
}

/// What a tool's outcome lets one say: its result, its failure, or that it was not offered or not heard of.
fn from_tool(
    skill: Skill,
    task: &str,
    request: &Request,
    history: &History<'_>,
    say: impl FnOnce(&Outcome<'_>) -> String,
) -> String {
    let outcome = history
        .results
        .iter()
        .rev()
        .find(|outcome| skill.names().contains(&outcome.tool));
    match (outcome, tools::offered(request, skill)) {
        (Some(outcome), _) if outcome.failed => format!(
            "The tool {} failed: {}.",
            outcome.tool,
            unstopped(&outcome.text)
        ),
        (Some(outcome), _) => say(outcome),
        (None, Some(tool)) => format!(
            "I could not {task}, for the tool {} gave no result.",
            tool.name
        ),
        (None, None) => format!(
            "I cannot {task}, for I was not offered a {} tool.",
            skill.names()[0]
        ),
    }
}

/// The expression that the calculator was really asked for.
fn asked(outcome: &Outcome<'_>) -> Option<String> {
    let input: Value = serde_json::from_str(outcome.input).ok()?;
    input
        .as_object()?
        .values()
        .find_map(Value::as_str)
        .map(str::to_owned)
}

fn nothing_earlier(calculation: &Calculation, history: &History<'_>) -> String {
    let place = history.prompt.session.map_or_else(
        || "this conversation".to_owned(),
        |session| format!("session {session}"),
    );
    let (deed, operand) = match calculation {
        Calculation::Continued {
            operator: '+',
            operand,
        } => ("add", format!("{operand} to")),
        Calculation::Continued {
            operator: '-',
            operand,
        } => ("subtract", format!("{operand} from")),
        Calculation::Continued {
            operator: '*',
            operand,
        } => ("multiply by", operand.clone()),
        Calculation::Continued {
            operator: '/',
            operand,
        } => ("divide by", operand.clone()),
        Calculation::Continued { operand, .. } => ("raise to the power of", operand.clone()),
        Calculation::Whole(expression) => ("go on from with", expression.clone()),
    };
    format!("There is no earlier result in {place} to {deed} {operand}.")
}

fn excuse(request: &str) -> String {
    format!(
        "I am Kellion's offline model: a script, not a language model. With an agent's tools I can calculate, tell the weather \
         and tell the time, and I can say who you are and which session this is. You asked: \"{}\"",
        bounded(request)
    )
}

/// Without a full stop at the end, for the sentence brings its own.
fn unstopped(text: &str) -> &str {
    text.trim().trim_end_matches('.')
}
