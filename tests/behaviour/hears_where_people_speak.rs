//! The ears find where people speak, in recordings of real people through the codecs of calls, and in nothing else; with phone
//! systems that send every frame and with those that send none while the caller is silent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use candor::audio::opus::{self, Content};
use candor::audio::{Codec, Encoded, FRAME};
use candor::consent::SessionTime;
use candor::speech::tts::{Sound, recorded};
use candor::speech::{Ears, EarsHandle, Heard, Settings};
use tokio::sync::mpsc::Receiver;

/// The folder with recordings of people, or nothing (and a word about it).
fn human_speech() -> Option<PathBuf> {
    let folder = std::env::var_os("CANDOR_HUMAN_SPEECH").map_or_else(|| PathBuf::from("../shared/speech"), PathBuf::from);
    if !folder.join("MANIFEST.tsv").is_file() {
        eprintln!("skipped: no recordings of people at {} (set CANDOR_HUMAN_SPEECH to their folder)", folder.display());
        return None;
    }
    Some(folder)
}

const BOTH: [Codec; 2] = [Codec::Ulaw, Codec::Opus];

/// Up to `count` recordings below a folder, spread evenly over it, as a call carries them.
fn recordings(folder: &Path, count: usize, codec: Codec) -> Vec<Encoded> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wav"));
    files.sort();
    let step = files.len().div_ceil(count).max(1);
    files.iter().step_by(step).map(|file| carried(file, codec)).collect()
}

fn carried(file: &Path, codec: Codec) -> Encoded {
    let sound = recorded::decode(file, &std::fs::read(file).unwrap()).unwrap();
    sound.encode(codec, Content::Live).unwrap()
}

fn silence(duration: Duration, codec: Codec) -> Encoded {
    let frames = (duration.as_millis() / FRAME.as_millis()) as usize;
    match codec {
        Codec::Opus => Encoded::of_packets(codec, opus::SILENCE.repeat(frames).into(), vec![opus::SILENCE.len(); frames]),
        _ => Encoded::of_samples(codec, vec![codec.silence(); frames * 160].into()),
    }
}

/// Sends sound in frames from `at` on, as fast as the ears take it, and gives when it ends.
async fn send(ears: &EarsHandle, at: SessionTime, sound: &Encoded) -> SessionTime {
    let mut now = at;
    for frame in sound.iter() {
        ears.frame(now, frame);
        now = now + FRAME;
        tokio::task::yield_now().await;
    }
    now
}

fn start(codec: Codec) -> (EarsHandle, Receiver<Heard>) {
    Ears::start(None, &Settings::default(), codec).unwrap()
}

/// What has been heard when everything sent has been worked through.
async fn everything(ears: EarsHandle, mut heard: Receiver<Heard>) -> Vec<Heard> {
    drop(ears);
    let mut all = Vec::new();
    while let Some(event) = heard.recv().await {
        all.push(event);
    }
    all
}

fn utterances(heard: &[Heard]) -> usize {
    heard.iter().filter(|event| matches!(event, Heard::NotUnderstood { .. })).count()
}

#[tokio::test]
async fn short_answers_of_real_people_are_found() {
    let Some(folder) = human_speech() else { return };
    for codec in BOTH {
        for (language, least) in [("en/yes", 80), ("en/no", 80), ("nl/ja", 90), ("nl/nee", 90)] {
            let (mut found, mut all) = (0, 0);
            for sound in recordings(&folder.join(language), 20, codec) {
                let (ears, heard) = start(codec);
                let at = send(&ears, SessionTime::START, &silence(Duration::from_millis(600), codec)).await;
                let at = send(&ears, at, &sound).await;
                send(&ears, at, &silence(Duration::from_secs(2), codec)).await;
                all += 1;
                found += usize::from(utterances(&everything(ears, heard).await) > 0);
            }
            eprintln!("{codec:?}, {language}: speech found in {found} of {all}");
            assert!(found * 100 >= all * least, "{codec:?}, {language}: speech found in {found} of {all} recordings");
        }
    }
}

