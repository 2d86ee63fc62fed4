use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use rtc::crypto::RTCCryptoProvider;
use tokio::sync::{Semaphore, mpsc};

use super::stun::{Kind, Stun};
use super::tcp::Introduced;

/// How many datagrams may wait for a call. Fifty come a second; a call that is so far behind hears nothing of value any more.
const DATAGRAMS: usize = 256;
/// How many addresses a call may have: browsers try some pairs, and callers move.
const ADDRESSES: usize = 16;
/// How many generations of credentials are good: the one before a restart still is while the restart goes on.
const GENERATIONS: usize = 2;
/// How many TCP connections a call may have: a page tries one for each of its addresses, and has another after it has moved.
const CONNECTIONS: usize = 4;
/// A caller of whom nothing has come from one address for so long, and something from another, has moved. Checks go by twice in it.
const LEFT: Duration = Duration::from_millis(900);
/// An address is not taken from a call that was heard from it so lately.
const HELD: Duration = Duration::from_secs(5);

/// What both sides of a call sign their STUN messages with.
#[derive(Clone)]
pub(in crate::transport::webrtc) struct Secrets {
    /// Our username fragment and password: the caller's requests.
    pub(in crate::transport::webrtc) ufrag: String,
    pub(in crate::transport::webrtc) ours: String,
    /// The caller's password: their answers to our requests.
    pub(in crate::transport::webrtc) theirs: String,
}

/// One call's place on the wire.
pub(in crate::transport::webrtc) struct Place {
    id: u64,
    epoch: Instant,
    datagrams: Mutex<VecDeque<(SocketAddr, Bytes)>>,
    arrived: AtomicWaker,
    /// Until the listener of the call takes them: then the receiving end is gone from here.
    pub(super) introduced: mpsc::Sender<Introduced>,
    /// Room for those. A first message can be sent again by whoever has it.
    pub(super) streams: Arc<Semaphore>,
    waiting: Mutex<Option<mpsc::Receiver<Introduced>>>,
    heard: AtomicU64,
    path: Mutex<Path>,
}

/// The address that sound goes to.
#[derive(Default)]
struct Path {
    /// The one that the library has chosen, and when something last came from there.
    chosen: Option<SocketAddr>,
    heard: Option<Instant>,
    /// The one where the caller is, if it is another.
    moved: Option<SocketAddr>,
}

impl Place {
    /// When something last came that only the caller can have sent, since `Place::epoch`; zero: never.
    pub(in crate::transport::webrtc) fn heard(&self) -> Option<Instant> {
        let ms = self.heard.load(Ordering::Relaxed);
        (ms > 0).then(|| self.epoch + Duration::from_millis(ms))
    }

    /// Something came that only the caller can have sent.
    pub(in crate::transport::webrtc) fn hear(&self) {
        self.heard.fetch_max((self.epoch.elapsed().as_millis() as u64).max(1), Ordering::Relaxed);
    }

    /// The TCP connections that are introduced to this call; once.
    pub(super) fn take_connections(&self) -> Option<mpsc::Receiver<Introduced>> {
        lock(&self.waiting).take()
    }

    /// Where a datagram goes that the library sends to `to`. The library never leaves a path that it has chosen; a caller does, who
    /// walks out of one network into another.
    pub(super) fn outward(&self, to: SocketAddr, datagram: &[u8]) -> SocketAddr {
        let mut path = lock(&self.path);
        // All but connectivity checks go along the chosen path (RFC 7983).
        if datagram.first().is_some_and(|first| *first > 3) && path.chosen != Some(to) {
            *path = Path { chosen: Some(to), heard: None, moved: None };
        }
        if path.chosen == Some(to) { path.moved.unwrap_or(to) } else { to }
    }

    /// Where a datagram comes from, as far as the library is concerned.
    fn inward(&self, from: SocketAddr) -> SocketAddr {
        let mut path = lock(&self.path);
        if path.moved.unwrap_or_else(|| path.chosen.unwrap_or(from)) == from {
            path.heard = Some(Instant::now());
        }
        if path.moved == Some(from) { path.chosen.unwrap_or(from) } else { from }
    }

    /// The caller has shown that they are at `from`. If nothing comes from where they were any more, they have moved.
    fn shown(&self, from: SocketAddr) {
        let mut path = lock(&self.path);
        let current = path.moved.or(path.chosen);
        let quiet = path.heard.is_none_or(|heard| heard.elapsed() > LEFT);
        if current.is_some_and(|current| current != from) && quiet {
            path.moved = Some(from).filter(|_| path.chosen != Some(from));
            metrics::counter!("candor_webrtc_moves_total").increment(1);
        }
    }

