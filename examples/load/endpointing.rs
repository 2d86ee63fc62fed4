//! How much silence makes an end: how many people are cut off by each length of it, in recordings of people, through the telephone's codec.
//!
//! Nothing here is timed: the ears are given each recording as fast as they take it, and count by the sound. Where a recording ends is what they
//! say themselves when two seconds of silence make an end; who is ended before that, with a shorter one, was cut off.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use candor::audio::opus::Content;
use candor::audio::{Codec, Encoded, FRAME};
use candor::consent::SessionTime;
use candor::speech::tts::recorded;
use candor::speech::{Ears, Heard, Settings};

use crate::{Failure, progress};

const SILENCES_MS: [u64; 8] = [120, 160, 200, 240, 280, 350, 500, 700];
const WHOLE_MS: u64 = 2_000;
/// An end that lies so far before the true one is a cut.
const BEFORE: Duration = Duration::from_millis(60);

/// Short answers, and what is longer than one; by the folders of the recordings.
const KINDS: [(&str, &[&str]); 4] = [
    ("answers of one word, English", &["en/yes", "en/no"]),
    ("answers, Dutch", &["nl/ja", "nl/nee"]),
    ("other speech, English", &["en/other"]),
    ("other speech, Dutch", &["nl/other"]),
];

/// Prints the table for a folder of recordings.
pub async fn run(folder: &Path) -> Result<(), Failure> {
    println!("| silence | {} |", KINDS.map(|(kind, _)| kind).join(" | "));
    println!("|{}", " --- |".repeat(KINDS.len() + 1));
    let mut recordings = Vec::new();
    for (kind, folders) in KINDS {
        let mut sounds = Vec::new();
        for file in folders.iter().flat_map(|below| wavs(&folder.join(below))) {
            sounds.push(recorded::decode(&file, &std::fs::read(&file)?)?.encode(Codec::Ulaw, Content::Live)?);
        }
        if sounds.is_empty() {
            return Err(format!("there are no recordings for {kind} in {}", folder.display()).into());
        }
        recordings.push(sounds);
    }
    let mut ends = Vec::new();
    for sounds in &recordings {
        progress("listening to the recordings as a whole");
        ends.push(first_ends(sounds, WHOLE_MS).await?);
    }
    for silence in SILENCES_MS {
        let mut cells = Vec::new();
        for (sounds, whole) in recordings.iter().zip(&ends) {
            let pairs = first_ends(sounds, silence).await?.into_iter().zip(whole);
            let found: Vec<bool> = pairs.filter_map(|(end, whole)| Some(end? + BEFORE < (*whole)?)).collect();
            let cut = found.iter().filter(|cut| **cut).count();
            cells.push(format!("{cut} of {} ({:.1} %)", found.len(), 100.0 * cut as f64 / found.len().max(1) as f64));
        }
        progress("");
        println!("| {silence} ms | {} |", cells.join(" | "));
    }
    Ok(())
}

/// Where the first utterance of each recording ends when so much silence makes an end.
async fn first_ends(sounds: &[Encoded], silence_ms: u64) -> Result<Vec<Option<SessionTime>>, Failure> {
    let mut settings = Settings::default();
    settings.endpoint.trailing_silence_ms = silence_ms;
    let mut ends = Vec::new();
    for sound in sounds {
        ends.push(first_end(sound, &settings).await?);
    }
    Ok(ends)
}

async fn first_end(sound: &Encoded, settings: &Settings) -> Result<Option<SessionTime>, Failure> {
    let (ears, mut heard) = Ears::start(None, settings, Codec::Ulaw)?;
    let silence = Bytes::from(vec![Codec::Ulaw.silence(); 160]);
    let before = std::iter::repeat_n(silence.clone(), 30);
    let after = std::iter::repeat_n(silence, 125);
    let mut at = SessionTime::START;
    for frame in before.chain(sound.iter()).chain(after) {
        ears.frame(at, frame);
        at = at + FRAME;
        // The ears take it before the next comes.
        tokio::task::yield_now().await;
    }
    drop(ears);
    let mut end = None;
    while let Some(event) = heard.recv().await {
        if let Heard::NotUnderstood { ended, .. } = event {
            end.get_or_insert(ended);
        }
    }
    Ok(end)
}

fn wavs(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "wav"));
    files.sort();
    files
}