#[tokio::test]
async fn an_utterance_has_the_times_of_its_sound() {
    let Some(folder) = human_speech() else { return };
    for codec in BOTH {
        let mut close = 0;
        let sounds = recordings(&folder.join("nl/ja"), 12, codec);
        for sound in &sounds {
            let (ears, heard) = start(codec);
            let begin = send(&ears, SessionTime(Duration::from_secs(7)), &silence(Duration::from_secs(1), codec)).await;
            let end = send(&ears, begin, sound).await;
            send(&ears, end, &silence(Duration::from_secs(2), codec)).await;
            for event in everything(ears, heard).await {
                if let Heard::NotUnderstood { began, ended } = event {
                    assert!(began < ended);
                    close += usize::from(began + Duration::from_millis(60) >= begin && ended <= end + Duration::from_millis(120));
                    break;
                }
            }
        }
        assert!(close * 10 >= sounds.len() * 8, "{codec:?}: {close} of {} lie within their recording", sounds.len());
    }
}

#[tokio::test]
async fn the_end_of_speech_is_noticed_without_frames() {
    let Some(folder) = human_speech() else { return };
    for codec in BOTH {
        let (mut found, mut all) = (0, 0);
        for sound in recordings(&folder.join("nl/nee"), 8, codec) {
            let (ears, mut heard) = start(codec);
            let mut at = send(&ears, SessionTime(Duration::from_secs(30)), &sound).await;
            // The phone system has gone quiet; only our own clock goes on.
            for _ in 0..100 {
                at = at + FRAME;
                ears.tick(at);
                tokio::task::yield_now().await;
            }
            all += 1;
            let mut ended = 0;
            while let Ok(Some(event)) = tokio::time::timeout(Duration::from_secs(1), heard.recv()).await {
                if matches!(event, Heard::NotUnderstood { .. }) {
                    ended += 1;
                    break;
                }
            }
            found += ended;
        }
        assert!(found * 10 >= all * 9, "{codec:?}: the end was noticed {found} times of {all}");
    }
}

#[tokio::test]
async fn silence_is_no_speech_however_long() {
    for codec in BOTH {
        let (ears, heard) = start(codec);
        let at = send(&ears, SessionTime::START, &silence(Duration::from_secs(30), codec)).await;
        ears.tick(at + Duration::from_secs(600));
        send(&ears, at + Duration::from_secs(600), &silence(Duration::from_secs(5), codec)).await;
        assert_eq!(everything(ears, heard).await, []);
    }
}

/// Seconds of a tone that is on and off in turns, in seconds each.
fn tone(hertz: f64, on: f64, off: f64, seconds: usize) -> Sound {
    let rate = 16_000;
    let at = |sample: usize| sample as f64 / f64::from(rate);
    let sounds = |time: f64| (time % (on + off)) < on;
    let level = |time: f64| if sounds(time) { (time * hertz * std::f64::consts::TAU).sin() * 8_000.0 } else { 0.0 };
    let samples: Vec<i16> = (0..seconds * rate as usize).map(|sample| level(at(sample)) as i16).collect();
    Sound { samples: samples.into(), rate }
}

#[tokio::test]
async fn machines_are_nobody_who_answers() {
    // A tone as deep as a voice can pass for the beginning of one; words are not found in it.
    let sounds = [
        ("a fax that calls (ITU-T T.30: 1100 Hz)", tone(1_100.0, 0.5, 3.0, 15), 0),
        ("a fax that answers (2100 Hz)", tone(2_100.0, 3.0, 0.1, 9), 0),
        ("a busy line (425 Hz)", tone(425.0, 0.5, 0.5, 10), 1),
    ];
    for codec in BOTH {
        for (what, sound, most) in &sounds {
            let (ears, heard) = start(codec);
            let at = send(&ears, SessionTime::START, &sound.encode(codec, Content::Live).unwrap()).await;
            send(&ears, at, &silence(Duration::from_secs(2), codec)).await;
            let taken = utterances(&everything(ears, heard).await);
            assert!(taken <= *most, "{codec:?}: {what}: {taken} utterances");
        }
    }
}

#[tokio::test]
async fn a_caller_who_talks_without_end_is_heard_in_parts() {
    let Some(folder) = human_speech() else { return };
    let mut settings = Settings::default();
    settings.endpoint.longest_ms = 2_000;
    for codec in BOTH {
        let (ears, heard) = Ears::start(None, &settings, codec).unwrap();
        let mut at = SessionTime::START;
        for talk in recordings(&folder.join("en/other"), 12, codec) {
            at = send(&ears, at, &talk).await;
        }
        send(&ears, at, &silence(Duration::from_secs(2), codec)).await;
        let heard = everything(ears, heard).await;
        assert!(utterances(&heard) >= 2);
        for event in heard {
            if let Heard::NotUnderstood { began, ended } = event {
                assert!(ended.since(began) <= Duration::from_millis(2_100));
            }
        }
    }
}

