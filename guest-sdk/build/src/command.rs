//! Runs other programs, and tells what they were when they fail.

use std::io;
use std::process::{Command, Stdio};

use crate::{Error, Result};

/// Lines of a failed program's output that are worth telling.
const TOLD: usize = 60;

/// Shows the command, runs it to its end and gives what it wrote to stdout.
pub(crate) fn run(
    command: &mut Command,
    tool: &'static str,
    help: &'static str,
    talk: &dyn Fn(&str),
) -> Result<Vec<u8>> {
    let line = line(command);
    talk(&format!("$ {line}"));
    let output = match command.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::NoTool { tool, help });
        }
        Err(error) => {
            return Err(Error::Command {
                command: line,
                status: "cannot be run".to_owned(),
                output: error.to_string(),
            });
        }
    };
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.trim().lines().collect();
    let output_tail = lines[lines.len().saturating_sub(TOLD)..].join("\n");
    Err(Error::Command {
        command: line,
        status: output.status.to_string(),
        output: output_tail,
    })
}

/// The command as one would type it.
fn line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let argument = argument.to_string_lossy();
        line.push(' ');
        if argument.is_empty() || argument.contains([' ', '"', '\'', '$']) {
            line.push_str(&format!("{argument:?}"));
        } else {
            line.push_str(&argument);
        }
    }
    line
}
