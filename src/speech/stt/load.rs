use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::in_turn::InTurn;
use super::places::Places;
use super::watched::Watched;
use super::{Address, Recogniser, Seats, remote};
use crate::speech::Settings;
use crate::speech::models::{Engine, Fault, Manifest, State, Store};

/// The recognisers of a server: for each language those that hear it, the one to be asked first in front.
#[derive(Clone, Default)]
pub struct Recognisers {
    by_language: BTreeMap<String, InTurn>,
}

impl Recognisers {
    /// Loads the models of `languages` from the folder of models and makes ready what is elsewhere: what is set for a language, else all known models that
    /// are here. Takes seconds for large models, away from the runtime's workers. What is missing or broken is left out, and a note says so: where nothing is
    /// left callers use keys.
    pub async fn load(settings: &Settings, languages: &[String]) -> (Recognisers, Vec<LoadNote>) {
        let mut loading = Loading::new(settings);
        let mut recognisers = Recognisers::default();
        let mut notes = Vec::new();
        for language in languages {
            if recognisers.by_language.contains_key(language) {
                continue;
            }
            let (heard_by, mut said) = loading.language(language).await;
            if heard_by.is_empty() {
                said.iter_mut().for_each(LoadNote::leaves_keys);
            }
            notes.extend(said);
            if let Some(in_turn) = InTurn::of(heard_by, &loading.seats) {
                recognisers.by_language.insert(language.clone(), in_turn);
            }
        }
        (recognisers, notes)
    }

    /// These recognisers, each for its language; of several for one language the first is asked first.
    pub fn of(recognisers: impl IntoIterator<Item = Arc<dyn Recogniser>>) -> Recognisers {
        let settings = Settings::default().recognition;
        let seats = Seats::new(settings.most.get());
        let mut by_language: BTreeMap<String, Vec<Arc<Watched>>> = BTreeMap::new();
        for (number, recogniser) in recognisers.into_iter().enumerate() {
            let language = recogniser.language().to_owned();
            let places = Arc::new(Places::new(settings.places(), settings.time_limit()));
            let name = format!("{language}-{}", number + 1);
            by_language.entry(language).or_default().push(Arc::new(Watched::new(&name, recogniser, places)));
        }
        let in_turn = |(language, engines)| Some((language, InTurn::of(engines, &seats)?));
        Recognisers { by_language: by_language.into_iter().filter_map(in_turn).collect() }
    }

    /// What hears `language`, whichever of its engines answers when it comes to it.
    pub fn get(&self, language: &str) -> Option<Arc<dyn Recogniser>> {
        Some(Arc::new(self.by_language.get(language)?.clone()))
    }

    /// Whether callers can be heard in `language` now; else prompts speak of keys only.
    pub fn hears(&self, language: &str) -> bool {
        self.by_language.get(language).is_some_and(InTurn::hears)
    }

    /// The languages in which callers can be heard now.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.by_language.keys().map(String::as_str).filter(|language| self.hears(language))
    }

    /// For how long more callers have spoken than can be heard, in the language in which that is longest; nothing while all keep up.
    pub fn behind(&self) -> Option<Duration> {
        self.by_language.values().filter_map(InTurn::behind).max()
    }
}

impl fmt::Debug for Recognisers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_language.keys()).finish()
    }
}

/// What the start of the server says about a language.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadNote {
    /// Callers can be heard.
    Loaded {
        /// The language.
        language: String,
        /// The model.
        model: String,
        /// How it listens.
        listens: Listens,
    },
    /// Callers can be heard on another machine. Nothing has been asked of it yet.
    Remote {
        /// The language.
        language: String,
        /// The name in the configuration.
        name: String,
        /// The machine.
        address: Address,
    },
    /// A remote recogniser that cannot be asked.
    NoRemote {
        /// The language.
        language: String,
        /// The name in the configuration.
        name: String,
        /// Why.
        reason: String,
        /// Whether callers of the language have only keys.
        keys_only: bool,
    },
    /// There is no model: keys only, where no other is there.
    Missing {
        /// The language.
        language: String,
        /// The model that was asked for; absent where none is known for the language.
        model: Option<String>,
        /// Where it was looked for.
        folder: PathBuf,
        /// Whether callers of the language have only keys.
        keys_only: bool,
    },
    /// A model is there and cannot be used.
    Broken {
        /// The language.
        language: String,
        /// Its folder.
        folder: PathBuf,
        /// What is wrong, as far as it is known.
        reason: String,
        /// Whether callers of the language have only keys.
        keys_only: bool,
    },
    /// This build lacks the engine of every model of this language: keys only.
    NoEngine {
        /// The language.
        language: String,
    },
}

