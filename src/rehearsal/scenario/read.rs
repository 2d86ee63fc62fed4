use serde_saphyr::Error;

use super::file::ScenarioFile;
use crate::dialog::check::{Place, Problem, Span, listed, nearest};

/// Reads a scenario file. `name` is the file's, as an author would recognise it.
///
/// # Errors
/// The first thing in it that cannot be read, with its place.
pub fn read(name: &str, text: &str) -> Result<ScenarioFile, Box<Problem>> {
    serde_saphyr::from_str(text).map_err(|error| {
        let span = error.location().map(|location| Span::of(&location)).unwrap_or_default();
        let (message, label, help) = explain(error.without_snippet());
        let place = Place { file: name.to_owned(), span, label };
        Box::new(Problem { rule: "not-a-scenario", message, place, help, related: Vec::new() })
    })
}

const SHAPE: &str = "a scenario has a `call:` with steps, one `- …` each, and may have `then:`";

fn explain(error: &Error) -> (String, String, String) {
    let known = |name: &str, expected: &[&'static str]| match nearest(name, expected.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? What can stand here: {}", listed(expected)),
        None => format!("what can stand here: {}", listed(expected)),
    };
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("`{field}` means nothing here"), "not known here".to_owned(), known(field, expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            (format!("`{variant}` means nothing here"), "not known here".to_owned(), known(variant, expected))
        }
        Error::SerdeMissingField { field, .. } => {
            (format!("`{field}` is missing here"), format!("without `{field}`"), format!("add `{field}: …`; {SHAPE}"))
        }
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("this name");
            (
                format!("`{key}` stands here twice"),
                "the second one".to_owned(),
                "give it another name, or take one away".to_owned(),
            )
        }
        Error::ExpectedMappingEndAfterEnumVariantValue { .. } => (
            "one list item holds two steps".to_owned(),
            "belongs in a list item of its own".to_owned(),
            "begin each step with its own `- `".to_owned(),
        ),
        Error::Eof { .. } => (
            "the file is empty or ends too early".to_owned(),
            "ends here".to_owned(),
            "begin with `dialog: ../NAME.yaml`".to_owned(),
        ),
        // The parser's own words; its position is shown with the source, so it is cut off here.
        other => {
            let text = other.to_string();
            let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
            (message, "here".to_owned(), format!("check indentation (spaces, never tabs), colons and quotes; {SHAPE}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rehearsal::scenario::{Answer, Step};

    fn problem(text: &str) -> Problem {
        *read("s.yaml", text).unwrap_err()
    }

    const STORY: &str = "dialog: ../d.yaml\nscenarios:\n  a story:\n    call:\n";

    #[test]
    fn a_story_is_read_in_its_shortest_words() {
        let steps = "      - opening: each\n      - hear: [a, { given: b, otherwise: c }, 'a piece of it']\n      - hear: a\n      - press: '*9'\n      - press: 4711#\n      - press: 1\n      - say: no\n      - say: { nl: nee, en: no }\n      - silence\n      - hang-up\n    then: { keeps: nothing, slots: { number: 4711 }, consent: { quality: given } }\n";
        let file = read("s.yaml", &format!("{STORY}{steps}")).unwrap_or_else(|problem| panic!("{problem:?}"));
        let story = file.scenarios.get("a story").unwrap();
        assert!(matches!(story.call[0].value, Step::Opening(Answer::Each)));
        let Step::Hear(prompts) = &story.call[1].value else { panic!() };
        let heard: Vec<&String> = prompts.value.each(prompts.span()).into_iter().map(|(prompt, _)| prompt.of(false)).collect();
        assert_eq!(heard, ["a", "c", "a piece of it"]);
        let pressed = |step: usize| if let Step::Press(keys) = &story.call[step].value { keys.value.clone() } else { panic!() };
        assert_eq!([pressed(3), pressed(4), pressed(5)], ["*9", "4711#", "1"]);
        let said = |step: usize| {
            if let Step::Say(words) = &story.call[step].value { words.value.of("en").unwrap().to_owned() } else { panic!() }
        };
        assert_eq!([said(6), said(7)], ["no", "no"]);
        assert!(matches!((&story.call[8].value, &story.call[9].value), (Step::Silence, Step::HangUp)));
    }

    #[test]
    fn every_place_is_that_of_the_thing_itself() {
        let text = format!("{STORY}      - hear: [one,\n               two]\n      - press: 7\n");
        let file = read("s.yaml", &text).unwrap_or_else(|problem| panic!("{problem:?}"));
        let story = file.scenarios.get("a story").unwrap();
        let Step::Hear(prompts) = &story.call[0].value else { panic!() };
        let at: Vec<&str> = prompts
            .value
            .each(prompts.span())
            .into_iter()
            .map(|(_, span)| &text[span.offset..span.offset + span.length])
            .collect();
        assert_eq!(at, ["one", "two"]);
        let Step::Press(keys) = &story.call[1].value else { panic!() };
        assert_eq!(&text[keys.span().offset..][..1], "7");
    }

    #[test]
    fn a_slip_is_shown_with_what_was_meant() {
        let near = problem(&format!("{STORY}      - heer: a\n"));
        assert!(near.help.contains("did you mean `hear`?"), "{near:?}");
        let near = problem(&format!("{STORY}      - silence\n    than: {{}}\n"));
        assert!(near.help.contains("did you mean `then`?"), "{near:?}");
        let near = problem(&format!("{STORY}      - opening: gven\n"));
        assert!(near.help.contains("did you mean `given`?"), "{near:?}");
        let two = problem(&format!("{STORY}      - hear: a\n        press: 1\n"));
        assert!(two.message.contains("two steps"), "{two:?}");
        let missing = problem("dialog: ../d.yaml\nscenarios:\n  a story:\n    then: {}\n");
        assert!(missing.message.contains("`call` is missing"), "{missing:?}");
        let kept = problem(&format!("{STORY}      - silence\n    then: {{ keeps: some }}\n"));
        assert!(kept.message.contains("`nothing`"), "{kept:?}");
    }
}