    /// A datagram for this call.
    fn deliver(&self, from: SocketAddr, datagram: &[u8]) {
        let from = self.inward(from);
        let mut datagrams = lock(&self.datagrams);
        if datagrams.len() >= DATAGRAMS {
            drop(datagrams);
            return dropped("queue");
        }
        datagrams.push_back((from, Bytes::copy_from_slice(datagram)));
        drop(datagrams);
        self.arrived.wake();
    }

    /// The next datagram; wakes `context` when there is none and one comes.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<(SocketAddr, Bytes)> {
        if let Some(datagram) = lock(&self.datagrams).pop_front() {
            return Poll::Ready(datagram);
        }
        self.arrived.register(context.waker());
        // One may have come between the look and the registration.
        lock(&self.datagrams).pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

#[derive(Default)]
struct Entries {
    next: u64,
    calls: HashMap<u64, Entry>,
    ufrags: HashMap<String, u64>,
    addresses: HashMap<SocketAddr, u64>,
}

struct Entry {
    place: Arc<Place>,
    secrets: VecDeque<Secrets>,
    addresses: VecDeque<SocketAddr>,
}

/// Which packet belongs to which call.
pub(in crate::transport::webrtc) struct Table {
    entries: Mutex<Entries>,
    crypto: Arc<dyn RTCCryptoProvider>,
    epoch: Instant,
}

impl Table {
    pub(super) fn new(crypto: Arc<dyn RTCCryptoProvider>) -> Arc<Table> {
        Arc::new(Table { entries: Mutex::default(), crypto, epoch: Instant::now() })
    }

    /// Enters a call, until the registration is dropped. It is found once it has credentials: [`Registration::renew`].
    pub(in crate::transport::webrtc) fn register(self: &Arc<Table>) -> Registration {
        let (introduced, waiting) = mpsc::channel(CONNECTIONS);
        let mut entries = lock(&self.entries);
        entries.next += 1;
        let id = entries.next;
        let place = Arc::new(Place {
            id,
            epoch: self.epoch,
            datagrams: Mutex::default(),
            arrived: AtomicWaker::new(),
            introduced,
            streams: Arc::new(Semaphore::new(CONNECTIONS)),
            waiting: Mutex::new(Some(waiting)),
            heard: AtomicU64::new(0),
            path: Mutex::default(),
        });
        let entry = Entry { place: place.clone(), secrets: VecDeque::new(), addresses: VecDeque::new() };
        entries.calls.insert(id, entry);
        Registration { table: self.clone(), place }
    }

    /// Brings a datagram to its call.
    pub(super) fn route(&self, from: SocketAddr, datagram: &[u8]) {
        let place = match Stun::read(datagram) {
            Some(stun) => self.owner(stun, from, true),
            None => {
                let entries = lock(&self.entries);
                let owner = entries.addresses.get(&from).and_then(|id| entries.calls.get(id));
                owner.map(|entry| entry.place.clone())
            }
        };
        match place {
            Some(place) => place.deliver(from, datagram),
            None => dropped("nobody"),
        }
    }

    /// The call that the first message of a TCP connection belongs to.
    pub(super) fn introduce(&self, from: SocketAddr, message: &[u8]) -> Option<Arc<Place>> {
        self.owner(Stun::read(message)?, from, false)
    }

    /// Whose STUN message this is, if it is signed as theirs. One that came over UDP also proves the address.
    fn owner(&self, mut stun: Stun, from: SocketAddr, proves_address: bool) -> Option<Arc<Place>> {
        let mut username = String::new();
        let request = match stun.kind(&mut username) {
            Kind::Request(ufrag) => Some(ufrag),
            Kind::Response => None,
            Kind::Other => return None,
        };
        let mut entries = lock(&self.entries);
        let id = match request {
            Some(ufrag) => entries.ufrags.get(ufrag),
            None => entries.addresses.get(&from),
        };
        let id = *id?;
        let entry = entries.calls.get(&id)?;
        let password = |secrets: &Secrets| match request {
            Some(ufrag) => (secrets.ufrag == ufrag).then(|| secrets.ours.clone()),
            None => Some(secrets.theirs.clone()),
        };
        let passwords: Vec<String> = entry.secrets.iter().filter_map(password).collect();
        let place = entry.place.clone();
        // Not under the lock: it costs a hash.
        drop(entries);
        if !passwords.iter().any(|password| stun.is_signed_with(password, &self.crypto)) {
            dropped("integrity");
            return None;
        }
        place.hear();
        if request.is_some() && proves_address {
            entries = lock(&self.entries);
            if entries.claim(from, id) {
                drop(entries);
                place.shown(from);
            }
        }
        Some(place)
    }

