//! The configuration: flags before environment before file before defaults. The only place that reads the environment.

pub mod places;
mod server;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::{agents, journal, models, sandbox, sessions, tokens};

pub use server::{HeaderBytes, InvalidHeaderBytes, Server, Tls};

/// The address that servers listen on, and clients look for one, unless told otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:8080";

/// The configuration file. Every part belongs to the room that it configures; unknown keys are errors.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen. `127.0.0.1:8080` by default; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Where agents, artifacts and compiled programs are kept. By default `kellion` in the user's data folder.
    pub data: PathBuf,
    /// The file with the 32 bytes that seal the secrets of keys. By default `master.key` in the data directory, made at
    /// the first start; elsewhere, a copy of the data directory alone opens no secret.
    pub master_key: Option<PathBuf>,
    /// The region in this server's ARNs. `us-west-2` by default.
    pub region: String,
    /// Who answers model calls. By default Bedrock when AWS credentials are configured, otherwise offline.
    pub provider: ProviderChoice,
    /// How long they are waited for.
    pub models: models::Config,
    /// How long running turns may go on after SIGTERM, in seconds. 30 by default.
    pub grace_seconds: u64,
    /// What clients of the port may do, and its certificate.
    pub server: Server,
    /// How bearer tokens are verified.
    pub auth: tokens::Config,
    /// What bounds an upload.
    pub agents: agents::Limits,
    /// Where artifacts may come from that nobody pushed.
    pub artifacts: agents::SourcePolicy,
    /// Which sources are built here.
    pub build: agents::BuildPolicy,
    /// What cells may use.
    pub sandbox: sandbox::Config,
    /// How sessions are kept.
    pub sessions: sessions::Config,
    /// How they are written down.
    pub journal: journal::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: DEFAULT_ADDRESS.parse().expect("the default address is one"),
            data: default_data(),
            master_key: None,
            region: "us-west-2".to_owned(),
            provider: ProviderChoice::default(),
            models: models::Config::default(),
            grace_seconds: 30,
            server: Server::default(),
            auth: tokens::Config::default(),
            agents: agents::Limits::default(),
            artifacts: agents::SourcePolicy::default(),
            build: agents::BuildPolicy::default(),
            sandbox: sandbox::Config::default(),
            sessions: sessions::Config::default(),
            journal: journal::Config::default(),
        }
    }
}

/// Who answers model calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ProviderChoice {
    /// Bedrock when AWS credentials or its endpoint are configured, otherwise offline.
    #[default]
    Auto,
    /// Amazon Bedrock.
    Bedrock,
    /// The scripted model that needs no network.
    Offline,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is not what it should be; the source names the line.
    #[error("the configuration file {} is not valid", path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
}

impl Config {
    /// Reads `file`; without one `./kellion.toml` if it is there, and otherwise the defaults.
    pub fn load(file: Option<&Path>) -> Result<Self, Error> {
        let beside = Path::new("kellion.toml");
        let Some(path) = file.or_else(|| beside.exists().then_some(beside)) else {
            return Ok(Self::default());
        };
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        toml::from_str(&text).map_err(|source| Error::Parse {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// How long running turns may go on after SIGTERM.
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }
}

/// Any file can be read, or says what is wrong.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Err(error) = toml::from_str::<Config>(text)
    {
        assert!(!error.to_string().is_empty());
    }
}

/// `$XDG_DATA_HOME/kellion`, by default `~/.local/share/kellion`.
fn default_data() -> PathBuf {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_DATA_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("."))
        .join("kellion")
}

/// Where toolchains for authors are kept: `kellion/tools` in the user's cache folder, if there is such a folder.
pub fn default_tools() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cache")));
    cache.map(|cache| cache.join("kellion/tools"))
}

