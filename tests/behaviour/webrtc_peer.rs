//! A caller made of the library that the server uses, on a network that can lose packets, stand still and move: what the tests of the
//! transport share. (A peer of another make, aiortc, has tests of its own.)

use std::fmt;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use candor::transport::webrtc::{Answer, Endpoint, Kind, Settings};
use candor::transport::{Inbound, Leg, Outbound};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::media_stream::MediaStreamTrack;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler, RTCIceCandidateInit, RTCIceGatheringState,
    RTCSessionDescription, Registry, SettingEngineBuilder, configure_rtcp_reports, configure_twcc,
};
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime, TokioRuntime, Transmit,
};

/// Longer than anything here takes; a test that waits so long has failed.
pub const LONG: Duration = Duration::from_secs(20);

/// An endpoint on any port of this machine.
pub async fn endpoint(settings: Settings) -> Arc<Endpoint> {
    let settings = Settings { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..settings };
    Endpoint::bind(&settings, 100, 100).await.unwrap()
}

/// What the session hears next, sound aside.
pub async fn told(leg: &mut Leg) -> Inbound {
    loop {
        match timeout(LONG, leg.inbound.recv()).await.expect("something in time").expect("an open leg") {
            Inbound::Audio(_) | Inbound::Lost => {}
            other => return other,
        }
    }
}

