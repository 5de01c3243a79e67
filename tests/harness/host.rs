//! The real server, in a process and a data directory of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{Authority, Client};
use crate::stand_in::StandIn;

/// The server's binary with an environment that nothing of this machine leaks into.
pub(crate) fn kellion(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kellion"));
    command
        .env_clear()
        .env("HOME", folder)
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// How a server shall be started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Builder {
    config: String,
    environment: Vec<(&'static str, String)>,
    provider: Option<&'static str>,
    address: Option<String>,
    prelude: Option<&'static str>,
    authority: Option<Authority>,
}

impl Builder {
    /// With this configuration file.
    pub(crate) fn config(mut self, toml: &str) -> Self {
        self.config = toml.to_owned();
        self
    }

    /// With models from the stand-in for Bedrock; otherwise they are answered offline.
    pub(crate) fn bedrock(self, stand_in: &StandIn) -> Self {
        self.bedrock_at(stand_in.endpoint())
    }

    /// The same with one that somebody else has started.
    pub(crate) fn bedrock_at(self, endpoint: &str) -> Self {
        self.preset("AWS_ACCESS_KEY_ID", "AKIDFORTESTS")
            .preset("AWS_SECRET_ACCESS_KEY", "not a secret")
            .bedrock_unsigned(endpoint)
    }

    /// The same without credentials: the test says where they are.
    pub(crate) fn bedrock_unsigned(mut self, endpoint: &str) -> Self {
        self.provider = Some("bedrock");
        self.preset("AWS_REGION", "us-west-2")
            .preset("AWS_EC2_METADATA_DISABLED", "true")
            .preset("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", endpoint)
    }

    /// With this variable, unless the test sets it itself.
    fn preset(mut self, name: &'static str, value: &str) -> Self {
        self.environment.insert(0, (name, value.to_owned()));
        self
    }

    /// With this variable in its environment.
    pub(crate) fn environment(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// On a loopback address of its own. While a server that listens on a common one is down, another test's may be given
    /// its port.
    pub(crate) fn alone(mut self) -> Self {
        static ALONE: AtomicU8 = AtomicU8::new(1);
        let number = ALONE.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let (high, low) = (1 + process / 256 % 254, process % 256);
        self.address = Some(format!("127.{high}.{low}.{number}:0"));
        self
    }

    /// With these shell commands run in the server's process before it becomes the server.
    pub(crate) fn prelude(mut self, commands: &'static str) -> Self {
        self.prelude = Some(commands);
        self
    }

    /// With a certificate of this authority, which clients then trust.
    pub(crate) fn certified(mut self, authority: &Authority) -> Self {
        let certificate = authority.issue("server");
        self.config.push_str(&certificate.config());
        self.authority = Some(authority.clone());
        self
    }

    pub(crate) fn start(self) -> Host {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        self.start_in(folder)
    }

    /// In a folder that may have data in it.
    pub(crate) fn start_in(self, folder: TempDir) -> Host {
        std::fs::write(folder.path().join("kellion.toml"), &self.config)
            .expect("the folder is writable");
        let address = self.address.as_deref().unwrap_or("127.0.0.1:0");
        let said_before = said(folder.path()).len();
        let (process, client) = self
            .serve(folder.path(), address)
            .unwrap_or_else(|said| panic!("the server did not start: {said}"));
        Host {
            process,
            client,
            folder,
            builder: self,
            must_live: true,
            said_before,
        }
    }

    /// Starts the process and waits until it says where it listens; or what it said when it ended instead.
    fn serve(&self, folder: &Path, address: &str) -> Result<(Child, Client), String> {
        let mut process = self.spawn(folder, address);
        let stdout = process.stdout.take().expect("stdout is piped");
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("stdout is readable");
        let Ok(started) = serde_json::from_str::<Value>(&line) else {
            process.wait().expect("the server is our child");
            return Err(said(folder));
        };
        let endpoint = started["endpoint"]
            .as_str()
            .expect("it says where it listens");
        let client = Client::trusting(endpoint.to_owned(), self.authority.as_ref());
        Ok((process, client))
    }

    fn spawn(&self, folder: &Path, address: &str) -> Child {
        // One for all the lives of a server: what was wrong may have been said before the last kill.
        let log = File::options()
            .create(true)
            .append(true)
            .open(log_file(folder))
            .expect("the folder is writable");
        let mut command = match self.prelude {
            None => kellion(folder),
            Some(prelude) => {
                let server = kellion(folder);
                let mut shell = Command::new("/bin/sh");
                shell
                    .args(["-c", &format!("{prelude}; exec \"$0\" \"$@\"")])
                    .arg(server.get_program())
                    .env_clear()
                    .env("HOME", folder)
                    .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
                    .current_dir(folder)
                    .stdin(Stdio::null());
                shell
            }
        };
        command
            .args(["serve", "--json", "--listen", address])
            .args(["--data", "data", "--config", "kellion.toml"])
            .args(["--provider", self.provider.unwrap_or("offline")])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the server's binary can be run")
    }
}

/// A running server. When it is dropped it must still be alive and ready, unless the test has ended it.
#[derive(Debug)]
pub(crate) struct Host {
    process: Child,
    client: Client,
    folder: TempDir,
    builder: Builder,
    must_live: bool,
    /// How much it had said before it was started last.
    said_before: usize,
}

impl Deref for Host {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Host {
    /// A server as it is without configuration, offline.
    pub(crate) fn start() -> Self {
        Self::builder().start()
    }

    pub(crate) fn builder() -> Builder {
        Builder::default()
    }

    /// A folder that goes away with the server, for files of the test.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Asks the server to stop, as service managers do.
    pub(crate) fn terminate(&mut self) {
        self.must_live = false;
        let killed = Command::new("sh")
            .args(["-c", "kill -TERM \"$0\"", &self.process.id().to_string()])
            .status()
            .expect("there is a shell");
        assert!(killed.success(), "the server was gone already");
    }

    /// Whether the server has ended, and how.
    pub(crate) fn exited(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().expect("the server is our child")
    }

    /// Stops the server cleanly and starts it again on the same data, at the same address.
    pub(crate) fn restart(&mut self) {
        self.shut_down();
        self.start_again();
    }

    /// Stops the server cleanly.
    pub(crate) fn shut_down(&mut self) {
        self.terminate();
        let status = self.process.wait().expect("the server is our child");
        assert_eq!(status.code(), Some(0), "{}", said(self.folder.path()));
    }

    /// Kills the server as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.must_live = false;
        self.process.kill().expect("the server is our child");
        self.process.wait().expect("the server is our child");
    }

    /// Starts a server that is gone again on the same data, at the same address.
    pub(crate) fn start_again(&mut self) {
        if let Err(said) = self.try_start_again() {
            panic!("the server did not start: {said}");
        }
    }

    /// The same, configured otherwise.
    pub(crate) fn start_again_as(&mut self, builder: Builder) {
        std::fs::write(self.folder.path().join("kellion.toml"), &builder.config)
            .expect("the folder is writable");
        self.builder = builder;
        self.start_again();
    }

    /// The same of a server that may refuse to start; then what it said.
    pub(crate) fn try_start_again(&mut self) -> Result<(), String> {
        let before = self.ever_said().len();
        let (process, client) = self.builder.serve(self.folder.path(), &self.address())?;
        self.said_before = before;
        (self.process, self.client, self.must_live) = (process, client, true);
        Ok(())
    }

    /// Starts a server that is gone, and kills it so much later, most likely before it is ready.
    pub(crate) fn die_starting(&self, after: Duration) {
        let mut process = self.builder.spawn(self.folder.path(), &self.address());
        thread::sleep(after);
        process.kill().expect("the server is our child");
        process.wait().expect("the server is our child");
    }

    /// What the system knows the server by.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The most memory that the server held since it was started last, in MiB.
    pub(crate) fn peak_mib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process_id());
        let status = std::fs::read_to_string(status).expect("the server runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.expect("the kernel says").trim();
        kib.trim_end_matches(" kB")
            .parse::<u64>()
            .expect("a number")
            >> 10
    }

    /// What the server said on stderr since it was started last.
    pub(crate) fn said(&self) -> String {
        self.ever_said().split_off(self.said_before)
    }

    /// What it ever said.
    pub(crate) fn ever_said(&self) -> String {
        said(self.folder.path())
    }

    /// Sets a limit of the running server, as `prlimit` names it.
    pub(crate) fn limit(&self, what: &str) {
        let process = self.process.id().to_string();
        let limited = Command::new("prlimit")
            .args(["--pid", &process, what])
            .status()
            .expect("prlimit is part of util-linux");
        assert!(limited.success(), "prlimit {what}");
    }

    /// Sends the server a signal, such as `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let process = self.process.id().to_string();
        let sent = Command::new("sh")
            .args(["-c", "kill -\"$1\" \"$0\"", &process, name])
            .status()
            .expect("there is a shell");
        assert!(sent.success(), "the server is gone");
    }

    /// Ends the server by a signal.
    pub(crate) fn die_of(&mut self, name: &str) {
        self.must_live = false;
        self.signal(name);
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> String {
        let endpoint = self.client.endpoint();
        let address = endpoint.trim_start_matches("https://");
        address.trim_start_matches("http://").to_owned()
    }

    fn is_ready(&mut self) -> bool {
        const REQUEST: &[u8] =
            b"GET /healthz/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        let ready = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(self.address())?;
            let mut answer = String::new();
            if let Some(authority) = &self.builder.authority {
                let mut stream = authority.encrypt(stream);
                stream.write_all(REQUEST)?;
                stream.read_to_string(&mut answer)?;
            } else {
                stream.write_all(REQUEST)?;
                stream.read_to_string(&mut answer)?;
            }
            Ok(answer)
        };
        let is_ready = ready().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "));
        is_ready && self.exited().is_none()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // A test that failed may have left it unable to answer.
        let fine = thread::panicking() || !self.must_live || self.is_ready();
        // It may have ended by itself; either way it is gone afterwards.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let said = said(self.folder.path());
        if thread::panicking() {
            eprintln!("the server's log:\n{said}");
        } else {
            assert!(fine, "the server did not survive the test:\n{said}");
        }
    }
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

fn said(folder: &Path) -> String {
    std::fs::read_to_string(log_file(folder)).unwrap_or_default()
}