/// How a recogniser listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listens {
    /// While the caller speaks, for the expected phrases first.
    ToExpected,
    /// While the caller speaks, with its whole vocabulary.
    WithWholeVocabulary,
    /// To an utterance when it is over.
    Afterwards,
}

impl LoadNote {
    /// Whether it is about a model that does not hear.
    pub fn is_a_lack(&self) -> bool {
        !matches!(self, LoadNote::Loaded { .. } | LoadNote::Remote { .. })
    }

    /// Nothing else hears the language.
    fn leaves_keys(&mut self) {
        if let LoadNote::Missing { keys_only, .. } | LoadNote::Broken { keys_only, .. } | LoadNote::NoRemote { keys_only, .. } =
            self
        {
            *keys_only = true;
        }
    }
}

impl fmt::Display for LoadNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadNote::Loaded { language, model, listens } => {
                let how = match listens {
                    Listens::ToExpected => "as they speak, expected phrases first",
                    Listens::WithWholeVocabulary => {
                        "as they speak, with its whole vocabulary: it has no [unk], so it cannot be narrowed"
                    }
                    Listens::Afterwards => "when they have spoken",
                };
                write!(f, "{language}: callers are heard by {model} ({how})")
            }
            LoadNote::Remote { language, name, address } => {
                write!(
                    f,
                    "{language}: what callers say goes to {address} ({name}), which by the configuration keeps none of it"
                )?;
                if address.is_overheard() {
                    write!(
                        f,
                        ". It goes there in plain: others on the way can listen. Write an address that begins with wss:// or https://"
                    )?;
                }
                Ok(())
            }
            LoadNote::NoRemote { language, name, reason, keys_only } => {
                write!(f, "{language}: {}speech.remote.{name} is not asked: {reason}", lead(*keys_only))
            }
            LoadNote::Missing { language, model: Some(model), folder, keys_only } => write!(
                f,
                "{language}: {}there is no model {model} at {}. `candor models install {language}` gets one",
                lead(*keys_only),
                folder.display()
            ),
            LoadNote::Missing { language, model: None, folder, keys_only } => write!(
                f,
                "{language}: {}no model is known for this language. Unpack a Vosk model into a folder of {} and name it under \
                 speech.recognisers",
                lead(*keys_only),
                folder.display()
            ),
            LoadNote::Broken { language, folder, reason, keys_only } => write!(
                f,
                "{language}: {}the model at {} cannot be used: {reason}. `candor models verify` says more; removed and installed \
                 again it is whole",
                lead(*keys_only),
                folder.display()
            ),
            LoadNote::NoEngine { language } => write!(
                f,
                "{language}: keys only, this build has no recogniser for it. Build with the feature `vosk` or `whisper` to have callers heard"
            ),
        }
    }
}

fn lead(keys_only: bool) -> &'static str {
    if keys_only { "keys only, " } else { "" }
}

/// The loading of all languages: a Whisper model is in memory once for all of them, and so is what is shared between calls.
struct Loading<'a> {
    store: Store,
    settings: &'a Settings,
    whisper: WhisperModels,
    seats: Seats,
    /// Engines that hear while callers speak share the cores.
    streaming: Arc<Places>,
    /// An engine that uses all cores for an utterance hears one after the other; a remote one as many as it is set to. By name.
    own: BTreeMap<String, Arc<Places>>,
}

/// The Whisper models that were read, or could not be.
#[derive(Default)]
struct WhisperModels {
    #[cfg(feature = "whisper")]
    by_folder: std::collections::HashMap<PathBuf, Option<Arc<super::WhisperModel>>>,
}

impl WhisperModels {
    #[cfg(feature = "whisper")]
    async fn recogniser(&mut self, language: &str, folder: &Path, threads: usize) -> Result<Arc<dyn Recogniser>, &'static str> {
        if !self.by_folder.contains_key(folder) {
            let path = folder.to_owned();
            let loaded = tokio::task::spawn_blocking(move || super::whisper::load(&path, threads)).await;
            self.by_folder.insert(folder.to_owned(), loaded.ok().flatten());
        }
        let model = self.by_folder.get(folder).cloned().flatten().ok_or("CTranslate2 cannot read it")?;
        let recogniser = super::WhisperRecogniser::new(language, model).ok_or("it does not know the language")?;
        Ok(Arc::new(recogniser))
    }

    #[cfg(not(feature = "whisper"))]
    async fn recogniser(&mut self, _: &str, _: &Path, _: usize) -> Result<Arc<dyn Recogniser>, &'static str> {
        Err("this build has no Whisper")
    }
}