/// 20 ms of Opus, each different from the others and none of them silence.
pub fn tone(count: usize) -> Vec<Bytes> {
    let mut encoder = opus::Encoder::new(48_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
    let wave = |n: usize| (((n as f32) * 0.06).sin() * 9000.0) as i16;
    (0..count)
        .map(|f| encoder.encode_vec(&(0..960).map(|n| wave(f * 960 + n)).collect::<Vec<_>>(), 1275).unwrap().into())
        .collect()
}

/// Plays frames as the session does: one each 20 ms.
pub async fn play(leg: &Leg, frames: &[Bytes]) {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    for frame in frames {
        tick.tick().await;
        leg.outbound.send(Outbound::Audio(frame.clone())).await.unwrap();
    }
}

/// How a peer is made.
#[derive(Clone)]
pub struct Making {
    /// Whether it reports by transport-wide feedback; if not, by receiver reports alone.
    pub feedback: bool,
    /// Whether it opens the data channel.
    pub channel: bool,
    /// Whether it connects over TCP alone.
    pub tcp: bool,
}

impl Default for Making {
    fn default() -> Making {
        Making { feedback: true, channel: true, tcp: false }
    }
}

pub struct Peer {
    pub connection: Arc<dyn PeerConnection>,
    pub channel: Option<Arc<dyn DataChannel>>,
    pub network: Arc<Network>,
    /// What comes from the server.
    pub sound: mpsc::UnboundedReceiver<rtp::Packet>,
    pub texts: mpsc::UnboundedReceiver<String>,
    pub opened: watch::Receiver<Option<bool>>,
    gathered: watch::Receiver<bool>,
    track: Arc<TrackLocalStaticRTP>,
    tcp: bool,
    ssrc: u32,
    number: u16,
    timestamp: u32,
}

impl Peer {
    pub async fn new(making: Making) -> Peer {
        let network = Arc::new(Network::default());
        let mut media = MediaEngine::default();
        let codec = |mime_type: &str, clock_rate, channels, payload_type| RTCRtpCodecParameters {
            rtp_codec: RTCRtpCodec { mime_type: mime_type.into(), clock_rate, channels, ..RTCRtpCodec::default() },
            payload_type,
        };
        media.register_codec(codec("audio/opus", 48_000, 2, 109), RtpCodecKind::Audio).unwrap();
        media.register_codec(codec("audio/telephone-event", 48_000, 1, 101), RtpCodecKind::Audio).unwrap();
        let mut registry = configure_rtcp_reports(Registry::new());
        if making.feedback {
            registry = configure_twcc(registry, &mut media).unwrap();
        }
        let (sound_in, sound) = mpsc::unbounded_channel();
        let (gathered_in, gathered) = watch::channel(false);
        let settings = SettingEngineBuilder::new().with_multicast_dns_mode(MulticastDnsMode::Disabled).build();
        let here = || vec![SocketAddr::from(([127, 0, 0, 1], 0))];
        let connection = PeerConnectionBuilder::<SocketAddr>::new()
            .with_media_engine(media)
            .with_interceptor_registry(registry)
            .with_setting_engine(settings)
            .with_runtime(Arc::new(Shaped(network.clone())))
            .with_handler(Arc::new(Events { sound: sound_in, gathered: gathered_in }))
            .with_udp_addrs(if making.tcp { Vec::new() } else { here() })
            .with_tcp_addrs(if making.tcp { here() } else { Vec::new() })
            .build()
            .await
            .unwrap();
        let connection: Arc<dyn PeerConnection> = Arc::new(connection);
        let ssrc = rand::random();
        let coding = RTCRtpEncodingParameters {
            rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..RTCRtpCodingParameters::default() },
            codec: codec("audio/opus", 48_000, 2, 109).rtp_codec,
            ..RTCRtpEncodingParameters::default()
        };
        let track = MediaStreamTrack::new("me".into(), "me".into(), "me".into(), RtpCodecKind::Audio, vec![coding]);
        let track = Arc::new(TrackLocalStaticRTP::new(track));
        connection.add_track(track.clone()).await.unwrap();
        let (texts_in, texts) = mpsc::unbounded_channel();
        let (opened_in, opened) = watch::channel(None);
        let mut channel = None;
        if making.channel {
            let ours = connection.create_data_channel("candor", None).await.unwrap();
            tokio::spawn(listen(ours.clone(), texts_in, opened_in));
            channel = Some(ours);
        }
        let (number, timestamp) = (u16::MAX - 20, u32::MAX - 9600);
        Peer { connection, channel, network, sound, texts, opened, gathered, track, tcp: making.tcp, ssrc, number, timestamp }
    }

    /// The offer, with all addresses.
    pub async fn offer(&mut self) -> String {
        let offer = self.connection.create_offer(None).await.unwrap();
        self.connection.set_local_description(offer).await.unwrap();
        timeout(LONG, self.gathered.wait_for(|done| *done)).await.unwrap().unwrap();
        let offer = self.connection.local_description().await.unwrap().sdp;
        // The library offers the codec of its track alone.
        let media = offer.lines().find(|line| line.starts_with("m=audio ")).unwrap();
        let events = "a=rtpmap:101 telephone-event/48000\r\na=rtpmap:109 opus/48000/2";
        offer.replacen(media, &format!("{media} 101"), 1).replacen("a=rtpmap:109 opus/48000/2", events, 1)
    }

    pub async fn take(&self, answer: &str) {
        self.connection.set_remote_description(RTCSessionDescription::answer(answer.to_owned()).unwrap()).await.unwrap();
    }

    /// A caller that is connected, and the session's end.
    pub async fn call(endpoint: &Arc<Endpoint>, making: Making) -> (Peer, Answered) {
        let waits = making.channel;
        let mut peer = Peer::new(making).await;
        let offer = peer.offer().await;
        let Answer { id, etag, sdp, leg, connected, .. } = endpoint.answer(&offer, Kind::Caller).await.unwrap();
        peer.take(&sdp).await;
        if peer.tcp {
            // The library connects to candidates that are trickled alone.
            for candidate in sdp.lines().filter_map(|line| line.strip_prefix("a=")).filter(|line| line.contains(" tcp ")) {
                let candidate = RTCIceCandidateInit { candidate: candidate.to_owned(), ..RTCIceCandidateInit::default() };
                peer.connection.add_ice_candidate(candidate).await.unwrap();
            }
        }
        assert!(timeout(LONG, connected.wait()).await.expect("connected in time"));
        if waits {
            peer.is_open().await;
        }
        (peer, Answered { id, etag, sdp, leg })
    }

    pub async fn is_open(&mut self) {
        timeout(LONG, self.opened.wait_for(|opened| *opened == Some(true))).await.expect("an open channel in time").unwrap();
    }

    /// Waits until the channel is closed from the other side.
    pub async fn is_closed(&mut self) {
        timeout(LONG, self.opened.wait_for(|opened| *opened == Some(false))).await.expect("a closed channel in time").unwrap();
    }

    pub async fn say(&self, text: &str) {
        self.channel.as_ref().unwrap().send_text(text).await.unwrap();
    }

    /// The next text of the server, as JSON.
    pub async fn shown(&mut self) -> serde_json::Value {
        serde_json::from_str(&timeout(LONG, self.texts.recv()).await.expect("a text in time").unwrap()).unwrap()
    }

    /// Sends one packet of sound.
    pub async fn send(&mut self, payload: Bytes) {
        self.packet(109, self.number, self.timestamp, payload).await;
        self.number = self.number.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(960);
    }

    pub async fn packet(&self, payload_type: u8, sequence_number: u16, timestamp: u32, payload: Bytes) {
        let ssrc = self.ssrc;
        let header = rtp::Header { version: 2, payload_type, sequence_number, timestamp, ssrc, ..rtp::Header::default() };
        self.track.write_rtp(rtp::Packet { header, payload }).await.unwrap();
    }

    /// A key as a telephone sends it, in RTP.
    pub async fn press(&mut self, event: u8) {
        for (end, duration) in [(0, 960u16), (0, 1920), (0x80, 2880), (0x80, 2880), (0x80, 2880)] {
            let [high, low] = duration.to_be_bytes();
            self.packet(101, self.number, self.timestamp, Bytes::from(vec![event, end | 10, high, low])).await;
            self.number = self.number.wrapping_add(1);
        }
        self.timestamp = self.timestamp.wrapping_add(2880);
    }

    /// Speaks, one packet each 20 ms.
    pub async fn speak(&mut self, frames: &[Bytes]) {
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        for frame in frames {
            tick.tick().await;
            self.send(frame.clone()).await;
        }
    }

    /// The next packet of the server that is not silence.
    pub async fn heard(&mut self) -> rtp::Packet {
        loop {
            let packet = timeout(LONG, self.sound.recv()).await.expect("sound in time").unwrap();
            if packet.payload[..] != [0xf8, 0xff, 0xfe] {
                return packet;
            }
        }
    }
}

