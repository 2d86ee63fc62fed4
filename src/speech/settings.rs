use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::stt::{RemoteSettings, RemoteSettingsError, check_remotes};

/// The section `speech` of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The folder that holds the recognition models, one folder each. Without it: `candor/models` in the user's cache folder.
    pub models: Option<PathBuf>,
    /// An address that serves the same files as the publishers of models, and is asked before them.
    pub models_mirror: Option<url::Url>,
    /// What hears a language, the first to be asked in front: `nl = ["whisper-base"]`. Models by the names of their folders inside `models`, and recognisers on
    /// other machines by their names in `remote`. A language that is not here is heard by all known models of it that are here.
    pub recognisers: BTreeMap<String, Vec<String>>,
    /// Recognisers on other machines.
    pub remote: BTreeMap<String, RemoteSettings>,
    /// How texts become speech.
    pub espeak: EspeakSettings,
    /// What counts as voice.
    pub vad: VadSettings,
    /// Where an utterance begins and ends.
    pub endpoint: EndpointSettings,
    /// How the recogniser is waited for.
    pub recognition: RecognitionSettings,
}

impl Settings {
    /// Whether everything that can be written wrongly is right.
    ///
    /// # Errors
    /// [`RemoteSettingsError`] names the key and says what to write.
    pub fn check(&self) -> Result<(), RemoteSettingsError> {
        check_remotes(&self.remote, &self.recognisers, self.recognition.time_limit())
    }

    /// The recognisers on other machines that hear a language.
    pub fn remotes(&self, language: &str) -> impl Iterator<Item = (&str, &RemoteSettings)> {
        let asked = self.recognisers.get(language).into_iter().flatten();
        asked.filter_map(|name| Some((name.as_str(), self.remote.get(name)?)))
    }

    /// The folder with the models: the configured one, else `$CANDOR_CACHE/models`, else `candor/models` under
    /// `$XDG_CACHE_HOME` or `$HOME/.cache`.
    pub fn models_folder(&self) -> PathBuf {
        if let Some(folder) = &self.models {
            return folder.clone();
        }
        let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = from("CANDOR_CACHE")
            .or_else(|| Some(from("XDG_CACHE_HOME").or_else(|| Some(from("HOME")?.join(".cache")))?.join("candor")));
        cache.unwrap_or_else(|| Path::new(".cache").to_owned()).join("models")
    }
}

/// eSpeak NG, run as a subprocess for each text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct EspeakSettings {
    /// The program, found on the PATH unless it is a path.
    pub program: PathBuf,
    /// Speed, in words per minute (eSpeak NG takes 80 to 450).
    pub rate: u32,
    /// Which voice speaks a language: `en = "en-gb"`. A language that is not here is spoken by the voice of its own name.
    pub voices: BTreeMap<String, String>,
    /// How long one text may take, in milliseconds.
    pub time_limit_ms: u64,
    /// How long a text with a caller's values may take, who waits for it, in milliseconds.
    pub call_time_limit_ms: u64,
}

impl Default for EspeakSettings {
    fn default() -> Self {
        EspeakSettings {
            program: "espeak-ng".into(),
            rate: 150,
            voices: BTreeMap::new(),
            time_limit_ms: 10_000,
            call_time_limit_ms: 3_000,
        }
    }
}

impl EspeakSettings {
    /// The voice that speaks `language`.
    pub fn voice<'a>(&'a self, language: &'a str) -> &'a str {
        self.voices.get(language).map_or(language, String::as_str)
    }

    /// How long a text may take that a caller waits for.
    pub fn call_time_limit(&self) -> Duration {
        Duration::from_millis(self.call_time_limit_ms)
    }

    /// How long one text may take.
    pub fn time_limit(&self) -> Duration {
        Duration::from_millis(self.time_limit_ms)
    }
}