/// What a client signs with.
pub struct Credentials {
    /// The access key's id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// The credentials that AWS clients would find here: those in the environment, otherwise those of the profile in the
/// shared credentials file.
pub fn aws_credentials() -> Option<Credentials> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    if let (Some(id), Some(secret)) = (set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY")) {
        return Some(Credentials { id, secret });
    }
    let file = set("AWS_SHARED_CREDENTIALS_FILE")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".aws/credentials")))?;
    let text = std::fs::read_to_string(file).ok()?;
    profile(
        &text,
        &set("AWS_PROFILE").unwrap_or_else(|| "default".to_owned()),
    )
}

/// A profile of a shared credentials file.
fn profile(text: &str, name: &str) -> Option<Credentials> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| {
        let inner = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'));
        inner.is_some_and(|inner| inner.trim() == name)
    })?;
    let (mut id, mut secret) = (None, None);
    for line in lines.take_while(|line| !line.starts_with('[')) {
        match line
            .split_once('=')
            .map(|(key, value)| (key.trim(), value.trim()))
        {
            Some(("aws_access_key_id", value)) => id = Some(value.to_owned()),
            Some(("aws_secret_access_key", value)) => secret = Some(value.to_owned()),
            _ => {}
        }
    }
    Some(Credentials {
        id: id?,
        secret: secret?,
    })
}

/// The region that the command line signs for: `KELLION_REGION`, otherwise what AWS clients take, otherwise a server's own
/// default.
pub fn client_region() -> String {
    ["KELLION_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| Config::default().region)
}

/// What this machine's environment says about registries, S3 and toolchains.
pub fn artifact_access() -> agents::Access {
    const S3: [&str; 13] = [
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    ];
    // Where programs are, how the network is reached, and where packages come from.
    const BUILD: [&str; 20] = [
        "PATH",
        "HOME",
        "LANG",
        "CARGO_HOME",
        "RUSTUP_HOME",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "NODE_EXTRA_CA_CERTS",
        "PIP_CERT",
        "PIP_INDEX_URL",
        "PIP_EXTRA_INDEX_URL",
        "PIP_FIND_LINKS",
        "NPM_CONFIG_REGISTRY",
        "npm_config_registry",
    ];
    let folder = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let docker =
        folder("DOCKER_CONFIG").or_else(|| folder("HOME").map(|home| home.join(".docker")));
    let set = |name| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.is_empty())
            .map(|value| (name, value))
    };
    agents::Access {
        docker: docker.map(|folder| folder.join("config.json")),
        s3: S3.into_iter().filter_map(set).collect(),
        build: BUILD
            .into_iter()
            .filter_map(set)
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}

/// Whether this machine's environment says how to reach Bedrock: an endpoint, credentials, or a place to get them.
pub fn aws_is_configured() -> bool {
    const SIGNS: [&str; 7] = [
        "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
        "AWS_ACCESS_KEY_ID",
        "AWS_PROFILE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_SHARED_CREDENTIALS_FILE",
    ];
    let set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let file = std::env::var_os("HOME")
        .is_some_and(|home| PathBuf::from(home).join(".aws/credentials").exists());
    SIGNS.iter().any(set) || file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_file_leaves_out_keeps_its_default() {
        let config: Config =
            toml::from_str("region = \"eu-central-1\"\n[sandbox]\nturn_cpu_ms = 5").unwrap();
        let default = Config::default();
        assert_eq!(config.region, "eu-central-1");
        assert_eq!(
            config.sandbox,
            sandbox::Config {
                turn_cpu_ms: 5,
                ..default.sandbox
            }
        );
        assert_eq!(config.sessions, default.sessions);
    }

    #[test]
    fn a_profile_is_read_as_aws_clients_read_it() {
        let text = "[default]\naws_access_key_id=one\naws_secret_access_key = a=b\n\n[ other ]\naws_access_key_id = two\n";
        let found = profile(text, "default").unwrap();
        assert_eq!((found.id.as_str(), found.secret.as_str()), ("one", "a=b"));
        assert!(profile(text, "other").is_none(), "it has no secret");
        assert!(profile(text, "third").is_none());
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        for text in ["regoin = \"x\"", "[sessions]\nturn_secs = 1"] {
            let error = toml::from_str::<Config>(text).unwrap_err().to_string();
            assert!(error.contains("unknown field"), "{error}");
        }
    }
}