/// What a call is known by on our side.
pub struct Answered {
    pub id: String,
    pub etag: String,
    pub sdp: String,
    pub leg: Leg,
}

async fn listen(channel: Arc<dyn DataChannel>, texts: mpsc::UnboundedSender<String>, opened: watch::Sender<Option<bool>>) {
    while let Some(event) = channel.poll().await {
        match event {
            DataChannelEvent::OnOpen => drop(opened.send_replace(Some(true))),
            DataChannelEvent::OnMessage(message) => drop(texts.send(String::from_utf8(message.data.to_vec()).unwrap())),
            DataChannelEvent::OnClose => break,
            _ => {}
        }
    }
    opened.send_replace(Some(false));
}

struct Events {
    sound: mpsc::UnboundedSender<rtp::Packet>,
    gathered: watch::Sender<bool>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Events {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathered.send_replace(state == RTCIceGatheringState::Complete);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let sound = self.sound.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    let _ = sound.send(packet);
                }
            }
        });
    }
}

/// The network between a peer and the server.
#[derive(Default)]
pub struct Network {
    /// Nothing passes, in either direction.
    pub down: AtomicBool,
    /// One in so many media packets to the peer is lost; zero: none.
    pub lose_one_in: AtomicU64,
    passed: AtomicU64,
    socket: Mutex<Option<Arc<tokio::net::UdpSocket>>>,
    waker: Mutex<Option<Waker>>,
}

impl Network {
    /// The peer has another address from now on, as after a change of network.
    pub fn move_away(&self) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        *self.socket.lock().unwrap() = Some(Arc::new(tokio::net::UdpSocket::from_std(socket).unwrap()));
        if let Some(waker) = self.waker.lock().unwrap().take() {
            waker.wake();
        }
    }

    fn loses(&self, datagram: &[u8]) -> bool {
        let one_in = self.lose_one_in.load(Ordering::Relaxed);
        // RTP, by RFC 7983; RTCP has packet types 64 to 95 there.
        let sound = matches!(datagram, [128..=191, second, ..] if !(64..=95).contains(&(second & 0x7f)));
        one_in > 0 && sound && self.passed.fetch_add(1, Ordering::Relaxed).is_multiple_of(one_in)
    }
}

struct Wire {
    address: SocketAddr,
    network: Arc<Network>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

impl AsyncUdpSocket for Wire {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn poll_send(&self, _: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        if !self.network.down.load(Ordering::Relaxed) {
            let socket = self.network.socket.lock().unwrap().clone().unwrap();
            let _ = socket.try_send_to(transmit.contents, transmit.destination);
        }
        Poll::Ready(Ok(transmit.contents.len()))
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        loop {
            *self.network.waker.lock().unwrap() = Some(context.waker().clone());
            let socket = self.network.socket.lock().unwrap().clone().unwrap();
            let mut buffer = tokio::io::ReadBuf::new(&mut bufs[0]);
            let from = match socket.poll_recv_from(context, &mut buffer) {
                Poll::Ready(Ok(from)) => from,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            };
            let length = buffer.filled().len();
            if self.network.down.load(Ordering::Relaxed) || self.network.loses(buffer.filled()) {
                continue;
            }
            meta[0] = RecvMeta::default();
            (meta[0].len, meta[0].stride, meta[0].addr) = (length, length.max(1), from);
            return Poll::Ready(Ok(1));
        }
    }
}

/// Tokio, with that network.
struct Shaped(Arc<Network>);

impl fmt::Debug for Shaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shaped")
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl Runtime for Shaped {
    fn spawn(&self, future: BoxFuture<'static, ()>) -> Box<dyn JoinHandle> {
        TokioRuntime.spawn(future)
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        *self.0.socket.lock().unwrap() = Some(Arc::new(tokio::net::UdpSocket::from_std(socket)?));
        Ok(Arc::new(Wire { address, network: self.0.clone() }))
    }

    fn wrap_tcp_listener(&self, listener: TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(&'a self, to: SocketAddr) -> BoxFuture<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        TokioRuntime.connect_tcp(to)
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        TokioRuntime.resolve_host(host)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        TokioRuntime.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }
}

/// Waits until nothing is left of any call.
pub async fn emptied(endpoint: &Endpoint) {
    let deadline = Instant::now() + LONG;
    loop {
        let census = endpoint.census();
        if (census.connections, census.entries, census.tasks) == (0, (0, 0), 2) {
            return;
        }
        assert!(Instant::now() < deadline, "left behind: {census:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
