//! What only shows when a dialog is spoken: how long its opening takes, and which phrases sound alike. `serve` and `check` both ask here.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Loaded, Problems};
use crate::dialog::check::{self, CheckInput, Configured, Spoken};
use crate::dialog::prompt::Line;
use crate::speech::tts::espeak::Espeak;

impl Loaded {
    /// Checks what only shows when it is spoken: a problem of it is one like any other.
    ///
    /// `duration` says how long a line takes, as far as that is known. Phrases of which `phonemes` knows nothing are compared by their letters.
    ///
    /// # Errors
    /// [`Problems`], each with its place.
    pub fn check_spoken(
        &self,
        phonemes: &Phonemes,
        duration: impl Fn(&Loaded, &Line) -> Option<Duration>,
    ) -> Result<(), Box<Problems>> {
        let input = CheckInput {
            file_name: &self.file_name,
            dialog: &self.dialog.file,
            prompts_folder: &self.prompts_folder,
            texts: Some(&self.dialog.texts),
            configured: Configured::default(),
            documents: None,
            recorded: &[],
        };
        let spoken =
            Spoken { durations: &|line| duration(self, line), sounds: &|language, phrase| phonemes.of(language, phrase) };
        let problems = check::check_spoken(&input, &spoken);
        if problems.is_empty() { Ok(()) } else { Err(Box::new(Problems::new(&self.file_name, problems, &self.sources))) }
    }
}

/// How the phrases of dialogs sound, by language and phrase.
#[derive(Debug, Default)]
pub struct Phonemes(BTreeMap<(String, String), Vec<String>>);

impl Phonemes {
    /// Asks a voice, once for each language. What it does not say is left out.
    pub async fn ask(voice: &Espeak, dialogs: &[&Loaded]) -> Phonemes {
        let mut phrases: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (language, phrase) in
            dialogs.iter().flat_map(|loaded| check::phrases_to_sound(&loaded.dialog.file, &loaded.dialog.texts))
        {
            phrases.entry(language).or_default().push(phrase);
        }
        let mut known = BTreeMap::new();
        for (language, phrases) in &mut phrases {
            phrases.sort();
            phrases.dedup();
            let asked: Vec<&str> = phrases.iter().map(String::as_str).collect();
            match voice.phonemes(language, &asked).await {
                Ok(sounds) => known.extend(phrases.iter().map(|phrase| (language.clone(), phrase.clone())).zip(sounds)),
                Err(error) => {
                    tracing::info!(language, %error, "how phrases sound is not known: they are compared by their letters")
                }
            }
        }
        Phonemes(known)
    }

    /// How a phrase sounds.
    pub fn of(&self, language: &str, phrase: &str) -> Option<Vec<String>> {
        self.0.get(&(language.to_owned(), phrase.to_owned())).cloned()
    }
}
