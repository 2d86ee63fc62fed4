use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use super::Pauses;
use super::beside::Beside;
use super::clips::{Clip, of_manifest, voiced};
use super::conditions::Condition;
use super::table::share;
use crate::audio::{Encoded, FRAME};
use crate::cli::terminal::{Exit, print, print_json, refuse};
use crate::consent::SessionTime;
use crate::speech::tts::Sound;
use crate::speech::{Ears, Heard, Settings};

/// Silence before and after each sentence, in milliseconds.
const BEFORE: u32 = 600;
const AFTER: u32 = 2_000;
/// How long the pauses are, in milliseconds.
const LENGTHS: [u32; 3] = [200, 400, 600];

/// One length of pause in one language under one condition.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    language: String,
    condition: Condition,
    pause_ms: u32,
    sentences: u32,
    /// How many were taken for two.
    cut_off: u32,
    /// In how many nothing was heard, before the pause, after it or at all.
    not_heard: u32,
}

/// Runs the measurement. Status 1: nothing could be measured.
pub fn run(arguments: &Pauses, settings: &Settings) -> miette::Result<ExitCode> {
    let clips = match of_manifest(&arguments.folder) {
        Ok(clips) => clips,
        Err(reason) => return Ok(refuse(&reason, Exit::CalledWrongly)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| miette::miette!("cannot start: {error}"))?;
    let conditions = if arguments.conditions.is_empty() { vec![Condition::Telephone] } else { arguments.conditions.clone() };
    let beside = Beside::of(&clips).map_err(|reason| miette::miette!("{reason}"))?;
    let conditions: Vec<Condition> = conditions.into_iter().filter(|condition| beside.has(*condition)).collect();
    if conditions.is_empty() {
        return Ok(refuse(&"none of these conditions can be made with what the folder has", Exit::CalledWrongly));
    }
    let mut rows = Vec::new();
    for language in &arguments.languages {
        let of_language = |clip: &&Clip| clip.is_speech(language);
        let parts =
            clips.iter().filter(of_language).step_by(arguments.every.max(1)).map(Clip::recorded).collect::<Result<Vec<_>, _>>();
        let parts: Vec<Sound> = parts.map_err(|reason| miette::miette!("{reason}"))?.iter().map(voice).collect();
        for (condition, pause_ms) in conditions.iter().flat_map(|condition| LENGTHS.map(|pause| (*condition, pause))) {
            let mut row = Row { language: language.clone(), condition, pause_ms, sentences: 0, cut_off: 0, not_heard: 0 };
            for (number, pair) in parts.windows(2).filter(|pair| pair[0].rate == pair[1].rate).enumerate() {
                let sentence = condition.carry(&joined(pair, pause_ms), beside.of_number(condition, number), BEFORE, AFTER);
                let sentence = sentence.map_err(|reason| miette::miette!("{reason}"))?;
                row.sentences += 1;
                match runtime.block_on(heard(settings, condition, &sentence)).as_slice() {
                    [one] if *one > length(&pair[0]) => {}
                    [] | [_] => row.not_heard += 1,
                    _ => row.cut_off += 1,
                }
            }
            rows.push(row);
        }
    }
    rows.retain(|row| row.sentences > 0);
    if arguments.json {
        print_json(&rows)?
    } else {
        table(&rows)
    }
    Ok(if rows.is_empty() { Exit::DoesNot } else { Exit::Holds }.into())
}

fn length(sound: &Sound) -> Duration {
    Duration::from_secs_f64(sound.samples.len() as f64 / f64::from(sound.rate))
}

/// A recording from its first voice to its last.
fn voice(sound: &Sound) -> Sound {
    Sound { samples: sound.samples[voiced(sound)].to_vec().into(), rate: sound.rate }
}

/// Two parts of a sentence with a pause between them.
fn joined(parts: &[Sound], pause_ms: u32) -> Sound {
    let pause = vec![0; parts[0].rate as usize * pause_ms as usize / 1_000];
    Sound { samples: [&parts[0].samples[..], &pause, &parts[1].samples[..]].concat().into(), rate: parts[0].rate }
}

/// How long each utterance lasts that the ears find in a sound, as the answer to an open question.
async fn heard(settings: &Settings, condition: Condition, sound: &Encoded) -> Vec<Duration> {
    let Ok((ears, mut events)) = Ears::start(None, settings, condition.codec()) else { return Vec::new() };
    let (mut sending, mut at) = (Some(ears), SessionTime::START);
    let (mut frames, mut found) = (sound.iter(), Vec::new());
    loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Some(Heard::SpeechEnded { began, ended }) => found.push(ended.since(began)),
                Some(_) => {}
                None => return found,
            },
            () = tokio::task::yield_now(), if sending.is_some() => match (frames.next(), &sending) {
                (Some(frame), Some(ears)) => {
                    ears.frame(at, frame);
                    at = at + FRAME;
                }
                // The ears end when what was sent has been worked through.
                _ => sending = None,
            },
        }
    }
}

fn table(rows: &[Row]) {
    print(&format!("| language | condition | pause | sentences | cut off (95 %) | heard in part |\n|{}\n", " --- |".repeat(6)));
    for row in rows {
        let (name, cut_off) = (row.condition.name(), share(row.cut_off, row.sentences));
        print(&format!(
            "| {} | {name} | {} ms | {} | {cut_off} | {} |\n",
            row.language, row.pause_ms, row.sentences, row.not_heard
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(length: usize) -> Sound {
        let silence = vec![20; 4_000];
        let voice: Vec<i16> = (0..length).map(|n| if n % 40 < 20 { 6_000 } else { -6_000 }).collect();
        Sound { samples: [silence.clone(), voice, silence].concat().into(), rate: 16_000 }
    }

    #[test]
    fn a_sentence_is_two_voices_with_nothing_but_the_pause_between() {
        let parts = [voice(&word(8_000)), voice(&word(16_000))];
        assert!(parts.iter().zip([8_000, 16_000]).all(|(part, length)| part.samples.len().abs_diff(length) <= 640));
        let sentence = joined(&parts, 400);
        assert_eq!(sentence.samples.len(), parts[0].samples.len() + 6_400 + parts[1].samples.len());
        assert!(voice(&Sound { samples: Vec::new().into(), rate: 16_000 }).samples.is_empty());
    }
}
