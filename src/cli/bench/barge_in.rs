use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::BargeIn;
use super::clips::{Clip, ECHOES, Kind, of_manifest, voiced};
use super::conditions::Condition;
use super::echoes::{Way, echo};
use super::over_prompt::{Incoming, Listening, Outcome, hear};
use super::table::{percentile, share};
use crate::audio::resample::resample;
use crate::audio::{Codec, g711};
use crate::cli::terminal::{Exit, print, print_json, refuse};
use crate::dialog::SharedDialog;
use crate::dialog::flow::{Interruption, is_backchannel};
use crate::dialog::prompt::{Hearing, Line, Slots};
use crate::server::library;
use crate::speech::stt::Recognisers;
use crate::speech::tts::Sound;
use crate::speech::tts::espeak::Espeak;
use crate::speech::{Settings, models};

/// Silence before and after each recording, in milliseconds: the ears settle, and the end has to be noticed.
const BEFORE: u32 = 600;
const AFTER: u32 = 2_000;
/// How much quieter an echo into which somebody speaks is.
const OVER: u32 = 30;
/// From where in a prompt its echo begins to be heard: every so many milliseconds.
const APART: u64 = 500;
/// The longest until the mouth sends what stops the sound: one tick.
const TICK: Duration = Duration::from_millis(20);

/// One kind of sound in one language, with one model or none.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    language: String,
    /// Absent: nothing was understood, and nothing is known of what would have come of it.
    model: Option<String>,
    sound: String,
    recordings: u32,
    /// How many made the agent fall silent.
    stopped: u32,
    /// What came of those, by name.
    came_of_it: std::collections::BTreeMap<&'static str, u32>,
    /// From the first voice to the silence, in milliseconds: median and 95th percentile. Of speech alone.
    silent_after_ms: Option<(u64, u64)>,
}

