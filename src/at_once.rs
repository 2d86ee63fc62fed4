//! How many of something each address has open: connections, calls, strangers at the door.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Whom an address counts for: an IPv6 network of one subscriber, /64, counts as one.
pub(crate) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (u128::MAX << 64)).into()),
        address => address,
    }
}

/// How many of something each address has open. It remembers an address as long as it has one.
#[derive(Clone, Default)]
pub(crate) struct AtOnce(pub(crate) Arc<Mutex<HashMap<IpAddr, usize>>>);

impl AtOnce {
    /// A place for one more, if this address has fewer than `most`.
    pub(crate) fn enter(&self, address: IpAddr, most: usize) -> Option<Place> {
        let address = subscriber(address);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Place(Arc::new(Held { open: self.clone(), address })))
    }

    fn leave(&self, address: IpAddr) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&address);
            }
        }
    }
}

/// One of the places that an address has; given back when the last clone of it goes. Requests that begin a call carry it among their
/// extensions, for the call to keep.
#[derive(Clone)]
pub struct Place(#[expect(dead_code, reason = "it is there to be dropped")] Arc<Held>);

struct Held {
    open: AtOnce,
    address: IpAddr,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.open.leave(self.address);
    }
}
