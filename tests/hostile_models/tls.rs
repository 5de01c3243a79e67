//! Who says that it is the provider, and is not.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::{Stage, goes_on, witness};
use crate::grants::{MODEL, fails, question, session};
use crate::harness::{Authority, Host, Issued};
use crate::stand_in::{Answer, StandIn};

/// The stand-in behind TLS, until it is dropped.
struct Encrypted {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Encrypted {
    async fn start(issued: &Issued, address: IpAddr, behind: &StandIn) -> Self {
        let certificate = CertificateDer::from_pem_file(&issued.certificate).unwrap();
        let key = PrivateKeyDer::from_pem_file(&issued.key).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let behind = behind
            .endpoint()
            .strip_prefix("http://")
            .unwrap()
            .to_owned();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    // Who refuses the certificate ends here.
                    if let Ok(mut caller) = acceptor.accept(stream).await
                        && let Ok(mut called) = TcpStream::connect(behind).await
                    {
                        let _ = copy_bidirectional(&mut caller, &mut called).await;
                    }
                });
            }
        });
        Self { address, task }
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn m8_who_cannot_prove_that_it_is_the_provider_is_told_nothing() {
    let authority = Authority::new();
    let stranger = Authority::new();
    let here: IpAddr = "127.0.0.1".parse().unwrap();
    let elsewhere: IpAddr = "127.0.0.2".parse().unwrap();
    let good = authority.issue("good");
    for (issued, address, is_good) in [
        (&good, here, true),
        // A name that the certificate does not have.
        (&good, elsewhere, false),
        (&authority.issue_expired("expired"), here, false),
        (&authority.issue_by_itself("itself"), here, false),
        (&stranger.issue("strange"), here, false),
    ] {
        let bedrock = StandIn::start_closing().await;
        let encrypted = Encrypted::start(issued, address, &bedrock).await;
        let host = Host::builder()
            .bedrock_at(&format!("https://{}", encrypted.address))
            .environment("SSL_CERT_FILE", authority.file().to_str().unwrap())
            .start();
        let witness = witness(&host).await;
        let session = session(&host, "").await;
        if is_good {
            goes_on(&session).await;
        } else {
            fails(&session, question(MODEL), "the model is unavailable").await;
            assert_eq!(bedrock.calls().total(), 0, "{issued:?}");
        }
        witness.survived(&host).await;
    }
}

#[tokio::test]
async fn m8_a_redirection_is_not_followed() {
    let stage = Stage::start("").await;
    let session = stage.session("").await;
    let other = StandIn::start().await;
    for status in [301, 302, 303, 307, 308] {
        let to = format!("{}/model/{MODEL}/converse", other.endpoint());
        let answer = Answer::raw(status, "application/json", "{}").header("location", &to);
        stage.bedrock.push(answer);
        fails(&session, question(MODEL), "the model ").await;
    }
    assert_eq!(other.calls().total(), 0);
    goes_on(&session).await;
    stage.survived().await;
}
