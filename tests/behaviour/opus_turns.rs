//! A turn of a browser's call is kept as it was carried: an Ogg Opus file of two streams, sealed like any other, which standard tools
//! open and which an export brings into the same WAV as a telephone call.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use candor::audio::opus::{Content, encode};
use candor::audio::{Codec, two_streams};
use candor::ledger::Ledger;
use candor::recording::{Archive, RecordingError, TurnAudio};
use uuid::Uuid;

use crate::stored::{Recorded, Storage, begin, closed, purpose, turn, turn_of};

const HOUR: Duration = Duration::from_secs(3600);

/// A tone as packets.
fn tone(hz: f64, slots: usize) -> Vec<Bytes> {
    let samples = (0..slots * 960 - 312).map(|n| ((n as f64 * hz * std::f64::consts::TAU / 48_000.0).sin() * 8000.0) as i16);
    encode(&samples.collect::<Vec<_>>(), Content::Live).unwrap().iter().collect()
}

/// Three seconds in which the agent speaks for the first, the caller for the last, and nobody in between.
fn conversation() -> TurnAudio {
    let (agent, caller) = (tone(400.0, 50), tone(900.0, 50));
    let mut audio = TurnAudio::new(Codec::Opus);
    agent.iter().for_each(|packet| audio.push(&[], packet));
    (0..50).for_each(|_| audio.push(&[], &[]));
    caller.iter().for_each(|packet| audio.push(packet, &[]));
    audio
}

/// The level of each tenth of a second of a channel of 48 kHz sound.
fn levels(samples: &[i16], channel: usize) -> Vec<f64> {
    let power = |part: &[i16]| part.iter().skip(channel).step_by(2).map(|s| f64::from(*s).powi(2)).sum::<f64>() / 4800.0;
    samples.chunks(9600).map(|part| power(part).sqrt()).collect()
}

fn is_the_conversation(samples: &[i16]) {
    // Some players count in milliseconds; a slot is 20.
    assert!(samples.len().abs_diff(2 * 3 * 48_000) < 2 * 960, "{} samples", samples.len());
    let (caller, agent) = (levels(samples, 0), levels(samples, 1));
    for tenth in 0..30 {
        let speaking = |begin: usize| (begin + 1..begin + 9).contains(&tenth);
        let silent = |begin: usize| tenth + 1 < begin || tenth > begin + 10;
        for (level, begin) in [(caller[tenth], 20), (agent[tenth], 0)] {
            assert!(!speaking(begin) || (4800.0..6500.0).contains(&level), "{tenth}: {level}");
            assert!(!silent(begin) || level < 30.0, "{tenth}: {level}");
        }
    }
}

async fn recorded(storage: &Storage, turns: impl FnOnce(&Recorded)) -> Uuid {
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let session = begin(&ledger, &recordings);
    turns(&session);
    let kept = session.recorder.close("finished").await;
    assert_eq!(kept.lost, 0);
    session.ledger.append(closed(kept.sealed)).unwrap();
    ledger.close();
    session.id
}

/// The turn as `age -d … | age -d …` gives it.
fn opened_with_age(storage: &Storage, session: Uuid) -> PathBuf {
    let folder = storage.recording.folder.join(session.to_string());
    let names = storage.sealed(session);
    let file = |ending: &str| folder.join(names.iter().find(|name| name.ends_with(ending)).unwrap());
    let out = storage.folder.path().join("turn.opus");
    let mut unwrap = Command::new("age");
    unwrap.arg("-d").arg("-i").arg(storage.key("service-quality")).arg(file(".wrap")).stdout(Stdio::piped());
    let mut unwrap = unwrap.spawn().unwrap();
    let mut open = Command::new("age");
    open.args(["-d", "-i", "-", "-o"]).arg(&out).arg(file(".age")).stdin(unwrap.stdout.take().unwrap());
    assert!(open.status().unwrap().success() && unwrap.wait().unwrap().success());
    out
}

/// What a player makes of a file, as 16-bit samples of both channels; nothing (and a word about it) where there is no such player.
fn played(mut player: Command, wav: &Path) -> Option<Vec<i16>> {
    let Ok(done) = player.output() else {
        eprintln!("skipped: no {} (Debian: ffmpeg, opus-tools)", player.get_program().display());
        return None;
    };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let reader = hound::WavReader::open(wav).unwrap();
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 48_000));
    Some(reader.into_samples::<i16>().map(Result::unwrap).collect())
}

