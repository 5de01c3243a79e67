//! S3 and what speaks its API: an object of a bucket.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, GetOptions, ObjectStore, RetryConfig};

use super::super::artifacts::Reference;
use super::{Access, Found};

const CONNECT_TIME: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(30);

/// One more try, soon: an owner waits for an answer, and asks again if it was a bad moment.
const RETRIES: usize = 1;

/// The object as it is now, or in the version that is named.
pub(super) async fn find(
    access: &Access,
    reference: &Reference,
    (bucket, key): (&str, &str),
    version: Option<&str>,
) -> Result<Found, String> {
    let store = open(access, bucket).map_err(|_| {
        format!("{reference} cannot be read: this server's settings for S3 do not fit together")
    })?;
    let path = Path::parse(key)
        .ok()
        .filter(|path| path.as_ref() == key)
        .ok_or_else(|| {
            format!("{reference} cannot be read: a key has no empty part, no `.` and no `..` in it")
        })?;
    let options = GetOptions {
        version: version.map(str::to_owned),
        ..GetOptions::default()
    };
    let object = store
        .get_opts(&path, options)
        .await
        .map_err(|error| told(reference, version, &error))?;
    let meta = &object.meta;
    let pinned = match (&meta.version, version, &meta.e_tag) {
        (Some(version), _, _) => format!("{reference}?versionId={version}"),
        (None, Some(version), _) => format!("{reference}?versionId={version}"),
        (None, None, tag) => {
            let tag = tag.as_deref().unwrap_or("none").trim_matches('"');
            let changed = meta.last_modified.timestamp_millis();
            format!(
                "{reference}?etag={tag}&changed={changed}&size={}",
                meta.size
            )
        }
    };
    let broken = format!("{reference} cannot be read: the connection broke off");
    Ok(Found {
        pinned: Reference::pinned(pinned),
        size: Some(meta.size),
        bytes: object
            .into_stream()
            .map_err(move |_| broken.clone())
            .boxed(),
    })
}

fn open(access: &Access, bucket: &str) -> Result<AmazonS3, object_store::Error> {
    let set = |wanted: &str| {
        access
            .s3
            .iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value.as_str())
    };
    let endpoint = set("AWS_ENDPOINT_URL_S3").or(set("AWS_ENDPOINT_URL"));
    let options = ClientOptions::new()
        .with_allow_http(endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")))
        .with_connect_timeout(CONNECT_TIME)
        .with_timeout_disabled()
        .with_read_timeout(SILENCE);
    let retry = RetryConfig {
        max_retries: RETRIES,
        backoff: BackoffConfig::default(),
        ..RetryConfig::default()
    };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_client_options(options)
        .with_retry(retry);
    for (name, value) in &access.s3 {
        // What is meant for other parts of SDKs has no name here.
        if let Ok(key) = name.to_ascii_lowercase().parse() {
            builder = builder.with_config(key, value);
        }
    }
    builder.build()
}

/// Puts a store's error into words for the owner of an agent. Its own may hold signed addresses.
fn told(reference: &Reference, version: Option<&str>, error: &object_store::Error) -> String {
    use object_store::Error as E;

    let said = error.to_string();
    match error {
        E::NotFound { .. } if said.contains("NoSuchBucket") => {
            format!("{reference} cannot be read: there is no such bucket")
        }
        E::NotFound { .. } => match version {
            Some(version) => format!("there is no {reference} with the version {version:?}"),
            None => format!("there is no {reference}"),
        },
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => format!(
            "this server may not read {reference}: its operator looks at its credentials for S3 and the bucket's policy"
        ),
        _ => match version {
            Some(version) if said.contains("InvalidArgument") || said.contains("NoSuchVersion") => {
                format!("there is no {reference} with the version {version:?}")
            }
            _ => {
                format!("{reference} cannot be read: S3 cannot be reached, or refused the request")
            }
        },
    }
}