/// Runs the measurement. Status 1: nothing could be measured.
pub fn run(arguments: &BargeIn, settings: &Settings, prompts: &Path) -> miette::Result<ExitCode> {
    let clips = match of_manifest(&arguments.folder) {
        Ok(clips) => clips,
        Err(reason) => return Ok(refuse(&reason, Exit::CalledWrongly)),
    };
    let prompts = arguments.prompts.as_deref().unwrap_or(prompts);
    let dialog: SharedDialog = match library::load(&arguments.dialog, prompts, None) {
        Ok(loaded) => Arc::new(loaded.dialog),
        Err(problems) => return Ok(refuse(&problems.render(false), Exit::CalledWrongly)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = Rc::new(runtime.map_err(|error| miette::miette!("cannot start: {error}"))?);
    let mut patient = settings.clone();
    // What is heard faster than it was said waits for the engine.
    patient.recognition.time_limit_ms = 120_000;
    let mut rows = Vec::new();
    for language in &arguments.languages {
        let question = question(&runtime, settings, &dialog, language).map_err(|reason| miette::miette!("{reason}"))?;
        for model in models(arguments, settings, language) {
            let mut only = patient.clone();
            let mut recogniser = None;
            if let Some(model) = &model {
                only.recognisers.insert(language.clone(), vec![model.clone()]);
                let (recognisers, notes) = runtime.block_on(Recognisers::load(&only, std::slice::from_ref(language)));
                recogniser = recognisers.get(language);
                notes.iter().filter(|_| recogniser.is_none()).for_each(|note| eprintln!("candor: {note}"));
            }
            let model = model.filter(|_| recogniser.is_some());
            let listening = Listening { runtime: runtime.clone(), settings: Rc::new(only), recogniser };
            let measured = measure(arguments, &listening, &dialog, language, model, &clips, &question);
            rows.extend(measured.map_err(|reason| miette::miette!("{reason}"))?);
        }
    }
    if arguments.json {
        print_json(&rows)?
    } else {
        table(&rows)
    }
    Ok(if rows.is_empty() { Exit::DoesNot } else { Exit::Holds }.into())
}

/// The models that are asked for; without any that is here: none, which still tells how quick the agent is and what stops it.
fn models(arguments: &BargeIn, settings: &Settings, language: &str) -> Vec<Option<String>> {
    let store = models::Store::of(settings);
    let here = |model: &&models::Model| matches!(store.state(&model.name), models::State::Installed | models::State::Unmanaged);
    let mut names = arguments.models.clone();
    if names.is_empty() {
        names = models::Manifest::known().for_language(language).filter(here).map(|model| model.name.clone()).collect();
    }
    if names.is_empty() { vec![None] } else { names.into_iter().map(Some).collect() }
}

/// The sound of the dialog's first question, as the caller hears it.
fn question(
    runtime: &tokio::runtime::Runtime,
    settings: &Settings,
    dialog: &SharedDialog,
    language: &str,
) -> Result<Vec<i16>, String> {
    let line = Line {
        id: dialog.file.start.value.clone(),
        language: language.to_owned(),
        hearing: Hearing::Voice,
        purpose: None,
        slots: false,
        place: None,
    };
    let text = dialog.texts.text(&dialog.file, &line, &Slots::default());
    let text =
        text.map_err(|error| format!("{error}. The dialog's first state has to be named after the prompt of its question"))?;
    let spoken =
        runtime.block_on(Espeak::new(settings.espeak.clone()).speak(language, &text)).map_err(|error| error.to_string())?;
    let spoken = spoken.encode_level(Codec::Ulaw).map_err(|error| error.to_string())?;
    Ok(g711::decode(spoken.bytes()))
}

/// A sound, and where in it somebody begins to speak, if that is known.
type Onset = (Option<Duration>, Incoming);

/// Its echo, from several places of it on.
fn echoes(question: &[i16], way: Way, decibels: u32) -> Result<Vec<Incoming>, String> {
    let apart = Codec::Ulaw.bytes_in(Duration::from_millis(APART));
    (0..question.len().saturating_sub(2 * apart)).step_by(apart).map(|begin| echo(question, begin, way, decibels, None)).collect()
}

fn measure(
    arguments: &BargeIn,
    listening: &Listening,
    dialog: &SharedDialog,
    language: &str,
    model: Option<String>,
    clips: &[Clip],
    question: &[i16],
) -> Result<Vec<Row>, String> {
    let every = arguments.every.max(1);
    let nothing = Sound { samples: Vec::new().into(), rate: 16_000 };
    let recorded = |clip: &Clip| {
        let recording = clip.recorded()?;
        let sound = Condition::Telephone.carry(&recording, &nothing, BEFORE, AFTER)?;
        Ok((Some(onset(&recording)), Incoming { sound, agent: None, once_silent: None, from: Duration::ZERO }))
    };
    let over_an_echo = |clip: &Clip| {
        let recording = clip.recorded()?;
        let voice = resample(&recording.samples, recording.rate, Codec::Ulaw.sample_rate()).map_err(|error| error.to_string())?;
        let before = Duration::from_millis(u64::from(BEFORE));
        Ok((Some(onset(&recording)), echo(question, 0, Way::Room, OVER, Some((&voice, before)))?))
    };
    let listens = |clip: &Clip| clip.is_speech(language) && is_backchannel(&dialog.texts, language, clip.words());
    let says = |clip: &Clip| clip.is_speech(language) && !listens(clip);
    let heard = |of: &dyn Fn(&Clip) -> bool, how: &dyn Fn(&Clip) -> Result<Onset, String>| {
        clips.iter().filter(|clip| of(clip)).step_by(every).map(how).collect::<Result<Vec<_>, String>>()
    };
    let mut kinds = vec![
        ("speech".to_owned(), heard(&says, &recorded)?),
        (format!("speech over an echo at -{OVER} dB"), heard(&says, &over_an_echo)?),
        ("words that show that somebody listens".to_owned(), heard(&listens, &recorded)?),
        ("coughs".to_owned(), heard(&|clip| clip.kind == Kind::Cough, &recorded)?),
        ("noise".to_owned(), heard(&|clip| clip.kind == Kind::Noise, &recorded)?),
    ];
    for (way, decibels) in Way::ALL.into_iter().flat_map(|way| ECHOES.map(|decibels| (way, decibels))) {
        let echoes: Vec<Onset> = echoes(question, way, decibels)?.into_iter().map(|echo| (None, echo)).collect();
        kinds.push((format!("echo by the {} at -{decibels} dB", way.name()), echoes));
    }
    let mut rows = Vec::new();
    for (sound, recordings) in kinds.into_iter().filter(|(_, recordings)| !recordings.is_empty()) {
        let is_speech = sound.starts_with("speech");
        let mut row = Row {
            language: language.to_owned(),
            model: model.clone(),
            sound,
            recordings: recordings.len() as u32,
            stopped: 0,
            came_of_it: Default::default(),
            silent_after_ms: None,
        };
        let mut times = Vec::new();
        for (onset, incoming) in recordings {
            let Outcome { noticed, came_of_it } = hear(listening, dialog, language, incoming)?;
            row.stopped += u32::from(noticed.is_some());
            if let Some(what) = came_of_it {
                *row.came_of_it.entry(what.as_str()).or_default() += 1;
            }
            let voice = Duration::from_millis(u64::from(BEFORE)) + onset.unwrap_or_default();
            times.extend(noticed.filter(|_| is_speech).map(|noticed| (noticed + TICK).saturating_sub(voice)));
        }
        let ms = |percent| u64::try_from(percentile(&times, percent)).unwrap_or_default();
        row.silent_after_ms = (!times.is_empty()).then(|| (ms(50), ms(95)));
        rows.push(row);
    }
    Ok(rows)
}

/// Where the voice of a recording begins.
fn onset(sound: &Sound) -> Duration {
    Duration::from_secs_f64(voiced(sound).start as f64 / f64::from(sound.rate))
}

fn table(rows: &[Row]) {
    let head = "| language | model | sound | recordings | stopped the agent (95 %) | of those, went on | what came of them | silent after, median / p95 |";
    print(&format!("{head}\n|{}\n", " --- |".repeat(8)));
    for row in rows {
        let count = |what: Interruption| row.came_of_it.get(what.as_str()).copied().unwrap_or_default();
        let went_on: u32 = [Interruption::Nothing, Interruption::Backchannel, Interruption::Echo].map(count).iter().sum();
        let came: Vec<String> = row.came_of_it.iter().map(|(what, count)| format!("{what} {count}")).collect();
        print(&format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |\n",
            row.language,
            row.model.as_deref().unwrap_or("none"),
            row.sound,
            row.recordings,
            share(row.stopped, row.recordings),
            if row.model.is_some() { share(went_on, row.stopped) } else { "not known".to_owned() },
            if came.is_empty() { "—".to_owned() } else { came.join(", ") },
            row.silent_after_ms.map_or("—".to_owned(), |(median, late)| format!("{median} / {late} ms")),
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(rate: u32, samples: Vec<i16>) -> Sound {
        Sound { samples: samples.into(), rate }
    }

    #[test]
    fn a_voice_begins_where_it_comes_near_its_loudest() {
        let breath = vec![30; 1600];
        let voice = vec![8000; 1600];
        assert_eq!(onset(&sound(16_000, [breath, voice].concat())), Duration::from_millis(100));
        assert_eq!(onset(&sound(16_000, Vec::new())), Duration::ZERO);
    }
}
