//! OCI registries: components in the layout that the Wasm working group of the CNCF has agreed on, a manifest with one
//! layer.

use std::io;
use std::time::Duration;

use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{DigestError, OciDistributionError, OciErrorCode};
use oci_client::manifest::{ImageIndexEntry, OciImageManifest, OciManifest};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference as Image};

use super::super::artifacts::Reference;
use super::{Access, Found, Policy, docker};

/// The media type of a component's configuration, which says that it is one.
const CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// The media type of its bytes.
const LAYER: &str = "application/wasm";

const CONNECT_TIME: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(30);

/// The image that a reference names.
pub(super) fn parse(reference: &Reference) -> Result<Image, String> {
    let text = reference.as_str();
    text.strip_prefix("oci://")
        .unwrap_or(text)
        .parse()
        .map_err(|_| {
            format!(
                "no artifact is stored under {reference}, which is no name in a registry either; push one with \
                 `kellion push FILE {reference}`"
            )
        })
}

/// Resolves the reference to the manifest that it means now, and to the component in it.
pub(super) async fn find(
    policy: &Policy,
    access: &Access,
    reference: &Reference,
    image: Image,
) -> Result<Found, String> {
    let host = image.registry().to_owned();
    let auth = match docker::credentials(access.docker.as_deref(), &host)? {
        Some((name, password)) => RegistryAuth::Basic(name, password),
        None => RegistryAuth::Anonymous,
    };
    let client = Client::try_from(ClientConfig {
        protocol: ClientProtocol::HttpsExcept(policy.plain_http_registries.clone()),
        connect_timeout: Some(CONNECT_TIME),
        read_timeout: Some(SILENCE),
        user_agent: concat!("kellion/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    })
    .map_err(|_| format!("{reference} cannot be pulled: no connection to {host} can be set up"))?;

    let told = Told {
        host,
        reference: reference.clone(),
    };
    let pulled = client.pull_manifest(&image, &auth).await;
    let (manifest, digest) = match pulled.map_err(|error| told.error(&error))? {
        (OciManifest::Image(manifest), digest) => (manifest, digest),
        (OciManifest::ImageIndex(index), _) => {
            let entry = index.manifests.iter().find(|entry| is_wasm(entry));
            let entry = entry.ok_or_else(|| {
                format!(
                    "{reference} is an index of {} images, none of which is for wasm",
                    index.manifests.len()
                )
            })?;
            let image = image.clone_with_digest(entry.digest.clone());
            match client.pull_manifest(&image, &auth).await {
                Ok((OciManifest::Image(manifest), digest)) => (manifest, digest),
                Ok((OciManifest::ImageIndex(_), _)) => {
                    return Err(format!(
                        "{reference} is an index of indexes, not of a component"
                    ));
                }
                Err(error) => return Err(told.error(&error)),
            }
        }
    };
    let (layer, size) = component(&manifest).map_err(|what| format!("{reference} {what}"))?;

    let pinned = format!("{}/{}@{digest}", image.registry(), image.repository());
    let asked = async move {
        // By its digest alone: a manifest may name other places to get a layer from, and this server asks none of them.
        match client.pull_blob_stream(&image, layer.as_str()).await {
            Ok(blob) => Ok(blob.stream.map_err(move |error| told.broken(&error))),
            Err(error) => Err(told.error(&error)),
        }
    };
    Ok(Found {
        pinned: Reference::pinned(pinned),
        size: Some(size),
        bytes: stream::once(asked.boxed()).try_flatten().boxed(),
    })
}

/// Whether an entry of an index says that it is a component.
fn is_wasm(entry: &ImageIndexEntry) -> bool {
    let platform = entry.platform.as_ref();
    entry.artifact_type.as_deref() == Some(CONFIG)
        || platform.is_some_and(|platform| platform.architecture.to_string() == "wasm")
}

/// The digest and the size of the component in a manifest; otherwise what it is instead.
fn component(manifest: &OciImageManifest) -> Result<(String, u64), String> {
    let config = &manifest.config.media_type;
    if config != CONFIG {
        let kind = match config.as_str() {
            "application/vnd.oci.image.config.v1+json"
            | "application/vnd.docker.container.image.v1+json" => "is a container image",
            _ => "is no WebAssembly component",
        };
        return Err(format!(
            "{kind}: the media type of its configuration is {config:?}, and that of a component {CONFIG:?}. Build the agent \
             with `kellion build`, and push it with `kellion push`"
        ));
    }
    match &manifest.layers[..] {
        [layer] if layer.media_type == LAYER => {
            Ok((layer.digest.clone(), layer.size.try_into().unwrap_or(0)))
        }
        [layer] => Err(format!(
            "is no WebAssembly component: the media type of its layer is {:?}, not {LAYER:?}",
            layer.media_type
        )),
        layers => Err(format!(
            "is no WebAssembly component: it has {} layers, and a component has one",
            layers.len()
        )),
    }
}

/// Puts a registry's errors into words for the owner of an agent. Their own may hold tokens.
struct Told {
    host: String,
    reference: Reference,
}

impl Told {
    fn error(&self, error: &OciDistributionError) -> String {
        use OciDistributionError as E;
        use OciErrorCode as Code;

        let Self { host, reference } = self;
        match error {
            E::UnauthorizedError { .. } | E::AuthenticationFailure(_) => self.denied(401),
            E::ServerError { code, .. } if matches!(code, 401 | 403) => self.denied(*code),
            E::ServerError { code: 404, .. } => self.missing(),
            E::ServerError { code, .. } => {
                format!("{reference} cannot be pulled: {host} answered with status {code}")
            }
            E::RegistryError { envelope, .. } => {
                let has = |codes: &[Code]| envelope.errors.iter().any(|e| codes.contains(&e.code));
                if has(&[Code::Denied, Code::Unauthorized]) {
                    self.denied(403)
                } else if has(&[
                    Code::ManifestUnknown,
                    Code::NameUnknown,
                    Code::NotFound,
                    Code::BlobUnknown,
                    Code::ManifestBlobUnknown,
                ]) {
                    self.missing()
                } else {
                    format!("{reference} cannot be pulled: {host} refused the request")
                }
            }
            E::RequestError(_) | E::IoError(_) => {
                format!("{reference} cannot be pulled: {host} cannot be reached")
            }
            E::DigestError(_) => self.other_bytes(),
            E::UnsupportedMediaTypeError(kind) => {
                format!("{reference} is no image, but {kind:?}")
            }
            _ => format!("{reference} cannot be pulled: the answer of {host} was not understood"),
        }
    }

    fn broken(&self, error: &io::Error) -> String {
        if error
            .get_ref()
            .is_some_and(|inner| inner.is::<DigestError>())
        {
            return self.other_bytes();
        }
        let Self { host, reference } = self;
        format!("{reference} cannot be pulled: the connection to {host} broke off")
    }

    fn denied(&self, status: u16) -> String {
        let Self { host, reference } = self;
        format!(
            "{host} does not let this server pull {reference} (status {status}): its operator logs it in with \
             `docker login {host}`"
        )
    }

    fn missing(&self) -> String {
        format!("{} has no {}", self.host, self.reference)
    }

    fn other_bytes(&self) -> String {
        let Self { host, reference } = self;
        format!("{reference} cannot be pulled: {host} sent bytes that do not have their digest")
    }
}
