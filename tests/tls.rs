//! HTTPS: who may speak it, what is shown to whom, and a certificate that is renewed while the server runs.

use reqwest::Method;
use rustls::pki_types::CertificateDer;
use rustls::{ProtocolVersion, version};

use crate::harness::{
    Authority, Host, PROBE, Raw, TUTORIAL, Tool, eventually, kellion, reference, run, run_script,
};

const GET: &str = "GET /healthz/ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

#[tokio::test]
async fn boto3_follows_the_tutorial_over_https() {
    let authority = Authority::new();
    let host = Host::builder().certified(&authority).start();
    assert!(host.endpoint().starts_with("https://"));
    let image = reference("tutorial");
    host.push(&image, std::fs::read(TUTORIAL).unwrap()).await;
    let script = Tool::Script("tutorial.py");
    run_script(&host, "tutorial.py", script, &[&image], |command| {
        command.env("AWS_CA_BUNDLE", authority.file());
    })
    .await;
}

#[tokio::test]
async fn the_command_line_trusts_whom_it_is_told_to() {
    let authority = Authority::new();
    let host = Host::builder().certified(&authority).start();
    host.deploy("probe", PROBE).await;
    let agents = |more: &[String]| {
        let mut command = kellion(host.folder());
        command.args(["agents", "--json", "--endpoint", host.endpoint()]);
        command.args(more);
        async move { run(&mut command).await }
    };
    let file = authority.file().display().to_string();
    let trusted = agents(&["--ca-file".to_owned(), file]).await;
    assert!(trusted.status.success(), "{trusted:?}");
    assert!(String::from_utf8_lossy(&trusted.stdout).contains("probe"));

    let stranger = agents(&[]).await;
    let said = String::from_utf8_lossy(&stranger.stderr);
    assert!(!stranger.status.success(), "{said}");
    assert!(said.contains("certificate"), "{said}");

    let other = host.folder().join("other.pem");
    std::fs::write(&other, "nothing").unwrap();
    let empty = agents(&["--ca-file".to_owned(), other.display().to_string()]).await;
    let said = String::from_utf8_lossy(&empty.stderr);
    assert!(!empty.status.success(), "{said}");
    assert!(said.contains("there is no certificate in"), "{said}");
}

/// What a new client is shown, and what it agrees on.
async fn greeted(
    host: &Host,
    client: rustls::ClientConfig,
) -> (
    CertificateDer<'static>,
    Option<ProtocolVersion>,
    Option<Vec<u8>>,
) {
    let raw = Raw::open(host).await.encrypted(client).await;
    let raw = raw.expect("the certificate is trusted");
    let (_, connection) = raw.stream().get_ref();
    let shown = connection.peer_certificates().expect("one is shown")[0].clone();
    (
        shown.into_owned(),
        connection.protocol_version(),
        connection.alpn_protocol().map(<[u8]>::to_vec),
    )
}

#[tokio::test]
async fn both_versions_of_http_and_of_tls_are_spoken() {
    let authority = Authority::new();
    let host = Host::builder().certified(&authority).start();
    let agreed = async |protocols: &[&str]| {
        let (_, version, protocol) = greeted(&host, authority.client(protocols)).await;
        assert_eq!(version, Some(ProtocolVersion::TLSv1_3));
        protocol.map(|protocol| String::from_utf8(protocol).unwrap())
    };
    assert_eq!(agreed(&["h2", "http/1.1"]).await.as_deref(), Some("h2"));
    assert_eq!(agreed(&["http/1.1"]).await.as_deref(), Some("http/1.1"));
    assert_eq!(agreed(&[]).await, None);

    let old = authority.client_of(&[&version::TLS12], &[]);
    let (_, version, _) = greeted(&host, old).await;
    assert_eq!(version, Some(ProtocolVersion::TLSv1_2));
}