impl<'a> Loading<'a> {
    fn new(settings: &'a Settings) -> Loading<'a> {
        let recognition = settings.recognition;
        Loading {
            store: Store::of(settings),
            settings,
            whisper: WhisperModels::default(),
            seats: Seats::new(recognition.most.get()),
            streaming: Arc::new(Places::new(recognition.places(), recognition.time_limit())),
            own: BTreeMap::new(),
        }
    }

    fn places_of(&mut self, name: &str, count: usize) -> Arc<Places> {
        let limit = self.settings.recognition.time_limit();
        self.own.entry(name.to_owned()).or_insert_with(|| Arc::new(Places::new(count, limit))).clone()
    }

    fn remote(&mut self, language: &str, name: &str) -> Option<Result<(Arc<Watched>, LoadNote), LoadNote>> {
        let remote = self.settings.remote.get(name)?;
        let (owned, named) = (language.to_owned(), name.to_owned());
        if remote.retains_audio {
            let reason =
                "it keeps what it hears (retains_audio), and nothing that a caller has not agreed to may be kept anywhere"
                    .to_owned();
            return Some(Err(LoadNote::NoRemote { language: owned, name: named, reason, keys_only: false }));
        }
        let places = self.places_of(name, remote.at_once.get());
        Some(match remote::recogniser(language, remote) {
            Ok(engine) => {
                let note = LoadNote::Remote { language: owned, name: named, address: remote.address.clone() };
                Ok((Arc::new(Watched::new(name, engine, places)), note))
            }
            Err(reason) => Err(LoadNote::NoRemote { language: owned, name: named, reason, keys_only: false }),
        })
    }

    async fn language(&mut self, language: &str) -> (Vec<Arc<Watched>>, Vec<LoadNote>) {
        let set = self.settings.recognisers.get(language);
        let known: Vec<String> = Manifest::known().for_language(language).map(|model| model.name.clone()).collect();
        let asked = set.cloned().unwrap_or_else(|| known.clone());
        let (mut recognisers, mut notes) = (Vec::new(), Vec::new());
        for model in &asked {
            match self.remote(language, model) {
                Some(Ok((recogniser, note))) => {
                    recognisers.push(recogniser);
                    notes.push(note);
                    continue;
                }
                Some(Err(note)) => {
                    notes.push(note);
                    continue;
                }
                None => {}
            }
            match self.model(language, model).await {
                Ok((recogniser, listens)) => {
                    let places = match listens {
                        Listens::Afterwards => self.places_of(model, 1),
                        Listens::ToExpected | Listens::WithWholeVocabulary => self.streaming.clone(),
                    };
                    recognisers.push(Arc::new(Watched::new(model, recogniser, places)));
                    let (language, model) = (language.to_owned(), model.clone());
                    notes.push(LoadNote::Loaded { language, model, listens });
                }
                Err(note) => notes.push(note),
            }
        }
        if set.is_none() && !recognisers.is_empty() {
            // Others of the same language may be missing; nobody asked for them.
            notes.retain(|note| !matches!(note, LoadNote::Missing { .. }));
        } else if set.is_none() {
            // One word for all that might have been.
            let broken = notes.iter().any(|note| matches!(note, LoadNote::Broken { .. }));
            notes.retain(|note| !matches!(note, LoadNote::Missing { .. }));
            if !broken {
                notes.push(self.nothing(language, known.first()));
            }
        }
        (recognisers, notes)
    }

    /// That there is no model for a language at all.
    fn nothing(&self, language: &str, first: Option<&String>) -> LoadNote {
        let folder = self.store.folder();
        let language = language.to_owned();
        match first {
            Some(model) => {
                LoadNote::Missing { language, model: Some(model.clone()), folder: self.store.path(model), keys_only: false }
            }
            None if Engine::ALL.iter().any(|engine| engine.is_built_in()) => {
                LoadNote::Missing { language, model: None, folder: folder.to_owned(), keys_only: false }
            }
            None => LoadNote::NoEngine { language },
        }
    }

    async fn model(&mut self, language: &str, model: &str) -> Result<(Arc<dyn Recogniser>, Listens), LoadNote> {
        let folder = self.store.path(model);
        let broken =
            |reason: String| LoadNote::Broken { language: language.to_owned(), folder: folder.clone(), reason, keys_only: false };
        let list = |faults: Vec<Fault>| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        match self.store.state(model) {
            State::Absent => {
                return Err(LoadNote::Missing {
                    language: language.to_owned(),
                    model: Some(model.to_owned()),
                    folder,
                    keys_only: false,
                });
            }
            State::Broken(faults) => return Err(broken(list(faults))),
            State::Installed | State::Unmanaged => {}
        }
        let known = Manifest::known().get(model);
        if known.is_some_and(|known| !known.hears(language)) {
            return Err(broken(format!("it is a model for {}", known.map_or(String::new(), |known| known.languages.join(", ")))));
        }
        let engine = known.map_or_else(|| engine_of(&folder), |known| known.engine);
        if !engine.is_built_in() {
            return Err(broken(format!("this build has no engine for it: build with the feature `{}`", engine.name())));
        }
        match engine {
            Engine::Vosk => vosk(language, &folder).await.ok_or_else(|| broken("Vosk cannot read it".to_owned())),
            Engine::Whisper => {
                let threads = self.settings.recognition.threads();
                let recogniser = self.whisper.recogniser(language, &folder, threads).await;
                recogniser.map(|recogniser| (recogniser, Listens::Afterwards)).map_err(|reason| broken(reason.to_owned()))
            }
        }
    }
}

/// What reads a folder that is not in the list: Whisper's has its vocabulary beside the model, Vosk's has folders.
fn engine_of(folder: &Path) -> Engine {
    if folder.join("vocabulary.json").is_file() { Engine::Whisper } else { Engine::Vosk }
}

#[cfg(feature = "vosk")]
async fn vosk(language: &str, folder: &Path) -> Option<(Arc<dyn Recogniser>, Listens)> {
    let (language, folder) = (language.to_owned(), folder.to_owned());
    let loaded = tokio::task::spawn_blocking(move || super::VoskRecogniser::load(&language, &folder)).await;
    let recogniser = loaded.ok().flatten()?;
    let listens = if recogniser.has_grammar() { Listens::ToExpected } else { Listens::WithWholeVocabulary };
    Some((Arc::new(recogniser), listens))
}

#[cfg(not(feature = "vosk"))]
async fn vosk(_: &str, _: &Path) -> Option<(Arc<dyn Recogniser>, Listens)> {
    None
}

#[cfg(all(test, feature = "vosk"))]
mod tests {
    use super::*;

