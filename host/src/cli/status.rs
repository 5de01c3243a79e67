//! `kellion status`.

use reqwest::Method;

use super::client::Client;
use super::exit::Failure;

pub(super) async fn run(client: &Client, json: bool) -> Result<(), Failure> {
    let status = client
        .json(client.request(Method::GET, "/kellion/v1/status"))
        .await?;
    if json {
        super::say(&status);
        return Ok(());
    }
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let sandbox = &status["sandbox"];
    super::say(format_args!("version         {}", text(&status["version"])));
    super::say(format_args!("sandbox         {}", text(&sandbox["mode"])));
    super::say(format_args!(
        "  landlock      {}",
        text(&sandbox["landlock"])
    ));
    super::say(format_args!("  seccomp       {}", sandbox["seccomp"]));
    Ok(())
}
