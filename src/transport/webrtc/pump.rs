//! The task of one call: both directions at once, neither waiting for the other.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use rtc::peer_connection::transport::RTCDtlsTransportState;
use rtc::rtp;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::transport::DtlsTransport;
use webrtc::peer_connection::{PeerConnection, RTCPeerConnectionState};
use webrtc::rtp_transceiver::RtpSender;

use super::channel::Channel;
use super::endpoint::Entry;
use super::evidence::{Evidence, Verdict};
use super::frames::{self, Frames};
use super::jitter::{JitterBuffer, Refused, Released};
use super::messages::{Reader, Taken};
use super::presence::{Change, Presence};
use super::sdp::PayloadTypes;
use super::telephone_event::TelephoneEvents;
use super::timeline::Timeline;
use super::wire::Registration;
use super::wire_event::WireEvent;
use crate::transport::feed::Feed;
use crate::transport::{Inbound, Notice, Outbound, PeerEnd, ticks};

/// How long a caller may take to connect after their offer was answered.
const CONNECT: Duration = Duration::from_secs(20);
/// How long the session may take to say its last word to a caller who hangs up.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long the page may take to read the last notices before the connection closes.
const LAST_NOTICES: Duration = Duration::from_millis(500);
/// 20 ms of silence (RFC 6716, section 3.1: CELT, full band, one frame).
const SILENCE: Bytes = Bytes::from_static(&[0xf8, 0xff, 0xfe]);
/// After a mark so much silence follows, frame by frame and then every fifth, so that a lost last packet is noticed and reported.
const CLOSE_SILENCE: u32 = 10;
const SILENCE_STEP: u32 = 5;
const LONGEST_SILENCE: u32 = 150;
/// How long no sound must have gone out before it is over: our ticks and the session's are two clocks, and silence between two frames
/// of a word would be heard.
const OVER: Duration = Duration::from_millis(100);

/// After so many ticks it is looked whether the caller has closed the connection: ten times a second.
const DTLS_STEP: u32 = 5;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The session asked for it, or is gone.
    Asked,
    /// The caller ended it, in this way.
    Peer(PeerEnd),
}

/// What one call is made of.
pub(super) struct Wiring {
    pub(super) connection: Arc<dyn PeerConnection>,
    pub(super) track: Arc<TrackLocalStaticRTP>,
    pub(super) sender: Arc<dyn RtpSender>,
    pub(super) registration: Arc<Registration>,
    pub(super) ssrc: u32,
    pub(super) payload_types: PayloadTypes,
    /// The first RTP sequence number, and the first timestamp.
    pub(super) first: (u16, u32),
    pub(super) lapse: Duration,
    pub(super) give_up: Duration,
    pub(super) events: mpsc::Receiver<WireEvent>,
    pub(super) state: watch::Receiver<RTCPeerConnectionState>,
    pub(super) hang_up: CancellationToken,
    pub(super) connected: oneshot::Sender<()>,
    pub(super) inbound: mpsc::Sender<Inbound>,
    pub(super) outbound: mpsc::Receiver<Outbound>,
    /// The call's place in the list that requests look into.
    pub(super) entry: Entry,
}

/// Serves a call to its end, and closes it.
pub(super) async fn run(wiring: Wiring) -> Ended {
    let Wiring { connection, inbound, mut outbound, mut events, mut state, hang_up, entry, .. } = wiring;
    let mut feed =
        Feed::new(inbound, || metrics::counter!("candor_webrtc_dropped_frames_total", "where" => "session").increment(1));
    let mut call = Call {
        began: Instant::now(),
        track: wiring.track,
        sender: wiring.sender,
        dtls: None,
        ticks: 0,
        registration: wiring.registration,
        ssrc: wiring.ssrc,
        payload_types: wiring.payload_types,
        first_number: wiring.first.0,
        timeline: Timeline::new(wiring.first.0, wiring.first.1),
        evidence: Evidence::default(),
        quiet: LONGEST_SILENCE,
        sounded: Duration::ZERO,
        jitter: JitterBuffer::default(),
        frames: Frames::new(),
        keys: TelephoneEvents::default(),
        reader: Reader::new(Instant::now()),
        channel: Channel::default(),
        lapse: (wiring.lapse, wiring.give_up),
        presence: None,
        unreachable: false,
        hung_up: None,
        connected: Some(wiring.connected),
    };
    let mut tick = ticks();
    let ended = loop {
        let step = tokio::select! {
            biased;
            () = hang_up.cancelled() => Some(Ended::Peer(PeerEnd::HungUp)),
            changed = state.changed() => match changed {
                Ok(()) => { let state = *state.borrow_and_update(); call.state(state) }
                Err(_) => Some(Ended::Peer(PeerEnd::Lost)),
            },
            () = feed.make_way(), if feed.is_behind() => None,
            said = outbound.recv() => call.say(said, &mut feed).await,
            event = events.recv() => match event {
                Some(event) => call.hear(event, &mut feed).await,
                None => Some(Ended::Peer(PeerEnd::Lost)),
            },
            _ = tick.tick() => call.tick(&mut feed).await,
        };
        if let Some(ended) = step {
            break ended;
        }
        if feed.is_stuck() {
            break Ended::Peer(PeerEnd::Lost);
        }
    };
    drop(entry);
    // The session hears of it first: it may be recording.
    let told = async {
        if let Ended::Peer(end) = ended {
            feed.end(end).await;
        }
    };
    tokio::join!(told, close(connection, call, ended));
    ended
}

