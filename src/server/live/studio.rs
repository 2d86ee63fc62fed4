//! Makes scripts of dialog files: reads and checks them, sees that there are keys, renders and measures their prompts. The start and live editing
//! both come here, so that a running server takes what a start would take, and nothing else.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::edition::{Edition, Music, Served};
use super::refused::{Refusal, Refused};
use super::settle::{Made, settle};
use crate::consent::Purpose;
use crate::dialog::check::{Configured, Keeper};
use crate::dialog::prompt::Line;
use crate::handover::Targets;
use crate::lookup::Client;
use crate::recording::Recordings;
use crate::server::library::{self, Loaded, Phonemes, Problems};
use crate::server::lookups;
use crate::server::rendering::{CODECS, prompt_texts};
use crate::server::settings::{Config, DialogSettings};
use crate::server::start::{Progress, StartError};
use crate::session::{Script, prompt_key};
use crate::speech::tts::espeak::Espeak;
use crate::speech::{PromptCache, PromptText};

/// The operator's recording of what callers hear while they wait, in the folder of prompts.
const HOLD_MUSIC: &str = "hold-music.wav";

/// How dialogs are read: with what of the configuration their checks need.
#[derive(Clone)]
pub(in crate::server) struct Shelf {
    prompts: PathBuf,
    targets: Vec<String>,
    lookups: Vec<String>,
    keepers: Vec<Keeper>,
}

impl Shelf {
    pub(in crate::server) fn new(config: &Config, targets: &Targets) -> Shelf {
        Shelf {
            prompts: config.prompts.folder.clone(),
            targets: targets.names().map(str::to_owned).collect(),
            lookups: config.lookups.names(),
            keepers: library::keepers(&config.speech),
        }
    }

    /// A dialog with its texts and recordings, checked.
    pub(in crate::server) fn load(&self, file: &Path) -> Result<Loaded, Box<Problems>> {
        let (targets, lookups) = (Some(&self.targets[..]), Some(&self.lookups[..]));
        library::load_for(file, &self.prompts, Configured { targets, lookups, keepers: &self.keepers })
    }
}

/// What scripts are made with.
pub(in crate::server) struct Studio {
    settings: DialogSettings,
    shelf: Shelf,
    rendered: PathBuf,
    /// Says how phrases sound.
    voice: Espeak,
    recordings: Recordings,
    lookups: Arc<Client>,
}

impl Studio {
    pub(in crate::server) fn new(config: &Config, targets: &Targets, recordings: Recordings, lookups: Arc<Client>) -> Studio {
        let rendered = config.prompts.rendered.clone();
        Studio {
            settings: config.dialogs.clone(),
            shelf: Shelf::new(config, targets),
            rendered: rendered.unwrap_or_else(|| config.storage.folder.join("prompts")),
            voice: Espeak::new(config.speech.espeak.clone()),
            recordings,
            lookups,
        }
    }

