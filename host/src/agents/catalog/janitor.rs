//! What nobody needs any more: files of artifacts and programs, and programs in memory.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use super::super::records::Build;
use super::{Inner, Known};
use crate::clock::Clock;
use crate::ids::Digest;

/// A program that no session has, and that started none for this long, leaves memory. Its next session waits for it to be
/// read from the disk, some milliseconds for small ones.
const IDLE: Duration = Duration::from_secs(600);

impl Inner {
    /// Removes the files of a digest which no name, no version and nobody at work needs. What has a name only is kept for
    /// the next version, but not in memory.
    fn clear(&self, digest: &Digest) {
        let known = self.known();
        self.files.holds().unless_held(digest, || {
            if is_built_of(&known, digest) {
                return;
            }
            self.builder.forget(digest);
            match self.store.is_named(digest) {
                Ok(true) => {}
                Ok(false) => {
                    self.builder.remove(digest);
                    self.files.remove(digest);
                }
                Err(error) => {
                    tracing::warn!(artifact.digest = %digest, %error, "files stay until the next start");
                }
            }
        });
    }

    /// Lets programs go that nobody uses. What is not asked for costs its owner's neighbours no memory.
    fn unload_idle(&self) {
        for digest in self.builder.unstarted() {
            self.serving.forget_artifact(&digest);
            if self.builder.forget_unused(&digest) {
                tracing::debug!(artifact.digest = %digest, "a program left memory");
            }
        }
    }
}

fn is_built_of(known: &Known<'_>, digest: &Digest) -> bool {
    let mut versions = known.values().flat_map(|entry| entry.versions.values());
    versions.any(|version| matches!(&version.build, Build::Ready { digest: of } if of == digest))
}

/// Clears up as long as the catalog lives.
pub(super) async fn clear_up(
    catalog: Weak<Inner>,
    mut released: UnboundedReceiver<Digest>,
    clock: Arc<dyn Clock>,
) {
    let mut look = clock.sleep_until(clock.now() + IDLE);
    loop {
        tokio::select! {
            digest = released.recv() => match (digest, catalog.upgrade()) {
                (Some(digest), Some(catalog)) => catalog.clear(&digest),
                _ => return,
            },
            () = &mut look => {
                let Some(catalog) = catalog.upgrade() else {
                    return;
                };
                catalog.unload_idle();
                look = clock.sleep_until(clock.now() + IDLE);
            }
        }
    }
}
