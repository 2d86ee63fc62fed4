use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rtc::ice::mdns::MulticastDnsMode;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::setting_engine::SctpMaxMessageSize;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::error::Result;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCPeerConnectionState, Registry,
    SettingEngine, SettingEngineBuilder, configure_rtcp_reports, configure_twcc,
};
use webrtc::rtp_transceiver::RtpSender;

use super::messages::{LABEL, MESSAGE_BYTES};
use super::settings::Ice;
use super::tap::{self, Tap};
use super::wire::OneCall;
use super::wire_event::WireEvent;

/// How much a page may leave unread before notices are held back here.
const UNREAD: usize = 64 * 1024;
/// The clock of Opus over RTP, and its channels as every description writes them (RFC 7587, section 7).
const OPUS: (&str, u32, u16) = ("audio/opus", 48_000, 2);

/// What a connection is made of.
pub(super) struct Parts {
    pub(super) ice: Ice,
    pub(super) runtime: OneCall,
    /// Of each family that is listened on.
    pub(super) families: Families,
    pub(super) ssrc: u32,
    pub(super) takes_channel: bool,
    pub(super) events: mpsc::Sender<WireEvent>,
    pub(super) state: watch::Sender<RTCPeerConnectionState>,
    pub(super) tasks: TaskTracker,
}

/// Which kinds of address the shared port serves.
#[derive(Clone, Copy)]
pub(super) struct Families {
    pub(super) v4: bool,
    pub(super) v6: bool,
}

/// A connection, our sound on it, and what sends it.
pub(super) struct Made {
    pub(super) connection: Arc<dyn PeerConnection>,
    pub(super) track: Arc<TrackLocalStaticRTP>,
    pub(super) sender: Arc<dyn RtpSender>,
}

/// Makes a connection that waits for an offer, with our sound attached.
pub(super) async fn connection(parts: Parts) -> Result<Made> {
    let mut media = MediaEngine::default();
    media.register_codec(opus(), RtpCodecKind::Audio)?;
    for (payload_type, clock) in [(110, 48_000), (126, 8000)] {
        media.register_codec(telephone_event(payload_type, clock), RtpCodecKind::Audio)?;
    }
    let registry = configure_rtcp_reports(Registry::new());
    let registry = configure_twcc(registry, &mut media)?.with(tap::SLOT, Tap::new(parts.ssrc, parts.events.clone()));
    // An address to tell paths apart, nothing more: see `wire`.
    let addresses: Vec<SocketAddr> = [
        parts.families.v4.then(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
        parts.families.v6.then(|| SocketAddr::from((Ipv6Addr::LOCALHOST, 0))),
    ]
    .into_iter()
    .flatten()
    .collect();
    // One listener a call: connections are brought to it whatever family they are of.
    let listener = addresses.first().copied().into_iter().collect();
    let handler = Handler { takes_channel: parts.takes_channel, events: parts.events, state: parts.state, tasks: parts.tasks };
    let connection = PeerConnectionBuilder::<SocketAddr>::new()
        .with_media_engine(media)
        .with_interceptor_registry(registry)
        .with_setting_engine(settings(&parts.ice))
        .with_handler(Arc::new(handler))
        .with_runtime(Arc::new(parts.runtime))
        .with_udp_addrs(addresses)
        .with_tcp_addrs(listener)
        .with_data_channel_send_buffer_limit(UNREAD)
        .build()
        .await?;
    let connection: Arc<dyn PeerConnection> = Arc::new(connection);
    let track = Arc::new(TrackLocalStaticRTP::new(track(parts.ssrc)));
    match connection.add_track(track.clone()).await {
        Ok(sender) => Ok(Made { connection, track, sender }),
        Err(error) => {
            let _ = connection.close().await;
            Err(error)
        }
    }
}

fn settings(ice: &Ice) -> SettingEngine {
    let timeouts = [ice.disconnected_seconds, ice.failed_seconds].map(|seconds| Some(Duration::from_secs(seconds)));
    SettingEngineBuilder::new()
        .with_ice_timeouts(timeouts[0], timeouts[1], Some(Duration::from_millis(ice.keepalive_ms)))
        .with_lite(ice.lite)
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(16 * MESSAGE_BYTES as u32))
        .build()
}

fn opus() -> RTCRtpCodecParameters {
    let (mime_type, clock_rate, channels) = OPUS;
    let sdp_fmtp_line = "minptime=10;useinbandfec=1".to_owned();
    let rtp_codec =
        RTCRtpCodec { mime_type: mime_type.to_owned(), clock_rate, channels, sdp_fmtp_line, rtcp_feedback: Vec::new() };
    RTCRtpCodecParameters { rtp_codec, payload_type: 111 }
}

/// RFC 4733. Browsers offer one for each clock that they speak with.
fn telephone_event(payload_type: u8, clock_rate: u32) -> RTCRtpCodecParameters {
    let mime_type = "audio/telephone-event".to_owned();
    let rtp_codec = RTCRtpCodec { mime_type, clock_rate, channels: 1, sdp_fmtp_line: String::new(), rtcp_feedback: Vec::new() };
    RTCRtpCodecParameters { rtp_codec, payload_type }
}

fn track(ssrc: u32) -> MediaStreamTrack {
    let coding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..RTCRtpCodingParameters::default() },
        codec: opus().rtp_codec,
        ..RTCRtpEncodingParameters::default()
    };
    MediaStreamTrack::new("candor".to_owned(), "agent".to_owned(), "agent".to_owned(), RtpCodecKind::Audio, vec![coding])
}

/// Hands on what happens to the call's task, without ever making the library wait.
struct Handler {
    takes_channel: bool,
    events: mpsc::Sender<WireEvent>,
    state: watch::Sender<RTCPeerConnectionState>,
    tasks: TaskTracker,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        self.tasks.spawn(sound(track, self.events.clone()));
    }

    async fn on_data_channel(&self, channel: Arc<dyn DataChannel>) {
        if self.takes_channel {
            self.tasks.spawn(messages(channel, self.events.clone()));
        }
    }
}

/// The caller's packets, until the connection closes.
async fn sound(track: Arc<dyn TrackRemote>, events: mpsc::Sender<WireEvent>) {
    while let Some(event) = track.poll().await {
        let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
        let event = WireEvent::Packet {
            payload_type: packet.header.payload_type,
            number: packet.header.sequence_number,
            timestamp: packet.header.timestamp,
            payload: packet.payload,
        };
        match events.try_send(event) {
            Err(mpsc::error::TrySendError::Closed(_)) => return,
            Err(mpsc::error::TrySendError::Full(_)) => {
                metrics::counter!("candor_webrtc_dropped_frames_total", "where" => "leg").increment(1);
            }
            Ok(()) => {}
        }
    }
}

/// The page's messages, until its channel closes. A page that sends faster than they are taken waits.
async fn messages(channel: Arc<dyn DataChannel>, events: mpsc::Sender<WireEvent>) {
    if channel.label().await.is_ok_and(|label| label != LABEL) {
        let _ = channel.close().await;
        return;
    }
    while let Some(event) = channel.poll().await {
        let event = match event {
            DataChannelEvent::OnOpen => WireEvent::Channel(channel.clone()),
            DataChannelEvent::OnMessage(message) => WireEvent::Message { is_text: message.is_string, data: message.data },
            DataChannelEvent::OnClose => break,
            _ => continue,
        };
        if events.send(event).await.is_err() {
            return;
        }
    }
    let _ = events.send(WireEvent::ChannelClosed).await;
}
