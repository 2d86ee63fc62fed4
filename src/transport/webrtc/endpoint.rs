use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use rtc::crypto::RTCCryptoProvider;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;
use webrtc::peer_connection::{PeerConnection, RTCPeerConnectionState, RTCSessionDescription};

use super::peer::{self, Families, Made, Parts};
use super::pump::{self, Wiring};
use super::sdp::{Answered, CANDIDATES, Fragment, Offer, SdpError};
use super::settings::{Settings, SettingsError};
use super::turn::IceServer;
use super::wire::{OneCall, Ports, Registration, Secrets};
use super::{DESK_PROFILE, PROFILE};
use crate::transport::{CHANNEL, Leg};

/// How many fragments of candidates a call may add.
const FRAGMENTS: usize = 40;

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A caller with a page, and a data channel for what it shows.
    Caller,
    /// A colleague's microphone.
    Desk,
}

/// Why the endpoint cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Settings that do not hold together.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The port.
    #[error("webrtc.listen: cannot listen on {0} over UDP and TCP: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// No cryptography.
    #[error("webrtc: {0}")]
    Crypto(String),
}

/// Why an offer is not answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It cannot be used.
    #[error(transparent)]
    Sdp(#[from] SdpError),
    /// As many connections as there may be.
    #[error("there is no room for another connection")]
    Full,
}

/// Why a call is not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// There is no such call.
    #[error("there is no such call, or it is over")]
    Unknown,
    /// No condition.
    #[error("an If-Match header is needed: the call's ETag to add candidates, * to restart ICE")]
    NoCondition,
    /// The condition fails.
    #[error("the If-Match header names another ETag than the call has")]
    OtherTag,
    /// It cannot be used.
    #[error(transparent)]
    Sdp(#[from] SdpError),
    /// Too many of them.
    #[error("too many fragments for one call")]
    TooMany,
}

/// What a fragment came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patched {
    /// Its candidates are being tried.
    Added,
    /// ICE has begun anew: our fragment for the caller, and the call's new ETag.
    Restarted {
        /// Our credentials and addresses.
        fragment: String,
        /// What names this state of the connection.
        etag: String,
    },
}

/// An answered offer.
pub struct Answer {
    /// The call's name, which nobody can guess: whoever knows it can end the call.
    pub id: String,
    /// What names this state of the connection (RFC 9725, section 4.3).
    pub etag: String,
    /// The answer, with all of our addresses.
    pub sdp: String,
    /// The session's end of the connection. When it is dropped the connection closes.
    pub leg: Leg,
    /// Comes true when sound can flow.
    pub connected: Connected,
}

/// The moment from which sound can flow.
pub struct Connected(oneshot::Receiver<()>);

impl Connected {
    /// Waits for it; `false`: the caller did not come.
    pub async fn wait(self) -> bool {
        self.0.await.is_ok()
    }
}

/// What is there to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    /// Connections, those that are being made included.
    pub connections: usize,
    /// Calls and addresses in the table that tells packets apart.
    pub entries: (usize, usize),
    /// Tasks, the endpoint's own two included.
    pub tasks: usize,
}

/// Where browsers call: one port over UDP and TCP for all of them.
pub struct Endpoint {
    settings: Settings,
    addresses: Vec<SocketAddr>,
    families: Families,
    ports: Arc<Ports>,
    calls: Arc<Mutex<HashMap<String, Arc<Call>>>>,
    /// Apart, so that no number of callers keeps colleagues from taking them.
    callers: Room,
    colleagues: Room,
    tasks: TaskTracker,
}

/// Room for connections.
struct Room {
    places: Arc<Semaphore>,
    most: usize,
}

impl Room {
    fn of(most: usize) -> Room {
        Room { places: Arc::new(Semaphore::new(most)), most }
    }

    fn taken(&self) -> usize {
        self.most - self.places.available_permits()
    }
}

/// What a request about a call needs.
pub(super) struct Call {
    connection: Arc<dyn PeerConnection>,
    registration: Arc<Registration>,
    hang_up: CancellationToken,
    /// Held while a fragment is worked in: one at a time.
    negotiation: tokio::sync::Mutex<Negotiation>,
}

struct Negotiation {
    offer: Offer,
    etag: String,
    fragments: usize,
}

