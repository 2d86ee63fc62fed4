//! The ears find where people speak, in recordings of real people through the telephone's codec, and in nothing else; with phone
//! systems that send every frame and with those that send none while the caller is silent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use candor::audio::{Codec, FRAME, g711, resample};
use candor::consent::SessionTime;
use candor::speech::tts::recorded;
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

/// Up to `count` recordings below a folder, spread evenly over it, as telephone sound.
fn recordings(folder: &Path, count: usize) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wav"));
    files.sort();
    let step = files.len().div_ceil(count).max(1);
    files.into_iter().step_by(step).map(|file| (file.clone(), ulaw(&file))).collect()
}

fn ulaw(file: &Path) -> Vec<u8> {
    let sound = recorded::decode(file, &std::fs::read(file).unwrap()).unwrap();
    g711::encode(&resample::resample(&sound.samples, sound.rate, 8000).unwrap())
}

fn silence(duration: Duration) -> Vec<u8> {
    vec![Codec::Ulaw.silence(); Codec::Ulaw.bytes_in(duration)]
}

/// Sends sound in frames from `at` on, as fast as the ears take it, and gives when it ends.
async fn send(ears: &EarsHandle, at: SessionTime, sound: &[u8]) -> SessionTime {
    let mut now = at;
    for frame in sound.chunks(160) {
        ears.frame(now, Bytes::copy_from_slice(frame));
        now = now + FRAME;
        tokio::task::yield_now().await;
    }
    now
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
    for (language, least) in [("en/yes", 80), ("en/no", 80), ("nl/ja", 90), ("nl/nee", 90)] {
        let (mut found, mut all) = (0, 0);
        for (_, sound) in recordings(&folder.join(language), 20) {
            let (ears, heard) = Ears::start(None, &Settings::default()).unwrap();
            let at = send(&ears, SessionTime::START, &silence(Duration::from_millis(600))).await;
            let at = send(&ears, at, &sound).await;
            send(&ears, at, &silence(Duration::from_secs(2))).await;
            all += 1;
            found += usize::from(utterances(&everything(ears, heard).await) > 0);
        }
        eprintln!("{language}: speech found in {found} of {all}");
        assert!(found * 100 >= all * least, "{language}: speech found in {found} of {all} recordings");
    }
}

#[tokio::test]
async fn an_utterance_has_the_times_of_its_sound() {
    let Some(folder) = human_speech() else { return };
    let mut close = 0;
    let sounds = recordings(&folder.join("nl/ja"), 12);
    for (_, sound) in &sounds {
        let (ears, heard) = Ears::start(None, &Settings::default()).unwrap();
        let begin = send(&ears, SessionTime(Duration::from_secs(7)), &silence(Duration::from_secs(1))).await;
        let end = send(&ears, begin, sound).await;
        send(&ears, end, &silence(Duration::from_secs(2))).await;
        for event in everything(ears, heard).await {
            if let Heard::NotUnderstood { began, ended } = event {
                assert!(began < ended);
                close += usize::from(began + Duration::from_millis(60) >= begin && ended <= end + Duration::from_millis(120));
                break;
            }
        }
    }
    assert!(close * 10 >= sounds.len() * 8, "{close} of {} lie within their recording", sounds.len());
}

#[tokio::test]
async fn the_end_of_speech_is_noticed_without_frames() {
    let Some(folder) = human_speech() else { return };
    let (mut found, mut all) = (0, 0);
    for (_, sound) in recordings(&folder.join("nl/nee"), 8) {
        let (ears, mut heard) = Ears::start(None, &Settings::default()).unwrap();
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
    assert!(found * 10 >= all * 9, "the end was noticed {found} times of {all}");
}

#[tokio::test]
async fn silence_is_no_speech_however_long() {
    let (ears, heard) = Ears::start(None, &Settings::default()).unwrap();
    let at = send(&ears, SessionTime::START, &silence(Duration::from_secs(30))).await;
    ears.tick(at + Duration::from_secs(600));
    send(&ears, at + Duration::from_secs(600), &silence(Duration::from_secs(5))).await;
    assert_eq!(everything(ears, heard).await, []);
}

#[tokio::test]
async fn a_caller_who_talks_without_end_is_heard_in_parts() {
    let Some(folder) = human_speech() else { return };
    let mut settings = Settings::default();
    settings.endpoint.longest_ms = 2_000;
    let talk: Vec<u8> = recordings(&folder.join("en/other"), 12).into_iter().flat_map(|(_, sound)| sound).collect();
    let (ears, heard) = Ears::start(None, &settings).unwrap();
    let at = send(&ears, SessionTime::START, &talk).await;
    send(&ears, at, &silence(Duration::from_secs(2))).await;
    let heard = everything(ears, heard).await;
    assert!(utterances(&heard) >= 2);
    for event in heard {
        if let Heard::NotUnderstood { began, ended } = event {
            assert!(ended.since(began) <= Duration::from_millis(2_100));
        }
    }
}

#[tokio::test]
async fn background_noise_is_seldom_taken_for_speech() {
    let Some(folder) = human_speech() else { return };
    let (mut taken, mut seconds) = (0, 0.0);
    for (_, sound) in recordings(&folder.join("noise"), 24) {
        let (ears, heard) = Ears::start(None, &Settings::default()).unwrap();
        let at = send(&ears, SessionTime::START, &sound).await;
        send(&ears, at, &silence(Duration::from_secs(1))).await;
        seconds += Codec::Ulaw.duration(sound.len()).as_secs_f64();
        taken += utterances(&everything(ears, heard).await);
    }
    eprintln!("{taken} utterances in {seconds:.0} s of noise");
    assert!(taken as f64 <= seconds / 5.0, "{taken} utterances in {seconds:.0} s of noise");
}
