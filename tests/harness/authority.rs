//! An authority of a test's own, and the certificates that it issues: made by `openssl`, as an operator would.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion,
};
use tempfile::TempDir;

/// Where the package puts it, and where the tests look.
const OPENSSL: &str = "/usr/bin/openssl";

const NEW_KEY: [&str; 5] = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
];

const CONFIG: &str = "\
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = IP:127.0.0.1,DNS:localhost
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
";

/// Who issues certificates. Cheap to clone; its folder goes away with the last one.
#[derive(Debug, Clone)]
pub(crate) struct Authority(Arc<TempDir>);

/// A certificate for the loopback address, and its key.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Issued {
    /// The part of a server's configuration that names it.
    pub(crate) fn config(&self) -> String {
        format!(
            "\n[server.tls]\ncertificate = {:?}\nkey = {:?}\n",
            self.certificate, self.key
        )
    }

    /// Puts it in the place of another, as it is renewed.
    pub(crate) fn replace(&self, other: &Self) {
        std::fs::copy(&self.certificate, &other.certificate).expect("the folder is writable");
        std::fs::copy(&self.key, &other.key).expect("the folder is writable");
    }

    /// The certificate as clients are shown it.
    pub(crate) fn shown(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(&self.certificate).expect("openssl made it")
    }
}

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        std::fs::write(folder.path().join("openssl.cnf"), CONFIG).expect("the folder is writable");
        let authority = Self(Arc::new(folder));
        authority.make("authority", "authority", &[]);
        authority
    }

    /// The authority's own certificate, a file in PEM form.
    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("authority.pem")
    }

    pub(super) fn certificate(&self) -> reqwest::Certificate {
        let pem = std::fs::read(self.file()).expect("openssl made it");
        reqwest::Certificate::from_pem(&pem).expect("it is a certificate")
    }

    /// A new certificate, in files of this name.
    pub(crate) fn issue(&self, name: &str) -> Issued {
        self.make(
            name,
            "server",
            &["-CA", "authority.pem", "-CAkey", "authority-key.pem"],
        );
        self.issued(name)
    }

    /// One that ended yesterday.
    pub(crate) fn issue_expired(&self, name: &str) -> Issued {
        let (key, request) = (format!("{name}-key.pem"), format!("{name}.csr"));
        let subject = format!("/CN={name}");
        let mut ask = vec!["req", "-new", "-config", "openssl.cnf", "-subj", &subject];
        ask.extend(NEW_KEY);
        ask.extend(["-keyout", &key, "-out", &request]);
        self.openssl(&ask);
        let certificate = format!("{name}.pem");
        let mut issue = vec!["x509", "-req", "-in", &request, "-days", "-1"];
        issue.extend(["-extfile", "openssl.cnf", "-extensions", "server"]);
        issue.extend(["-CA", "authority.pem", "-CAkey", "authority-key.pem"]);
        issue.extend(["-CAcreateserial", "-out", &certificate]);
        self.openssl(&issue);
        self.issued(name)
    }

    /// One that nobody vouches for but itself.
    pub(crate) fn issue_by_itself(&self, name: &str) -> Issued {
        self.make(name, "server", &[]);
        self.issued(name)
    }

    /// One that was issued before.
    pub(crate) fn issued(&self, name: &str) -> Issued {
        Issued {
            certificate: self.0.path().join(format!("{name}.pem")),
            key: self.0.path().join(format!("{name}-key.pem")),
        }
    }

    fn make(&self, name: &str, extensions: &str, by: &[&str]) {
        let (key, certificate) = (format!("{name}-key.pem"), format!("{name}.pem"));
        let subject = format!("/CN={name}");
        let mut make = vec!["req", "-x509", "-config", "openssl.cnf", "-days", "2"];
        make.extend(["-extensions", extensions, "-subj", &subject]);
        make.extend(NEW_KEY);
        make.extend(["-keyout", &key, "-out", &certificate]);
        make.extend(by);
        self.openssl(&make);
    }

    fn openssl(&self, arguments: &[&str]) {
        assert!(
            Path::new(OPENSSL).exists(),
            "{OPENSSL} is not there; install the package openssl with: tests/tools"
        );
        let made = Command::new(OPENSSL)
            .current_dir(self.0.path())
            .args(arguments)
            .output()
            .expect("openssl can be run");
        assert!(made.status.success(), "{made:?}");
    }

    /// What a client needs to know that trusts this authority alone and would speak these protocols.
    pub(crate) fn client(&self, protocols: &[&str]) -> ClientConfig {
        self.client_of(&[&TLS13, &TLS12], protocols)
    }

    /// The same in these versions of TLS only.
    pub(crate) fn client_of(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_file(self.file()).expect("openssl made it");
        roots.add(own).expect("it is a certificate");
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .expect("the provider knows TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        config
    }

    /// A connection of a client that trusts this authority.
    pub(super) fn encrypt(&self, stream: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
        let name = ServerName::try_from("localhost").expect("a name");
        let client = ClientConnection::new(Arc::new(self.client(&[])), name);
        StreamOwned::new(client.expect("the configuration is one"), stream)
    }
}