impl Endpoint {
    /// Opens the port for at most so many connections of callers and of colleagues at once.
    ///
    /// # Errors
    /// [`BindError`] names the setting that stands in the way.
    pub async fn bind(settings: &Settings, callers: usize, colleagues: usize) -> Result<Arc<Endpoint>, BindError> {
        settings.check()?;
        let crypto: Arc<dyn RTCCryptoProvider> =
            rtc::crypto::default_provider().map_err(|error| BindError::Crypto(error.to_string()))?;
        let tasks = TaskTracker::new();
        let listen = settings.listen;
        let ports = Ports::bind(listen, crypto, &tasks).await.map_err(|error| BindError::Listen(listen, error))?;
        let addresses = settings.candidates(ports.address.port())?;
        // A socket of IPv6 that listens everywhere takes IPv4 as well.
        let families = Families { v4: listen.is_ipv4() || listen.ip().is_unspecified(), v6: listen.is_ipv6() };
        Ok(Arc::new(Endpoint {
            settings: settings.clone(),
            addresses,
            families,
            ports: Arc::new(ports),
            calls: Arc::default(),
            callers: Room::of(callers),
            colleagues: Room::of(colleagues),
            tasks,
        }))
    }

    /// The address of all media.
    pub fn address(&self) -> SocketAddr {
        self.ports.address
    }

    /// TURN servers with credentials for one caller.
    pub fn ice_servers(&self) -> Vec<IceServer> {
        self.settings.turn.iter().map(|turn| IceServer::of(turn, SystemTime::now())).collect()
    }

    /// How long such a credential is good, the shortest; `None`: there are no TURN servers.
    pub fn ice_lifetime(&self) -> Option<Duration> {
        self.settings.turn.iter().map(|turn| Duration::from_secs(turn.minutes * 60)).min()
    }

    /// What is there now.
    pub fn census(&self) -> Census {
        let connections = self.callers.taken() + self.colleagues.taken();
        Census { connections, entries: self.ports.table.counts(), tasks: self.tasks.len() }
    }

    /// Answers an offer. The call is there from now on, and its sound when [`Answer::connected`] says so. Whoever no longer waits for
    /// the answer leaves nothing behind: it is made on a task of its own, and a connection whose leg nobody holds closes.
    ///
    /// # Errors
    /// [`AnswerError`], in a sentence for whoever made the offer.
    pub async fn answer(self: &Arc<Self>, offer: &str, kind: Kind) -> Result<Answer, AnswerError> {
        let room = if kind == Kind::Caller { &self.callers } else { &self.colleagues };
        let room = room.places.clone().try_acquire_owned().map_err(|_| AnswerError::Full)?;
        let offer = Offer::read(offer)?;
        if self.settings.ice.lite && offer.listens_only {
            return Err(SdpError::NothingSent.into());
        }
        let endpoint = self.clone();
        let made = self.tasks.spawn(async move { endpoint.make(offer, kind, room).await });
        made.await.unwrap_or(Err(AnswerError::Sdp(SdpError::NotAnswered)))
    }

    async fn make(&self, offer: Offer, kind: Kind, room: OwnedSemaphorePermit) -> Result<Answer, AnswerError> {
        let registration = Arc::new(self.ports.table.register());
        let (events, from_wire) = mpsc::channel(CHANNEL);
        let (state, from_state) = watch::channel(RTCPeerConnectionState::New);
        let (ssrc, timestamp, number): (u32, u32, u16) = rand::random();
        let parts = Parts {
            ice: self.settings.ice.clone(),
            runtime: OneCall::new(self.ports.clone(), registration.place().clone(), self.tasks.clone()),
            families: self.families,
            ssrc,
            takes_channel: kind == Kind::Caller,
            events,
            state,
            tasks: self.tasks.clone(),
        };
        let Made { connection, track, sender } = peer::connection(parts).await.map_err(|_| SdpError::NotAnswered)?;
        let answered = match negotiate(&connection, &offer, &self.addresses).await {
            Ok(answered) => answered,
            Err(error) => {
                let _ = connection.close().await;
                return Err(error.into());
            }
        };
        registration.renew(secrets(&answered, &offer));
        let (id, etag) = (Uuid::new_v4().simple().to_string(), etag());
        let hang_up = CancellationToken::new();
        let (connected, is_connected) = oneshot::channel();
        let (inbound, to_session) = mpsc::channel(CHANNEL);
        let (from_session, outbound) = mpsc::channel(CHANNEL);
        let negotiation = tokio::sync::Mutex::new(Negotiation { offer, etag: etag.clone(), fragments: 0 });
        let call =
            Call { connection: connection.clone(), registration: registration.clone(), hang_up: hang_up.clone(), negotiation };
        lock(&self.calls).insert(id.clone(), Arc::new(call));
        let wiring = Wiring {
            connection,
            track,
            sender,
            registration,
            ssrc,
            payload_types: answered.payload_types,
            first: (number, timestamp),
            lapse: self.settings.lapse(),
            give_up: self.settings.give_up(),
            events: from_wire,
            state: from_state,
            hang_up,
            connected,
            inbound,
            outbound,
            entry: Entry { id: id.clone(), calls: self.calls.clone() },
        };
        self.tasks.spawn(async move {
            let ended = pump::run(wiring).await;
            drop(room);
            tracing::debug!(?ended, "a browser's call has ended");
        });
        let profile = if kind == Kind::Caller { PROFILE } else { DESK_PROFILE };
        let leg = Leg { profile, inbound: to_session, outbound: from_session };
        Ok(Answer { id, etag, sdp: answered.text, leg, connected: Connected(is_connected) })
    }

