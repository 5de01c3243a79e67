//! The command line. Results go to stdout, talk to stderr.

mod agents;
mod answer;
mod artifacts;
mod build;
mod chat;
mod check;
mod client;
mod compile;
mod demo;
mod deploy;
mod dev;
mod exit;
mod grant;
mod inspect;
mod invoke;
mod keys;
mod new;
mod operator;
mod push;
mod serve;
mod sessions;
mod sign;
mod signing;
mod status;
mod tenants;
mod terminal;
mod test;
mod travel;
mod unpack;
mod usage;
mod verify;

use std::future::Future;
use std::io::IsTerminal;
use std::process::ExitCode;

#[cfg(any(test, fuzzing))]
pub(crate) use answer::read_frames;

use clap::{Parser, Subcommand};

use client::ClientArgs;
use exit::Failure;

/// Runs AI agents as WebAssembly components, one cell for each session.
#[derive(Debug, Parser)]
#[command(name = "kellion", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Results as JSON, one document a line.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve agents until SIGTERM or Ctrl-C.
    Serve(serve::Args),
    /// Watch the AgentCore tutorial run, step by step, and keep the server for your own calls.
    Demo(demo::Args),
    /// Begin a new agent in a folder of its own.
    New(new::Args),
    /// Make an agent's component.
    Build(build::Args),
    /// Show whether a component would run here, what it needs, and what a session of it costs.
    Check(check::Args),
    /// Build and serve an agent, talk to it, and do so again whenever its sources change.
    Dev(dev::Args),
    /// Run an agent's tests, with models that say what the tests tell them to.
    Test(test::Args),
    /// Store a component under a reference.
    Push {
        #[command(flatten)]
        args: push::Args,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Push a component, or what is built of sources, create or update its agent, wait until it serves, and show how to
    /// call it.
    Deploy {
        #[command(flatten)]
        args: deploy::Args,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Invoke an agent and print its answer.
    Invoke {
        #[command(flatten)]
        args: invoke::Args,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Talk to an agent, line by line.
    Chat {
        #[command(flatten)]
        args: chat::Args,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Sign a component with its author's key.
    Sign(sign::Args),
    /// List agents.
    Agents {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// List what is stored under which reference, or forget a reference.
    Artifacts {
        #[command(flatten)]
        args: artifacts::Args,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show how much of its quotas the tenant uses.
    Usage {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Show what the server is, and how it is confined.
    Status {
        #[command(flatten)]
        client: ClientArgs,
    },
    /// List sessions; or show, stop, fork, replay or export one.
    Sessions {
        #[command(flatten)]
        args: sessions::Args,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Make, list, bound and suspend the tenants of a server. For its operator: works on the data directory.
    Tenants(tenants::Args),
    /// Make, list and revoke the keys that tenants sign with. For the server's operator: works on the data directory.
    Keys(keys::Args),
    /// Show what a component needs and asks for, and whether it fits; or what an agent on a server may use.
    Inspect {
        #[command(flatten)]
        args: inspect::Args,
        #[command(flatten)]
        client: ClientArgs,
    },
    /// Compile a component from stdin to stdout; the server calls this in a process of its own.
    #[command(hide = true)]
    CompileArtifact(compile::Args),
    /// Take the component out of a zip on stdin, or make it of the sources in it, to stdout; the server calls this in a
    /// process of its own.
    #[command(hide = true)]
    UnpackArtifact(unpack::Args),
    /// Look whether one of these keys signed a component on stdin; the server calls this in a process of its own.
    #[command(hide = true)]
    VerifyArtifact(verify::Args),
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    // One process has one TLS provider; without a chosen one the first connection would panic.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let outcome = match cli.command {
        // Alone in its process, without threads.
        Command::CompileArtifact(args) => return compile::run(&args),
        Command::UnpackArtifact(args) => return unpack::run(&args),
        Command::VerifyArtifact(args) => return verify::run(&args),
        Command::Sign(args) => sign::run(&args, cli.json),
        Command::New(args) => new::run(&args, cli.json),
        Command::Tenants(args) => tenants::run(&args, cli.json),
        Command::Keys(args) => keys::run(&args, cli.json),
        Command::Build(args) => build::run(&args, cli.json),
        // Goes to jail before there are threads.
        Command::Serve(args) => serve::run(&args, cli.json),
        command => wait_for(&mut runtime(), run_async(command, cli.json)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// As many threads as there are cores.
fn runtime() -> tokio::runtime::Builder {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all();
    builder
}

/// Runs a command to its end.
fn wait_for(
    runtime: &mut tokio::runtime::Builder,
    command: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    match runtime.build() {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => Err(Failure::new("cannot start the runtime").because(&error)),
    }
}

async fn run_async(command: Command, json: bool) -> Result<(), Failure> {
    match command {
        Command::Demo(args) => demo::run(&args).await,
        Command::Check(args) => check::run(&args, json).await,
        Command::Dev(args) => dev::run(&args).await,
        Command::Test(args) => test::run(&args, json).await,
        Command::Chat { args, client } => chat::run(&args, &client.client()?).await,
        Command::Push { args, client } => push::run(&args, &client.client()?, json).await,
        Command::Deploy { args, client } => deploy::run(&args, &client.client()?, json).await,
        Command::Invoke { args, client } => invoke::run(&args, &client.client()?).await,
        Command::Agents { client } => agents::run(&client.client()?, json).await,
        Command::Artifacts { args, client } => artifacts::run(&args, &client.client()?, json).await,
        Command::Usage { client } => usage::run(&client.client()?, json).await,
        Command::Status { client } => status::run(&client.client()?, json).await,
        Command::Sessions { args, client } => sessions::run(&args, &client.client()?, json).await,
        Command::Inspect { args, client } => inspect::run(&args, client, json).await,
        Command::New(_)
        | Command::Serve(_)
        | Command::Build(_)
        | Command::Tenants(_)
        | Command::Keys(_)
        | Command::CompileArtifact(_)
        | Command::UnpackArtifact(_)
        | Command::VerifyArtifact(_)
        | Command::Sign(_) => Ok(()),
    }
}

/// Prints a result.
#[expect(clippy::print_stdout, reason = "stdout is where results go")]
fn say(result: impl std::fmt::Display) {
    match std::io::stdout().is_terminal() {
        true => println!("{}", terminal::harmless(&result.to_string())),
        false => println!("{result}"),
    }
}

/// Tells the user something beside the result.
#[expect(clippy::print_stderr, reason = "stderr is where talk goes")]
fn tell(talk: impl std::fmt::Display) {
    match std::io::stderr().is_terminal() {
        true => eprintln!("{}", terminal::harmless(&talk.to_string())),
        false => eprintln!("{talk}"),
    }
}
