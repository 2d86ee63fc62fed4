//! Callers: each a WebRTC peer that talks all the time, answers as its manners are, and notes what it heard.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rtc::rtp;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use webrtc::data_channel::{DataChannel, DataChannelEvent};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use super::peer::{OPUS, Peer};
use super::sound::{self, Ear, FRAME};
use crate::Failure;

/// How far apart calls begin, so that their handshakes do not all fall into one moment.
const APART: Duration = Duration::from_millis(150);
/// How long the opening of a call may take, to the answer to the question.
const OPENING: Duration = Duration::from_secs(120);
/// How long a caller talks before pressing a key.
const TALKS: Duration = Duration::from_secs(4);

/// How callers behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// They talk and listen, to an echo.
    Talk,
    /// They say yes to the question and go round in the dialog.
    Answer,
}

/// What a caller noted.
#[derive(Clone, Debug)]
pub struct Heard {
    /// From connected media to the first packet that can be heard.
    pub first_sound: Option<Duration>,
    /// Packets that came.
    pub came: u64,
    /// Packets between the first and the last of them that did not.
    pub lost: u64,
    /// Whether the page was told that the recorder is on.
    pub recorded: bool,
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first_sound {
            Some(after) => write!(f, "first sound after {} ms", after.as_millis())?,
            None => f.write_str("no sound")?,
        }
        write!(f, ", {} packets, {} lost, {}", self.came, self.lost, if self.recorded { "recorded" } else { "not recorded" })
    }
}

/// A call in progress.
pub struct Caller {
    peer: Peer,
    location: Option<reqwest::Url>,
    notes: Arc<Notes>,
    tasks: JoinSet<()>,
}

#[derive(Default)]
struct Notes {
    first_sound: OnceLock<Instant>,
    connected: OnceLock<Instant>,
    came: AtomicU64,
    /// How far the numbers of the packets went.
    reach: AtomicU64,
    recorder: watch::Sender<Option<bool>>,
}

/// Brings so many calls, and returns when all are past their opening.
pub async fn bring(server: &str, calls: usize, manners: Manners) -> Result<Vec<Caller>, Failure> {
    let packets: Arc<[Bytes]> = sound::speech()?.into();
    let mut callers = Vec::new();
    for _ in 0..calls {
        callers.push(Caller::call(server, manners, packets.clone()).await?);
        tokio::time::sleep(APART).await;
    }
    if manners != Manners::Talk {
        for caller in &callers {
            let mut recorder = caller.notes.recorder.subscribe();
            let settled = tokio::time::timeout(OPENING, recorder.wait_for(Option::is_some)).await;
            settled.map_err(|_| "a call did not come through its opening")??;
        }
    }
    Ok(callers)
}

/// Ends the calls, and gives what each noted.
pub async fn hang_up(callers: Vec<Caller>) -> Vec<Heard> {
    let ends = callers.into_iter().map(Caller::hang_up);
    futures_util::future::join_all(ends).await
}

impl Caller {
    async fn call(server: &str, manners: Manners, packets: Arc<[Bytes]>) -> Result<Caller, Failure> {
        let mut peer = Peer::new().await?;
        let channel = match manners {
            Manners::Talk => None,
            Manners::Answer => Some(peer.connection.create_data_channel("candor", None).await?),
        };
        let url = reqwest::Url::parse(server)?.join("/webrtc")?;
        let request =
            reqwest::Client::new().post(url.clone()).header("Content-Type", "application/sdp").body(peer.offer().await?);
        let response = request.send().await?;
        let location = response.headers().get("Location").and_then(|location| location.to_str().ok());
        let location = location.map(|location| url.join(location)).transpose()?;
        let (status, answer) = (response.status(), response.text().await?);
        if status != reqwest::StatusCode::CREATED {
            return Err(format!("{url} answered {status}: {}", answer.trim()).into());
        }
        peer.connection.set_remote_description(webrtc::peer_connection::RTCSessionDescription::answer(answer)?).await?;
        peer.connected().await?;
        let notes = Arc::new(Notes::default());
        let _ = notes.connected.set(Instant::now());
        let mut tasks = JoinSet::new();
        // First, for an echo says nothing before.
        tasks.spawn(talk(peer.out.clone(), peer.ssrc, packets));
        let track = tokio::time::timeout(Duration::from_secs(10), peer.tracks.recv()).await.map_err(|_| "no sound came back")?;
        tasks.spawn(listen(track.ok_or("the connection closed")?, Ear::new()?, notes.clone()));
        if let Some(channel) = channel {
            tasks.spawn(answer_questions(channel, notes.clone()));
        }
        Ok(Caller { peer, location, notes, tasks })
    }

