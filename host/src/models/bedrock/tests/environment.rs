//! What a process finds in its environment. Each test runs itself once more in a process of its own, for the variables of
//! this one belong to all tests.

use std::process::Output;

use tokio::process::Command;

use super::ask;
use super::stand_in::{Calls, StandIn};
use crate::contract::model::Content;
use crate::models::Provider as _;
use crate::models::bedrock::{Bedrock, SetupError};

const CHILD: &str = "KELLION_TEST_CHILD";

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs one test of this file alone, in a process that has these variables and none of AWS's besides.
async fn run(test: &str, variables: &[(&str, &str)]) -> Output {
    let name = format!("models::bedrock::tests::environment::{test}");
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &name, "--nocapture"])
        .env_clear()
        .env(CHILD, "1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .envs(variables.iter().copied())
        .output()
        .await
        .unwrap()
}

fn assert_passed(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test]
async fn region_credentials_and_endpoint_are_found_as_aws_tools_find_them() {
    if is_child() {
        let bedrock = Bedrock::from_environment().await.unwrap();
        let response = bedrock.converse(ask("Hello")).await.unwrap();
        assert_eq!(
            response.content,
            [Content::Text("You said: Hello".to_owned())]
        );
        return;
    }
    let stand_in = StandIn::start().await;
    let output = run(
        "region_credentials_and_endpoint_are_found_as_aws_tools_find_them",
        &[
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "AKIDFORTESTS"),
            ("AWS_SECRET_ACCESS_KEY", "not a secret"),
            ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", stand_in.endpoint()),
        ],
    )
    .await;
    assert_passed(&output);
    assert_eq!(
        stand_in.calls(),
        Calls {
            converse: 1,
            ..Calls::default()
        }
    );
    let signature = stand_in.requests()[0].headers["authorization"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        signature.contains("Credential=AKIDFORTESTS/")
            && signature.contains("/eu-central-1/bedrock/"),
        "{signature}"
    );
}

#[tokio::test]
async fn without_a_region_the_provider_does_not_start_and_says_what_to_set() {
    if is_child() {
        let SetupError::NoRegion = Bedrock::from_environment().await.unwrap_err();
        return;
    }
    assert_passed(
        &run(
            "without_a_region_the_provider_does_not_start_and_says_what_to_set",
            &[],
        )
        .await,
    );
    assert!(SetupError::NoRegion.to_string().contains("AWS_REGION"));
}

#[tokio::test]
async fn missing_credentials_are_the_operators_matter() {
    if is_child() {
        let bedrock = Bedrock::from_environment().await.unwrap();
        let error = bedrock.converse(ask("Hello")).await.unwrap_err();
        assert_eq!(error.kind, crate::contract::model::ErrorKind::Unavailable);
        assert!(
            error
                .message
                .contains("its operator finds the reason in the log"),
            "{}",
            error.message
        );
        return;
    }
    let stand_in = StandIn::start().await;
    let variables = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", stand_in.endpoint()),
    ];
    assert_passed(&run("missing_credentials_are_the_operators_matter", &variables).await);
    assert_eq!(stand_in.calls().total(), 0);
}
