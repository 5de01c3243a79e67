//! Whether a refusal tells by its time that a key exists: keys that nobody has against keys that somebody has, the
//! signature wrong with both.

use std::path::Path;
use std::process::Command;
use std::time::{Instant, SystemTime};

use kellion_host::sigv4::{Outgoing, Signer, SigningIdentity};
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Error;
use super::client::head;
use super::server::{KELLION, Server};
use super::stats::{Rounds, percentile};

const ROUNDS: usize = 10;
/// Of each kind, in a round.
const REQUESTS: usize = 5_000;
const PATH: &str = "/kellion/v1/server";

pub(crate) async fn run() -> Result<(), Error> {
    let data = tempfile::tempdir()?;
    let server = Server::start(data.path(), None)?;
    let tenant = operate(data.path(), &["tenants", "create", "one"])?;
    let account = text(&tenant, "id")?;
    let known = text(&operate(data.path(), &["keys", "create", account])?, "id")?.to_owned();
    let unknown: String = known[4..].chars().rev().collect();
    let unknown = format!("{}{unknown}", &known[..4]);
    let mut stream = TcpStream::connect(&server.address).await?;
    stream.set_nodelay(true)?;
    // The server sees its first key a moment after it was made.
    while !refused(&mut stream, &signed(&server, &known)?).await? {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    let (mut medians, mut tails) = (Rounds::new(), Rounds::new());
    let mut last = (0.0, 0.0);
    for round in 0..=ROUNDS {
        // Anew in each round: a signature is good for five minutes.
        let kinds = [signed(&server, &known)?, signed(&server, &unknown)?];
        let mut times = [Vec::new(), Vec::new()];
        for number in 0..2 * REQUESTS {
            let kind = number % 2;
            let began = Instant::now();
            if !refused(&mut stream, &kinds[kind]).await? {
                return Err("the server took a signature that is wrong".into());
            }
            times[kind].push(began.elapsed().as_secs_f64() * 1e6);
        }
        let [known, unknown] = &mut times;
        last = (percentile(known, 50.0), percentile(unknown, 50.0));
        // The first one warms up.
        if round > 0 {
            medians.push(last.1 / last.0);
            tails.push(percentile(unknown, 99.0) / percentile(known, 99.0));
        }
    }
    println!(
        "  {} requests in {ROUNDS} rounds, unknown and known key in turns; median (least–most)",
        2 * ROUNDS * REQUESTS
    );
    println!(
        "  unknown key {:.1} µs, known key {:.1} µs; ratio of medians {medians:.3}, of the 99th percentiles {tails:.2}",
        last.1, last.0
    );
    Ok(())
}

/// A command of the server's operator.
fn operate(data: &Path, arguments: &[&str]) -> Result<Value, Error> {
    let output = Command::new(KELLION)
        .args(arguments)
        .args(["--json", "--data"])
        .arg(data)
        .current_dir(data)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn text<'a>(value: &'a Value, member: &str) -> Result<&'a str, Error> {
    value[member]
        .as_str()
        .ok_or_else(|| format!("no {member} in {value}").into())
}

/// A request that is signed with this key's id, and with a secret that is not its own.
fn signed(server: &Server, key: &str) -> Result<Vec<u8>, Error> {
    let signer = Signer::new(SigningIdentity {
        access_key: key.to_owned(),
        secret: "not the secret".to_owned(),
        region: "us-west-2".to_owned(),
        service: "bedrock-agentcore".to_owned(),
    })?;
    let outgoing = Outgoing {
        method: "GET",
        path: PATH,
        query: "",
        host: &HeaderValue::from_str(&server.address)?,
        headers: &HeaderMap::new(),
        body: &[],
    };
    let mut request = format!("GET {PATH} HTTP/1.1\r\nhost: {}\r\n", server.address);
    for (name, value) in &signer.sign(&outgoing, SystemTime::now()) {
        request.push_str(&format!("{name}: {}\r\n", value.to_str()?));
    }
    request.push_str("\r\n");
    Ok(request.into_bytes())
}

/// Sends a request, reads the answer to its end, and says whether it is a refusal.
async fn refused(stream: &mut TcpStream, request: &[u8]) -> Result<bool, Error> {
    stream.write_all(request).await?;
    let mut answer = Vec::with_capacity(1 << 10);
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err("the server closed the connection".into());
        }
        if let Some((head, length)) = head(&answer)
            && answer.len() >= head + length
        {
            return Ok(answer.starts_with(b"HTTP/1.1 403"));
        }
    }
}
