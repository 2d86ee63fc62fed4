use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::Hearing;
use super::beside::Beside;
use super::clips::{Class, Clip, Group, echoes, not_a_yes, of_manifest, spoken};
use super::conditions::Condition;
use super::page::Page;
use super::table::{Cell, Report, Row};
use crate::audio::{Encoded, FRAME};
use crate::cli::terminal::{Exit, refuse};
use crate::consent::{AnswerGrammar, Judgement, SessionTime, SpokenAnswer, Thresholds};
use crate::server::Config;
use crate::speech::stt::{Expectation, Recogniser, Recognisers};
use crate::speech::tts::espeak::Espeak;
use crate::speech::{Ears, Heard, Settings, models};

/// Silence before and after each recording, in milliseconds: nobody speaks at once, and the end has to be noticed.
const BEFORE: u32 = 600;
const AFTER: u32 = 2_000;

/// Runs the measurement. Status 1: something that is no yes was taken for one.
pub fn run(arguments: &Hearing, config: &Config) -> miette::Result<ExitCode> {
    let clips = match collect(arguments, &config.prompts.folder) {
        Ok(clips) => clips,
        Err(reason) => return Ok(refuse(&reason, Exit::CalledWrongly)),
    };
    let page = match arguments.into.as_deref().map(Page::open).transpose() {
        Ok(page) => page,
        Err(reason) => return Ok(refuse(&reason, Exit::CalledWrongly)),
    };
    let conditions = if arguments.conditions.is_empty() { Condition::ALL.to_vec() } else { arguments.conditions.clone() };
    let mut settings = config.speech.clone();
    if !arguments.real_time {
        // What is heard faster than it was said waits for the engine.
        settings.recognition.time_limit_ms = 120_000;
    }
    // What gives the sound and what hears it take turns.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| miette::miette!("cannot start: {error}"))?;
    let espeak = Espeak::new(settings.espeak.clone());
    let beside = Beside::of(&clips).map_err(|reason| miette::miette!("{reason}"))?;
    let conditions: Vec<Condition> = conditions.into_iter().filter(|condition| beside.has(*condition)).collect();
    if conditions.is_empty() {
        return Ok(refuse(&"none of these conditions can be made with what the folder has", Exit::CalledWrongly));
    }
    let mut report = Report::new(arguments.real_time, arguments.every);
    let mut left_out = Vec::new();
    for language in &arguments.languages {
        let Some(grammar) = AnswerGrammar::for_language(language) else {
            return Ok(refuse(&format!("there is no grammar of answers in {language:?}"), Exit::CalledWrongly));
        };
        for model in models_for(arguments, &settings, language) {
            let mut only = settings.clone();
            only.recognisers.insert(language.clone(), vec![model.clone()]);
            let (recognisers, notes) = runtime.block_on(Recognisers::load(&only, std::slice::from_ref(language)));
            let Some(recogniser) = recognisers.get(language) else {
                notes.iter().for_each(|note| eprintln!("candor: {note}"));
                left_out.push(model);
                continue;
            };
            let listener = Listener {
                recogniser,
                settings: &settings,
                grammar: &grammar,
                limits: config.session.thresholds(),
                real_time: arguments.real_time,
                open: arguments.open,
                each: arguments.each,
                espeak: &espeak,
            };
            for condition in &conditions {
                let chosen = choose(&clips, language, arguments.every, *condition);
                let row = runtime.block_on(measure(&listener, language, &model, *condition, &chosen, &beside));
                report.add(row.map_err(|reason| miette::miette!("{reason}"))?, arguments.json);
            }
        }
    }
    if report.is_empty() {
        return Ok(refuse(&"no model is here to be measured; `candor models list` says which there are", Exit::CalledWrongly));
    }
    report.end(arguments.json)?;
    if let Some(page) = page {
        if !left_out.is_empty() {
            return Ok(refuse(
                &format!("the page stays as it was: {} could not be measured", left_out.join(", ")),
                Exit::CalledWrongly,
            ));
        }
        if let Err(reason) = page.write(&report.text()) {
            return Ok(refuse(&reason, Exit::CalledWrongly));
        }
    }
    Ok(if report.false_grants() == 0 { Exit::Holds } else { Exit::DoesNot }.into())
}

fn collect(arguments: &Hearing, prompts: &Path) -> Result<Vec<Clip>, String> {
    let mut clips = of_manifest(&arguments.folder)?;
    if arguments.spoken {
        clips.extend(arguments.languages.iter().flat_map(|language| spoken(language)));
    }
    if let Some(dialog) = &arguments.echo {
        clips.extend(echoes(dialog, prompts)?);
    }
    for folder in &arguments.not_a_yes {
        clips.extend(not_a_yes(folder)?);
    }
    Ok(clips)
}

/// The models that are asked for, else all that are here.
fn models_for(arguments: &Hearing, settings: &Settings, language: &str) -> Vec<String> {
    if !arguments.models.is_empty() {
        return arguments.models.clone();
    }
    let store = models::Store::of(settings);
    let here = |model: &&models::Model| matches!(store.state(&model.name), models::State::Installed | models::State::Unmanaged);
    models::Manifest::known().for_language(language).filter(here).map(|model| model.name.clone()).collect()
}

/// Every so many of each group. Noise is not mixed into noise.
fn choose<'a>(clips: &'a [Clip], language: &str, every: usize, condition: Condition) -> Vec<(&'a Clip, Group)> {
    let mut groups: BTreeMap<Group, Vec<&Clip>> = BTreeMap::new();
    for clip in clips {
        if let Some(group) = clip.group(language).filter(|group| !(condition.is_noisy() && group.class == Class::Noise)) {
            groups.entry(group).or_default().push(clip);
        }
    }
    let chosen =
        groups.into_iter().flat_map(|(group, clips)| clips.into_iter().step_by(every.max(1)).map(move |clip| (clip, group)));
    chosen.collect()
}

