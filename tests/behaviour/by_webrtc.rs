//! What the tests of calls by WebRTC share: a server for them, ways to see that it holds nothing back, and what it kept, opened.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use crate::by_key::{PURPOSE, by_key, with_keys_alone};
use crate::independent_peer::PeerCall;
use crate::service::{Plan, Service, project};
use crate::udp_weather::Relay;

/// The tone that the agent answers with when it is asked for the opening hours, in Hz, and how long it lasts.
pub const AGENT_TONE: u32 = 1000;
pub const AGENT_TONE_SECONDS: f64 = 2.0;

/// The sample dialog, answered by keys and buttons.
pub fn line() -> Plan {
    from_one_address(by_key())
}

/// All callers of a test come from this machine, and one after the other faster than people do.
pub fn from_one_address(plan: Plan) -> Plan {
    plan.with("SERVER__LIMITS__CALLS_PER_MINUTE", "6000").with("SERVER__LIMITS__CALLS_PER_ADDRESS", "100")
}

/// The same, where the opening hours are a tone. The texts lie in `folder`, which has to outlive the server.
pub fn line_with_a_tone(folder: &Path) -> Plan {
    copy(&project("prompts"), folder);
    for language in ["nl", "en"] {
        write_tone(&folder.join(language).join("we-are-open.wav"));
    }
    from_one_address(with_keys_alone(Plan::of(project("dialogs"), folder.to_owned())))
}

