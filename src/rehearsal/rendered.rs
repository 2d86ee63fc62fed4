//! With sound: the agent's lines as long as they really are, the caller's words through a voice, a telephone and the ears.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use super::senses::{Said, Senses};
use crate::audio::{Codec, FRAME};
use crate::consent::SessionTime;
use crate::dialog::flow::{Event, Utterance};
use crate::dialog::prompt::Line;
use crate::speech::stt::{Expectation, Recognisers};
use crate::speech::tts::espeak::{Espeak, SpeakError};
use crate::speech::tts::recorded;
use crate::speech::{Ears, EspeakSettings, Heard, PromptCache, Settings};

/// The recordings of prompts, by language and id.
pub type Recordings = BTreeMap<(String, String), PathBuf>;

/// Why there is no voice here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VoiceError {
    /// No tasks can be run.
    #[error("cannot start: {0}")]
    Start(#[from] std::io::Error),
    /// Nothing speaks.
    #[error(transparent)]
    Speak(#[from] SpeakError),
}

/// Silence before and after what a caller says. After it, more than ends an utterance.
const BEFORE: Duration = Duration::from_millis(300);
const AFTER: Duration = Duration::from_millis(1_500);
/// How fast the caller speaks, in words per minute.
const CALLER: u32 = 150;
/// How long the ears may take to say what they heard, in real time.
const LISTENING: Duration = Duration::from_secs(40);
/// After so many frames the ears are given time to keep up: their channel is bounded, and here nothing paces it.
const AT_ONCE: usize = 50;

/// The real mouth and ears.
pub struct Rendered {
    inner: Arc<Inner>,
}

/// What many rehearsals share.
struct Inner {
    runtime: Runtime,
    settings: Settings,
    voice: PromptCache,
    caller: Espeak,
    recognisers: Recognisers,
    recordings: Recordings,
    lengths: std::sync::Mutex<HashMap<(String, String), Duration>>,
}

impl Clone for Rendered {
    fn clone(&self) -> Rendered {
        Rendered { inner: self.inner.clone() }
    }
}

impl Rendered {
    /// Loads the recognisers of `languages`, as far as they are installed, and sees that there is a voice. Notes say what is missing.
    ///
    /// # Errors
    /// [`VoiceError`] where nothing speaks.
    pub fn load(
        settings: &Settings,
        languages: &[String],
        recordings: Recordings,
    ) -> Result<(Rendered, Vec<String>), VoiceError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build()?;
        runtime.block_on(Espeak::new(settings.espeak.clone()).version())?;
        // A cache of no prompts touches no folder; its voice renders in memory.
        let voice = runtime.block_on(PromptCache::prepare(Path::new(""), &settings.espeak, &[], Vec::new(), |_| {}));
        let voice = voice.map_err(|error| std::io::Error::other(error.to_string()))?;
        let (recognisers, notes) = runtime.block_on(Recognisers::load(settings, languages));
        let notes = notes.iter().filter(|note| note.is_a_lack()).map(ToString::to_string).collect();
        let mut settings = settings.clone();
        // Nobody waits for the answer here; what a busy machine understands late is still understood.
        settings.recognition.time_limit_ms = settings.recognition.time_limit_ms.max(20_000);
        let caller = Espeak::new(caller_settings(&settings.espeak, languages));
        let lengths = Default::default();
        let inner = Inner { runtime, settings, voice, caller, recognisers, recordings, lengths };
        Ok((Rendered { inner: Arc::new(inner) }, notes))
    }

    /// The languages that callers are understood in.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.inner.recognisers.languages()
    }
}

/// Another voice than the agent's, where the synthesiser has one.
fn caller_settings(agent: &EspeakSettings, languages: &[String]) -> EspeakSettings {
    let voices = languages.iter().map(|language| (language.clone(), format!("{}+f2", agent.voice(language)))).collect();
    EspeakSettings { voices, rate: CALLER, ..agent.clone() }
}

