//! A WebRTC connection with one Opus track each way, for the callers and for the echo.

use std::sync::Arc;
use std::time::Duration;

use rtc::ice::mdns::MulticastDnsMode;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::register_default_interceptors;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::{mpsc, watch};
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceGatheringState, RTCPeerConnectionState,
    RTCSessionDescription, Registry, SettingEngineBuilder,
};

use crate::Failure;

/// The payload type of Opus in every offer of ours.
pub const OPUS: u8 = 111;
/// How long a connection may take to find its addresses, or to come about.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Peer {
    pub connection: Arc<dyn PeerConnection>,
    pub out: Arc<TrackLocalStaticRTP>,
    pub ssrc: u32,
    pub tracks: mpsc::Receiver<Arc<dyn TrackRemote>>,
    state: watch::Receiver<RTCPeerConnectionState>,
    gathered: watch::Receiver<bool>,
}

struct Handler {
    tracks: mpsc::Sender<Arc<dyn TrackRemote>>,
    state: watch::Sender<RTCPeerConnectionState>,
    gathered: watch::Sender<bool>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.send_replace(true);
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state.send_replace(state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let _ = self.tracks.try_send(track);
    }
}

impl Peer {
    pub async fn new() -> Result<Peer, Failure> {
        let mut media = MediaEngine::default();
        let rtp_codec = RTCRtpCodec {
            mime_type: "audio/opus".to_owned(),
            clock_rate: super::sound::CLOCK,
            channels: 2,
            sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
            rtcp_feedback: Vec::new(),
        };
        media.register_codec(RTCRtpCodecParameters { rtp_codec: rtp_codec.clone(), payload_type: OPUS }, RtpCodecKind::Audio)?;
        let registry = register_default_interceptors(Registry::new(), &mut media)?;
        let (tracks, incoming) = mpsc::channel(1);
        let (state, states) = watch::channel(RTCPeerConnectionState::New);
        let (gathered, is_gathered) = watch::channel(false);
        let connection = PeerConnectionBuilder::new()
            .with_media_engine(media)
            .with_interceptor_registry(registry)
            .with_setting_engine(SettingEngineBuilder::new().with_multicast_dns_mode(MulticastDnsMode::Disabled).build())
            .with_handler(Arc::new(Handler { tracks, state, gathered }))
            .with_udp_addrs(vec!["127.0.0.1:0".to_owned()])
            .build()
            .await?;
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);
        let ssrc = rand::random();
        let coding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..RTCRtpCodingParameters::default() },
            codec: rtp_codec,
            ..RTCRtpEncodingParameters::default()
        };
        let [stream, track, label] = ["load", "voice", "voice"].map(str::to_owned);
        let out =
            Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(stream, track, label, RtpCodecKind::Audio, vec![coding])));
        connection.add_track(out.clone()).await?;
        Ok(Peer { connection, out, ssrc, tracks: incoming, state: states, gathered: is_gathered })
    }

    /// Our offer, with all addresses.
    pub async fn offer(&mut self) -> Result<String, Failure> {
        let offer = self.connection.create_offer(None).await?;
        self.connection.set_local_description(offer).await?;
        self.gathered().await
    }

    /// Our answer to an offer, with all addresses.
    pub async fn answer(&mut self, offer: String) -> Result<String, Failure> {
        self.connection.set_remote_description(RTCSessionDescription::offer(offer)?).await?;
        let answer = self.connection.create_answer(None).await?;
        self.connection.set_local_description(answer).await?;
        self.gathered().await
    }

    async fn gathered(&mut self) -> Result<String, Failure> {
        tokio::time::timeout(PATIENCE, self.gathered.wait_for(|gathered| *gathered)).await??;
        let description = self.connection.local_description().await.ok_or("there is no local description")?;
        Ok(description.sdp)
    }

    /// Waits until sound can flow.
    pub async fn connected(&mut self) -> Result<(), Failure> {
        let over = |state: &RTCPeerConnectionState| {
            matches!(state, RTCPeerConnectionState::Connected | RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed)
        };
        let state = *tokio::time::timeout(PATIENCE, self.state.wait_for(over)).await??;
        if state == RTCPeerConnectionState::Connected { Ok(()) } else { Err(format!("the connection is {state}").into()) }
    }

    /// Waits until the connection is no more.
    pub async fn gone(&mut self) {
        let over =
            |state: &RTCPeerConnectionState| matches!(state, RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed);
        let _ = self.state.wait_for(over).await;
    }
}
