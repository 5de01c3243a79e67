//! Keys where they are used: boto3, the AWS CLI, presigned URLs, the command line, and the operator who makes them.

use serde_json::Value;

use crate::harness::{ECHO, Host, Key, Tool, Witness, in_time, kellion, run, script};

#[tokio::test]
async fn boto3_and_the_aws_cli_call_with_their_keys_and_are_refused_with_anothers() {
    let host = Host::start();
    let account = host.tenant("one", "");
    let key = host.key(&account, &[]).await;
    let stranger_account = host.tenant("two", "");
    let stranger = host.key(&stranger_account, &[]).await;
    let agent = host.signed(&key).deploy("echo", ECHO).await;
    let mut script = Tool::Script("keys.py").command(host.folder());
    script
        .args([host.endpoint(), &agent.arn, &key.id, &key.secret])
        .args([&stranger.id, &stranger.secret]);
    let output = in_time("keys.py", run(&mut script)).await;
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let list = async |key: &Key| {
        let mut command = Tool::Aws.command(host.folder());
        command
            .args([
                "bedrock-agentcore-control",
                "list-agent-runtimes",
                "--endpoint-url",
            ])
            .args([host.endpoint(), "--output", "json"])
            .env("AWS_ACCESS_KEY_ID", &key.id)
            .env("AWS_SECRET_ACCESS_KEY", &key.secret);
        let output = in_time("the AWS CLI", run(&mut command)).await;
        assert!(output.status.success(), "{output:?}");
        let list: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        list["agentRuntimes"].as_array().expect("a list").len()
    };
    assert_eq!(list(&key).await, 1);
    assert_eq!(list(&stranger).await, 0);
}

/// A12: signatures in the query are refused, unless the operator allows them.
#[tokio::test]
async fn presigned_urls_are_taken_where_they_are_allowed() {
    for (config, allowed) in [("", "no"), ("[auth]\nallow_presigned_urls = true\n", "yes")] {
        let host = Host::builder().config(config).start();
        let account = host.tenant("one", "");
        let key = host.key(&account, &[]).await;
        let witness = Witness::tenant(&host).await;
        let agent = host.signed(&key).deploy("echo", ECHO).await;
        let arguments = [&agent.arn, &key.id, &key.secret, allowed];
        script(&host, "presigned.py", &arguments).await;
        witness.survived(&host).await;
    }
}

#[tokio::test]
async fn the_command_line_signs_with_the_environments_credentials() {
    let host = Host::start();
    let account = host.tenant("one", "");
    let key = host.key(&account, &[]).await;
    let deploy = |secret: &str| {
        kellion(host.folder())
            .args([
                "deploy",
                ECHO,
                "--name",
                "echo",
                "--endpoint",
                host.endpoint(),
            ])
            .env("AWS_ACCESS_KEY_ID", &key.id)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            .output()
            .expect("the binary can be run")
    };
    let unsigned = kellion(host.folder())
        .args(["agents", "--endpoint", host.endpoint()])
        .output()
        .expect("the binary can be run");
    let said = String::from_utf8_lossy(&unsigned.stderr);
    assert!(said.contains("set AWS_ACCESS_KEY_ID"), "{said}");
    assert_eq!(unsigned.status.code(), Some(4));
    let refused = deploy("wrong");
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    let deployed = deploy(&key.secret);
    assert!(deployed.status.success(), "{deployed:?}");
    let said = String::from_utf8_lossy(&deployed.stderr);
    assert!(
        said.contains("invoke_agent_runtime") && !said.contains("\"local\""),
        "{said}"
    );
    let usage = kellion(host.folder())
        .args(["usage", "--endpoint", host.endpoint()])
        .env("AWS_ACCESS_KEY_ID", &key.id)
        .env("AWS_SECRET_ACCESS_KEY", &key.secret)
        .output()
        .expect("the binary can be run");
    let told = String::from_utf8_lossy(&usage.stdout);
    assert!(
        told.contains(&account) && told.contains("1 of 1000"),
        "{usage:?}"
    );
    let usage = host
        .signed(&key)
        .get("/kellion/v1/usage")
        .await
        .json_of(200);
    assert_eq!(usage["usage"]["agents"], 1);
}

#[test]
fn operators_are_told_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = kellion(folder.path())
            .args(arguments)
            .args(["--data", "data"])
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    for (arguments, code, message) in [
        (&["tenants", "create", ""][..], 1, "a tenant's name"),
        (&["tenants", "create", "a", "--id", "12"], 2, "12 digits"),
        (&["tenants", "create", "a", "--id", "123456789012"], 0, ""),
        (
            &["tenants", "create", "b", "--id", "123456789012"],
            5,
            "already",
        ),
        (&["tenants", "suspend", "999999999999"], 3, "no tenant"),
        (&["keys", "create", "999999999999"], 3, "no tenant"),
        (
            &["keys", "create", "123456789012", "--allow", "fly"],
            2,
            "no permission",
        ),
        (&["keys", "revoke", "AKKLAAAAAAAAAAAAAAAA"], 3, "no key"),
    ] {
        let (status, said) = run(arguments);
        assert_eq!(status, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(message), "{arguments:?}: {said}");
    }
    std::fs::write(folder.path().join("policy.toml"), "[quotas]\nsesions = 1\n").unwrap();
    let policy = folder.path().join("policy.toml");
    let (status, said) = run(&[
        "tenants",
        "policy",
        "123456789012",
        policy.to_str().unwrap(),
    ]);
    assert_eq!(status, Some(1));
    assert!(said.contains("sesions"), "{said}");
}
