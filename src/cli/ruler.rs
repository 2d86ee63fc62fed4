//! How long prompts take: each is spoken in memory, or its recording is measured.

use std::time::Duration;

use tokio::runtime::Runtime;

use crate::audio::Codec;
use crate::dialog::prompt::{Line, Slots};
use crate::server::library::Loaded;
use crate::speech::tts::espeak::Espeak;
use crate::speech::tts::recorded;
use crate::speech::{PromptCache, Settings};

/// Measures prompts.
pub(super) struct Ruler {
    runtime: Runtime,
    voice: PromptCache,
}

impl Ruler {
    /// `None` where nothing can be spoken here.
    pub(super) fn new(settings: &Settings) -> Option<Ruler> {
        let runtime = Runtime::new().ok()?;
        runtime.block_on(Espeak::new(settings.espeak.clone()).version()).ok()?;
        let nowhere = std::env::temp_dir();
        let voice = runtime.block_on(PromptCache::prepare(&nowhere, &settings.espeak, &[], Vec::new(), |_| {})).ok()?;
        Some(Ruler { runtime, voice })
    }

    /// How long a line takes.
    pub(super) fn length(&self, loaded: &Loaded, line: &Line) -> Option<Duration> {
        if let Some(file) = loaded.recorded.get(&(line.language.clone(), line.id.clone())) {
            let sound = recorded::decode(file, &std::fs::read(file).ok()?).ok()?;
            return Some(Duration::from_secs_f64(sound.samples.len() as f64 / f64::from(sound.rate.max(1))));
        }
        let text = loaded.dialog.texts.text(&loaded.dialog.file, line, &Slots::default()).ok()?;
        Some(self.runtime.block_on(self.voice.render(Codec::Ulaw, &line.language, &text)).ok()?.duration)
    }
}