/// A server that callers reach through a relay, with a seed for its weather.
pub async fn line_through_a_relay(plan: Plan, seed: u64) -> (Service, Relay) {
    let media = free_udp();
    let relay = Relay::to(media, seed).await;
    let service = plan.with("WEBRTC__LISTEN", &media.to_string()).start();
    (service, relay)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn write_tone(file: &Path) {
    const RATE: u32 = 48_000;
    let spec = hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut wav = hound::WavWriter::create(file, spec).unwrap();
    for at in 0..(AGENT_TONE_SECONDS * f64::from(RATE)) as u32 {
        let phase = f64::from(at) * f64::from(AGENT_TONE) / f64::from(RATE) * std::f64::consts::TAU;
        wav.write_sample((phase.sin() * 9000.0) as i16).unwrap();
    }
    wav.finalize().unwrap();
}

/// From the beginning to the first menu with a yes by the button.
pub async fn agree(call: &PeerCall) {
    call.asked().await;
    call.button("yes").await;
    call.heard_line("consent-given").await;
    call.notice("turn", |notice| notice["recording"] == true).await;
}

/// Says that the server is asked for the opening hours, and waits until the tone has been heard; gives when its line began.
pub async fn hear_the_tone(call: &PeerCall) -> f64 {
    call.saying("how-can-i-help").await;
    call.key('3').await;
    let line = call.heard_line("we-are-open").await;
    let at = line["at"].as_f64().unwrap();
    // Without its beginning, where the end of the line that the key cut off still comes out of the peer's jitter buffer, and its end, where
    // the next line begins.
    let heard = call.measure(Some((at + 0.3, at + AGENT_TONE_SECONDS - 0.1)), &[AGENT_TONE]).await;
    assert!(heard["tones"][AGENT_TONE.to_string()].as_f64() > Some(AGENT_TONE_SECONDS - 0.7), "{heard:#}");
    // A frame that the peer itself lost while it had no processor is two or three pieces of 10 ms.
    assert!(heard["holes"].as_u64() <= Some(4), "the tone is in pieces: {heard:#}");
    at
}

/// A kept session, opened with a purpose's private key.
pub struct Kept {
    rate: f64,
    caller: Vec<f64>,
    agent: Vec<f64>,
    /// Where each turn begins in it, in seconds, by its number, and how long it is.
    pub turns: BTreeMap<u64, (f64, f64)>,
    /// The file.
    pub file: PathBuf,
}

/// Opens what is kept of a session, as an operator would.
pub fn opened(service: &Service, session: &str) -> Kept {
    let out = service.folder.path().join("opened");
    let key = service.private_key(PURPOSE);
    let export = ["recordings", "export", session, "--purpose", PURPOSE, "--reason", "test", "--key", key.to_str().unwrap()];
    let done = service.tool(&[&export[..], &["--out", out.to_str().unwrap()]].concat());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let file = out.join(format!("{session}.wav"));
    let mut wav = hound::WavReader::open(&file).unwrap();
    let spec = wav.spec();
    assert_eq!((spec.channels, spec.bits_per_sample), (2, 16), "{spec:?}");
    let samples: Vec<f64> = wav.samples::<i16>().map(|sample| f64::from(sample.unwrap())).collect();
    let channel = |number| samples.iter().skip(number).step_by(2).copied().collect();
    let manifest: Value = serde_json::from_slice(&std::fs::read(out.join(format!("{session}.json"))).unwrap()).unwrap();
    assert_eq!(manifest["channels"], serde_json::json!(["caller", "agent"]));
    let seconds = |turn: &Value, name: &str| turn[name].as_f64().unwrap() / 1000.0;
    let turns = manifest["turns"].as_array().unwrap().iter();
    let turns = turns.map(|turn| (turn["ordinal"].as_u64().unwrap(), (seconds(turn, "offset-ms"), seconds(turn, "duration-ms"))));
    Kept { rate: spec.sample_rate.into(), caller: channel(0), agent: channel(1), turns: turns.collect(), file }
}

impl Kept {
    /// Where the caller's channel holds this tone, as the seconds at which each tenth of a second of it begins.
    pub fn tone_of_the_caller(&self, hz: u32) -> Vec<f64> {
        tone(&self.caller, self.rate, hz.into())
    }

    /// The same for the agent's channel.
    pub fn tone_of_the_agent(&self, hz: u32) -> Vec<f64> {
        tone(&self.agent, self.rate, hz.into())
    }

    /// How many seconds of the agent's channel have something to be heard.
    pub fn agent_speaks(&self) -> f64 {
        let frames = self.agent.chunks((self.rate / 50.0) as usize);
        frames.filter(|frame| power(frame) > 184.0 * 184.0).count() as f64 / 50.0
    }
}

/// The tenths of a second in which one frequency has most of the power (Goertzel).
fn tone(samples: &[f64], rate: f64, hz: f64) -> Vec<f64> {
    let window = (rate / 10.0) as usize;
    let factor = 2.0 * (std::f64::consts::TAU * hz / rate).cos();
    let holds = |samples: &[f64]| {
        let (mut before, mut last) = (0.0, 0.0);
        for sample in samples {
            (before, last) = (last, sample + factor * last - before);
        }
        let strength = 2.0 * (last * last + before * before - factor * last * before) / (samples.len() as f64).powi(2);
        power(samples) > 300.0 * 300.0 && strength > 0.8 * power(samples)
    };
    let windows = samples.chunks_exact(window).enumerate();
    windows.filter(|(_, samples)| holds(samples)).map(|(number, _)| number as f64 / 10.0).collect()
}

fn power(samples: &[f64]) -> f64 {
    samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len().max(1) as f64
}

/// What a server holds of its machine.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub descriptors: usize,
    pub threads: usize,
    /// Resident memory, in kilobytes.
    pub memory: usize,
}

/// Looks at a running server (Linux).
pub fn held(service: &Service) -> Held {
    let process = PathBuf::from(format!("/proc/{}", service.process_id()));
    let count = |folder: &str| std::fs::read_dir(process.join(folder)).unwrap().count();
    let status = std::fs::read_to_string(process.join("status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let memory = resident.trim().trim_end_matches(" kB").parse().unwrap();
    Held { descriptors: count("fd"), threads: count("task"), memory }
}

/// The server's counts, as they are published.
pub async fn metrics(service: &Service) -> String {
    crate::service::http().get(format!("{}/metrics", service.base)).send().await.unwrap().text().await.unwrap()
}

/// Waits until no session is open any more.
pub async fn no_session_is_open(service: &Service) {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        let metrics = metrics(service).await;
        let open = metrics.lines().find_map(|line| line.strip_prefix("candor_sessions_open ")).expect("the gauge is published");
        if open == "0" {
            return;
        }
        assert!(Instant::now() < deadline, "{open} sessions are still open");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// How many seconds after `moment` the ledger's clock stood at `at`.
pub fn seconds_after(moment: SystemTime, at: jiff::Timestamp) -> f64 {
    let moment = jiff::Timestamp::try_from(moment).unwrap();
    at.duration_since(moment).as_secs_f64()
}

/// An address on which nobody listens.
pub fn free_udp() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
