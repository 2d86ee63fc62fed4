mod disk;
mod voice;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};

use self::disk::Folder;
use self::voice::Voice;
use super::EspeakSettings;
use super::spoken::Spoken;
use super::tts::EncodeError;
use super::tts::espeak::SpeakError;
use super::tts::recorded::RecordedError;
use crate::audio::ogg_opus::OggOpusError;
use crate::audio::opus::Content;
use crate::audio::{Codec, Encoded};

/// A fixed prompt: a text without slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptText {
    /// Its name in the files of prompts.
    pub id: String,
    /// The language of `text`.
    pub language: String,
    /// What is said.
    pub text: String,
    /// Where its sound comes from.
    pub source: PromptSource,
}

/// Where the sound of a fixed prompt comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptSource {
    /// The voice of its language says the text.
    Synthesis,
    /// A WAV file in which somebody says it.
    Recording(PathBuf),
    /// Arithmetic: [`crate::speech::tts::music`].
    HoldMusic,
}

/// The id of the music in the cache. It belongs to no language.
const HOLD_MUSIC: &str = "hold-music";

impl PromptText {
    /// What callers hear while they wait: the operator's recording, or our own.
    pub fn hold_music(recording: Option<PathBuf>) -> PromptText {
        let source = recording.map_or(PromptSource::HoldMusic, PromptSource::Recording);
        PromptText { id: HOLD_MUSIC.to_owned(), language: String::new(), text: String::new(), source }
    }

    /// How it is best encoded.
    fn content(&self) -> Content {
        if self.language.is_empty() && self.id == HOLD_MUSIC { Content::Music } else { Content::Voice }
    }
}

impl From<Option<PathBuf>> for PromptSource {
    /// A recording wins over synthesis.
    fn from(recording: Option<PathBuf>) -> Self {
        recording.map_or(PromptSource::Synthesis, PromptSource::Recording)
    }
}

/// A step of [`PromptCache::prepare`]: one more prompt can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared<'a> {
    /// The prompt.
    pub id: &'a str,
    /// Its language.
    pub language: &'a str,
    /// How many are ready now.
    pub done: usize,
    /// How many there are.
    pub total: usize,
    /// Whether it lay in the cache already.
    pub cached: bool,
}

/// A prompt that cannot be played. The server does not start with one.
#[derive(Debug, thiserror::Error)]
#[error("the prompt `{id}` in `{language}` cannot be rendered: {source}")]
#[non_exhaustive]
pub struct PreparationError {
    /// The prompt.
    pub id: String,
    /// Its language.
    pub language: String,
    /// Why.
    pub source: RenderError,
}

