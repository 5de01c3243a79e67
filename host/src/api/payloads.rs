//! Memory for bodies of requests, from their first large piece until nobody needs them any more: there is so much of it, and
//! no tenant may take all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::error::{ApiError, Code};
use crate::ids::TenantId;
use crate::shares;

/// What there is of it. Cheap to clone.
#[derive(Clone)]
pub struct Payloads(Arc<Room>);

struct Room {
    /// In bytes.
    all: u64,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: u64,
    /// Of tenants that have any, and of all who are not known yet.
    by: HashMap<Option<TenantId>, u64>,
}

impl Payloads {
    /// So much, in bytes.
    pub fn new(all: u64) -> Self {
        Self(Arc::new(Room {
            all,
            taken: Mutex::default(),
        }))
    }

    /// What a tenant may have of it.
    pub(super) fn of(&self, tenant: &TenantId) -> Own {
        Own {
            room: Arc::clone(&self.0),
            tenant: Some(tenant.clone()),
        }
    }

    /// What all have together of whom nobody knows yet who they are.
    pub(super) fn of_strangers(&self) -> Own {
        Own {
            room: Arc::clone(&self.0),
            tenant: None,
        }
    }
}

/// What a tenant may have. Cheap to clone.
#[derive(Clone)]
pub(super) struct Own {
    room: Arc<Room>,
    tenant: Option<TenantId>,
}

impl Own {
    /// Room for a body, none of which is there yet.
    pub(super) fn share(self) -> Share {
        Share {
            own: self,
            bytes: 0,
        }
    }
}

impl Room {
    /// How much one may have. What a tenant leaves serves others who come when it has taken that; who is alone has all.
    fn of(&self, tenant: Option<&TenantId>) -> u64 {
        match tenant {
            None => self.all / 4,
            Some(tenant) if *tenant == TenantId::local() => self.all,
            Some(_) => shares::most(self.all),
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body's part of the memory, which it gives back when it is dropped.
pub(super) struct Share {
    own: Own,
    bytes: u64,
}

impl Share {
    /// Makes room for so many bytes in all.
    fn reach(&mut self, bytes: usize) -> Result<(), ApiError> {
        let more = (bytes as u64).saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let Own { room, tenant } = &self.own;
        let most = room.of(tenant.as_ref());
        let mut taken = room.taken();
        let own = taken.by.get(tenant).copied().unwrap_or_default();
        let full = match () {
            () if taken.all + more > room.all => Some(("the server holds", room.all)),
            () if own + more > most => Some(match tenant {
                Some(_) => ("the account has", most),
                None => ("callers who are not known yet have", most),
            }),
            () => None,
        };
        if let Some((who, limit)) = full {
            let message = format!(
                "{who} payloads of nearly {} MiB that are being received or worked on, as much as may be; try again later",
                limit >> 20
            );
            return Err(
                ApiError::new(Code::Throttling, message).retry_after(Duration::from_secs(1))
            );
        }
        taken.all += more;
        taken.by.insert(tenant.clone(), own + more);
        drop(taken);
        self.bytes += more;
        Ok(())
    }

    /// Adds a piece, if there is room for it.
    pub(super) fn add(&mut self, whole: &mut Vec<u8>, piece: &[u8]) -> Result<(), ApiError> {
        let needed = whole.len() + piece.len();
        if needed > whole.capacity() {
            // As it would grow by itself, but known before.
            let capacity = needed.max(2 * whole.capacity());
            self.reach(capacity)?;
            whole.reserve_exact(capacity - whole.len());
        }
        whole.extend_from_slice(piece);
        Ok(())
    }

    /// The bytes, which keep their room as long as anybody has them.
    pub(super) fn keep(self, whole: Vec<u8>) -> Bytes {
        struct Kept {
            whole: Vec<u8>,
            _share: Share,
        }
        impl AsRef<[u8]> for Kept {
            fn as_ref(&self) -> &[u8] {
                &self.whole
            }
        }
        Bytes::from_owner(Kept {
            whole,
            _share: self,
        })
    }
}

impl Share {
    /// Gives back all of it.
    pub(super) fn give_back(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let Own { room, tenant } = &self.own;
        let mut taken = room.taken();
        taken.all -= self.bytes;
        if let Some(own) = taken.by.get_mut(tenant) {
            *own -= self.bytes;
            if *own == 0 {
                taken.by.remove(tenant);
            }
        }
        drop(taken);
        self.bytes = 0;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(number: u64) -> TenantId {
        format!("{number:012}").parse().unwrap()
    }

    #[test]
    fn a_tenant_has_three_quarters_and_others_the_rest() {
        let payloads = Payloads::new(16 << 20);
        let filled = |own: Own, mib: usize| {
            let (mut share, mut whole) = (own.share(), Vec::new());
            let added = share.add(&mut whole, &vec![0; mib << 20]);
            added
                .map(|()| share.keep(whole))
                .map_err(|error| format!("{error:?}"))
        };
        let first = filled(payloads.of(&tenant(1)), 12).unwrap();
        let refused = filled(payloads.of(&tenant(1)), 1).unwrap_err();
        assert!(refused.contains("the account has"), "{refused}");
        let other = filled(payloads.of(&tenant(2)), 4).unwrap();
        let refused = filled(payloads.of(&tenant(3)), 1).unwrap_err();
        assert!(refused.contains("the server holds"), "{refused}");
        // As long as anybody has a part of it, all of it is there.
        let part = first.slice(..1);
        drop(first);
        assert!(filled(payloads.of(&tenant(1)), 1).is_err());
        drop((part, other));
        let refused = filled(payloads.of_strangers(), 5).unwrap_err();
        assert!(refused.contains("not known"), "{refused}");
        assert!(filled(payloads.of_strangers(), 4).is_ok());
        assert!(filled(payloads.of(&TenantId::local()), 16).is_ok());
    }
}
