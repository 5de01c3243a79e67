//! Services that others wrote, run privately by a test: a container registry, and a server of S3's API.

use std::io::{BufRead, BufReader, Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use kellion_host::ids::Digest;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{Tool, in_time, run};

/// Where the package puts it, and where the tests look.
const REGISTRY: &str = "/usr/bin/docker-registry";

/// Who may pull from a registry with a login, and the line of that in an htpasswd file.
const LOGIN: (&str, &str) = ("tests", "only for tests");
const HTPASSWD: &str = "tests:$2b$05$02dGqs8z9mQIuokS8GpbRepOk44hbOPT1XKeqvSFtDBajAnQOtN6W\n";

/// A running registry of container images, with nothing in it.
#[derive(Debug)]
pub(crate) struct Registry {
    process: Child,
    folder: TempDir,
    /// Its host and port, as images' names have them.
    pub(crate) address: String,
    login: bool,
}

/// What an image consists of.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    /// The media type of its configuration.
    pub(crate) config: &'static str,
    /// Media types and bytes.
    pub(crate) layers: Vec<(&'static str, Vec<u8>)>,
}

impl Image {
    /// A component, in the layout of the CNCF's working group.
    pub(crate) fn component(bytes: Vec<u8>) -> Self {
        Self {
            config: "application/vnd.wasm.config.v0+json",
            layers: vec![("application/wasm", bytes)],
        }
    }
}

impl Registry {
    /// One for everybody.
    pub(crate) fn start() -> Self {
        Self::run(false)
    }

    /// One that asks who is there.
    pub(crate) fn with_login() -> Self {
        Self::run(true)
    }

    fn run(login: bool) -> Self {
        assert!(
            Path::new(REGISTRY).exists(),
            "{REGISTRY} is not there; install the package docker-registry with: tests/tools"
        );
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("htpasswd"), HTPASSWD).expect("the folder is writable");
        let mut config = json!({
            "version": "0.1",
            "log": { "level": "info", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": path("data") } },
            "http": { "addr": "127.0.0.1:0" },
        });
        if login {
            config["auth"] = json!({ "htpasswd": { "realm": "tests", "path": path("htpasswd") } });
        }
        // Every JSON is YAML.
        std::fs::write(path("config.yml"), config.to_string()).expect("the folder is writable");
        let mut process = Command::new(REGISTRY)
            .arg("serve")
            .arg(path("config.yml"))
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the registry can be run");
        let stderr = process.stderr.take().expect("stderr is piped");
        let mut said = BufReader::new(stderr).lines();
        let address = said
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, address) = line.split_once("listening on ")?;
                Some(address.split('"').next()?.to_owned())
            })
            .expect("the registry says where it listens");
        // It says more later, and must not have to wait for somebody to read that.
        thread::spawn(move || said.for_each(drop));
        Self {
            process,
            folder,
            address,
            login,
        }
    }

    /// Configuration that allows to pull from it.
    pub(crate) fn allowed(&self) -> String {
        let address = &self.address;
        format!(
            "[artifacts]\nregistries = [\"{address}\"]\nplain_http_registries = [\"{address}\"]\n"
        )
    }

    /// A folder as docker keeps its configuration in, with the login and this password for it.
    pub(crate) fn docker_config(&self, password: &str) -> PathBuf {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;

        let auth = STANDARD.encode(format!("{}:{password}", LOGIN.0));
        let config = json!({ "auths": { &self.address: { "auth": auth } } });
        let folder = self
            .folder
            .path()
            .join(format!("docker-{}", password.len()));
        std::fs::create_dir_all(&folder).expect("the folder is writable");
        std::fs::write(folder.join("config.json"), config.to_string())
            .expect("the folder is writable");
        folder
    }

    /// The password of its login.
    pub(crate) fn password() -> &'static str {
        LOGIN.1
    }

    /// Ends it, as a registry that is down.
    pub(crate) fn stop(&mut self) {
        self.process.kill().expect("the registry is our child");
        self.process.wait().expect("the registry is our child");
    }

    /// Stores an image under `REPOSITORY:TAG`; its digest.
    pub(crate) async fn push(&self, name: &str, image: &Image) -> String {
        let (repository, _) = name.split_once(':').expect("a name has a tag");
        let config = self.blob(repository, image.config, b"{}".to_vec()).await;
        let mut layers = Vec::new();
        for (kind, bytes) in &image.layers {
            layers.push(self.blob(repository, kind, bytes.clone()).await);
        }
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers,
        });
        self.manifest(name, kind, &manifest).await
    }

    /// Stores an index of images in the same repository, each with its platform's architecture; its digest.
    pub(crate) async fn push_index(&self, name: &str, images: &[(&str, &str)]) -> String {
        let kind = "application/vnd.oci.image.index.v1+json";
        let entries: Vec<Value> = images
            .iter()
            .map(|(architecture, digest)| {
                json!({
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "digest": digest,
                    "size": 100,
                    "platform": { "architecture": architecture, "os": "linux" },
                })
            })
            .collect();
        let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": entries });
        self.manifest(name, kind, &index).await
    }

    async fn manifest(&self, name: &str, kind: &str, manifest: &Value) -> String {
        let (repository, tag) = name.split_once(':').expect("a name has a tag");
        let text = manifest.to_string();
        let digest = format!("sha256:{}", Digest::of(text.as_bytes()));
        let request = self
            .request(
                Method::PUT,
                &self.url(&format!("{repository}/manifests/{tag}")),
            )
            .header("content-type", kind)
            .body(text);
        let response = request.send().await.expect("the registry answers");
        assert_eq!(response.status(), 201, "{:?}", response.text().await);
        digest
    }

    async fn blob(&self, repository: &str, kind: &str, bytes: Vec<u8>) -> Value {
        let digest = format!("sha256:{}", Digest::of(&bytes));
        let size = bytes.len();
        let begin = self
            .request(
                Method::POST,
                &self.url(&format!("{repository}/blobs/uploads/")),
            )
            .send()
            .await
            .expect("the registry answers");
        let place = begin.headers()["location"].to_str().expect("a URL");
        let joint = if place.contains('?') { '&' } else { '?' };
        let upload = self
            .request(Method::PUT, &format!("{place}{joint}digest={digest}"))
            .header("content-type", "application/octet-stream")
            .body(bytes);
        let response = upload.send().await.expect("the registry answers");
        assert_eq!(response.status(), 201, "{:?}", response.text().await);
        json!({ "mediaType": kind, "digest": digest, "size": size })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/v2/{path}", self.address)
    }

    fn request(&self, method: Method, url: &str) -> RequestBuilder {
        let http = reqwest::Client::builder().no_proxy().build();
        let request = http
            .expect("an HTTP client can be made")
            .request(method, url);
        if self.login {
            request.basic_auth(LOGIN.0, Some(LOGIN.1))
        } else {
            request
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A running server of S3's API, with nothing in it.
#[derive(Debug)]
pub(crate) struct S3 {
    process: Child,
    folder: TempDir,
    pub(crate) endpoint: String,
}

impl S3 {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut process = Tool::Script("s3_server.py")
            .command(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it can be run");
        let mut port = String::new();
        let stdout = process.stdout.take().expect("stdout is piped");
        BufReader::new(stdout)
            .read_line(&mut port)
            .expect("stdout is readable");
        Self {
            process,
            folder,
            endpoint: format!("http://127.0.0.1:{}", port.trim()),
        }
    }

    /// Puts an object, as deployment scripts do; its version.
    pub(crate) async fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> String {
        let file = self.folder.path().join("object");
        std::fs::write(&file, bytes).expect("the folder is writable");
        let mut command = Tool::Script("objects.py").command(self.folder.path());
        command.args([&self.endpoint, bucket, key]).arg(&file);
        let output = in_time("the upload", run(&mut command)).await;
        assert!(output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Ends it, as a server that is down.
    pub(crate) fn stop(&mut self) {
        self.process.kill().expect("the server is our child");
        self.process.wait().expect("the server is our child");
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // It may have been stopped already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A zip of these files.
pub(crate) fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default())
            .expect("it is in memory");
        zip.write_all(content).expect("it is in memory");
    }
    zip.finish().expect("it is in memory").into_inner()
}