    /// Works a fragment of trickle ICE in (RFC 9725, section 4.3): more candidates under the call's ETag, or a restart under `*`.
    ///
    /// # Errors
    /// [`PatchError`] says what the request lacks.
    pub async fn patch(&self, id: &str, if_match: Option<&str>, fragment: &str) -> Result<Patched, PatchError> {
        let call = lock(&self.calls).get(id).cloned().ok_or(PatchError::Unknown)?;
        let condition = if_match.ok_or(PatchError::NoCondition)?;
        let mut negotiation = call.negotiation.lock().await;
        if condition != "*" && condition != negotiation.etag {
            return Err(PatchError::OtherTag);
        }
        if negotiation.fragments >= FRAGMENTS {
            return Err(PatchError::TooMany);
        }
        negotiation.fragments += 1;
        let fragment = Fragment::read(fragment)?;
        let restarts = condition == "*" && fragment.credentials != negotiation.offer.credentials;
        if !restarts {
            self.add(&call, &fragment, &negotiation.offer).await;
            return Ok(Patched::Added);
        }
        let offer = negotiation.offer.restarted(&fragment);
        let answered = negotiate(&call.connection, &offer, &self.addresses).await?;
        call.registration.renew(secrets(&answered, &offer));
        self.add(&call, &fragment, &offer).await;
        negotiation.offer = offer;
        negotiation.etag = etag();
        Ok(Patched::Restarted { fragment: answered.fragment(&self.addresses), etag: negotiation.etag.clone() })
    }

    /// Ends a call, as its caller's wish; `false`: there is none.
    pub fn close(&self, id: &str) -> bool {
        let call = lock(&self.calls).remove(id);
        call.inspect(|call| call.hang_up.cancel()).is_some()
    }

    async fn add(&self, call: &Call, fragment: &Fragment, offer: &Offer) {
        if fragment.credentials != offer.credentials {
            return;
        }
        for candidate in fragment.candidates.iter().take(CANDIDATES) {
            let candidate = webrtc::peer_connection::RTCIceCandidateInit {
                candidate: candidate.clone(),
                sdp_mid: None,
                sdp_mline_index: Some(0),
                username_fragment: Some(fragment.credentials.ufrag.clone()),
                ..Default::default()
            };
            if call.connection.add_ice_candidate(candidate).await.is_err() {
                metrics::counter!("candor_webrtc_candidates_refused_total").increment(1);
            }
        }
    }
}

/// What both sides sign with after a negotiation.
fn secrets(answered: &Answered, offer: &Offer) -> Secrets {
    let (ours, theirs) = (&answered.credentials, &offer.credentials);
    Secrets { ufrag: ours.ufrag.clone(), ours: ours.password.clone(), theirs: theirs.password.clone() }
}

/// Answers an offer, the first or one that restarts ICE.
async fn negotiate(connection: &Arc<dyn PeerConnection>, offer: &Offer, addresses: &[SocketAddr]) -> Result<Answered, SdpError> {
    let negotiated = async {
        connection.set_remote_description(RTCSessionDescription::offer(offer.text.clone())?).await?;
        let answer = connection.create_answer(None).await?;
        connection.set_local_description(answer.clone()).await?;
        Ok::<_, webrtc::error::Error>(answer.sdp)
    };
    // Why is the library's, and may quote the offer.
    let written = negotiated.await.map_err(|_| SdpError::NotAnswered)?;
    Answered::finish(&written, addresses).ok_or(SdpError::NoOpus)
}

fn etag() -> String {
    format!("\"{}\"", &Uuid::new_v4().simple().to_string()[..16])
}

/// A call that is open; it leaves the list with this.
pub(super) struct Entry {
    id: String,
    calls: Arc<Mutex<HashMap<String, Arc<Call>>>>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.calls).remove(&self.id);
    }
}

/// Held for a look-up, never across a wait.
fn lock(calls: &Mutex<HashMap<String, Arc<Call>>>) -> MutexGuard<'_, HashMap<String, Arc<Call>>> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}
