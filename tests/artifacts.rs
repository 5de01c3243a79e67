//! Where components come from: what was pushed, registries and S3 buckets, each spoken to by a server that others wrote.

mod sources;

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    Agent, ECHO, Host, HostBuilder, Image, PROBE, Registry, S3, eventually, kellion, zip,
};

fn read(file: &str) -> Vec<u8> {
    std::fs::read(file).expect("the build script made the guest")
}

/// The configuration of an agent of an image.
fn container(uri: &str) -> Value {
    json!({ "agentRuntimeArtifact": { "containerConfiguration": { "containerUri": uri } } })
}

/// The configuration of an agent of an object, as AWS documents it.
fn code(bucket: &str, key: &str, entry: &[&str]) -> Value {
    json!({ "agentRuntimeArtifact": { "codeConfiguration": {
        "code": { "s3": { "bucket": bucket, "prefix": key } },
        "runtime": "PYTHON_3_13",
        "entryPoint": entry,
    } } })
}

/// Of one version of it.
fn version(bucket: &str, key: &str, version: &str) -> Value {
    let mut code = code(bucket, key, &["agent.py"]);
    code["agentRuntimeArtifact"]["codeConfiguration"]["code"]["s3"]["versionId"] = json!(version);
    code
}

/// Makes an agent that serves.
async fn serves(host: &Host, name: &str, configuration: Value) -> Agent {
    let agent = host.create_with(name, configuration).await;
    let built = settled(host, &agent).await;
    assert_eq!(built["status"], "READY", "{built}");
    agent
}

/// Makes an agent that does not serve; why not.
async fn fails(host: &Host, name: &str, configuration: Value) -> String {
    let agent = host.create_with(name, configuration).await;
    let built = settled(host, &agent).await;
    assert_eq!(built["status"], "CREATE_FAILED", "{built}");
    built["failureReason"].as_str().expect("text").to_owned()
}

