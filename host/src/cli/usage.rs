//! `kellion usage`.

use reqwest::Method;
use serde_json::Value;

use super::client::Client;
use super::exit::Failure;

/// What is counted, as the server names it, and the quota that bounds it.
const COUNTED: [(&str, &str, &str); 5] = [
    ("agents", "agents", "agents"),
    ("sessions", "sessions", "sessions"),
    ("turns at once", "concurrentTurns", "concurrent_turns"),
    ("storage, MiB", "storageBytes", "storage_mib"),
    ("journal, MiB", "journalBytes", "journal_mib"),
];

pub(super) async fn run(client: &Client, json: bool) -> Result<(), Failure> {
    let usage = client
        .json(client.request(Method::GET, "/kellion/v1/usage"))
        .await?;
    if json {
        super::say(&usage);
        return Ok(());
    }
    super::say(format_args!(
        "account {}",
        usage["account"].as_str().unwrap_or_default()
    ));
    for (name, counted, quota) in COUNTED {
        let mut count = usage["usage"][counted].as_u64().unwrap_or_default();
        if quota.ends_with("_mib") {
            count = count.div_ceil(1 << 20);
        }
        let most = match &usage["policy"]["quotas"][quota] {
            Value::Null => "without bound".to_owned(),
            most => format!("of {most}"),
        };
        super::say(format_args!("{name:<16}{count:>8} {most}"));
    }
    Ok(())
}
