//! The fixed prompts of dialogs: which lines there are, what they say, and in which forms their sound is kept.

use super::library::Loaded;
use crate::audio::Codec;
use crate::consent::Purpose;
use crate::dialog::prompt::{Hearing, Line, Slots};
use crate::session::prompt_key;
use crate::speech::PromptText;

/// Every line of a dialog that is the same for every caller.
fn fixed_lines(loaded: &Loaded) -> Vec<Line> {
    let dialog = &loaded.dialog;
    let purposes: Vec<Purpose> = loaded.purposes().collect();
    let mut lines = Vec::new();
    for language in dialog.file.languages.iter().map(|l| &l.value) {
        for (id, message) in dialog.texts.messages(language) {
            let helper = id.starts_with("purpose-") || id.starts_with("spoken-");
            let counts = message.variables.contains("place");
            if !message.spoken || helper || counts || dialog.texts.has_slots(language, id) {
                continue;
            }
            let about: Vec<Option<Purpose>> = if message.variables.contains("purpose") || message.variables.contains("days") {
                purposes.iter().cloned().map(Some).collect()
            } else {
                vec![None]
            };
            for purpose in about {
                for hearing in [Hearing::Voice, Hearing::Keys] {
                    let (id, language, purpose) = (id.to_owned(), language.clone(), purpose.clone());
                    lines.push(Line { id, language, hearing, purpose, slots: false, place: None });
                }
            }
        }
    }
    lines
}

/// What its fixed prompts say, and where their sound comes from.
///
/// # Errors
/// Why a text cannot be said; of a dialog that has passed its checks all can.
pub fn prompt_texts(loaded: &Loaded) -> Result<Vec<PromptText>, String> {
    let mut texts = Vec::new();
    for line in fixed_lines(loaded) {
        let text = loaded.dialog.texts.text(&loaded.dialog.file, &line, &Slots::default());
        let text = text.map_err(|error| error.to_string())?.to_string();
        let recorded = loaded.recorded.get(&(line.language.clone(), line.id.clone())).cloned();
        let id = prompt_key(&loaded.dialog.file.dialog.value, &line);
        texts.push(PromptText { id, language: line.language, text, source: recorded.into() });
    }
    Ok(texts)
}

/// How calls are carried: every prompt is ready for each.
pub(super) const CODECS: [Codec; 2] = [Codec::Ulaw, Codec::Opus];
