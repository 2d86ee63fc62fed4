//! Recordings of prompts: what is played says what the text says. The text is what the ledger holds of a prompt and what translators change;
//! a recording that was made before would go on saying the old words.

use std::time::Duration;

use super::CheckInput;
use super::problem::Found;
use super::prompts::in_text;
use super::words::sentences;
use crate::dialog::prompt::{Hearing, Line, Slots, Texts};

/// How much later than its recording a text may have been written. All files of a checkout are as old as each other, give or take the time it takes.
const TOLERANCE: Duration = Duration::from_secs(60);

/// A prompt that is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedPrompt {
    /// The language.
    pub language: String,
    /// The prompt.
    pub id: String,
    /// The words that were recorded, where they stand beside the recording (`PROMPT.txt`): then these are compared, and no times.
    pub words: Option<String>,
    /// How much later the file of texts was written than the recording; `None` where it was not, or nobody knows.
    pub text_later_by: Option<Duration>,
}

pub(super) fn check(input: &CheckInput, texts: &Texts, found: &mut Found) {
    const RULE: &str = "recording-outdated";
    for recorded in input.recorded {
        let RecordedPrompt { language, id, words, text_later_by } = recorded;
        let Some(message) = texts.message(language, id) else { continue };
        let wav = format!("{}/{language}/{id}.wav", input.prompts_folder);
        let transcript = format!("{}/{language}/{id}.txt", input.prompts_folder);
        match words {
            Some(words) => {
                let line = Line {
                    id: id.clone(),
                    language: language.clone(),
                    hearing: Hearing::Voice,
                    purpose: None,
                    slots: false,
                    place: None,
                };
                // A text that cannot be said, or changes, has rules of its own.
                let Ok(text) = texts.text(input.dialog, &line, &Slots::default()) else { continue };
                if spoken(&text) != spoken(words) {
                    let said =
                        format!("the recording of `{id}` in {language} says something else than its text: \"{}\"", words.trim());
                    let help = format!(
                        "record {wav} again and write its words into {transcript}, or take both away: then a synthetic voice says the text"
                    );
                    found.add(in_text(RULE, id, message, "not what is played".into(), said, help));
                }
            }
            None if text_later_by.is_some_and(|later| later > TOLERANCE) => {
                let said = format!("the texts in {language} were changed after `{id}` was recorded: does it still say this?");
                let help = format!(
                    "listen to {wav}. Where it says what the text says, write those words into {transcript} (from then on they are compared) or \
                     `touch {wav}`; where it does not, record it again or take it away"
                );
                found.add(in_text(RULE, id, message, "written later".into(), said, help));
            }
            None => {}
        }
    }
}

/// The words of a text alone: how it is set out and which signs it has makes no difference to what is heard.
fn spoken(text: &str) -> Vec<String> {
    sentences(text).into_iter().flat_map(|sentence| sentence.words).map(|word| word.lower).collect()
}
