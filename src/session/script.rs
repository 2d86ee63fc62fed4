use crate::dialog::SharedDialog;
use crate::speech::PromptCache;

/// What the agent says in a call: a dialog, and the sound of its fixed prompts. They belong together: a call keeps to the script that it
/// began with, whatever is edited meanwhile, so that what is heard is what its ledger names.
pub struct Script {
    /// The dialog.
    pub dialog: SharedDialog,
    /// Every fixed prompt of it, ready to be sent, and the voice for the others.
    pub sounds: PromptCache,
}

impl Script {
    /// The dialog's name.
    pub fn name(&self) -> &str {
        &self.dialog.file.dialog.value
    }

    /// The languages that it speaks, the first is its own.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.dialog.file.languages.iter().map(|language| language.value.as_str())
    }

    /// The language of a caller who has chosen none.
    pub fn default_language(&self) -> String {
        self.languages().next().unwrap_or("en").to_owned()
    }
}
