//! U19: tenants whose policy takes only what certain authors signed.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::read;
use crate::harness::{Client, ECHO, Host, Witness, kellion, reference};

/// Of the 32 bytes 1, as `openssl genpkey -algorithm ed25519` writes keys.
const AUTHOR: &str = "MC4CAQAwBQYDK2VwBCIEIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
/// Its public half, as `openssl pkey -pubout` writes it.
const TRUSTED: &str = "MCowBQYDK2VwAyEAiojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=";
/// Of the 32 bytes 2.
const STRANGER: &str = "MC4CAQAwBQYDK2VwBCIEIAICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIC";

/// The echo agent, signed by the command line's own command.
fn signed(folder: &Path, key: &str) -> Vec<u8> {
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n");
    fs::write(folder.join("key.pem"), pem).unwrap();
    fs::copy(ECHO, folder.join("agent.wasm")).unwrap();
    let mut sign = kellion(folder);
    sign.args([
        "sign",
        "agent.wasm",
        "--key",
        "key.pem",
        "-o",
        "signed.wasm",
    ]);
    let output = sign.output().expect("it can be run");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("signed_by = [\"MCowBQYDK2Vw"), "{said}");
    fs::read(folder.join("signed.wasm")).unwrap()
}

async fn built(client: &Client, name: &str, bytes: Vec<u8>) -> Value {
    client.push(&reference(name), bytes).await;
    client.create(name).await.built().await
}

#[tokio::test]
async fn u19_what_nobody_signed_who_is_trusted_becomes_no_version() {
    let host = Host::start();
    let witness = Witness::tenant(&host).await;
    let careful = host
        .guest("careful", &format!("signed_by = [\"{TRUSTED}\"]\n"))
        .await;
    let good = signed(host.folder(), AUTHOR);
    let mut appended = good.clone();
    appended.extend([0, 5, 1, b'a', 1, 2, 3]);
    // The signature's own place, in front, and one in the middle of what is signed.
    let mut forged = good.clone();
    forged[60] ^= 1;
    let mut changed = good.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let mut bomb = b"\0asm\x0d\0\x01\0".to_vec();
    // A section of the signature's name that says that it has two gigabytes.
    bomb.extend([0, 0xff, 0xff, 0xff, 0xff, 0x07, 9]);
    bomb.extend(b"signature");
    for (name, bytes, told) in [
        ("unsigned", read(ECHO), "is not signed"),
        ("stranger", signed(host.folder(), STRANGER), "by no key"),
        ("appended", appended, "by no key"),
        ("forged", forged, "signature"),
        ("changed", changed, "by no key"),
        ("cut", good[..good.len() - 1].to_vec(), "by no key"),
        ("bomb", bomb, "signature"),
    ] {
        let built = built(&careful, name, bytes).await;
        assert_eq!(built["status"], "CREATE_FAILED", "{name}: {built}");
        let reason = built["failureReason"].as_str().unwrap();
        assert!(reason.contains(told), "{name}: {reason}");
    }

    // What was refused to one is not refused to another, nor the other way round.
    let easy = host.guest("easy", "").await;
    for (name, bytes) in [("unsigned", read(ECHO)), ("signed", good.clone())] {
        assert_eq!(built(&easy, name, bytes).await["status"], "READY");
    }
    let built_of_unsigned = built(&careful, "again", read(ECHO)).await;
    assert_eq!(built_of_unsigned["status"], "CREATE_FAILED");

    careful.push(&reference("good"), good).await;
    let agent = careful.create("good").await;
    assert_eq!(agent.built().await["status"], "READY");
    let session = agent.session("first");
    assert_eq!(session.ask(json!({ "a": 1 })).await["a"], 1);

    // An update to other bytes fails, and the good version serves on.
    careful.push(&reference("good"), read(ECHO)).await;
    let updated = agent.update("good", json!({})).await;
    assert_eq!(updated["status"], "UPDATE_FAILED", "{updated}");
    assert_eq!(agent.session("second").ask(json!({ "a": 2 })).await["a"], 2);
    witness.survived(&host).await;
}

#[test]
fn a_policy_with_something_else_than_a_key_is_refused_by_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policy.toml"), "signed_by = [\"abc\"]\n").unwrap();
    let mut create = kellion(folder.path());
    create.args(["tenants", "create", "careful", "--policy", "policy.toml"]);
    let output = create.output().expect("it can be run");
    assert!(!output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("\"abc\" is no public Ed25519 key"), "{said}");
}