/// GetAgentRuntime, as soon as it is built, which takes sources minutes.
async fn settled(host: &Host, agent: &Agent) -> Value {
    for _ in 0..18_000 {
        let runtime = host.get(&agent.path("")).await.json_of(200);
        if runtime["status"] != "CREATING" {
            return runtime;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("gave up waiting for the build");
}

#[track_caller]
fn tells(reason: &str, parts: &[&str]) {
    for part in parts {
        assert!(reason.contains(part), "{part:?} is not in {reason:?}");
    }
}

/// Whether an agent is the one that sends back what it gets.
async fn is_echo(agent: &Agent, session: &str) -> bool {
    let payload = json!({ "do": "count" });
    agent.session(session).ask(payload.clone()).await == payload
}

#[tokio::test]
async fn an_image_is_pulled_once_and_a_tag_that_moves_moves_no_version() {
    let mut registry = Registry::start();
    let mut host = Host::builder().alone().config(&registry.allowed()).start();
    let echo = registry
        .push("agents/a:live", &Image::component(read(ECHO)))
        .await;
    let tagged = format!("{}/agents/a:live", registry.address);
    let pinned = format!("{}/agents/a@{echo}", registry.address);

    let agent = serves(&host, "tagged", container(&tagged)).await;
    assert!(is_echo(&agent, "before").await);
    registry
        .push("agents/a:live", &Image::component(read(PROBE)))
        .await;
    host.restart();
    assert!(is_echo(&agent, "after").await, "a version keeps its digest");
    assert_eq!(
        agent.update("tagged", container(&tagged)).await["status"],
        "READY"
    );
    assert!(!is_echo(&agent, "new").await, "the next one has the tag's");
    assert_eq!(agent.session("newer").count().await, 1);

    registry.stop();
    let agent = serves(&host, "pinned", container(&pinned)).await;
    assert!(
        is_echo(&agent, "first").await,
        "what is here is not fetched again"
    );
    let reason = fails(&host, "late", container(&tagged)).await;
    tells(&reason, &[&tagged, "cannot be reached"]);
}

#[tokio::test]
async fn the_docker_configuration_says_who_pulls() {
    let registry = Registry::with_login();
    registry
        .push("agents/a:1", &Image::component(read(ECHO)))
        .await;
    let image = container(&format!("{}/agents/a:1", registry.address));
    let start = |password: Option<&str>| {
        let builder = Host::builder().config(&registry.allowed());
        match password {
            Some(password) => {
                let folder = registry.docker_config(password).display().to_string();
                builder.environment("DOCKER_CONFIG", folder)
            }
            None => builder,
        }
        .start()
    };
    let host = start(Some(Registry::password()));
    let agent = serves(&host, "right", image.clone()).await;
    assert!(is_echo(&agent, "first").await);

    for password in [Some("a wrong password"), None] {
        let host = start(password);
        let reason = fails(&host, "wrong", image.clone()).await;
        tells(&reason, &["401", "docker login", &registry.address]);
        assert!(!reason.contains("wrong password"), "{reason}");
        assert!(!host.said().contains("wrong password"));
    }
}

#[tokio::test]
async fn an_image_that_is_no_component_is_refused_by_what_it_is() {
    let registry = Registry::start();
    let config = format!("{}[agents]\nartifact_mib = 1\n", registry.allowed());
    let host = Host::builder().config(&config).start();
    let layer = ("application/vnd.oci.image.layer.v1.tar+gzip", b"x".to_vec());
    let component = Image::component(read(ECHO));
    let images = [
        (
            "container",
            Image {
                config: "application/vnd.oci.image.config.v1+json",
                layers: vec![layer.clone()],
            },
            vec![
                "is a container image",
                "application/vnd.oci.image.config.v1+json",
            ],
        ),
        (
            "other",
            Image {
                config: "application/vnd.cncf.helm.config.v1+json",
                layers: vec![layer.clone()],
            },
            vec!["application/vnd.cncf.helm.config.v1+json"],
        ),
        (
            "layer",
            Image {
                layers: vec![layer.clone()],
                ..component.clone()
            },
            vec!["application/vnd.oci.image.layer.v1.tar+gzip"],
        ),
        (
            "two",
            Image {
                layers: vec![component.layers[0].clone(), layer],
                ..component.clone()
            },
            vec!["has 2 layers"],
        ),
        (
            "large",
            Image::component(vec![0; (1 << 20) + 1]),
            vec!["larger than 1 MiB"],
        ),
        ("text", Image::component(b"(component)".to_vec()), vec![]),
    ];
    for (name, image, told) in images {
        registry.push(&format!("{name}:1"), &image).await;
        let image = container(&format!("{}/{name}:1", registry.address));
        tells(&fails(&host, name, image).await, &told);
    }

    let address = &registry.address;
    let reason = fails(&host, "missing", container(&format!("{address}/a/b:1"))).await;
    tells(&reason, &[&format!("{address} has no {address}/a/b:1")]);

    // Of an index, the component is taken.
    let digest = registry.push("many:component", &component).await;
    registry
        .push_index("many:all", &[("amd64", &digest), ("wasm", &digest)])
        .await;
    let agent = serves(&host, "index", container(&format!("{address}/many:all"))).await;
    assert!(is_echo(&agent, "first").await);
    registry
        .push_index("many:none", &[("amd64", &digest)])
        .await;
    let reason = fails(&host, "none", container(&format!("{address}/many:none"))).await;
    tells(&reason, &["none of which is for wasm"]);
}

#[tokio::test]
async fn nothing_is_fetched_from_where_the_operator_did_not_allow() {
    let registry = Registry::start();
    registry.push("a:1", &Image::component(read(ECHO))).await;
    let s3 = S3::start();
    s3.put("agents", "a.wasm", &read(ECHO)).await;
    let host = s3_host(
        &s3,
        "[artifacts]\nregistries = [\"registry.example\"]\nbuckets = [\"others\"]",
    )
    .start();

    let address = &registry.address;
    let reason = fails(&host, "image", container(&format!("{address}/a:1"))).await;
    let told = format!(
        "no artifact is stored under {address}/a:1, and this server does not pull from {address}: push one with \
         `kellion push FILE {address}/a:1`, or have its operator add \"{address}\" to [artifacts] registries"
    );
    tells(&reason, &[&told]);
    let reason = fails(&host, "object", code("agents", "a.wasm", &["agent.py"])).await;
    tells(
        &reason,
        &["the bucket agents", "add \"agents\" to [artifacts] buckets"],
    );
    let reason = fails(&host, "name", container("short")).await;
    tells(&reason, &["docker.io"]);

    // What is pushed under a name is what it means, wherever it leads.
    host.push("s3://agents/a.wasm", read(PROBE)).await;
    let agent = serves(&host, "pushed", code("agents", "a.wasm", &["agent.py"])).await;
    assert_eq!(agent.session("first").count().await, 1);
}

/// A server that reads from this S3.
fn s3_host(s3: &S3, config: &str) -> HostBuilder {
    Host::builder()
        .config(config)
        .environment("AWS_ENDPOINT_URL_S3", &s3.endpoint)
        .environment("AWS_ACCESS_KEY_ID", "local")
        .environment("AWS_SECRET_ACCESS_KEY", "SECRET-OF-THE-SERVER")
        .environment("AWS_REGION", "us-west-2")
}

#[tokio::test]
async fn an_object_is_a_component_or_a_zip_with_one() {
    let s3 = S3::start();
    let host = s3_host(&s3, "[artifacts]\nbuckets = [\"agents\"]").start();
    let (echo, probe) = (read(ECHO), read(PROBE));

    s3.put("agents", "v1/agent.wasm", &echo).await;
    let agent = serves(
        &host,
        "component",
        code("agents", "v1/agent.wasm", &["agent.py"]),
    )
    .await;
    assert!(is_echo(&agent, "first").await);

    let one = zip(&[("README.md", b"an agent"), ("build/agent.wasm", &echo)]);
    s3.put("agents", "one.zip", &one).await;
    let agent = serves(&host, "zip", code("agents", "one.zip", &["agent.py"])).await;
    assert!(is_echo(&agent, "first").await);

    let several = zip(&[("a.wasm", &echo), ("b.wasm", &probe)]);
    s3.put("agents", "several.zip", &several).await;
    for (entry, name) in [
        (vec!["b.wasm"], "named"),
        (vec!["opentelemetry-instrument", "b.wasm"], "observed"),
    ] {
        let agent = serves(&host, name, code("agents", "several.zip", &entry)).await;
        assert!(!is_echo(&agent, "first").await);
    }
    let reason = fails(
        &host,
        "unnamed",
        code("agents", "several.zip", &["agent.py"]),
    )
    .await;
    tells(&reason, &["2 components", "a.wasm, b.wasm"]);

    // Every value of the model is taken, and so is any other.
    let runtimes =
        ["3_10", "3_11", "3_12", "3_13", "3_14"].map(|python| format!("PYTHON_{python}"));
    for (number, runtime) in runtimes
        .into_iter()
        .chain(["NODE_22".to_owned(), "WASM".to_owned()])
        .enumerate()
    {
        let mut code = code("agents", "one.zip", &["main.py"]);
        code["agentRuntimeArtifact"]["codeConfiguration"]["runtime"] = json!(runtime);
        serves(&host, &format!("runtime{number}"), code).await;
    }
    assert!(!host.said().contains("SECRET-OF-THE-SERVER"));
}

#[tokio::test]
async fn an_object_s_version_is_honoured() {
    let mut s3 = S3::start();
    let host = s3_host(&s3, "[artifacts]\nbuckets = [\"agents\"]").start();
    let old = s3.put("agents", "a.wasm", &read(ECHO)).await;
    s3.put("agents", "a.wasm", &read(PROBE)).await;
    let newest = serves(&host, "newest", code("agents", "a.wasm", &["agent.py"])).await;
    assert!(!is_echo(&newest, "first").await);
    let agent = serves(&host, "old", version("agents", "a.wasm", &old)).await;
    assert!(is_echo(&agent, "first").await);
    let none = "00000000-0000-4000-8000-000000000000";
    fails(&host, "none", version("agents", "a.wasm", none)).await;

    let reason = fails(&host, "missing", code("agents", "b.wasm", &["agent.py"])).await;
    tells(&reason, &["there is no s3://agents/b.wasm"]);
    s3.stop();
    let reason = fails(&host, "late", code("agents", "a.wasm", &["agent.py"])).await;
    tells(
        &reason,
        &["s3://agents/a.wasm cannot be read", "cannot be reached"],
    );
    assert!(!reason.contains(&s3.endpoint), "{reason}");
}

#[tokio::test]
async fn objects_beyond_bounds_are_refused_by_what_is_wrong() {
    let s3 = S3::start();
    let host = s3_host(
        &s3,
        "[artifacts]\nbuckets = [\"agents\", \"none\"]\n[agents]\nartifact_mib = 1",
    )
    .start();
    let zeros = vec![0; (3 << 20) + 1];
    let outside = {
        let name = b"nn/nn.wasm";
        let mut bytes = zip(&[("nn/nn.wasm", b"x")]);
        for at in 0..bytes.len() - name.len() {
            if bytes[at..].starts_with(name) {
                bytes[at..at + name.len()].copy_from_slice(b"../nn.wasm");
            }
        }
        bytes
    };
    let cases: [(&str, Vec<u8>, &[&str]); 5] = [
        ("large", zeros.clone(), &["larger than 1 MiB"]),
        ("bomb", zip(&[("a.wasm", &zeros)]), &["at most 3 MiB"]),
        ("outside", outside, &["\"../nn.wasm\"", "leads out"]),
        (
            "broken",
            b"PK\x03\x04 and no more".to_vec(),
            &["the zip cannot be read"],
        ),
        (
            "empty",
            zip(&[("notes.txt", b"none")]),
            &["neither a component nor the entry point \"agent.py\""],
        ),
    ];
    for (key, bytes, told) in cases {
        s3.put("agents", key, &bytes).await;
        tells(
            &fails(&host, key, code("agents", key, &["agent.py"])).await,
            told,
        );
    }
    for (name, key) in [("dots", "a/../b"), ("gap", "a//b")] {
        let reason = fails(&host, name, code("agents", key, &["agent.py"])).await;
        tells(&reason, &["cannot be read", "`..`"]);
    }
    let reason = fails(&host, "bucket", code("none", "a", &["agent.py"])).await;
    tells(&reason, &["there is no such bucket"]);
}

#[tokio::test]
async fn a_pushed_zip_is_the_component_in_it() {
    let host = Host::start();
    let file = host.folder().join("agent.zip");
    std::fs::write(&file, zip(&[("agent.wasm", &read(ECHO))])).expect("the folder is writable");
    let mut push = kellion(host.folder());
    push.args([
        "push",
        "agent.zip",
        "s3://mine/agent.zip",
        "--endpoint",
        host.endpoint(),
    ]);
    let output = push.output().expect("it can be run");
    assert!(output.status.success(), "{output:?}");
    let agent = serves(&host, "zipped", code("mine", "agent.zip", &["agent.py"])).await;
    assert!(is_echo(&agent, "first").await);

    host.push("image:1", zip(&[("agent.wasm", &read(PROBE))]))
        .await;
    let agent = serves(&host, "image", container("image:1")).await;
    assert_eq!(agent.session("first").count().await, 1);
    // Nothing half-made is left behind.
    let artifacts = host.folder().join("data/artifacts");
    eventually("only artifacts", || async {
        let names = std::fs::read_dir(&artifacts).expect("it is there");
        let whole = names.flatten().all(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.ends_with(".wasm")
        });
        whole.then_some(())
    })
    .await;
}
