mod disk;

use std::collections::HashMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use sha2::{Digest, Sha256};
use tokio::sync::{OnceCell, Semaphore};
use zeroize::Zeroizing;

use self::disk::Folder;
use super::EspeakSettings;
use super::spoken::Spoken;
use super::tts::espeak::{Espeak, SpeakError};
use super::tts::recorded::{self, RecordedError};
use super::tts::{SHAPE, Sound};
use crate::audio::Codec;
use crate::audio::resample::ResampleError;

/// A fixed prompt: a text without slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptText {
    /// Its name in the files of prompts.
    pub id: String,
    /// The language of `text`.
    pub language: String,
    /// What is said.
    pub text: String,
    /// A recording of it, which wins over synthesis.
    pub recorded: Option<PathBuf>,
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
    /// The sound could not be brought to the rate of the telephone.
    #[error(transparent)]
    Resample(#[from] ResampleError),
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

/// Every fixed prompt as sound, and the voice for the others.
#[derive(Clone)]
pub struct PromptCache {
    /// By language, then by id.
    prompts: Arc<HashMap<String, HashMap<String, Arc<Spoken>>>>,
    voice: Arc<Voice>,
}

impl PromptCache {
    /// Renders every prompt that does not lie in `folder` yet, several at a time, and says after each how far it is.
    ///
    /// The key of a prompt is the SHA-256 of all that makes its sound: engine, version, voice, rate and text, or the bytes of the
    /// recording. A file that is damaged or short is rendered anew. With `candor`'s layout `folder` is `<data>/prompts`.
    ///
    /// # Errors
    /// [`PreparationError`] names the first prompt (in the order given) that cannot be rendered.
    pub async fn prepare(
        folder: &Path,
        espeak: &EspeakSettings,
        prompts: Vec<PromptText>,
        mut on_progress: impl FnMut(Prepared<'_>),
    ) -> Result<PromptCache, PreparationError> {
        let voice = Arc::new(Voice::new(espeak.clone()));
        let folder = Folder::new(folder.to_owned());
        let total = prompts.len();
        let at_once = voice.at_once;
        let mut rendering = stream::iter(prompts.into_iter().map(|prompt| {
            let (voice, folder) = (&voice, &folder);
            async move {
                let rendered = voice.prompt(folder, &prompt).await;
                (prompt, rendered)
            }
        }))
        .buffered(at_once);
        let mut ready: HashMap<String, HashMap<String, Arc<Spoken>>> = HashMap::new();
        let mut done = 0;
        while let Some((prompt, rendered)) = rendering.next().await {
            let PromptText { id, language, .. } = prompt;
            match rendered {
                Ok((spoken, cached)) => {
                    done += 1;
                    on_progress(Prepared { id: &id, language: &language, done, total, cached });
                    ready.entry(language).or_default().insert(id, Arc::new(spoken));
                }
                Err(source) => {
                    return Err(PreparationError { id, language, source });
                }
            }
        }
        drop(rendering);
        Ok(PromptCache { prompts: Arc::new(ready), voice })
    }

    /// The sound of a fixed prompt, if there is such a prompt.
    pub fn get(&self, language: &str, id: &str) -> Option<Arc<Spoken>> {
        self.prompts.get(language)?.get(id).cloned()
    }

    /// Renders a text with what the caller gave in it: in memory only, wiped after use. Not for the media path: it takes tens of
    /// milliseconds, and at most the time limit of synthesis.
    ///
    /// # Errors
    /// [`RenderError`], without the text.
    pub async fn render(&self, language: &str, text: &str) -> Result<Spoken, RenderError> {
        let limit = self.voice.espeak.settings().time_limit();
        let rendering = async {
            let ulaw = self.voice.synthesise(language, text).await?;
            Ok(Spoken::of_secret(text, ulaw))
        };
        tokio::time::timeout(limit, rendering).await.unwrap_or(Err(SpeakError::TooSlow { limit }.into()))
    }
}

/// The synthesiser with a limit to how much runs at once.
struct Voice {
    espeak: Espeak,
    version: OnceCell<String>,
    at_once: usize,
    turns: Semaphore,
}

impl Voice {
    fn new(settings: EspeakSettings) -> Self {
        let at_once = std::thread::available_parallelism().map_or(2, NonZero::get);
        Voice { espeak: Espeak::new(settings), version: OnceCell::new(), at_once, turns: Semaphore::new(at_once) }
    }

    /// The sound of a fixed prompt and whether it came from the cache.
    async fn prompt(&self, folder: &Folder, prompt: &PromptText) -> Result<(Spoken, bool), RenderError> {
        let recording = match &prompt.recorded {
            Some(file) => Some((file, recording(file).await?)),
            None => None,
        };
        let key = match &recording {
            Some((_, bytes)) => key(&["recording", &super::spoken::sha256(bytes)]),
            None => {
                let version = self.version.get_or_try_init(|| self.espeak.version()).await?;
                let settings = self.espeak.settings();
                let voice = settings.voice(&prompt.language);
                key(&["espeak-ng", version, SHAPE, voice, &settings.rate.to_string(), &prompt.text])
            }
        };
        if let Some(ulaw) = folder.read(&key).await {
            return Ok((Spoken::of(&prompt.text, ulaw), true));
        }
        let ulaw = match recording {
            Some((file, bytes)) => {
                let file = file.clone();
                encode(move || Ok(recorded::decode(&file, &bytes)?.to_ulaw()?)).await?
            }
            None => self.synthesise(&prompt.language, &prompt.text).await?,
        };
        let spoken = Spoken::of(&prompt.text, ulaw.to_vec());
        folder.write(&key, &spoken).await.map_err(|source| RenderError::Cache { folder: folder.path().to_owned(), source })?;
        Ok((spoken, false))
    }

    async fn synthesise(&self, language: &str, text: &str) -> Result<Zeroizing<Vec<u8>>, RenderError> {
        let _turn = self.turns.acquire().await.map_err(|_| RenderError::Stopping)?;
        let sound: Sound = self.espeak.speak(language, text).await?;
        let ulaw = encode(move || Ok(sound.to_level_ulaw()?)).await?;
        if ulaw.iter().all(|&byte| byte == Codec::Ulaw.silence()) { Err(SpeakError::NoSound.into()) } else { Ok(ulaw) }
    }
}

async fn recording(file: &Path) -> Result<Vec<u8>, RecordedError> {
    tokio::fs::read(file).await.map_err(|source| RecordedError::Read { file: file.to_owned(), source })
}

/// Resampling and encoding, away from the runtime's workers.
async fn encode<F>(work: F) -> Result<Zeroizing<Vec<u8>>, RenderError>
where
    F: FnOnce() -> Result<Zeroizing<Vec<u8>>, RenderError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(RenderError::Stopping))
}

/// SHA-256 over the parts, each with its length, so that no two lists of parts look alike.
fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}