#[tokio::test]
async fn plain_http_on_the_encrypted_port_is_told_so() {
    let authority = Authority::new();
    let host = Host::builder().certified(&authority).start();
    let answer = Raw::open(&host).await.ask(GET).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        answer.contains("begin the address with https://"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_handshake_holds_nobody_up() {
    let authority = Authority::new();
    let host = Host::builder()
        .config("[server]\nheader_timeout_seconds = 1")
        .certified(&authority)
        .start();
    let mut silent = Raw::open(&host).await;
    let mut halting = Raw::open(&host).await;
    // The beginning of a record of TLS.
    assert!(halting.send([22, 3, 1]).await);
    assert_eq!(host.get("/healthz/ready").await.status, 200);
    assert_eq!(silent.rest().await, "");
    assert_eq!(halting.rest().await, "");
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_new_clients_and_a_broken_one_to_nobody() {
    let authority = Authority::new();
    let host = Host::builder()
        .prelude("export KELLION_LOG=info")
        .certified(&authority)
        .start();
    let first = authority.issued("server");
    let second = authority.issue("renewed");
    let shown = async || greeted(&host, authority.client(&[])).await.0;
    assert_eq!(shown().await, first.shown());

    // Who is connected is not concerned.
    let old = Raw::open(&host).await;
    let mut old = old.encrypted(authority.client(&[])).await.unwrap();
    let renewed = second.shown();
    second.replace(&first);
    eventually("the renewed certificate", || async {
        (shown().await == renewed).then_some(())
    })
    .await;
    assert!(old.ask(GET).await.starts_with("HTTP/1.1 200 "));

    std::fs::write(&first.key, "nothing of use").unwrap();
    let kept = "the old one stays in use";
    eventually("word of the broken key", || async {
        host.said().contains(kept).then_some(())
    })
    .await;
    assert_eq!(shown().await, renewed);

    // A key of another certificate is as useless.
    let third = authority.issue("third");
    std::fs::copy(&third.key, &first.key).unwrap();
    eventually("word of the wrong key", || async {
        (host.said().matches(kept).count() > 1).then_some(())
    })
    .await;
    assert_eq!(shown().await, renewed);
    assert_eq!(host.get("/healthz/ready").await.status, 200);
}

#[tokio::test]
async fn a_hangup_lets_the_server_read_its_certificate_again() {
    let authority = Authority::new();
    let host = Host::builder()
        .prelude("export KELLION_LOG=info")
        .certified(&authority)
        .start();
    assert_eq!(host.get("/healthz/ready").await.status, 200);
    host.signal("HUP");
    // Nothing has changed, so that nothing else would let it.
    eventually("the new certificate", || async {
        host.said()
            .contains("shown the new certificate")
            .then_some(())
    })
    .await;
    assert_eq!(host.get("/healthz/ready").await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_served_with_is_refused_at_the_start() {
    let authority = Authority::new();
    let [one, other] = ["one", "other"].map(|name| authority.issue(name));
    let serve = |arguments: Vec<String>| {
        let folder = authority.file().parent().unwrap().to_owned();
        let mut command = kellion(&folder);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data", "data"]);
        command.args(arguments);
        async move {
            let ended = run(&mut command).await;
            assert!(!ended.status.success(), "{ended:?}");
            String::from_utf8_lossy(&ended.stderr).into_owned()
        }
    };
    let with = |certificate: &std::path::Path, key: &std::path::Path| {
        let [certificate, key] = [certificate, key].map(|path| path.display().to_string());
        vec![
            "--tls-certificate".to_owned(),
            certificate,
            "--tls-key".to_owned(),
            key,
        ]
    };
    let said = serve(with(&one.certificate, &other.key)).await;
    assert!(said.contains("do they belong together?"), "{said}");
    let said = serve(with(&one.key, &one.key)).await;
    assert!(said.contains("there is no certificate in"), "{said}");
    let said = serve(with(&one.certificate, &one.certificate)).await;
    assert!(said.contains("there is no key in"), "{said}");
    let said = serve(with(&one.certificate, "nowhere.pem".as_ref())).await;
    assert!(said.contains("cannot read the key"), "{said}");
    let said = serve(with(&one.certificate, &one.key)[..2].to_vec()).await;
    assert!(said.contains("--tls-key"), "{said}");
}

#[tokio::test]
async fn over_https_as_well_only_this_machine_is_local() {
    let authority = Authority::new();
    let host = Host::builder().certified(&authority).start();
    let request = host.request(Method::GET, "/kellion/v1/server");
    let foreign = host
        .send(request.header("origin", "https://example.com"))
        .await;
    foreign.assert_refused(403, "AccessDeniedException", "this machine only");
}