    /// How many calls there are, and how many addresses are theirs.
    pub(in crate::transport::webrtc) fn counts(&self) -> (usize, usize) {
        let entries = lock(&self.entries);
        (entries.calls.len(), entries.addresses.len())
    }
}

impl Entries {
    /// A call has shown that it is at an address; whether that is its address now.
    fn claim(&mut self, from: SocketAddr, id: u64) -> bool {
        if self.addresses.get(&from) == Some(&id) {
            return true;
        }
        if let Some(other) = self.addresses.get(&from).and_then(|other| self.calls.get_mut(other)) {
            if other.place.heard().is_some_and(|heard| heard.elapsed() < HELD) {
                dropped("contested");
                return false;
            }
            other.addresses.retain(|address| *address != from);
        }
        let Some(entry) = self.calls.get_mut(&id) else { return false };
        entry.addresses.push_back(from);
        let oldest = if entry.addresses.len() > ADDRESSES { entry.addresses.pop_front() } else { None };
        self.addresses.insert(from, id);
        if let Some(oldest) = oldest {
            self.addresses.remove(&oldest);
        }
        true
    }
}

/// A call's entry; it goes with this.
pub(in crate::transport::webrtc) struct Registration {
    table: Arc<Table>,
    place: Arc<Place>,
}

impl Registration {
    pub(in crate::transport::webrtc) fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// The call goes on under new credentials: its first, or those of an ICE restart. The ones before stay good until the next.
    pub(in crate::transport::webrtc) fn renew(&self, secrets: Secrets) {
        let mut entries = lock(&self.table.entries);
        // A new negotiation chooses its paths itself.
        lock(&self.place.path).moved = None;
        entries.ufrags.insert(secrets.ufrag.clone(), self.place.id);
        let Some(entry) = entries.calls.get_mut(&self.place.id) else { return };
        entry.secrets.push_back(secrets);
        let old = if entry.secrets.len() > GENERATIONS { entry.secrets.pop_front() } else { None };
        if let Some(old) = old {
            entries.ufrags.remove(&old.ufrag);
        }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut entries = lock(&self.table.entries);
        if let Some(entry) = entries.calls.remove(&self.place.id) {
            entry.secrets.iter().for_each(|secrets| {
                entries.ufrags.remove(&secrets.ufrag);
            });
            entry.addresses.iter().for_each(|address| {
                entries.addresses.remove(address);
            });
        }
    }
}

pub(super) fn dropped(why: &'static str) {
    metrics::counter!("candor_webrtc_dropped_packets_total", "reason" => why).increment(1);
}

/// Held for a look-up, never across a wait.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use rtc::stun::attributes::ATTR_USERNAME;
    use rtc::stun::integrity::MessageIntegrity;
    use rtc::stun::message::{BINDING_REQUEST, Message, Setter};
    use rtc::stun::textattrs::TextAttribute;

    use super::*;

    fn secrets(name: &str) -> Secrets {
        Secrets { ufrag: name.into(), ours: format!("{name}-ours"), theirs: format!("{name}-theirs") }
    }

