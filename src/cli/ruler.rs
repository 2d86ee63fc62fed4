//! How long prompts take and how phrases sound: each prompt is spoken in memory once, or its recording is measured.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::check::Voice;
use crate::audio::Codec;
use crate::dialog::prompt::{Line, Slots};
use crate::server::library::{Loaded, Phonemes};
use crate::speech::tts::espeak::Espeak;
use crate::speech::tts::recorded;
use crate::speech::{PromptCache, Settings};

/// Measures prompts and asks how phrases sound.
pub(super) struct Ruler {
    runtime: Runtime,
    espeak: Espeak,
    voice: PromptCache,
    /// Dialogs share texts, and forms of one text are often the same: no text is spoken twice.
    measured: RefCell<HashMap<(String, String), Option<Duration>>>,
}

impl Ruler {
    /// `None` where nothing can be spoken here.
    pub(super) fn new(settings: &Settings) -> Option<Ruler> {
        let runtime = Runtime::new().ok()?;
        let espeak = Espeak::new(settings.espeak.clone());
        runtime.block_on(espeak.version()).ok()?;
        let nowhere = std::env::temp_dir();
        let voice = runtime.block_on(PromptCache::prepare(&nowhere, &settings.espeak, &[], Vec::new(), |_| {})).ok()?;
        Some(Ruler { runtime, espeak, voice, measured: RefCell::default() })
    }
}

impl Voice for Ruler {
    fn duration(&self, loaded: &Loaded, line: &Line) -> Option<Duration> {
        if let Some(file) = loaded.recorded.get(&(line.language.clone(), line.id.clone())) {
            let sound = recorded::decode(file, &std::fs::read(file).ok()?).ok()?;
            return Some(Duration::from_secs_f64(sound.samples.len() as f64 / f64::from(sound.rate.max(1))));
        }
        let text = loaded.dialog.texts.text(&loaded.dialog.file, line, &Slots::default()).ok()?;
        let key = (line.language.clone(), text.to_string());
        if let Some(measured) = self.measured.borrow().get(&key) {
            return *measured;
        }
        let rendered = self.runtime.block_on(self.voice.render(Codec::Ulaw, &line.language, &text));
        let duration = rendered.ok().map(|spoken| spoken.duration);
        self.measured.borrow_mut().insert(key, duration);
        duration
    }

    fn phonemes(&self, loaded: &Loaded) -> Phonemes {
        self.runtime.block_on(Phonemes::ask(&self.espeak, &[loaded]))
    }
}