/// What counts as voice.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct VadSettings {
    /// The score from which 16 ms of sound count as voice, 0 to 1. Higher: less noise is taken for speech, quiet callers are lost.
    pub threshold: f32,
    /// How long frames may be missing before the gap counts as silence, in milliseconds. Some phone systems send nothing while
    /// the caller is silent; late frames are no gap.
    pub gap_ms: u64,
}

impl Default for VadSettings {
    fn default() -> Self {
        VadSettings { threshold: 0.65, gap_ms: 120 }
    }
}

/// Where an utterance begins and ends. All in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct EndpointSettings {
    /// How much voice makes a beginning.
    pub begin_ms: u64,
    /// How much sound before the beginning the recogniser gets as well: first consonants are often too quiet to be voice.
    pub pre_roll_ms: u64,
    /// After how much silence an engine that hears utterances as a whole begins with what was said, in case that was all.
    pub pause_ms: u64,
    /// How much silence makes an end.
    pub trailing_silence_ms: u64,
    /// How much makes one after exactly what the dialog expects.
    pub expected_silence_ms: u64,
    /// How much makes one after the beginning of what it expects: of a phrase, or of a number that is asked for.
    pub unfinished_silence_ms: u64,
    /// How much makes one after whatever answers a consent question.
    pub consent_silence_ms: u64,
    /// How long an utterance may last; it is ended there.
    pub longest_ms: u64,
}

impl EndpointSettings {
    /// The longest silence that may make an end.
    pub fn longest_silence_ms(self) -> u64 {
        self.trailing_silence_ms.max(self.expected_silence_ms).max(self.unfinished_silence_ms).max(self.consent_silence_ms)
    }
}

impl Default for EndpointSettings {
    fn default() -> Self {
        EndpointSettings {
            begin_ms: 80,
            pre_roll_ms: 300,
            pause_ms: 120,
            trailing_silence_ms: 850,
            expected_silence_ms: 160,
            unfinished_silence_ms: 1_200,
            consent_silence_ms: 850,
            longest_ms: 20_000,
        }
    }
}

/// How the recogniser is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecognitionSettings {
    /// How long after the end of an utterance its words may come, in milliseconds; later, the engine counts as failed for it.
    pub time_limit_ms: u64,
    /// How many threads an engine uses that hears utterances as a whole; 0: one for each core.
    pub threads: usize,
    /// How many callers engines that hear while they speak work for at the same moment; 0: one for each core.
    pub places: usize,
    /// How many utterances may be heard at once, by all engines together; a caller beyond goes on by keys.
    pub most: NonZeroUsize,
    /// How long callers who speak may have been too many for the engines, in milliseconds, before new calls are passed on to people.
    pub refuse_after_ms: u64,
}

impl RecognitionSettings {
    /// How many threads an engine uses that hears utterances as a whole.
    pub fn threads(self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }

    /// How many callers engines that hear while they speak work for at the same moment.
    pub fn places(self) -> usize {
        RecognitionSettings { threads: self.places, ..self }.threads()
    }

    /// How long the words of an utterance may take.
    pub fn time_limit(self) -> Duration {
        Duration::from_millis(self.time_limit_ms)
    }
}

impl Default for RecognitionSettings {
    fn default() -> Self {
        let most = NonZeroUsize::MIN.saturating_add(63);
        RecognitionSettings { time_limit_ms: 4_000, threads: 0, places: 0, most, refuse_after_ms: 10_000 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_is_the_default() {
        assert_eq!(serde_json::from_str::<Settings>("{}").unwrap(), Settings::default());
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = serde_json::from_str::<Settings>(r#"{"espeak": {"voice": "nl"}}"#).unwrap_err();
        assert!(error.to_string().contains("`voice`"), "{error}");
    }

    #[test]
    fn a_language_is_spoken_by_the_voice_of_its_name_unless_another_is_set() {
        let settings = EspeakSettings { voices: [("en".to_owned(), "en-us".to_owned())].into(), ..Default::default() };
        assert_eq!((settings.voice("nl"), settings.voice("en")), ("nl", "en-us"));
    }
}