    async fn hang_up(mut self) -> Heard {
        let notes = &self.notes;
        let first_sound =
            notes.first_sound.get().zip(notes.connected.get()).map(|(first, connected)| first.duration_since(*connected));
        let heard = Heard {
            first_sound,
            came: notes.came.load(Ordering::Relaxed),
            lost: notes.reach.load(Ordering::Relaxed).saturating_sub(notes.came.load(Ordering::Relaxed)),
            recorded: *notes.recorder.borrow() == Some(true),
        };
        self.tasks.abort_all();
        if let Some(location) = self.location.take() {
            let _ = reqwest::Client::new().delete(location).send().await;
        }
        let _ = self.peer.connection.close().await;
        heard
    }
}

/// Twenty milliseconds of speech every twenty milliseconds.
async fn talk(out: Arc<impl TrackLocal>, ssrc: u32, packets: Arc<[Bytes]>) {
    let mut clock = tokio::time::interval(Duration::from_millis(20));
    let (mut sequence_number, mut timestamp): (u16, u32) = rand::random();
    for payload in packets.iter().cycle() {
        clock.tick().await;
        let header = rtp::Header { version: 2, payload_type: OPUS, sequence_number, timestamp, ssrc, ..rtp::Header::default() };
        if out.write_rtp(rtp::Packet { header, payload: payload.clone() }).await.is_err() {
            return;
        }
        sequence_number = sequence_number.wrapping_add(1);
        timestamp = timestamp.wrapping_add(FRAME as u32);
    }
}

async fn listen(track: Arc<dyn TrackRemote>, mut ear: Ear, notes: Arc<Notes>) {
    let mut last: Option<u16> = None;
    while let Some(event) = track.poll().await {
        let TrackRemoteEvent::OnRtpPacket(packet) = event else { continue };
        // What is not decoded any more costs the callers' process nothing.
        if notes.first_sound.get().is_none() && ear.hears(&packet.payload) {
            let _ = notes.first_sound.set(Instant::now());
        }
        notes.came.fetch_add(1, Ordering::Relaxed);
        let number = packet.header.sequence_number;
        let ahead = last.map_or(1, |last| number.wrapping_sub(last));
        // Half of the numbers are ahead; one from behind came late.
        if ahead <= u16::MAX / 2 {
            notes.reach.fetch_add(u64::from(ahead), Ordering::Relaxed);
            last = Some(number);
        }
    }
}

/// Presses yes when the question has been heard to its end, and after that 3 and 1 in turn, which go round in the sample dialog.
async fn answer_questions(channel: Arc<dyn DataChannel>, notes: Arc<Notes>) {
    let mut question = None;
    let mut keys = ["3", "1"].into_iter().cycle();
    while let Some(event) = channel.poll().await {
        let DataChannelEvent::OnMessage(message) = event else { continue };
        let Ok(message) = serde_json::from_slice::<Value>(&message.data) else { continue };
        let reply = match message["type"].as_str() {
            Some("saying") => {
                if message["role"] == "question" {
                    question = message["line"].as_u64();
                }
                None
            }
            Some("said") if question.is_some() && message["line"].as_u64() == question && message["outcome"] == "heard" => {
                Some(serde_json::json!({ "type": "button", "button": "yes" }))
            }
            Some("recorder") => {
                notes.recorder.send_replace(message["on"].as_bool());
                None
            }
            Some("answer") if message["outcome"] == "refused" => {
                notes.recorder.send_replace(Some(false));
                None
            }
            Some("expecting") if message["answer"] == "choice" => {
                tokio::time::sleep(TALKS).await;
                keys.next().map(|key| serde_json::json!({ "type": "key", "key": key }))
            }
            _ => None,
        };
        if let Some(reply) = reply
            && channel.send_text(&reply.to_string()).await.is_err()
        {
            return;
        }
    }
}