impl Senses for Rendered {
    fn length(&mut self, line: &Line, text: &str) -> Duration {
        let inner = &self.inner;
        if let Some(file) = inner.recordings.get(&(line.language.clone(), line.id.clone())) {
            let sound = std::fs::read(file).ok().and_then(|bytes| recorded::decode(file, &bytes).ok());
            if let Some(sound) = sound {
                return Duration::from_secs_f64(sound.samples.len() as f64 / f64::from(sound.rate.max(1)));
            }
        }
        let key = (line.language.clone(), text.to_owned());
        let known = inner.lengths.lock().ok().and_then(|lengths| lengths.get(&key).copied());
        if let Some(known) = known {
            return known;
        }
        let spoken = inner.runtime.block_on(inner.voice.render(Codec::Ulaw, &line.language, text));
        let length = spoken.map_or_else(|_| super::estimated(text), |spoken| spoken.duration);
        if let Ok(mut lengths) = inner.lengths.lock() {
            lengths.insert(key, length);
        }
        length
    }

    fn hear(&mut self, said: &Said) -> Vec<(SessionTime, Event)> {
        self.inner.runtime.block_on(self.inner.hear(said))
    }
}

impl Inner {
    async fn hear(&self, said: &Said<'_>) -> Vec<(SessionTime, Event)> {
        // Without words: a voice all the same, of no language.
        let words = if said.words.is_empty() { "mmm" } else { said.words };
        let silence = |length| vec![Codec::Ulaw.silence(); Codec::Ulaw.bytes_in(length)];
        let spoken = self.caller.speak(said.language, words).await.ok().and_then(|sound| sound.encode_level(Codec::Ulaw).ok());
        let Some(spoken) = spoken else { return vec![(said.from, Event::EngineFailed)] };
        let line = Zeroizing::new([silence(BEFORE), spoken.bytes().to_vec(), silence(AFTER)].concat());
        let recogniser = if said.understood { self.recognisers.get(said.language) } else { None };
        let Ok((ears, mut heard)) = Ears::start(recogniser, &self.settings, Codec::Ulaw) else {
            return vec![(said.from, Event::EngineFailed)];
        };
        ears.expect(Expectation::of(said.expecting.clone()));
        let frame = Codec::Ulaw.bytes_in(FRAME);
        let mut at = said.from - BEFORE;
        for (number, part) in line.chunks(frame).enumerate() {
            ears.frame(at, Bytes::copy_from_slice(part));
            at = at + FRAME;
            if number % AT_ONCE == AT_ONCE - 1 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        let noticed = Duration::from_millis(self.settings.endpoint.begin_ms);
        let ended_after = Duration::from_millis(self.settings.endpoint.trailing_silence_ms);
        let mut events = Vec::new();
        let mut speaking = 0;
        let deadline = tokio::time::Instant::now() + LISTENING;
        // Every beginning has its end, and every end comes to something.
        loop {
            // A moment more for what follows a pause within the words.
            let patience =
                if speaking == 0 { Duration::from_millis(if events.is_empty() { 2_000 } else { 300 }) } else { LISTENING };
            let next = tokio::time::timeout(patience, heard.recv()).await;
            let Ok(Some(next)) = next else { break };
            match next {
                Heard::SpeechBegan { at } => {
                    speaking += 1;
                    events.push((at + noticed, Event::SpeechBegan));
                }
                Heard::Utterance { began, ended, speech, above_noise, hypothesis } => {
                    speaking -= 1;
                    let text = Zeroizing::new(hypothesis.text.clone());
                    let second_look = hypothesis.open_look().map(|text| Zeroizing::new(text.to_owned()));
                    let utterance =
                        Utterance { text, second_look, confidence: hypothesis.confidence, began, speech, above_noise };
                    events.push((ended + ended_after, Event::Utterance(utterance)));
                }
                Heard::NotUnderstood { ended, .. } => {
                    speaking -= 1;
                    events.push((ended + ended_after, Event::NotUnderstood));
                }
                Heard::EngineFailed { ended, .. } => {
                    speaking -= 1;
                    events.push((ended + ended_after, Event::EngineFailed));
                }
                _ => {}
            }
            if tokio::time::Instant::now() > deadline {
                break;
            }
        }
        events.sort_by_key(|(at, _)| *at);
        events
    }
}