/// Lets the page read what it was told last, and closes.
async fn close(connection: Arc<dyn PeerConnection>, mut call: Call, ended: Ended) {
    if ended == Ended::Asked {
        let _ = timeout(LAST_NOTICES, call.channel.drain()).await;
    }
    if connection.close().await.is_err() {
        metrics::counter!("candor_webrtc_close_failures_total").increment(1);
    }
}

struct Call {
    began: Instant,
    track: Arc<TrackLocalStaticRTP>,
    sender: Arc<dyn RtpSender>,
    /// What tells that the caller has closed, once the connection is there.
    dtls: Option<Arc<dyn DtlsTransport>>,
    ticks: u32,
    registration: Arc<Registration>,
    ssrc: u32,
    payload_types: PayloadTypes,
    first_number: u16,
    timeline: Timeline,
    evidence: Evidence,
    /// How many ticks ago the last packet of sound went out.
    quiet: u32,
    /// When it went out.
    sounded: Duration,
    jitter: JitterBuffer,
    frames: Frames,
    keys: TelephoneEvents,
    reader: Reader,
    channel: Channel,
    lapse: (Duration, Duration),
    /// Once the caller is connected.
    presence: Option<Presence>,
    /// The library has given the connection up: nothing of ours reaches the caller, though something of theirs may reach us.
    unreachable: bool,
    /// When the caller said that they hang up.
    hung_up: Option<Duration>,
    connected: Option<oneshot::Sender<()>>,
}

impl Call {
    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    fn state(&mut self, state: RTCPeerConnectionState) -> Option<Ended> {
        self.unreachable = state == RTCPeerConnectionState::Failed;
        match state {
            RTCPeerConnectionState::Connected => {
                if let Some(connected) = self.connected.take() {
                    let _ = connected.send(());
                    let (lapse, give_up) = self.lapse;
                    self.presence = Some(Presence::new(lapse, give_up, self.now()));
                }
                None
            }
            RTCPeerConnectionState::Closed => Some(Ended::Peer(PeerEnd::HungUp)),
            RTCPeerConnectionState::Failed if self.presence.is_none() => Some(Ended::Peer(PeerEnd::Lost)),
            // While they may come back, `Presence` decides.
            _ => None,
        }
    }

    /// From the session.
    async fn say(&mut self, said: Option<Outbound>, feed: &mut Feed) -> Option<Ended> {
        match said {
            Some(Outbound::Audio(sound)) => {
                self.send(sound, true);
                self.quiet = 0;
                self.sounded = self.now();
            }
            Some(Outbound::Mark(mark)) => self.evidence.mark(mark, self.now()),
            Some(Outbound::Clear) => {
                let cleared = self.evidence.clear();
                cleared.into_iter().for_each(|mark| feed.tell(Inbound::Cleared(mark)));
            }
            Some(Outbound::Tell(notice)) => self.channel.tell(&notice).await,
            Some(Outbound::End) | None => return Some(Ended::Asked),
        }
        None
    }

    /// One packet, now or never: the library's queue holds five seconds, and one that is full stands still.
    fn send(&mut self, payload: Bytes, sound: bool) {
        if self.presence.is_none() {
            return;
        }
        let now = self.now();
        let stamp = self.timeline.stamp(now);
        self.evidence.sent(now, sound);
        let header = rtp::Header {
            version: 2,
            marker: stamp.begins,
            payload_type: self.payload_types.opus,
            sequence_number: stamp.number,
            timestamp: stamp.timestamp,
            ssrc: self.ssrc,
            ..rtp::Header::default()
        };
        let written = self.track.write_rtp(rtp::Packet { header, payload }).now_or_never();
        if !matches!(written, Some(Ok(()))) {
            metrics::counter!("candor_webrtc_dropped_frames_total", "where" => "library").increment(1);
        }
    }

    /// From the caller.
    async fn hear(&mut self, event: WireEvent, feed: &mut Feed) -> Option<Ended> {
        match event {
            WireEvent::Packet { payload_type, number, timestamp, payload } => {
                self.registration.place().hear();
                // Who presses a key is there: the session hears that first.
                if let Some(ended) = self.judge_presence(feed) {
                    return Some(ended);
                }
                self.packet(payload_type, number, timestamp, payload, feed);
            }
            WireEvent::Report => self.registration.place().hear(),
            WireEvent::Arrived(numbers) => {
                let numbers: Vec<u64> = numbers.into_iter().filter_map(|number| self.number(number)).collect();
                self.evidence.arrived(numbers);
            }
            WireEvent::Reported { highest, missed } => {
                if let Some(highest) = self.number(highest) {
                    self.evidence.reported(highest, u64::from(missed));
                }
            }
            WireEvent::Channel(channel) => self.channel.open(channel).await,
            WireEvent::Message { is_text, data } => {
                self.registration.place().hear();
                return match self.judge_presence(feed) {
                    None => self.message(is_text, &data, feed).await,
                    ended => ended,
                };
            }
            WireEvent::ChannelClosed => return Some(Ended::Peer(PeerEnd::HungUp)),
        }
        None
    }