    /// The first edition, of dialogs that were read and checked; the default is one of them.
    ///
    /// # Errors
    /// Whatever a dialog is refused for stops the start.
    pub(in crate::server) async fn first_edition(
        &self,
        dialogs: Vec<Loaded>,
        default: usize,
        speech: &crate::speech::Settings,
        mut progress: impl FnMut(Progress<'_>),
    ) -> Result<Edition, StartError> {
        let all = dialogs.iter().map(|loaded| prompt_texts(loaded).map_or(0, |texts| texts.len())).sum::<usize>() + 1;
        let mut done = 0;
        progress(Progress::Prompts(done, all));
        let mut more = || {
            done += 1;
            progress(Progress::Prompts(done, all));
        };
        let voice = PromptCache::prepare(&self.rendered, &speech.espeak, &CODECS, Vec::new(), |_| {}).await?;
        let music = self.music(&voice, false).await.map_err(|(_, refusal)| refusal)?;
        more();
        let mut served: Vec<Served> = Vec::new();
        for loaded in dialogs {
            let file = PathBuf::from(&loaded.file_name);
            if let Some(taken) = served.iter().find(|before| before.script.name() == loaded.dialog.file.dialog.value) {
                return Err(super::settle::name_taken(taken).into());
            }
            let beside: Vec<&PromptCache> = served.iter().map(|before| &before.script.sounds).collect();
            let script = self.script(loaded, &music, &beside, false, &mut more).await?;
            served.push(Served { file, script: Arc::new(script) });
        }
        let default = served.get(default).map(|served| served.script.clone());
        let default = default.ok_or_else(|| StartError::Settings("there is no dialog".to_owned()))?;
        Ok(Edition { served, default, refused: Vec::new(), music })
    }

    /// Looks at all files and makes what has changed since `before`. Nothing is served of it yet.
    ///
    /// # Errors
    /// [`Unsettled`]: somebody is still writing.
    pub(super) async fn look(&self, before: &Edition) -> Result<Edition, Unsettled> {
        let now = Timestamp::now();
        let since = |file: &Path| before.refused_of(file).map_or(now, |refused| refused.since);
        let mut refused = Vec::new();
        let mut refuse = |file: &Path, refusal: Refusal| refused.push(Refused::new(file, &refusal, since(file)));

        let music = match self.changed_music(before).await {
            Ok(music) => music,
            Err((file, refusal)) => {
                refuse(&file, refusal);
                before.music.clone()
            }
        };
        let read = match self.read().await {
            Ok(read) => read,
            Err(error) => {
                let message = format!("dialogs.folder {}: {error}", self.settings.folder.display());
                refuse(&self.settings.folder, Refusal::Settings { rule: "file-not-readable", message });
                let kept =
                    before.served.iter().map(|served| Made { file: served.file.clone(), script: Ok(served.script.clone()) });
                return Ok(settle(before, kept.collect(), refused, music, &self.settings, now));
            }
        };
        let mut made = Vec::new();
        for (file, loaded) in read {
            let script = match loaded {
                Ok(loaded) => self.renewed(loaded, before, &music).await,
                Err(problems) => Err(Refusal::Problems(problems)),
            };
            if matches!(script, Err(Refusal::Unsettled(_))) {
                return Err(Unsettled);
            }
            made.push(Made { file, script });
        }
        Ok(settle(before, made, refused, music, &self.settings, now))
    }

    /// Every dialog file with what it holds.
    async fn read(&self) -> std::io::Result<Vec<(PathBuf, Result<Loaded, Box<Problems>>)>> {
        let (folder, shelf) = (self.settings.folder.clone(), self.shelf.clone());
        let read = move || {
            let files = library::dialogs_in(&folder)?;
            let load = |file: PathBuf| {
                let loaded = shelf.load(&file);
                (file, loaded)
            };
            Ok(files.into_iter().map(load).collect())
        };
        tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }

    /// The script of a dialog that was read: the one there is where nothing of it has changed.
    async fn renewed(&self, loaded: Loaded, before: &Edition, music: &Music) -> Result<Arc<Script>, Refusal> {
        let there = before.script(&loaded.dialog.file.dialog.value);
        match there.filter(|script| script.dialog.version == loaded.dialog.version) {
            Some(script) if music.recording == before.music.recording => Ok(script.clone()),
            Some(script) => {
                let sounds = script.sounds.overlaid(&music.sounds);
                Ok(Arc::new(Script { dialog: script.dialog.clone(), sounds }))
            }
            None => {
                let beside: Vec<&PromptCache> = before.scripts().map(|script| &script.sounds).collect();
                self.script(loaded, music, &beside, true, &mut || {}).await.map(Arc::new)
            }
        }
    }

    /// Keys, sounds, lengths: a dialog that has all of them can be served.
    async fn script(
        &self,
        loaded: Loaded,
        music: &Music,
        beside: &[&PromptCache],
        gently: bool,
        progress: &mut impl FnMut(),
    ) -> Result<Script, Refusal> {
        let purposes: Vec<Purpose> = loaded.purposes().collect();
        self.recordings.admit(&purposes)?;
        let unreachable = |message| Refusal::Settings { rule: "unknown-lookup-value", message };
        lookups::check(&self.lookups, &loaded).map_err(unreachable)?;
        let texts = prompt_texts(&loaded).map_err(Refusal::Text)?;
        let sounds = music.sounds.extended(&self.rendered, &CODECS, texts, beside, gently, |_| progress()).await?;
        let name = loaded.dialog.file.dialog.value.clone();
        // The longest form counts: what fits a limit must fit it on every leg.
        let length = |_: &Loaded, line: &Line| {
            let key = prompt_key(&name, line);
            CODECS.iter().filter_map(|codec| Some(sounds.get(*codec, &line.language, &key)?.duration)).max()
        };
        let phonemes = Phonemes::ask(&self.voice, &[&loaded]).await;
        loaded.check_spoken(&phonemes, length).map_err(Refusal::Problems)?;
        // The texts were in memory, recordings were read again: what is heard must be what the version names.
        let file = PathBuf::from(&loaded.file_name);
        let (shelf, again) = (self.shelf.clone(), file.clone());
        match tokio::task::spawn_blocking(move || shelf.load(&again)).await {
            Ok(Ok(again)) if again.dialog.version == loaded.dialog.version => {}
            _ => return Err(Refusal::Unsettled(file)),
        }
        loaded.remarks.log();
        Ok(Script { dialog: Arc::new(loaded.dialog), sounds })
    }

    async fn changed_music(&self, before: &Edition) -> Result<Music, (PathBuf, Refusal)> {
        if self.music_recording().await.map(|(_, hash)| hash) == before.music.recording {
            return Ok(before.music.clone());
        }
        self.music(&before.music.sounds, true).await
    }

    /// The music, in the voice of these sounds.
    async fn music(&self, sounds: &PromptCache, gently: bool) -> Result<Music, (PathBuf, Refusal)> {
        let recording = self.music_recording().await;
        let text = PromptText::hold_music(recording.as_ref().map(|(file, _)| file.clone()));
        let sounds = sounds.extended(&self.rendered, &CODECS, vec![text], &[], gently, |_| {}).await;
        let sounds = sounds.map_err(|error| (self.shelf.prompts.join(HOLD_MUSIC), error.into()))?;
        Ok(Music { recording: recording.map(|(_, hash)| hash), sounds })
    }

    async fn music_recording(&self) -> Option<(PathBuf, String)> {
        let file = self.shelf.prompts.join(HOLD_MUSIC);
        if !file.is_file() {
            return None;
        }
        // One that cannot be read is still there: rendering says why it cannot be used.
        let hash =
            tokio::fs::read(&file).await.map_or_else(|error| error.to_string(), |bytes| hex::encode(Sha256::digest(&bytes)));
        Some((file, hash))
    }
}

/// Files changed while they were looked at.
#[derive(Debug)]
pub(super) struct Unsettled;
