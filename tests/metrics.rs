//! What the operator's monitoring sees.

use serde_json::json;

use crate::harness::{Host, PROBE, Reply, kellion, run, session_id};

const PATH: &str = "/kellion/v1/metrics";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The value of a series.
#[track_caller]
fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let line = line.unwrap_or_else(|| panic!("{series} is not in\n{metrics}"));
    line.parse().unwrap()
}

#[tokio::test]
async fn turns_limits_and_answers_are_counted_by_how_they_ended() {
    let config = "[sandbox]\nturn_cpu_ms = 200\n";
    let host = Host::builder().config(config).start();
    let agent = host.deploy("probe", PROBE).await;
    let session = agent.session("first");
    assert_eq!(session.count().await, 1);
    assert_eq!(session.count().await, 2);
    let trapped = session.invoke(json!({ "do": "panic" })).await;
    assert_eq!(trapped.status, 424);
    let spinning = session.invoke(json!({ "do": "spin" })).await;
    assert_eq!(spinning.status, 424, "{spinning:?}");
    let unknown = host.get("/no/such/route").await;
    assert_eq!(unknown.status, 404);

    let reply = host.get(PATH).await;
    assert_eq!(reply.status, 200);
    assert!(
        reply
            .header("content-type")
            .starts_with("application/openmetrics-text"),
        "{reply:?}"
    );
    let metrics = reply.text();
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    for (series, expected) in [
        ("kellion_turns_total{outcome=\"answered\"}", 2.0),
        ("kellion_turns_total{outcome=\"faulted\"}", 2.0),
        ("kellion_limits_total{limit=\"cpu-time\"}", 1.0),
        ("kellion_turn_seconds_count", 4.0),
        ("kellion_http_answers_total{status=\"424\"}", 2.0),
        ("kellion_http_answers_total{status=\"404\"}", 1.0),
    ] {
        assert_eq!(value(metrics, series), expected, "{series}");
    }
    assert!(value(metrics, "process_resident_memory_bytes") > 1e6);
    assert!(value(metrics, "process_open_fds") > 3.0);
}

#[tokio::test]
async fn h17_metrics_are_the_operators_and_nobodys_names_make_more_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
    let config = format!("[server]\noperator_token_file = \"{}\"\n", file.display());
    let host = Host::builder().config(&config).start();
    let owner = host.guest("owner", "").await;
    let agent = owner.deploy("probe", PROBE).await;
    assert_eq!(agent.session("first").count().await, 1);

    let refused = |reply: Reply| {
        reply.assert_refused(
            401,
            "UnauthorizedException",
            "this needs the operator's token",
        );
        assert_eq!(reply.header("www-authenticate"), "Bearer");
    };
    refused(host.get(PATH).await);
    refused(owner.get(PATH).await);
    for wrong in ["", "wrong", &TOKEN[..31], &format!("{TOKEN}0")] {
        let request = host.request(reqwest::Method::GET, PATH);
        refused(host.send(request.bearer_auth(wrong)).await);
    }
    let scrape = || async {
        let request = host.request(reqwest::Method::GET, PATH);
        let reply = host.send(request.bearer_auth(TOKEN)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.text().to_owned()
    };
    let before = scrape().await;
    for number in 0..8 {
        owner.create(&format!("agent_{number}")).await;
        agent
            .session_of_id(&session_id(&format!("s{number}")))
            .count()
            .await;
        host.get(&format!("/strange/{number}")).await;
    }
    let after = scrape().await;
    assert_eq!(before.lines().count(), after.lines().count());
    for name in ["owner", "probe", "agent_1", owner.account()] {
        assert!(!after.contains(name), "{name} is in\n{after}");
    }
}

#[tokio::test]
async fn without_an_operators_token_nobody_operates_a_server_with_keys() {
    let host = Host::start();
    let owner = host.guest("owner", "").await;
    let request = host.request(reqwest::Method::GET, PATH).bearer_auth(TOKEN);
    for reply in [host.send(request).await, owner.get(PATH).await] {
        reply.assert_refused(
            401,
            "UnauthorizedException",
            "this needs the operator's token, and the server has none; its operator names a file with one as \
             operator_token_file under [server]",
        );
    }
}

#[tokio::test]
async fn a_token_that_could_be_guessed_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let config = format!("[server]\noperator_token_file = \"{}\"\n", file.display());
    std::fs::write(folder.path().join("kellion.toml"), config).unwrap();
    for (content, complaint) in [
        (None, "cannot read the operator's token"),
        (
            Some("short"),
            "has fewer than 32 characters; make one with: openssl rand -hex 32",
        ),
    ] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let mut command = kellion(folder.path());
        command.args(["serve", "--listen", "127.0.0.1:0", "--data", "data"]);
        let ended = run(&mut command).await;
        assert!(!ended.status.success(), "{ended:?}");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.contains(complaint), "{said}");
    }
}
