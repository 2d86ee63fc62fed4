//! Who hears callers: nobody who keeps what they say before they have agreed to anything.

use super::CheckInput;
use super::problem::Found;

pub(super) fn check(input: &CheckInput, found: &mut Found) {
    for language in &input.dialog.languages {
        for keeper in input.configured.keepers.iter().filter(|keeper| keeper.language == language.value) {
            let name = &keeper.name;
            found.at(
                "recogniser-keeps-audio",
                language,
                "heard by one that keeps it",
                format!("callers would be heard by `{name}`, which keeps what it hears: also what they say before they have agreed to anything, and when they refuse"),
                format!(
                    "take {name} out of `speech.recognisers` for this language, or agree with its operator that it keeps nothing and write `retains_audio = \
                     false` under [speech.remote.{name}]"
                ),
            );
        }
    }
}
