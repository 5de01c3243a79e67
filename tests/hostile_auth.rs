//! Hostile callers at the door: what the tests of signatures and of tokens show one by one is refused on the port as well.
//! After each test another tenant's session still answers with its memory, and what the server spent is given back.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Body, Method, Request};
use serde_json::{Value, json};

use crate::harness::{Agent, Client, Host, Key, PROBE, Reply, Witness, encoded, session_id};
use crate::issuer::{Answer, Issuer, Page, SigningKey, encode, unsigned};

const SESSION: &str = "x-amzn-bedrock-agentcore-runtime-session-id";
const COUNT: &str = r#"{"do": "count"}"#;

/// A server with another tenant on it, and an agent of the one who is attacked.
struct Stage {
    host: Host,
    witness: Witness,
    owner: Client,
    agent: Agent,
}

impl Stage {
    async fn start() -> Self {
        let host = Host::start();
        let witness = Witness::tenant(&host).await;
        let owner = host.guest("owner", "").await;
        let agent = owner.deploy("probe", PROBE).await;
        Self {
            host,
            witness,
            owner,
            agent,
        }
    }

    fn key(&self) -> &Key {
        self.owner.key().unwrap()
    }

    /// A turn, before it is signed.
    fn turn(&self) -> Request {
        let turn = self.agent.session("first").invocation(COUNT);
        turn.build().unwrap()
    }

    /// A turn with a good signature.
    fn signed(&self) -> Request {
        self.signed_at(SystemTime::now())
    }

    fn signed_at(&self, now: SystemTime) -> Request {
        let mut turn = self.turn();
        self.key().sign_for(&mut turn, "us-west-2", now);
        turn
    }

    async fn refused(&self, request: Request) {
        let reply = self.owner.execute(request).await;
        let kind = reply.header("x-amzn-errortype");
        // 400 for what is no signature at all.
        let status = match kind {
            "IncompleteSignatureException" => 400,
            _ => 403,
        };
        assert!(
            reply.status == status && kind.ends_with("Exception"),
            "{reply:?}"
        );
        assert!(!reply.text().contains(&self.key().secret), "{reply:?}");
    }

    /// Nothing of what was refused has been done.
    async fn over(self) {
        assert_eq!(self.agent.session("first").count().await, 1);
        self.witness.survived(&self.host).await;
    }
}

fn set(request: &mut Request, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).unwrap();
    request.headers_mut().insert(name, value);
}

