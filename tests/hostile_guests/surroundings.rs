//! Agents that look for a way out.

use serde_json::json;

use super::{deployed, stage};
use crate::harness::{PROBE, reference, wat};

#[tokio::test]
async fn g31_imports_of_what_is_not_offered_are_refused_by_name() {
    let (host, witness) = stage("").await;
    for (name, import) in [
        ("outgoing", "wasi:http/outgoing-handler@0.2.0"),
        ("types", "wasi:http/types@0.2.3"),
        ("newer", "wasi:sockets/tcp@0.3.0"),
        ("threads", "wasi:threads/spawn@0.2.0"),
        ("keyvalue", "wasi:keyvalue/store@0.2.0"),
        ("command", "kellion:agent/command@0.1.0"),
        ("foreign", "kellion:agent/log@0.2.0"),
    ] {
        let component = ::wat::parse_str(format!(
            r#"(component (import "{import}" (instance (export "f" (func)))))"#
        ));
        host.push(&reference(name), component.unwrap()).await;
        let runtime = host.create_with(name, json!({})).await.built().await;
        assert_eq!(runtime["status"], "CREATE_FAILED", "{runtime}");
        let reason = runtime["failureReason"].as_str().unwrap();
        let named = format!("it imports {import:?}, which is not offered");
        assert!(reason.contains(&named), "{reason}");
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn g31_what_is_offered_of_files_and_sockets_opens_nothing() {
    let (host, witness) = stage("").await;
    let agent = host.deploy("probe", PROBE).await;
    let reach = agent.session("first").ask(json!({ "do": "env" })).await;
    for attempt in ["root", "passwd", "written", "connected", "resolved"] {
        assert!(reach[attempt]["Err"].is_string(), "{attempt}: {reach}");
    }
    witness.survived(&host).await;
}

#[tokio::test]
async fn g36_variables_arguments_folders_and_the_place_are_empty() {
    let (host, witness) = stage("").await;
    let agent = host.deploy("probe", PROBE).await;
    let reach = agent.session("first").ask(json!({ "do": "env" })).await;
    assert_eq!(
        (&reach["variables"], &reach["arguments"]),
        (&json!({}), &json!([]))
    );

    // The same without a language between: how many of each there are.
    let looking = wat::agent(
        r#"(import "wasi:cli/environment@0.2.0" "get-environment" (func $variables (param i32)))
        (import "wasi:cli/environment@0.2.0" "get-arguments" (func $arguments (param i32)))
        (import "wasi:cli/environment@0.2.0" "initial-cwd" (func $place (param i32)))
        (import "wasi:filesystem/preopens@0.2.0" "get-directories" (func $folders (param i32)))
        (data (i32.const 1024) "[0,0,0,0]")
        (func $count (param $at i32) (param $count i32)
            (i32.store8 (local.get $at) (i32.add (i32.const 48) (local.get $count))))
        (func (export "invoke") (param i32) (result i32)
            (call $variables (i32.const 2048))
            (call $count (i32.const 1025) (i32.load (i32.const 2052)))
            (call $arguments (i32.const 2064))
            (call $count (i32.const 1027) (i32.load (i32.const 2068)))
            (call $place (i32.const 2080))
            (call $count (i32.const 1029) (i32.load8_u (i32.const 2080)))
            (call $folders (i32.const 2096))
            (call $count (i32.const 1031) (i32.load (i32.const 2100)))
            (call $answer (i32.const 1024) (i32.const 9)))"#,
    );
    let agent = deployed(&host, "looking", looking).await;
    let counts = agent.session("first").ask(json!({})).await;
    assert_eq!(counts, json!([0, 0, 0, 0]));
    witness.survived(&host).await;
}