/// The ears of one language and model.
struct Listener<'a> {
    recogniser: Arc<dyn Recogniser>,
    settings: &'a Settings,
    grammar: &'a AnswerGrammar,
    limits: Thresholds,
    real_time: bool,
    /// Whether it is speech, and no answer to a consent question.
    open: bool,
    each: bool,
    espeak: &'a Espeak,
}

/// What became of one recording.
#[derive(Default)]
struct Outcome {
    /// What the first utterance came to; nothing where none was heard.
    first: Option<Judgement>,
    /// Whether anything in it was taken for a yes.
    granted: bool,
    /// What was understood, for `--each`.
    understood: Vec<String>,
    /// How the engine failed.
    failures: Vec<String>,
    /// From the end of the sound that the utterance was ended by to the words, on the clock.
    words_after: Option<Duration>,
    /// From the last voice to the words.
    decided_after: Option<Duration>,
}

async fn measure(
    listener: &Listener<'_>,
    language: &str,
    model: &str,
    condition: Condition,
    clips: &[(&Clip, Group)],
    beside: &Beside,
) -> Result<Row, String> {
    let bar = ProgressBar::new(clips.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {pos} of {len}, {eta} left") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(format!("{language}, {model}, {}", condition.name()));
    let mut row = Row::new(language, model, condition);
    let before = cpu();
    for (number, (clip, group)) in clips.iter().enumerate() {
        let sound = condition.carry(&clip.sound(listener.espeak).await?, beside.of_number(condition, number), BEFORE, AFTER)?;
        let outcome = listener.hear(condition, &sound).await?;
        if outcome.granted && group.class != Class::Yes {
            row.false_grants.push(clip.name());
        }
        let timed = listener.open || matches!(group.class, Class::Yes | Class::No);
        if let (true, Some(words), Some(decided)) = (timed, outcome.words_after, outcome.decided_after) {
            row.words_after.push(words);
            row.decided_after.push(decided);
        }
        for failure in &outcome.failures {
            bar.suspend(|| eprintln!("candor: {}: counted as nothing heard: {failure}", clip.name()));
        }
        if listener.each {
            bar.suspend(|| eprintln!("{} ({}): {}", clip.name(), group.name(), outcome.understood.join(" | ")));
        }
        row.cell(*group).add(&cell_of(&outcome));
        bar.inc(1);
    }
    bar.finish_and_clear();
    row.cpu_per_clip = (cpu().saturating_sub(before)) / u32::try_from(clips.len().max(1)).unwrap_or(1);
    Ok(row)
}

fn cell_of(outcome: &Outcome) -> Cell {
    let mut cell = Cell { clips: 1, ..Cell::default() };
    match (&outcome.first, outcome.granted) {
        (_, true) => cell.granted = 1,
        (Some(Judgement::Refusal), _) => cell.refused = 1,
        (Some(_), _) => cell.asked_again = 1,
        (None, _) => cell.not_heard = 1,
    }
    cell
}

impl Listener<'_> {
    async fn hear(&self, condition: Condition, sound: &Encoded) -> Result<Outcome, String> {
        let ears = Ears::start(Some(self.recogniser.clone()), self.settings, condition.codec());
        let (ears, mut heard) = ears.map_err(|error| error.to_string())?;
        let phrases = if self.open { Vec::new() } else { self.grammar.phrases() };
        ears.expect(Expectation { phrases, second_look: !self.open, open: self.open, value: None });
        let begun = Instant::now();
        let mut clock = tokio::time::interval(FRAME);
        let mut at = SessionTime::START;
        let mut frames = sound.iter();
        let mut sending = Some(ears);
        let mut outcome = Outcome::default();
        let mut ended_at = Instant::now();
        loop {
            let next = async {
                if self.real_time {
                    clock.tick().await;
                } else {
                    tokio::task::yield_now().await;
                }
            };
            tokio::select! {
                biased;
                event = heard.recv() => match event {
                    Some(Heard::SpeechEnded { .. }) => ended_at = Instant::now(),
                    Some(Heard::Utterance { began, ended, speech, above_noise, hypothesis }) => {
                        let answer = SpokenAnswer {
                            text: &hypothesis.text,
                            second_look: hypothesis.open_look(),
                            confidence: hypothesis.confidence,
                            is_final: true,
                            began,
                            speech,
                            above_noise,
                        };
                        let judged = self.grammar.judge(&answer, Some(SessionTime::START), &self.limits);
                        let sure = hypothesis.confidence;
                        outcome.understood.push(format!("{judged:?}, sure {sure:.2}, voice {} ms, {above_noise:.0} dB above noise: {}", speech.as_millis(), hypothesis.text));
                        outcome.granted |= !self.open && matches!(judged, Judgement::Grant(_));
                        if outcome.first.is_none() {
                            outcome.first = Some(judged);
                            outcome.words_after = Some(ended_at.elapsed());
                            outcome.decided_after = Some(begun.elapsed().saturating_sub(ended.since(SessionTime::START)));
                        }
                    }
                    // In a call it would be as if nothing had been understood.
                    Some(Heard::EngineFailed { failure, .. }) => outcome.failures.push(failure.to_string()),
                    Some(_) => {}
                    None => return Ok(outcome),
                },
                () = next, if sending.is_some() => match (frames.next(), &sending) {
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
}

/// What this process has used so far.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string(PathBuf::from("/proc/self/stat")).unwrap_or_default();
    // Behind the name, which may hold anything: the state is the first, and the times are the twelfth and thirteenth, in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}
