//! What the agent says, in short: a prompt's first words in the language of the picture, with a name where a caller's own data would stand.

use super::measure::first_words;
use crate::consent::Purpose;
use crate::dialog::file::DialogFile;
use crate::dialog::prompt::{FIXED_VARIABLES, Hearing, Line, Slots, Texts};

/// As many characters of a text as a card shows.
const SHOWN: usize = 110;
/// Where the places for what a caller gave are counted from: one character each, of those that no text holds (Unicode's private use).
const PLACES: u32 = 0xe000;

/// The texts of a dialog in one language.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) file: &'a DialogFile,
    /// `None` where they could not be read: then the names of prompts stand for them.
    pub(super) texts: Option<&'a Texts>,
    pub(super) language: &'a str,
}

impl Said<'_> {
    /// The first words of the prompt `id`.
    pub(super) fn prompt(&self, id: &str) -> String {
        self.text(self.language, id, None)
    }

    /// The first words of the prompt `id`, as it is said about a purpose.
    pub(super) fn about(&self, id: &str, purpose: &Purpose) -> String {
        self.text(self.language, id, Some(purpose))
    }

    /// The first words of the prompt `id` in another language.
    pub(super) fn other(&self, language: &str, id: &str) -> String {
        self.text(language, id, None)
    }

    fn text(&self, language: &str, id: &str, purpose: Option<&Purpose>) -> String {
        self.whole(language, id, purpose).map_or_else(|| format!("‹{id}›"), |text| first_words(&text, SHOWN))
    }

    fn whole(&self, language: &str, id: &str, purpose: Option<&Purpose>) -> Option<String> {
        let texts = self.texts?;
        let of_callers = |variable: &&String| !FIXED_VARIABLES.contains(&variable.as_str());
        let names: Vec<&String> = texts.message(language, id)?.variables.iter().filter(of_callers).collect();
        let place = |at: usize| u32::try_from(at).ok().and_then(|at| char::from_u32(PLACES + at)).unwrap_or('…').to_string();
        let slots: Slots = names.iter().enumerate().map(|(at, name)| ((*name).clone(), place(at))).collect();
        let line = Line {
            id: id.to_owned(),
            language: language.to_owned(),
            hearing: Hearing::Keys,
            purpose: purpose.cloned(),
            slots: !names.is_empty(),
            place: None,
        };
        let text = texts.text(self.file, &line, &slots).ok()?.to_string();
        Some(names.iter().enumerate().fold(text, |text, (at, name)| text.replace(&place(at), &format!("‹{name}›"))))
    }
}