    /// From the page.
    async fn message(&mut self, is_text: bool, data: &[u8], feed: &mut Feed) -> Option<Ended> {
        match self.reader.take(Instant::now(), is_text, data) {
            Taken::Tell(said) => feed.tell(said),
            Taken::HangUp => {
                self.hung_up.get_or_insert(self.began.elapsed());
                feed.tell(Inbound::HangUp);
            }
            Taken::Refused(message) => self.channel.tell(&Notice::Error { message }).await,
            Taken::Flood => {
                tracing::warn!("a browser's call was closed: too many messages on its data channel that cannot be taken");
                return Some(Ended::Peer(PeerEnd::Violation));
            }
        }
        None
    }

    /// The number, over the whole call, of the packet of ours that ends in these 16 bits.
    fn number(&self, sequence: u16) -> Option<u64> {
        let sent = self.evidence.count_sent();
        let last = self.first_number.wrapping_add(sent.checked_sub(1)? as u16);
        (sent - 1).checked_sub(u64::from(last.wrapping_sub(sequence)))
    }

    fn packet(&mut self, payload_type: u8, number: u16, timestamp: u32, payload: Bytes, feed: &mut Feed) {
        let now = self.now();
        if self.payload_types.events.contains(&payload_type) {
            self.jitter.pass_over(number, timestamp);
            if let Some(key) = self.keys.packet(now, timestamp, &payload) {
                feed.tell(Inbound::Key(key));
            }
            return;
        }
        let samples = frames::samples(&payload).filter(|_| payload_type == self.payload_types.opus);
        let Some(samples) = samples else {
            return refused("not-opus");
        };
        match self.jitter.insert(now, number, timestamp, samples, payload) {
            Ok(()) => {}
            Err(Refused::Late) => refused("late"),
            Err(Refused::Duplicate) => refused("duplicate"),
        }
    }

    /// Whether the caller has closed the connection (DTLS close_notify), which the library tells nobody where there is no data channel.
    async fn is_closed(&mut self) -> bool {
        if self.dtls.is_none() {
            self.dtls = self.sender.transport().await.ok().flatten();
        }
        match &self.dtls {
            Some(dtls) => matches!(dtls.state().await, Ok(RTCDtlsTransportState::Closed)),
            None => false,
        }
    }

    /// 20 ms have passed.
    async fn tick(&mut self, feed: &mut Feed) -> Option<Ended> {
        let now = self.now();
        let frames = &mut self.frames;
        self.jitter.tick(now, |released| {
            frames.take(released, |released| {
                feed.sound(match released {
                    Released::Packet(packet) => Inbound::Audio(packet),
                    Released::Lost => Inbound::Lost,
                });
            });
        });
        if let Some(key) = self.keys.overdue(now) {
            feed.tell(Inbound::Key(key));
        }
        self.quiet = self.quiet.saturating_add(1);
        let close = self.quiet <= CLOSE_SILENCE || self.quiet.is_multiple_of(SILENCE_STEP);
        if self.evidence.is_waiting() && now > self.sounded + OVER && self.quiet < LONGEST_SILENCE && close {
            self.send(SILENCE, false);
        }
        while let Some(verdict) = self.evidence.settle(now) {
            feed.tell(match verdict {
                Verdict::Played(mark) => Inbound::Played(mark),
                Verdict::Garbled(mark) => {
                    metrics::counter!("candor_webrtc_garbled_marks_total").increment(1);
                    Inbound::Garbled(mark)
                }
            });
        }
        self.channel.go_on().await;
        if self.hung_up.is_some_and(|at| now > at + GOODBYE) {
            return Some(Ended::Peer(PeerEnd::HungUp));
        }
        if self.presence.is_none() {
            return (now > CONNECT).then_some(Ended::Peer(PeerEnd::Lost));
        }
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(DTLS_STEP) && self.is_closed().await {
            return Some(Ended::Peer(PeerEnd::HungUp));
        }
        self.judge_presence(feed)
    }

    /// Whether the caller is there. They are not while nothing of ours reaches them.
    fn judge_presence(&mut self, feed: &mut Feed) -> Option<Ended> {
        let now = self.now();
        let heard = self.registration.place().heard().filter(|_| !self.unreachable);
        let heard = heard.map_or(Duration::ZERO, |heard| heard.saturating_duration_since(self.began.into_std()));
        match self.presence.as_mut()?.judge(heard, now) {
            Some(Change::Lapsed) => feed.tell(Inbound::Lapsed),
            Some(Change::Resumed) => feed.tell(Inbound::Resumed),
            Some(Change::Gone) => return Some(Ended::Peer(PeerEnd::Lost)),
            None => {}
        }
        None
    }
}

fn refused(why: &'static str) {
    metrics::counter!("candor_webrtc_dropped_packets_total", "reason" => why).increment(1);
}