#[tokio::test]
async fn standard_tools_open_a_turn_with_both_channels_where_they_were() {
    let storage = Storage::new();
    let quality = &["service-quality"];
    let session = recorded(&storage, |session| {
        session.recorder.keep(turn_of(1, quality, HOUR, conversation())).unwrap();
    });
    let file = opened_with_age(&storage, session.await);
    is_the_conversation(&two_streams::decode(&std::fs::read(&file).unwrap()).unwrap());

    let wav = storage.folder.path().join("ffmpeg.wav");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(&file).arg(&wav);
    if let Some(samples) = played(ffmpeg, &wav) {
        is_the_conversation(&samples);
    }
    let wav = storage.folder.path().join("opusdec.wav");
    let mut opusdec = Command::new("opusdec");
    opusdec.arg("--quiet").arg("--no-dither").arg(&file).arg(&wav);
    if let Some(samples) = played(opusdec, &wav) {
        is_the_conversation(&samples);
    }
}

#[tokio::test]
async fn an_export_is_the_same_kind_of_file_as_for_a_telephone_call() {
    let storage = Storage::new();
    let quality = purpose("service-quality");
    let session = recorded(&storage, |session| {
        for ordinal in [2, 3] {
            session.recorder.keep(turn_of(ordinal, &["service-quality"], HOUR, conversation())).unwrap();
        }
    });
    let session = session.await;
    let archive = Archive::open(&storage.recording, &storage.ledger, "tester".into()).await.unwrap();
    let out = storage.folder.path().join("export");
    let export = archive.export(session, &storage.key("service-quality"), &quality, "sample", &out).await.unwrap();
    let turns: Vec<_> = export.manifest.turns.iter().map(|turn| (turn.ordinal, turn.offset_ms, turn.duration_ms)).collect();
    assert_eq!((export.manifest.sample_rate, &turns[..]), (48_000, &[(2, 0, 3000), (3, 3000, 3000)][..]));
    let [audio, _] = export.write(&out).unwrap();
    let reader = hound::WavReader::open(&audio).unwrap();
    let spec = reader.spec();
    assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 48_000, 16));
    let samples: Vec<i16> = reader.into_samples().map(Result::unwrap).collect();
    let (first, second) = samples.split_at(2 * 3 * 48_000);
    is_the_conversation(first);
    is_the_conversation(second);
}

#[tokio::test]
async fn packets_that_no_call_carries_do_not_spoil_a_turn() {
    let storage = Storage::new();
    let (stereo, long, broken) = ([0xfc, 0xff, 0xfe], [0x18, 1, 2], [0xfb, 0]);
    let session = recorded(&storage, |session| {
        let mut audio = TurnAudio::new(Codec::Opus);
        for bad in [&stereo[..], &long, &broken] {
            audio.push(bad, &[]);
        }
        tone(900.0, 50).iter().for_each(|packet| audio.push(packet, &stereo));
        session.recorder.keep(turn_of(1, &["service-quality"], HOUR, audio)).unwrap();
    });
    let file = opened_with_age(&storage, session.await);
    let samples = two_streams::decode(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(samples.len(), 2 * 53 * 960);
    assert!((4800.0..6500.0).contains(&levels(&samples, 0)[5]) && levels(&samples, 1)[5] < 1.0);
}

#[tokio::test]
async fn turns_of_different_codecs_are_refused_with_the_way_out() {
    let storage = Storage::new();
    let session = recorded(&storage, |session| {
        session.recorder.keep(turn(1, &["service-quality"], &[0x55; 8000], &[0xff; 8000])).unwrap();
        session.recorder.keep(turn_of(2, &["service-quality"], HOUR, conversation())).unwrap();
    });
    let session = session.await;
    let archive = Archive::open(&storage.recording, &storage.ledger, "tester".into()).await.unwrap();
    let out = storage.folder.path().join("export");
    let refused = archive.export(session, &storage.key("service-quality"), &purpose("service-quality"), "sample", &out).await;
    let Err(error @ RecordingError::MixedCodecs(_)) = refused else { panic!("{refused:?}") };
    assert!(error.to_string().contains("age"), "{error}");
    assert!(!out.exists());
}

#[tokio::test]
async fn no_file_holds_a_packet() {
    let storage = Storage::new();
    let packets = tone(900.0, 50);
    recorded(&storage, |session| {
        session.recorder.keep(turn_of(1, &["service-quality"], HOUR, conversation())).unwrap();
    })
    .await;
    for (path, content) in storage.files() {
        let holds =
            packets.iter().filter(|packet| packet.len() > 20).any(|packet| content.windows(20).any(|w| w == &packet[..20]));
        assert!(!holds && !content.windows(4).any(|window| window == b"OggS"), "{}", path.display());
    }
}