    fn request(name: &str, password: &str) -> Vec<u8> {
        let crypto = rtc::crypto::default_provider().unwrap();
        let mut message = Message::new();
        let integrity = MessageIntegrity::new_short_term_integrity_with_provider(password.into(), crypto.crypto());
        let setters: Vec<Box<dyn Setter + '_>> = vec![
            Box::new(BINDING_REQUEST),
            Box::new(TextAttribute::new(ATTR_USERNAME, format!("{name}:them"))),
            Box::new(integrity),
        ];
        message.build(&setters).unwrap();
        message.raw
    }

    fn table() -> Arc<Table> {
        Table::new(rtc::crypto::default_provider().unwrap())
    }

    fn registered(table: &Arc<Table>, name: &str) -> Registration {
        let registration = table.register();
        registration.renew(secrets(name));
        registration
    }

    fn waiting(registration: &Registration) -> usize {
        lock(&registration.place.datagrams).len()
    }

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[tokio::test]
    async fn a_call_has_four_tcp_connections_and_another_when_one_ends() {
        let table = table();
        let call = registered(&table, "one1");
        let message = request("one1", "one1-ours");
        let port = tokio::net::TcpListener::bind(at(0)).await.unwrap();
        let here = port.local_addr().unwrap();
        let mut taken = call.place.take_connections().unwrap();
        let mut ends = Vec::new();
        for number in 0..6 {
            let mut page = tokio::net::TcpStream::connect(here).await.unwrap();
            let framed = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
            tokio::io::AsyncWriteExt::write_all(&mut page, &framed).await.unwrap();
            let (stream, from) = port.accept().await.unwrap();
            crate::transport::webrtc::wire::tcp::introduce(stream, from, table.clone()).await;
            let introduced = taken.try_recv();
            assert_eq!(introduced.is_ok(), number != 4, "{number}");
            ends.extend(introduced);
            if number == 4 {
                ends.pop();
            }
        }
    }

    #[test]
    fn an_address_belongs_to_the_call_that_has_proved_it() {
        let table = table();
        let (one, two) = (registered(&table, "one1"), registered(&table, "two2"));
        table.route(at(1), &[0x80; 50]);
        assert_eq!((waiting(&one), waiting(&two)), (0, 0), "nobody's yet");
        table.route(at(1), &request("one1", "one1-ours"));
        table.route(at(1), &[0x80; 50]);
        assert_eq!((waiting(&one), waiting(&two)), (2, 0));
        assert!(one.place.heard().is_some() && two.place.heard().is_none());
    }

    #[test]
    fn a_request_without_the_password_proves_nothing() {
        let table = table();
        let one = registered(&table, "one1");
        table.route(at(1), &request("one1", "guessed"));
        table.route(at(1), &[0x80; 50]);
        assert_eq!((waiting(&one), table.counts()), (0, (1, 0)));
        assert!(one.place.heard().is_none());
    }

    #[test]
    fn nobody_takes_the_address_of_a_call_that_is_heard() {
        let table = table();
        let (one, two) = (registered(&table, "one1"), registered(&table, "two2"));
        table.route(at(1), &request("one1", "one1-ours"));
        // The second call's own request, sent from the first one's address: taken, but the address stays.
        table.route(at(1), &request("two2", "two2-ours"));
        table.route(at(1), &[0x80; 50]);
        assert_eq!((waiting(&one), waiting(&two)), (2, 1));
        // With the first call its hold ends.
        drop(one);
        table.route(at(1), &request("two2", "two2-ours"));
        table.route(at(1), &[0x80; 50]);
        assert_eq!(waiting(&two), 3);
    }

    #[test]
    fn sound_follows_a_caller_who_moves() {
        let table = table();
        let one = registered(&table, "one1");
        let place = one.place();
        table.route(at(1), &request("one1", "one1-ours"));
        assert_eq!(place.outward(at(1), &[0x80; 50]), at(1));
        // Another path while the first is alive is one of those that browsers try.
        table.route(at(1), &[0x80; 50]);
        table.route(at(2), &request("one1", "one1-ours"));
        assert_eq!(place.outward(at(1), &[0x80; 50]), at(1));
        lock(&place.path).heard = Instant::now().checked_sub(LEFT * 2);
        table.route(at(2), &request("one1", "guessed"));
        assert_eq!(place.outward(at(1), &[0x80; 50]), at(1), "whoever has no password moves nobody");
        table.route(at(2), &request("one1", "one1-ours"));
        assert_eq!(place.outward(at(1), &[0x80; 50]), at(2));
        assert_eq!(place.inward(at(2)), at(1), "the library sees them where they were");
        // And back.
        lock(&place.path).heard = Instant::now().checked_sub(LEFT * 2);
        table.route(at(1), &request("one1", "one1-ours"));
        assert_eq!(place.outward(at(1), &[0x80; 50]), at(1));
        // An ICE restart chooses anew.
        one.renew(secrets("one2"));
        assert_eq!(place.outward(at(3), &[0x80; 50]), at(3));
    }

    #[test]
    fn a_call_that_ends_leaves_nothing() {
        let table = table();
        let one = registered(&table, "one1");
        one.renew(secrets("one2"));
        one.renew(secrets("one3"));
        table.route(at(1), &request("one1", "one1-ours"));
        assert_eq!(waiting(&one), 0, "two generations ago");
        (2..60).for_each(|port| table.route(at(port), &request("one3", "one3-ours")));
        assert_eq!(table.counts(), (1, ADDRESSES));
        drop(one);
        assert_eq!(table.counts(), (0, 0));
        assert!(lock(&table.entries).ufrags.is_empty());
    }

    #[test]
    fn a_queue_is_bounded() {
        let table = table();
        let one = registered(&table, "one1");
        (0..1000).for_each(|_| table.route(at(1), &request("one1", "one1-ours")));
        assert_eq!(waiting(&one), DATAGRAMS);
    }

    proptest::proptest! {
        #[test]
        fn garbage_reaches_nobody(datagrams in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..200), 1..20), cut in 0usize..60) {
            let table = table();
            let one = registered(&table, "one1");
            datagrams.iter().for_each(|datagram| table.route(at(1), datagram));
            let whole = request("one1", "one1-ours");
            let mut broken = whole[..cut].to_vec();
            table.route(at(1), &broken);
            broken = whole.clone();
            broken[cut] ^= 0x40;
            table.route(at(1), &broken);
            assert_eq!(waiting(&one), 0);
        }
    }
}
