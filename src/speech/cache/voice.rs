use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio::sync::{OnceCell, Semaphore};
use zeroize::Zeroizing;

use super::disk::Folder;
use super::{PromptSource, PromptText, RenderError};
use crate::audio::opus::{self, Content};
use crate::audio::{Codec, Encoded};
use crate::speech::EspeakSettings;
use crate::speech::spoken::{self, Spoken, sha256};
use crate::speech::tts::espeak::{Espeak, SpeakError};
use crate::speech::tts::recorded::{self, RecordedError};
use crate::speech::tts::{SHAPE, Sound, music};

/// The synthesiser with a limit to how much runs at once.
pub(super) struct Voice {
    espeak: Espeak,
    version: OnceCell<String>,
    pub(super) at_once: usize,
    turns: Semaphore,
}

/// Where a prompt's sound comes from, with what had to be read for it.
enum Source {
    Synthesis,
    Recording(Vec<u8>),
    HoldMusic,
}

impl Voice {
    pub(super) fn new(settings: EspeakSettings) -> Self {
        let at_once = std::thread::available_parallelism().map_or(2, NonZero::get);
        Voice { espeak: Espeak::new(settings), version: OnceCell::new(), at_once, turns: Semaphore::new(at_once) }
    }

    pub(super) fn settings(&self) -> &EspeakSettings {
        self.espeak.settings()
    }

    /// The forms of a fixed prompt, one for each codec, and whether all of them came from the cache.
    pub(super) async fn prompt(
        &self,
        folder: &Folder,
        prompt: &PromptText,
        codecs: &[Codec],
    ) -> Result<(Vec<Spoken>, bool), RenderError> {
        let (source, parts) = self.source(prompt).await?;
        let (content, level) = (prompt.content(), matches!(source, Source::Synthesis));
        let (mut forms, mut made) = (Vec::with_capacity(codecs.len()), None);
        for &codec in codecs {
            let shape = if codec == Codec::Opus { Some(opus::shape(content)) } else { None };
            let key = key(parts.iter().chain(&shape));
            if let Some((audio, hash)) = folder.read(&key, codec).await {
                forms.push(Spoken::new(&prompt.text, audio, hash));
                continue;
            }
            let sound = match &made {
                Some(sound) => Arc::clone(sound),
                None => Arc::clone(made.insert(Arc::new(self.sound(&source, prompt).await?))),
            };
            let form = form(sound, codec, content, level).await?;
            let written = folder.write(&key, codec, &form.file, &form.sha256).await;
            written.map_err(|source| RenderError::Cache { folder: folder.path().to_owned(), source })?;
            forms.push(Spoken::new(&prompt.text, form.audio, form.sha256));
        }
        Ok((forms, made.is_none()))
    }

    /// A text in one codec, kept nowhere.
    pub(super) async fn say(&self, codec: Codec, language: &str, text: &str) -> Result<Spoken, RenderError> {
        let sound = self.synthesise(language, text).await?;
        let form = form(Arc::new(sound), codec, Content::Voice, true).await?;
        Ok(Spoken::new(text, form.audio, form.sha256))
    }

    /// Where the sound comes from, and all that makes it, as parts of a key.
    async fn source(&self, prompt: &PromptText) -> Result<(Source, Vec<String>), RenderError> {
        match &prompt.source {
            PromptSource::HoldMusic => Ok((Source::HoldMusic, vec![music::VERSION.to_owned()])),
            PromptSource::Recording(file) => {
                let bytes = recording(file).await?;
                let parts = vec!["recording".to_owned(), sha256(&bytes)];
                Ok((Source::Recording(bytes), parts))
            }
            PromptSource::Synthesis => {
                let version = self.version.get_or_try_init(|| self.espeak.version()).await?;
                let (voice, rate) = (self.settings().voice(&prompt.language), self.settings().rate.to_string());
                let parts = ["espeak-ng", version, SHAPE, voice, &rate, &prompt.text];
                Ok((Source::Synthesis, parts.map(str::to_owned).to_vec()))
            }
        }
    }

    async fn sound(&self, source: &Source, prompt: &PromptText) -> Result<Sound, RenderError> {
        match (source, &prompt.source) {
            (Source::Recording(bytes), PromptSource::Recording(file)) => Ok(recorded::decode(file, bytes)?),
            (Source::HoldMusic, _) => tokio::task::spawn_blocking(music::hold_music).await.map_err(|_| RenderError::Stopping),
            _ => self.synthesise(&prompt.language, &prompt.text).await,
        }
    }

    async fn synthesise(&self, language: &str, text: &str) -> Result<Sound, RenderError> {
        let _turn = self.turns.acquire().await.map_err(|_| RenderError::Stopping)?;
        let sound = self.espeak.speak(language, text).await?;
        if sound.is_silent() { Err(SpeakError::NoSound.into()) } else { Ok(sound) }
    }
}

async fn recording(file: &Path) -> Result<Vec<u8>, RecordedError> {
    tokio::fs::read(file).await.map_err(|source| RecordedError::Read { file: file.to_owned(), source })
}

/// Sound in one codec, with its file.
struct Form {
    audio: Encoded,
    file: Zeroizing<Vec<u8>>,
    sha256: String,
}

/// Resamples and encodes, away from the runtime's workers.
async fn form(sound: Arc<Sound>, codec: Codec, content: Content, level: bool) -> Result<Form, RenderError> {
    let work = move || {
        let audio = if level { sound.encode_level(codec)? } else { sound.encode(codec, content)? };
        let file = spoken::file(&audio)?;
        let sha256 = sha256(&file);
        Ok(Form { audio, file, sha256 })
    };
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(RenderError::Stopping))
}

/// SHA-256 over the parts, each with its length, so that no two lists of parts look alike.
fn key<'a>(parts: impl Iterator<Item = &'a String>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}
