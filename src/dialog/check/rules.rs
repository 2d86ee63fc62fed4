//! The rules by name. Each has a page, `docs/checks/NAME.md`, with the reason for it, an example that breaks it and the same mended.

/// What a broken rule means for a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Something that could not be looked at. Said, and nothing more.
    Note,
    /// Something that is of no harm to a caller: a server takes the dialog and says so in its log.
    Warning,
    /// No server takes the dialog.
    Error,
}

impl Level {
    /// `error`, `warning` or `note`.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "note",
        }
    }
}

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// In lower case with hyphens: `unknown-state`.
    pub name: &'static str,
    /// What is so when it is kept, in one sentence.
    pub holds: &'static str,
    /// What it means when it is broken.
    pub level: Level,
}

const fn error(name: &'static str, holds: &'static str) -> Rule {
    Rule { name, holds, level: Level::Error }
}

/// Every rule, in the order in which an author meets them: the file, its ways, its purposes, its questions, its texts, the opening.
pub const RULES: &[Rule] = &[
    error("file-not-readable", "a file is there, in UTF-8 (a recording: a WAV file with sound)"),
    error("not-a-dialog", "the file is YAML with the names that mean something"),
    error("name-not-readable", "dialogs, states, slots and options have plain names that are not taken"),
    error("language-not-understood", "languages are BCP 47 codes, each once"),
    error("recogniser-keeps-audio", "no recogniser that keeps what it hears listens to callers"),
    error("notice-not-readable", "the organisation has a name, its privacy notice a web address and a version"),
    error("unknown-target", "the handover target is in the server's configuration"),
    error("unknown-state", "every state that is named exists"),
    error("unreachable-state", "something leads to every state"),
    error("no-way-out", "every step can run, and from every state a way leads to a person or to the end"),
    error("no-way-to-a-person", "from every question a way of the dialog leads to a person"),
    error("loop-without-limit", "nobody goes round in circles without choosing to"),
    error(
        "refusing-caller-cannot-reach",
        "whatever a consenting caller can reach, a refusing caller can reach in one more turn at most",
    ),
    error("told-only-when-given", "what is said to consenting callers alone is about the recording"),
    error(
        "purpose-incomplete",
        "every purpose has a name to say, a legal basis, a necessity and a retention, and stands there once",
    ),
    error("training-needs-consent", "recording for training or quality rests on consent, or on a decision that the file names"),
    error("quality-kept-too-long", "recordings for training or quality are kept 90 days at most"),
    error("legitimate-interest-needs-balancing", "a legitimate interest names the document in which it was weighed"),
    error("legitimate-interest-needs-bot-reason", "a legitimate interest says why a machine has to record for it"),
    error("unknown-purpose", "a purpose that is named was announced, on a basis that fits"),
    error("on-consent-does-nothing", "an `on-consent` has a branch"),
    error("key-collision", "every option of a question has a key of its own, 1 to 9"),
    error("no-options", "a question can be answered"),
    error("value-unreadable", "a `collect` says in one way what it takes, and `valid` names a check on digits that exists"),
    error("tries-out-of-range", "a question is put 1 to 3 times"),
    error("lookup-unreadable", "a lookup has an address, a method, headers and fields that can be read"),
    error("lookup-limits", "a try of a lookup takes at most 10 seconds, and is repeated 3 times at most"),
    error("slot-in-address", "no address and no header of a lookup holds what a caller gave"),
    error("unknown-lookup-value", "every `{name}` of a lookup is in the server's configuration"),
    error("unknown-result", "what a lookup sends is a slot, or a field that a lookup takes"),
    error("condition-unreadable", "every condition can be read, and is true or false whatever the values are"),
    error("no-otherwise", "the branches of a `choose` have a condition and a state each, and `otherwise` is the last"),
    error("depends-on-consent", "what conditions and lookups rest on is given in the same steps by every caller"),
    error("opening-hours-unreadable", "opening hours can be read"),
    error("unknown-opening-hours", "every `on-hours` names opening hours, and has a branch"),
    error("unknown-sub-dialog", "every sub-dialog that is called is in `sub-dialogs`, under the name it has in its file"),
    error("sub-dialog-calls-itself", "no sub-dialog calls itself, and calls go no deeper than 8"),
    error("sub-dialog-never-returns", "every sub-dialog can come back to after its `call`"),
    error("return-outside-sub-dialog", "a `return` stands in a sub-dialog"),
    error(
        "sensitive-elsewhere",
        "what a caller gives at a sensitive step is said in its own read-back alone, and is evidence of nothing",
    ),
    error("missing-prompt", "every prompt has a text in every language, the engine's included"),
    Rule { name: "unused-prompt", holds: "every text of the dialog is said or listened for", level: Level::Warning },
    error("missing-phrases", "every option can be said in every language"),
    error("phrase-collision", "no phrase means two things at the same time"),
    error("sounds-like-a-command", "no phrase of an option sounds like one that is always listened for"),
    error("unknown-variable", "a text uses only variables that someone fills in"),
    error("slot-before-set", "a prompt, a lookup or a condition uses a slot or a result only where every way to it has set it"),
    error("text-broken", "every text can be read and said"),
    error("recorded-but-varies", "a prompt that is recorded has a text that is always the same"),
    error("recording-outdated", "the recording of a prompt says what its text says"),
    error("hedge-about-recording", "what is said about recording is so, not perhaps so"),
    error("claims-to-be-human", "the agent has no human name and does not pass for a human"),
    error("consent-asked-by-dialog", "consent to recording is asked by the engine alone"),
    error("question-for-two-purposes", "a question asks for one purpose"),
    error("negative-question", "yes to a question about recording means yes"),
    error("disclosure-incomplete", "the prompts of the opening name organisation, purpose, term and notice"),
    error("disclosure-too-long", "none of them takes more than 12 seconds"),
    Rule { name: "words-not-reviewed", holds: "the rules about wording know the language", level: Level::Note },
];

/// The rule of that name.
pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}
