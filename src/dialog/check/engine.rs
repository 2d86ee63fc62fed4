//! The engine's own prompts: which ids every language must have, and what each must say.

use crate::dialog::prompt::{Message, Source, Texts};

const BUILT_IN: [(&str, &str); 2] =
    [("nl", include_str!("../../../prompts/nl/candor.ftl")), ("en", include_str!("../../../prompts/en/candor.ftl"))];

/// The engine's texts that come with the program: Dutch and English.
pub fn built_in(language: &str) -> Option<Source> {
    let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == language)?;
    Some(Source { name: format!("prompts/{language}/candor.ftl (built in)"), text: (*text).to_owned() })
}

/// The prompts about a purpose: the engine fills `$purpose` and `$days` into these alone.
pub(super) const ABOUT_A_PURPOSE: [&str; 4] =
    ["disclosure-consent", "disclosure-contract", "disclosure-legitimate-interest", "consent-question"];

/// What the engine says and listens for: the ids of the Dutch file, which is the model for every language.
/// The names of purposes are left out: which of them are needed depends on the dialog.
pub(super) fn messages() -> Vec<(String, Message)> {
    let sources: Vec<Source> = built_in("nl").into_iter().collect();
    let Ok(texts) = Texts::read(vec![("nl".into(), sources)]) else { return Vec::new() };
    texts.messages("nl").filter(|(id, _)| !id.starts_with("purpose-")).map(|(id, m)| (id.to_owned(), m.clone())).collect()
}

/// What a prompt of the opening may not leave unsaid (GDPR articles 5(1)(b), 7(3) and 13): the variables of the Dutch text.
pub(super) fn must_say<'a>(id: &str, model: &'a Message) -> Vec<&'a str> {
    if !id.starts_with("disclosure-") && id != "consent-question" {
        return Vec::new();
    }
    model.variables.iter().map(String::as_str).filter(|variable| *variable != "hearing").collect()
}