#[tokio::test]
async fn background_noise_is_seldom_taken_for_speech() {
    let Some(folder) = human_speech() else { return };
    for codec in BOTH {
        let (mut taken, mut seconds) = (0, 0.0);
        for sound in recordings(&folder.join("noise"), 24, codec) {
            let (ears, heard) = start(codec);
            let at = send(&ears, SessionTime::START, &sound).await;
            send(&ears, at, &silence(Duration::from_secs(1), codec)).await;
            seconds += sound.duration().as_secs_f64();
            taken += utterances(&everything(ears, heard).await);
        }
        eprintln!("{codec:?}: {taken} utterances in {seconds:.0} s of noise");
        assert!(taken as f64 <= seconds / 5.0, "{codec:?}: {taken} utterances in {seconds:.0} s of noise");
    }
}

#[tokio::test]
async fn answers_are_found_on_a_network_that_loses_packets() {
    let Some(folder) = human_speech() else { return };
    let (mut found, mut all) = (0, 0);
    for sound in recordings(&folder.join("nl/ja"), 20, Codec::Opus) {
        let (ears, heard) = start(Codec::Opus);
        let mut at = send(&ears, SessionTime::START, &silence(Duration::from_millis(600), Codec::Opus)).await;
        for (number, frame) in sound.iter().enumerate() {
            // One in seven is lost, and now and then two after one another.
            if number % 7 == 3 || number % 29 == 4 {
                ears.lost()
            } else {
                ears.frame(at, frame)
            }
            at = at + FRAME;
            tokio::task::yield_now().await;
        }
        send(&ears, at, &silence(Duration::from_secs(2), Codec::Opus)).await;
        all += 1;
        found += usize::from(utterances(&everything(ears, heard).await) > 0);
    }
    assert!(found * 10 >= all * 9, "speech found in {found} of {all} recordings");
}

#[tokio::test]
async fn what_is_made_up_for_lost_packets_is_no_voice() {
    let Some(folder) = human_speech() else { return };
    let sound = recordings(&folder.join("nl/ja"), 1, Codec::Opus).remove(0);
    // Where the voice is loudest: three packets of it, too few for a beginning, and then nothing arrives any more.
    let packets: Vec<Bytes> = sound.iter().collect();
    let longest = (0..packets.len() - 3).max_by_key(|at| packets[*at..at + 3].iter().map(Bytes::len).sum::<usize>()).unwrap();
    let (ears, heard) = start(Codec::Opus);
    let mut at = send(&ears, SessionTime::START, &silence(Duration::from_millis(600), Codec::Opus)).await;
    for packet in &packets[longest..longest + 3] {
        ears.frame(at, packet.clone());
        at = at + FRAME;
    }
    for _ in 0..6 {
        ears.lost();
        at = at + FRAME;
    }
    send(&ears, at, &silence(Duration::from_secs(2), Codec::Opus)).await;
    assert_eq!(everything(ears, heard).await, []);
}

#[tokio::test]
async fn packets_that_cannot_be_decoded_are_silence_and_no_error() {
    let Some(folder) = human_speech() else { return };
    let sound = recordings(&folder.join("nl/ja"), 1, Codec::Opus).remove(0);
    let (ears, heard) = start(Codec::Opus);
    let mut at = SessionTime::START;
    for bytes in [&[][..], &[0xfb, 0], &[0xf1, 1, 2, 3], &[0xfb, 0xff, 0xff]].into_iter().cycle().take(100) {
        ears.frame(at, Bytes::copy_from_slice(bytes));
        at = at + FRAME;
    }
    let begin = at;
    let at = send(&ears, at, &sound).await;
    send(&ears, at, &silence(Duration::from_secs(2), Codec::Opus)).await;
    let heard = everything(ears, heard).await;
    assert_eq!(utterances(&heard), 1, "{heard:?}");
    let Some(Heard::SpeechBegan { at }) = heard.first() else { panic!("{heard:?}") };
    assert!(*at + Duration::from_millis(60) >= begin);
}