fn authorization(request: &Request) -> String {
    let value = &request.headers()[AUTHORIZATION];
    value.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a9_a_clock_that_is_wrong_signs_nothing_and_one_that_is_nearly_right_does() {
    let stage = Stage::start().await;
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let now = SystemTime::now();
    for wrong in [now - minutes(16), now - minutes(6), now + minutes(6)] {
        stage.refused(stage.signed_at(wrong)).await;
    }
    for (at, turn) in [(now - minutes(4), 1), (now + minutes(4), 2)] {
        let reply = stage.owner.execute(stage.signed_at(at)).await;
        assert_eq!(reply.json_of(200), turn);
    }
    assert_eq!(stage.agent.session("first").count().await, 3);
    stage.witness.survived(&stage.host).await;
}

#[tokio::test]
async fn a10_a_body_that_is_not_the_signed_one_is_refused() {
    let stage = Stage::start().await;
    let mut changed = stage.signed();
    *changed.body_mut() = Some(Body::from(r#"{"do": "trap "}"#));
    stage.refused(changed).await;
    for hash in [
        "UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    ] {
        let mut turn = stage.turn();
        set(&mut turn, "x-amz-content-sha256", hash);
        stage
            .key()
            .sign_for(&mut turn, "us-west-2", SystemTime::now());
        stage.refused(turn).await;
    }
    stage.over().await;
}

#[tokio::test]
async fn a11_what_was_signed_cannot_be_altered_nor_what_binds_be_added() {
    let stage = Stage::start().await;
    let mut another = stage.signed();
    set(&mut another, SESSION, &session_id("another"));
    stage.refused(another).await;

    let mut twice = stage.signed();
    let name = reqwest::header::HeaderName::from_static(SESSION);
    let second = session_id("another").parse().unwrap();
    twice.headers_mut().append(name, second);
    stage.refused(twice).await;

    let mut gone = stage.signed();
    gone.headers_mut().remove(SESSION);
    stage.refused(gone).await;

    let mut added = stage.signed();
    set(
        &mut added,
        "x-amzn-bedrock-agentcore-runtime-user-id",
        "seven",
    );
    stage.refused(added).await;

    let mut query = stage.signed();
    query.url_mut().set_query(Some("qualifier=other"));
    stage.refused(query).await;

    let mut elsewhere = stage.signed();
    let path = elsewhere.url().path().replace("probe-", "other-");
    elsewhere.url_mut().set_path(&path);
    stage.refused(elsewhere).await;
    stage.over().await;
}

#[tokio::test]
async fn a12_a_signature_for_elsewhere_or_in_pieces_is_refused() {
    let stage = Stage::start().await;
    let mut elsewhere = stage.turn();
    stage
        .key()
        .sign_for(&mut elsewhere, "eu-central-1", SystemTime::now());
    stage.refused(elsewhere).await;
    let alter = |from: &str, to: &str| {
        let mut turn = stage.signed();
        let altered = authorization(&turn).replace(from, to);
        assert_ne!(altered, authorization(&turn));
        set(&mut turn, "authorization", &altered);
        turn
    };
    for (from, to) in [
        ("/bedrock-agentcore/", "/s3/"),
        ("/aws4_request", "/aws5_request"),
        ("Signature=", "Signature=00"),
        ("SignedHeaders=", "SignedHeaders=;"),
        ("Credential=", "Credentials="),
    ] {
        stage.refused(alter(from, to)).await;
    }
    let mut cut = stage.signed();
    let whole = authorization(&cut);
    set(&mut cut, "authorization", &whole[..whole.len() - 1]);
    stage.refused(cut).await;

    let mut both = stage.signed();
    both.url_mut()
        .set_query(Some("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00"));
    stage.refused(both).await;
    stage.over().await;
}

/// An issuer, and an agent that takes its tokens.
struct Bearers {
    stage: Stage,
    issuer: Issuer,
    key: SigningKey,
    agent: Agent,
}

impl Bearers {
    async fn start() -> Self {
        let key = SigningKey::rsa("first");
        let issuer = Issuer::start(&[&key]).await;
        let host = Host::builder()
            .config("[auth]\nallow_private_issuers = true\n")
            .start();
        let witness = Witness::tenant(&host).await;
        let owner = host.guest("owner", "").await;
        let signed = owner.deploy("probe", PROBE).await;
        let agent = Self::agent(&owner, "tokens", &issuer.discovery_url()).await;
        let stage = Stage {
            host,
            witness,
            owner,
            agent: signed,
        };
        Self {
            stage,
            issuer,
            key,
            agent,
        }
    }

    async fn agent(owner: &Client, name: &str, discovery: &str) -> Agent {
        let authorizer = json!({ "authorizerConfiguration": { "customJWTAuthorizer": {
            "discoveryUrl": discovery, "allowedAudience": ["agents"],
        } } });
        owner.deploy_with(name, PROBE, authorizer).await
    }

    fn claims(&self) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        json!({ "iss": self.issuer.name(), "aud": "agents", "sub": "ada", "exp": now.as_secs() + 600 })
    }

    async fn ask(&self, agent: &Agent, token: &str) -> Reply {
        let path = format!("/runtimes/{}/invocations", encoded(&agent.arn));
        let request = self.stage.host.request(Method::POST, &path);
        let request = request
            .header(SESSION, session_id("adas"))
            .bearer_auth(token);
        self.stage.host.send(request.body(COUNT)).await
    }

    async fn refused(&self, token: &str) {
        let reply = self.ask(&self.agent, token).await;
        reply.assert_refused(401, "UnauthorizedException", "");
        assert!(!reply.text().contains(token), "{reply:?}");
    }
}

#[tokio::test]
async fn a13_a_token_is_signed_with_the_issuers_key_or_refused() {
    let bearers = Bearers::start().await;
    let claims = bearers.claims();
    for algorithm in ["none", "NoNe", ""] {
        let bare = unsigned(&json!({ "alg": algorithm, "kid": "first" }), &claims);
        bearers.refused(&format!("{bare}.")).await;
    }
    // The public key as a shared secret.
    let header = json!({ "alg": "HS256", "kid": "first" });
    let bare = unsigned(&header, &claims);
    let secret = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, bearers.key.public());
    let tag = aws_lc_rs::hmac::sign(&secret, bare.as_bytes());
    bearers
        .refused(&format!("{bare}.{}", encode(tag.as_ref())))
        .await;
    let zeros = unsigned(&json!({ "alg": "ES256", "kid": "first" }), &claims);
    bearers
        .refused(&format!("{zeros}.{}", encode(&[0; 64])))
        .await;
    let other = SigningKey::p256("first");
    bearers.refused(&other.token(&claims)).await;

    let good = bearers.key.token(&claims);
    let reply = bearers.ask(&bearers.agent, &good).await;
    assert_eq!(reply.json_of(200), 1);
    bearers.stage.over().await;
}

#[tokio::test]
async fn a15_keys_come_from_the_issuer_alone_and_an_issuer_that_misbehaves_is_given_up() {
    let bearers = Bearers::start().await;
    let claims = bearers.claims();
    // Keys that a token brings along, or says where to find.
    let own = SigningKey::rsa("own");
    let elsewhere = Issuer::start(&[&own]).await;
    let header = json!({
        "alg": "RS256", "kid": "own", "jwk": own.jwk(),
        "jku": format!("{}/keys", elsewhere.name()), "x5u": elsewhere.discovery_url(),
    });
    bearers.refused(&own.token_with(&header, &claims)).await;
    assert_eq!(elsewhere.asked(Page::Keys), 0);
    assert_eq!(elsewhere.asked(Page::Discovery), 0);

    for (number, answer) in [
        Answer::Endless,
        Answer::Redirect(bearers.issuer.discovery_url()),
        Answer::Text("[".repeat(100_000)),
        Answer::Status(500),
    ]
    .into_iter()
    .enumerate()
    {
        let hostile = Issuer::start(&[&own]).await;
        hostile.answer(Page::Discovery, answer.clone());
        let name = format!("hostile_{number}");
        let agent = Bearers::agent(&bearers.stage.owner, &name, &hostile.discovery_url()).await;
        let mut claims = claims.clone();
        claims["iss"] = json!(hostile.name());
        let reply = bearers.ask(&agent, &own.token(&claims)).await;
        let failed = [401, 503].contains(&reply.status);
        assert!(failed, "{answer:?}: {reply:?}");
    }
    bearers.stage.over().await;
}

/// What happens when the keys are read again stands in the tests of tokens, which have a clock of their own.
#[tokio::test]
async fn a17_old_and_new_keys_work_side_by_side() {
    let bearers = Bearers::start().await;
    let next = SigningKey::p256("next");
    bearers.issuer.publish(&[&bearers.key, &next]);
    let claims = bearers.claims();
    for (turn, key) in [(1, &next), (2, &bearers.key), (3, &next)] {
        let reply = bearers.ask(&bearers.agent, &key.token(&claims)).await;
        assert_eq!(reply.json_of(200), turn);
    }
    bearers.stage.over().await;
}
