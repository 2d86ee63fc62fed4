//! A file that is no dialog: the parser's error, said to an author.

use serde_saphyr::Error;

use super::problem::{Place, Problem, Span, listed, nearest};

const STEPS: &str = "a step is one of `- say: PROMPT`, `- ask: …`, `- collect: …`, `- fetch: …`, `- choose: …`, `- on-consent: …`, `- on-hours: …`, \
                     `- call: SUB-DIALOG`, `- return:`, `- go: STATE`, `- handover: PROMPT`, `- end: PROMPT`";

/// The parser's error as a problem of `file`.
pub fn unreadable(file: &str, error: &Error) -> Problem {
    let span = error.location().map(|location| Span::of(&location)).unwrap_or_default();
    let (message, label, help) = explain(error.without_snippet());
    Problem { rule: "not-a-dialog", message, place: Place { file: file.to_owned(), span, label }, help, related: Vec::new() }
}

fn explain(error: &Error) -> (String, String, String) {
    match error {
        // Where dialogs are looked for, every file is taken for one.
        Error::SerdeUnknownField { field, expected, .. } if field == "sub-dialog" && expected.contains(&"dialog") => (
            "this is a sub-dialog, where a dialog is expected".into(),
            "begins a sub-dialog".into(),
            "move it into a folder below, such as `parts/`, and name it there under `sub-dialogs`".into(),
        ),
        Error::SerdeUnknownField { field, expected, .. } => (
            format!("`{field}` means nothing here"),
            "not known here".into(),
            match nearest(field, expected.iter().copied()) {
                Some(near) => format!("did you mean `{near}`? What can stand here: {}", listed(expected)),
                None => format!("what can stand here: {}", listed(expected)),
            },
        ),
        Error::SerdeUnknownVariant { variant, expected, .. } => (
            format!("there is no step `{variant}`"),
            "no such step".into(),
            match nearest(variant, expected.iter().copied()) {
                Some(near) => format!("did you mean `{near}`? {STEPS}"),
                None => STEPS.into(),
            },
        ),
        Error::SerdeMissingField { field, .. } => (
            format!("`{field}` is missing here"),
            format!("without `{field}`"),
            format!("add `{field}: …`; {}", what_it_is(field)),
        ),
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("this name");
            (
                format!("`{key}` stands here twice"),
                "the second one".into(),
                "give it another name, or take one of the two away".into(),
            )
        }
        Error::ExpectedMappingEndAfterEnumVariantValue { .. } => (
            "one list item holds two steps".into(),
            "belongs in a list item of its own".into(),
            "begin each step with its own `- `".into(),
        ),
        Error::InvalidScalar { ty, .. } => (
            "this is no whole number".into(),
            format!("not readable as {ty}"),
            "write a number without quotes, such as `tries: 2`".into(),
        ),
        Error::InvalidBooleanStrict { .. } => {
            ("this is neither true nor false".into(), "neither".into(), "write `true` or `false`".into())
        }
        Error::NullIntoString { .. } => (
            "a name or a text is missing here".into(),
            "nothing stands here".into(),
            "write the name after the colon, such as `say: welcome`".into(),
        ),
        Error::Eof { .. } => {
            ("the file is empty or ends too early".into(), "ends here".into(), "begin with `dialog: NAME`".into())
        }
        Error::MultipleDocuments { .. } => (
            "the file holds more than one dialog".into(),
            "a second one begins here".into(),
            "keep one dialog in a file; take the `---` away".into(),
        ),
        Error::Unexpected { expected, .. } => {
            let (message, help) = expectation(expected);
            (message, "something else stands here".into(), help)
        }
        // The parser's own words; its position is rendered with the source, so it is cut off here.
        other => {
            let text = other.to_string();
            let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
            (message, "here".into(), "check indentation (spaces, never tabs), colons and quotes".into())
        }
    }
}

fn expectation(expected: &str) -> (String, String) {
    if expected.contains("sequence") {
        ("a list belongs here".into(), format!("write one `- …` for each item; {STEPS}"))
    } else if expected.contains("mapping") {
        ("names with their content belong here".into(), "write `name: content`, one on each line".into())
    } else if expected.contains("string") {
        (
            "a single name or text belongs here".into(),
            "write one word or a text in quotes after the colon, such as `say: welcome`".into(),
        )
    } else {
        (format!("this cannot be read: expected {expected}"), "check indentation (spaces, never tabs), colons and quotes".into())
    }
}

fn what_it_is(field: &str) -> &'static str {
    match field {
        "dialog" => "the dialog's name; its texts are in prompts/<language>/NAME.ftl",
        "languages" => "such as `languages: [nl, en]`, the first is the default",
        "organisation" => "who is speaking: `organisation: { name: …, privacy-notice: { url: …, version: … } }`",
        "privacy-notice" => "where callers can read everything: `privacy-notice: { url: \"https://…\", version: … }`",
        "handover" => "where a person can be reached: `handover: { to: TARGET }`",
        "start" => "the name of the first state",
        "states" => "each state with its list of steps",
        "prompt" => "the name of the text that is said",
        "options" => "what may be answered: `options: { NAME: { press: 1, go: STATE } }`",
        "press" => "the key, 1 to 9",
        "go" => "the state it leads to",
        "sub-dialog" => "the name under which a dialog calls it; its texts are in prompts/<language>/NAME.ftl",
        "hours" => "such as `hours: \"mon-fri 09:00-17:30\"`",
        "time-zone" => "a name of the IANA database, such as Europe/Amsterdam",
        "url" => "the address: `url: \"{name}/path\"`, with a name of `[lookups]` in the server's configuration",
        "into" => "the name of the result; texts have its fields as `{ $name_field }`",
        "failed" => "the state to go to when the lookup fails or is late",
        "of" => "one of the names under `opening-hours`",
        "slot" => "the name under which the value is kept",
        "purpose" => "why something is recorded, such as service-quality",
        "tries" => "how often the question is put, 1 to 3",
        "then" => "where to go after the last try: `handover`, `end` or a state",
        "to" => "a target of the server's configuration",
        _ => "it has no default",
    }
}
