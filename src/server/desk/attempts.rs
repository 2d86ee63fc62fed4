use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// For how long wrong tokens count.
const WINDOW: Duration = Duration::from_secs(60);
/// How many addresses are remembered. Beyond that, those that are not known share one count.
const ADDRESSES: usize = 4096;

/// Wrong tokens, by address. In memory only, and never in a log.
pub(super) struct Attempts {
    most: u32,
    wrong: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl Attempts {
    pub(super) fn new(most: u32) -> Attempts {
        Attempts { most, wrong: Mutex::default() }
    }

    /// Whether a token from this address is looked at. Right ones cost nothing: many colleagues may share an address.
    pub(super) fn may_try(&self, address: IpAddr, now: Instant) -> bool {
        let wrong = self.lock();
        let entry = wrong.get(&key(&wrong, address));
        entry.is_none_or(|(since, count)| now.saturating_duration_since(*since) >= WINDOW || *count < self.most)
    }

    /// A wrong token came from this address.
    pub(super) fn was_wrong(&self, address: IpAddr, now: Instant) {
        let mut wrong = self.lock();
        if wrong.len() >= ADDRESSES {
            wrong.retain(|_, (since, _)| now.saturating_duration_since(*since) < WINDOW);
        }
        let key = key(&wrong, address);
        let entry = wrong.entry(key).or_insert((now, 0));
        if now.saturating_duration_since(entry.0) >= WINDOW {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(1);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, (Instant, u32)>> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Under what an address is counted: an IPv6 network of one subscriber counts as one, and so do all that a full table does not know.
fn key(wrong: &HashMap<IpAddr, (Instant, u32)>, address: IpAddr) -> IpAddr {
    let own = match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (u128::MAX << 64)).into()),
        address => address,
    };
    if wrong.len() >= ADDRESSES && !wrong.contains_key(&own) { Ipv6Addr::UNSPECIFIED.into() } else { own }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_tokens_run_out_for_a_minute_and_for_one_address_alone() {
        let (attempts, start) = (Attempts::new(2), Instant::now());
        let [one, other, same_network] = ["192.0.2.1", "2001:db8::1", "2001:db8::2"].map(|text| text.parse::<IpAddr>().unwrap());
        for _ in 0..2 {
            assert!(attempts.may_try(one, start));
            attempts.was_wrong(one, start);
            attempts.was_wrong(other, start);
        }
        assert!(!attempts.may_try(one, start + WINDOW - Duration::from_secs(1)) && !attempts.may_try(same_network, start));
        assert!(attempts.may_try("192.0.2.2".parse().unwrap(), start));
        assert!(attempts.may_try(one, start + WINDOW));
    }

    #[test]
    fn the_table_is_bounded_and_a_full_one_lets_nobody_try_for_ever() {
        let (attempts, start) = (Attempts::new(2), Instant::now());
        for number in 0..(ADDRESSES as u32 + 100) {
            attempts.was_wrong(IpAddr::V4((0x0a00_0000 + number).into()), start);
        }
        assert!(attempts.lock().len() <= ADDRESSES + 1);
        assert!(!attempts.may_try("192.0.2.9".parse().unwrap(), start));
        assert!(attempts.may_try("192.0.2.9".parse().unwrap(), start + WINDOW));
    }
}