    async fn load(folder: &Path, language: &str, recognisers: &[&str]) -> Vec<LoadNote> {
        let mut settings = Settings { models: Some(folder.to_owned()), ..Default::default() };
        if !recognisers.is_empty() {
            settings.recognisers.insert(language.to_owned(), recognisers.iter().map(ToString::to_string).collect());
        }
        let (recognisers, notes) = Recognisers::load(&settings, &[language.to_owned()]).await;
        assert!(!recognisers.hears(language));
        assert!(notes.iter().all(LoadNote::is_a_lack));
        notes
    }

    #[tokio::test]
    async fn a_missing_model_is_keys_only_and_one_note_says_how_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let notes = load(folder.path(), "nl", &[]).await;
        assert_eq!(notes.len(), 1);
        let shown = notes[0].to_string();
        assert!(shown.contains("vosk-model-small-nl-0.22") && shown.contains("candor models install nl"), "{shown}");
    }

    #[tokio::test]
    async fn a_language_without_a_known_model_is_keys_only() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(load(folder.path(), "fy", &[]).await[..], [LoadNote::Missing { model: None, .. }]));
    }

    #[tokio::test]
    async fn a_folder_that_is_no_model_is_keys_only() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("vosk-model-small-en-us-0.15")).unwrap();
        assert!(matches!(load(folder.path(), "en", &[]).await[..], [LoadNote::Broken { .. }]));
    }

    #[tokio::test]
    async fn a_model_of_another_language_is_not_asked() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("vosk-model-small-en-us-0.15")).unwrap();
        let notes = load(folder.path(), "nl", &["vosk-model-small-en-us-0.15"]).await;
        assert!(matches!(&notes[..], [LoadNote::Broken { reason, .. }] if reason.contains("for en")), "{notes:?}");
    }
}
