//! Who holds how many places: no address has so many that nothing is left for the next one.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::shares;

/// Places by the address that their owners come from. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One place of an address, as long as this lives.
#[derive(Debug)]
pub(super) struct Held {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// One more from there.
    pub(super) fn hold(&self, address: IpAddr) -> Held {
        let address = network(address);
        *self.counts().entry(address).or_default() += 1;
        Held {
            addresses: self.clone(),
            address,
        }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether its address leaves enough of what is free for others. The first from an address always does.
    pub(super) fn leaves_room(&self, free: usize) -> bool {
        let counts = self.addresses.counts();
        let own = counts.get(&self.address).copied().unwrap_or_default();
        own <= 1 || shares::leaves_enough(own as u64, free as u64)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut counts = self.addresses.counts();
        if let Some(own) = counts.get_mut(&self.address) {
            *own -= 1;
            if *own == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// With IPv6 a client has as many addresses as it likes, all in one network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    const REST: u128 = (1 << 64) - 1;
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !REST).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_leaves_some_for_others() {
        let addresses = Addresses::default();
        let mut room = 20;
        let mut fill = |from: &str| {
            let mut held = Vec::new();
            while room > 0 {
                let one = addresses.hold(address(from));
                if !one.leaves_room(room - 1) {
                    break;
                }
                room -= 1;
                held.push(one);
            }
            held
        };
        let first = fill("192.0.2.1");
        let second = fill("::ffff:192.0.2.2");
        let third = fill("2001:db8::1:1");
        assert_eq!((first.len(), second.len(), third.len()), (15, 3, 1));
        assert_eq!(fill("2001:db8::2:2").len(), 0, "the network has one");
        assert_eq!(fill("2001:db8:0:1::1").len(), 1, "and another its first");
        drop((first, second));
        assert_eq!(addresses.counts().len(), 1);
        drop(third);
        assert!(addresses.counts().is_empty());
    }
}
