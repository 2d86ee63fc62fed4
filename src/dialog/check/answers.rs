//! What callers may answer: keys, values, and how often they are asked.

use std::collections::BTreeMap;

use super::problem::{Found, suggestion};
use crate::dialog::file::{Ask, Collect, DialogFile, Step, Tries};
use crate::dialog::spoken::Form;

pub(super) fn check(dialog: &DialogFile, found: &mut Found) {
    let mut forms: BTreeMap<&str, (Form, _)> = BTreeMap::new();
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
                value(collect, found);
                if let Some(form) = collect.form() {
                    let (first, place) = *forms.entry(&collect.slot.value).or_insert((form, (state.part, &collect.slot)));
                    if !first.is_kind_of(form) {
                        let slot = &collect.slot.value;
                        let message = format!("`{slot}` is {} here, and {} elsewhere", form.in_words(), first.in_words());
                        let other = found.place_in(place.0, &place.1.referenced, "collected here as well");
                        found.enter(state.part);
                        let help = "give one of the two slots another name".into();
                        found.at(VALUE, &collect.slot, "another kind of value", message, help).related.push(other);
                    }
                }
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

const VALUE: &str = "value-unreadable";

fn value(collect: &Collect, found: &mut Found) {
    const ALL: &str = "`digits: 4..8`, `number: 1..20`, `date: future`, `time: any`, `postcode: nl` or `amount: eur`";
    let written = collect.written();
    match written.as_slice() {
        [] => {
            let message = format!("nothing says what kind of value `{}` is", collect.slot.value);
            found.at(VALUE, &collect.slot, "what is asked for?", message, format!("add one of {ALL}"));
        }
        [(name, text)] if Form::read(name, &text.value).is_none() => {
            let (what, help) = meaning(name);
            found.at(VALUE, text, "cannot be read", format!("`{}` does not say {what}", text.value), help.into());
        }
        [_] => {}
        [(first, _), (second, text), ..] => {
            let message = format!("`{first}` and `{second}` are two kinds of value, and a caller is asked for one at a time");
            found.at(VALUE, text, "one too many", message, "leave one of them out: each has a step of its own".into());
        }
    }
    const KNOWN: [&str; 2] = ["luhn", "eleven"];
    let Some(valid) = &collect.valid else { return };
    if !KNOWN.contains(&valid.value.as_str()) {
        let help = suggestion(&valid.value, "the checks on digits", &KNOWN);
        found.at(VALUE, valid, "no such check", format!("there is no check `{}` on digits", valid.value), help);
    } else if collect.digits.is_none() {
        let message = format!("`{}` is a check on digits, and none are asked for here", valid.value);
        found.at(VALUE, valid, "nothing to check", message, "leave it out, or ask for `digits: …`".into());
    }
}

/// What a kind of value has to say, and how.
fn meaning(name: &str) -> (&'static str, &'static str) {
    match name {
        "digits" => ("how many digits", "write one number or a range of 1 to 32: `digits: 6` or `digits: 4..8`"),
        "number" => ("from which number to which", "write the least and the greatest, up to 999999: `number: 1..20`"),
        "date" => ("which dates are right", "write `date: future` (from today on), `date: past` (up to today) or `date: any`"),
        "time" => ("which times are right", "write `time: any`, or `time: day` (from 7:00 until before 19:00)"),
        "postcode" => ("whose postcodes", "write `postcode: nl`: they are known of the Netherlands alone"),
        _ => ("of which currency", "write `amount: eur`: amounts are in euros"),
    }
}