/// Why a text did not become sound. Never holds the text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// Synthesis failed.
    #[error(transparent)]
    Speak(#[from] SpeakError),
    /// The recording cannot be used.
    #[error(transparent)]
    Recorded(#[from] RecordedError),
    /// The sound could not be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The file of the sound could not be put together.
    #[error(transparent)]
    File(#[from] OggOpusError),
    /// The cache folder cannot be written.
    #[error("cannot write to the prompt cache {}: {source}", .folder.display())]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The task that encoded the sound ended early.
    #[error("the server is stopping")]
    Stopping,
}

/// Every fixed prompt as sound, in each codec that calls are carried in, and the voice for the others.
#[derive(Clone)]
pub struct PromptCache {
    prompts: Arc<Prompts>,
    voice: Arc<Voice>,
}

/// By language, then by id: the forms of a prompt, one for each codec.
type Prompts = HashMap<String, HashMap<String, Vec<Arc<Spoken>>>>;

impl PromptCache {
    /// Renders every prompt that does not lie in `folder` yet, several at a time and each once for all `codecs`, and says after each
    /// how far it is.
    ///
    /// The key of a prompt is the SHA-256 of all that makes its sound: engine, version, voice, rate and text, or the bytes of the
    /// recording; for Opus the encoder's version and settings too. A file that is damaged or short is rendered anew. With `candor`'s
    /// layout `folder` is `<data>/prompts`.
    ///
    /// # Errors
    /// [`PreparationError`] names the first prompt (in the order given) that cannot be rendered.
    pub async fn prepare(
        folder: &Path,
        espeak: &EspeakSettings,
        codecs: &[Codec],
        prompts: Vec<PromptText>,
        mut on_progress: impl FnMut(Prepared<'_>),
    ) -> Result<PromptCache, PreparationError> {
        let voice = Arc::new(Voice::new(espeak.clone()));
        let empty = PromptCache { prompts: Arc::default(), voice };
        let at_once = empty.voice.at_once;
        empty.with(&Folder::new(folder.to_owned()), codecs, prompts, &[], at_once, &mut on_progress).await
    }

    /// This cache with more prompts, in the same voice. Sound that lies in memory already, here or in one of `beside`, is not held twice.
    /// `gently`: one prompt after the other, because calls are going on that need the voice and the machine.
    ///
    /// # Errors
    /// [`PreparationError`], as [`PromptCache::prepare`].
    pub async fn extended(
        &self,
        folder: &Path,
        codecs: &[Codec],
        prompts: Vec<PromptText>,
        beside: &[&PromptCache],
        gently: bool,
        mut on_progress: impl FnMut(Prepared<'_>),
    ) -> Result<PromptCache, PreparationError> {
        let at_once = if gently { 1 } else { self.voice.at_once };
        self.with(&Folder::new(folder.to_owned()), codecs, prompts, beside, at_once, &mut on_progress).await
    }

    async fn with(
        &self,
        folder: &Folder,
        codecs: &[Codec],
        prompts: Vec<PromptText>,
        beside: &[&PromptCache],
        at_once: usize,
        on_progress: &mut impl FnMut(Prepared<'_>),
    ) -> Result<PromptCache, PreparationError> {
        let voice = &self.voice;
        let total = prompts.len();
        let mut rendering = stream::iter(prompts.into_iter().map(|prompt| async move {
            let rendered = voice.prompt(folder, &prompt, codecs).await;
            (prompt, rendered)
        }))
        .buffered(at_once);
        let mut ready = (*self.prompts).clone();
        let mut sounds = HashMap::new();
        for form in std::iter::once(self).chain(beside.iter().copied()).flat_map(PromptCache::forms) {
            sounds.entry(form.audio_sha256.clone()).or_insert_with(|| form.audio.clone());
        }
        let mut done = 0;
        while let Some((prompt, rendered)) = rendering.next().await {
            let PromptText { id, language, .. } = prompt;
            match rendered {
                Ok((forms, cached)) => {
                    done += 1;
                    on_progress(Prepared { id: &id, language: &language, done, total, cached });
                    let forms = forms.into_iter().map(|form| Arc::new(kept_once(form, &mut sounds))).collect();
                    ready.entry(language).or_default().insert(id, forms);
                }
                Err(source) => {
                    return Err(PreparationError { id, language, source });
                }
            }
        }
        drop(rendering);
        Ok(PromptCache { prompts: Arc::new(ready), voice: self.voice.clone() })
    }

    /// These prompts, and those of `other` over them.
    #[must_use]
    pub fn overlaid(&self, other: &PromptCache) -> PromptCache {
        let mut prompts = (*self.prompts).clone();
        for (language, others) in other.prompts.iter() {
            let here = prompts.entry(language.clone()).or_default();
            here.extend(others.iter().map(|(id, forms)| (id.clone(), forms.clone())));
        }
        PromptCache { prompts: Arc::new(prompts), voice: self.voice.clone() }
    }

    /// Every form of every prompt.
    fn forms(&self) -> impl Iterator<Item = &Arc<Spoken>> {
        self.prompts.values().flat_map(|prompts| prompts.values().flatten())
    }

    /// The sound of a fixed prompt, if there is such a prompt and it was prepared for this codec.
    pub fn get(&self, codec: Codec, language: &str, id: &str) -> Option<Arc<Spoken>> {
        let forms = self.prompts.get(language)?.get(id)?;
        forms.iter().find(|form| form.audio.codec() == codec).cloned()
    }

    /// What callers hear while they wait, if [`PromptText::hold_music`] was among the prompts and prepared for this codec.
    pub fn music(&self, codec: Codec) -> Option<Arc<Spoken>> {
        self.get(codec, "", HOLD_MUSIC)
    }

    /// Renders a text with what the caller gave in it: in memory only, wiped after use. Not for the media path: it takes tens of
    /// milliseconds, and at most the time that a caller waits for it.
    ///
    /// # Errors
    /// [`RenderError`], without the text.
    pub async fn render(&self, codec: Codec, language: &str, text: &str) -> Result<Spoken, RenderError> {
        let limit = self.voice.settings().call_time_limit();
        let rendering = self.voice.say(codec, language, text);
        tokio::time::timeout(limit, rendering).await.unwrap_or(Err(SpeakError::TooSlow { limit }.into()))
    }
}

/// The same form with the sound that is in memory already, where an equal one is: many prompts exist under several names.
fn kept_once(mut form: Spoken, sounds: &mut HashMap<String, Encoded>) -> Spoken {
    form.audio = sounds.entry(form.audio_sha256.clone()).or_insert(form.audio).clone();
    form
}
