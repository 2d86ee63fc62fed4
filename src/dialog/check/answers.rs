//! What callers may answer: keys, digits, and how often they are asked.

use std::collections::BTreeMap;

use super::problem::{Found, suggestion};
use crate::dialog::file::{Ask, Collect, DialogFile, Step, Tries, read_digits};

pub(super) fn check(dialog: &DialogFile, found: &mut Found) {
    for (state, step) in dialog.every_step() {
        found.enter(state.part);
        match &step.value {
            Step::Ask(ask) => {
                if ask.options.0.is_empty() {
                    let message = "this question has no options, so nobody can answer it".into();
                    let help = "add `options: { NAME: { press: 1, go: STATE } }`, or use `- say: …`".into();
                    found.at("no-options", &ask.prompt, "cannot be answered", message, help);
                }
                keys(ask, found);
                tries(&ask.no_input, found);
                tries(&ask.no_match, found);
            }
            Step::Collect(collect) => {
                digits(collect, found);
                tries(&collect.no_input, found);
                tries(&collect.no_match, found);
            }
            _ => {}
        }
    }
}

fn keys(ask: &Ask, found: &mut Found) {
    const RULE: &str = "key-collision";
    let mut taken: BTreeMap<&str, _> = BTreeMap::new();
    for (name, choice) in ask.options.iter() {
        let key = choice.press.value.as_str();
        let is_key = matches!(key.as_bytes(), [b'1'..=b'9']);
        if key == "0" {
            let message = "the key 0 always means a person".to_owned();
            found.at(RULE, &choice.press, "taken", message, "give the option a key from 1 to 9".into());
        } else if !is_key {
            let message = format!("`{key}` is not a key of an option");
            found.at(RULE, &choice.press, "not a key", message, "write one key from 1 to 9: `press: 1`".into());
        } else if let Some((other, location)) = taken.get(key) {
            let place = found.place(location, "and here");
            let message = format!("`{}` and `{other}` are both on the key {key}", name.value);
            let help = format!("give `{}` another key from 1 to 9", name.value);
            found.at(RULE, &choice.press, "here", message, help).related.push(place);
        } else {
            taken.insert(key, (name.value.as_str(), choice.press.referenced));
        }
    }
}

fn tries(tries: &Tries, found: &mut Found) {
    if !(1..=3).contains(&tries.tries.value) {
        let message = format!("a question is put 1 to 3 times, not {}", tries.tries.value);
        found.at("tries-out-of-range", &tries.tries, "1 to 3", message, "write `tries: 2`: put once, and once more".into());
    }
}

fn digits(collect: &Collect, found: &mut Found) {
    if read_digits(&collect.digits.value).is_none() {
        let message = format!("`{}` does not say how many digits", collect.digits.value);
        let help = "write one number or a range of 1 to 32: `digits: 6` or `digits: 4..8`".into();
        found.at("digits-unreadable", &collect.digits, "not a number of digits", message, help);
    }
    const KNOWN: [&str; 2] = ["luhn", "eleven"];
    if let Some(valid) = collect.valid.as_ref().filter(|valid| !KNOWN.contains(&valid.value.as_str())) {
        let help = suggestion(&valid.value, "the checks on digits", &KNOWN);
        found.at("digits-unreadable", valid, "no such check", format!("there is no check `{}` on digits", valid.value), help);
    }
}
