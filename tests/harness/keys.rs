//! Tenants and keys, as the server's operator makes them, and requests that are signed with them.

use std::process::Output;
use std::time::SystemTime;

use kellion_host::sigv4::{Outgoing, Signer, SigningIdentity};
use reqwest::Request;
use reqwest::header::HeaderValue;
use serde_json::Value;

use super::{Client, Host, eventually, kellion};

/// A key of a tenant, with what signs.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) account: String,
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Key {
    /// Signs a request, as AWS clients do.
    pub(super) fn sign(&self, request: &mut Request) {
        self.sign_for(request, "us-west-2", SystemTime::now());
    }

    /// The same for this region, by a clock that shows this.
    pub(crate) fn sign_for(&self, request: &mut Request, region: &str, now: SystemTime) {
        let signer = Signer::new(SigningIdentity {
            access_key: self.id.clone(),
            secret: self.secret.clone(),
            region: region.to_owned(),
            service: "bedrock-agentcore".to_owned(),
        })
        .expect("the key is one");
        let url = request.url().clone();
        let host = format!(
            "{}:{}",
            url.host_str().expect("a host"),
            url.port().expect("a port")
        );
        let host = HeaderValue::from_str(&host).expect("a host");
        let body = request
            .body()
            .map(|body| body.as_bytes().expect("what is signed is at hand").to_vec());
        let signed = signer.sign(
            &Outgoing {
                method: request.method().as_str(),
                path: url.path(),
                query: url.query().unwrap_or_default(),
                host: &host,
                headers: request.headers(),
                body: body.as_deref().unwrap_or_default(),
            },
            now,
        );
        request.headers_mut().extend(signed);
    }
}

impl Host {
    /// A command of the server's operator, on the server's data.
    pub(crate) fn operator(&self, arguments: &[&str]) -> Output {
        kellion(self.folder())
            .args(arguments)
            .args(["--json", "--data", "data", "--config", "kellion.toml"])
            .output()
            .expect("the server's binary can be run")
    }

    /// What such a command prints, which must end well.
    pub(crate) fn operate(&self, arguments: &[&str]) -> Value {
        let output = self.operator(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// A new tenant's account, with this policy.
    pub(crate) fn tenant(&self, name: &str, policy: &str) -> String {
        let file = self.folder().join(format!("{name}.toml"));
        std::fs::write(&file, policy).expect("the folder is writable");
        let file = file.to_str().expect("the folder's name is text");
        let made = self.operate(&["tenants", "create", name, "--policy", file]);
        made["id"].as_str().expect("an account").to_owned()
    }

    /// A new key of a tenant, good when this returns.
    pub(crate) async fn key(&self, account: &str, more: &[&str]) -> Key {
        let made = self.operate(&[&["keys", "create", account], more].concat());
        let text = |member: &str| made[member].as_str().expect("text").to_owned();
        let key = Key {
            account: account.to_owned(),
            id: text("id"),
            secret: text("secret"),
        };
        let client = self.signed(&key);
        eventually("the key", || async {
            let reply = client.get("/kellion/v1/server").await;
            // Until the server sees its first key it takes everybody, as another account.
            let refused = reply.header("x-amzn-errortype") == "AccessDeniedException";
            let own =
                reply.status == 429 || (reply.status == 200 && reply.json()["account"] == account);
            (refused || own).then_some(())
        })
        .await;
        key
    }

    /// A client that signs with a key.
    pub(crate) fn signed(&self, key: &Key) -> Client {
        Client::signing(self.endpoint(), key)
    }

    /// A client of a new tenant, with a key that allows everything.
    pub(crate) async fn guest(&self, name: &str, policy: &str) -> Client {
        let account = self.tenant(name, policy);
        let key = self.key(&account, &[]).await;
        self.signed(&key)
    }
}
