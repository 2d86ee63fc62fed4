//! Lookups: addresses, fields and limits that can be read, and nothing of a caller's in an address.

use serde_saphyr::Spanned;
use url::Url;

use super::CheckInput;
use super::problem::{Found, listed, suggestion};
use super::uses::Things;
use crate::dialog::file::{Fetch, LONGEST_TIME_LIMIT, MOST_RETRIES, Step, names_in, read_reference, read_time_limit};
use crate::dialog::known::Kind;

const UNREADABLE: &str = "lookup-unreadable";
const LIMITS: &str = "lookup-limits";
const METHODS: [&str; 2] = ["get", "post"];

pub(super) fn check(input: &CheckInput, found: &mut Found) {
    let things = Things::of(input.dialog);
    let lookups = || {
        input.dialog.every_step().filter_map(|(state, step)| match &step.value {
            Step::Fetch(fetch) => Some((state.part, fetch)),
            _ => None,
        })
    };
    for (part, fetch) in lookups() {
        found.enter(part);
        address(fetch, found);
        configured(input, fetch, &things, found);
        method(fetch, found);
        fields(fetch, found);
        limits(fetch, found);
        sent(fetch, &things, found);
        let first = lookups().find(|(_, other)| other.into.value == fetch.into.value);
        if let Some((elsewhere, first)) = first.filter(|(_, first)| !same_fields(first, fetch)) {
            let place = found.place_in(elsewhere, &first.into.referenced, "with other fields here");
            let message = format!("`{}` is the name of two results with different fields", fetch.into.value);
            let help = "take the same fields in both, or give one of them another name".into();
            found.at(UNREADABLE, &fetch.into, "with these fields here", message, help).related.push(place);
        }
    }
}

/// An address with every name in braces filled in by something harmless.
fn filled_in(template: &str) -> String {
    let mut url = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        url.push_str(before);
        let Some((_, behind)) = after.split_once('}') else { break };
        url.push_str(if url.is_empty() { "https://example.org" } else { "x" });
        rest = behind;
    }
    url + rest
}

fn braces_fit(template: &str) -> bool {
    let names = names_in(template);
    let is_name =
        |name: &&str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    names.iter().all(is_name) && template.matches('{').count() == names.len() && template.matches('}').count() == names.len()
}

fn address(fetch: &Fetch, found: &mut Found) {
    let url = &fetch.url;
    let readable =
        Url::parse(&filled_in(&url.value)).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some());
    if !readable || !braces_fit(&url.value) {
        let message = format!("`{}` is no address of a service", url.value);
        let help = "write `{name}/path`, with a name of `[lookups]` in the server's configuration, or `https://…`".into();
        found.at(UNREADABLE, url, "not an address", message, help);
    }
    for (name, value) in fetch.headers.iter() {
        let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        if name.value.is_empty() || !name.value.chars().all(token) {
            let message = format!("`{}` cannot name a header", name.value);
            found.at(UNREADABLE, name, "not a header", message, "write its name as HTTP does, such as `authorization`".into());
        }
        if !braces_fit(&value.value) || value.value.chars().any(char::is_control) {
            let message = format!("the header `{}` cannot be read", name.value);
            let help = "write one line; `{name}` is a name of `[lookups]` in the server's configuration".into();
            found.at(UNREADABLE, value, "not readable", message, help);
        }
    }
}

/// Names in braces come from the configuration, never from a caller: addresses end up in logs.
fn configured(input: &CheckInput, fetch: &Fetch, things: &Things, found: &mut Found) {
    for (written, name) in fetch.configured().filter(|(written, _)| braces_fit(&written.value)) {
        if things.0.contains_key(name) || super::prompts::slots(input.dialog).contains(name) {
            let message = format!(
                "`{{{name}}}` is what a caller gave or what was looked up: it would end up in the logs of every server on the way"
            );
            let help = format!("take it out of here and send it in the body: `send: [{name}]`");
            found.at("slot-in-address", written, "in an address", message, help);
        } else if let Some(lookups) = input.configured.lookups
            && !lookups.iter().any(|known| known == name)
        {
            let known: Vec<&str> = lookups.iter().map(String::as_str).collect();
            let message = format!("`{{{name}}}` is not in the server's configuration");
            let help = format!(
                "set `{name}` under `[lookups]`, or CANDOR_LOOKUPS__{} in the environment; {}",
                name.to_uppercase(),
                suggestion(name, "known there", &known)
            );
            found.at("unknown-lookup-value", written, "not configured", message, help);
        }
    }
}

fn method(fetch: &Fetch, found: &mut Found) {
    let Some(method) = &fetch.method else { return };
    if !METHODS.contains(&method.value.as_str()) {
        let help = suggestion(&method.value, "the methods", &METHODS);
        found.at(UNREADABLE, method, "no method", format!("`{}` is not how a lookup is asked", method.value), help);
    } else if method.value == "get" && !fetch.send.is_empty() {
        let message = "a `get` has no body, so nothing can be sent with it".to_owned();
        found.at(UNREADABLE, method, "sends nothing", message, "write `method: post`, or leave it out".into());
    }
}

fn fields(fetch: &Fetch, found: &mut Found) {
    for (field, kind) in fetch.takes.iter() {
        if Kind::read(&kind.value).is_none() {
            let kinds = Kind::ALL.map(Kind::as_str);
            let help = suggestion(&kind.value, "the kinds", &kinds);
            found.at(UNREADABLE, kind, "no kind", format!("the field `{}` cannot be a `{}`", field.value, kind.value), help);
        }
    }
}

fn limits(fetch: &Fetch, found: &mut Found) {
    if let Some(limit) = fetch.time_limit.as_ref().filter(|limit| read_time_limit(&limit.value).is_none()) {
        let message = format!("`{}` is no time limit of a lookup: a caller waits meanwhile", limit.value);
        let help = format!("write seconds or milliseconds, {} s at most: `3 s`, `500 ms`", LONGEST_TIME_LIMIT.as_secs());
        found.at(LIMITS, limit, "out of range", message, help);
    }
    if let Some(retries) = fetch.retries.as_ref().filter(|retries| retries.value > MOST_RETRIES) {
        let message = format!("a lookup is tried again {MOST_RETRIES} times at most, not {}", retries.value);
        found.at(LIMITS, retries, "out of range", message, "write `retries: 1`: tried once, and once more".into());
    }
}

fn sent(fetch: &Fetch, things: &Things, found: &mut Found) {
    for written in &fetch.send {
        let (name, field) = read_reference(&written.value);
        let reads = crate::dialog::condition::Reads { name: name.to_owned(), field: field.map(str::to_owned) };
        if name == crate::dialog::condition::LANGUAGE || things.kind(&reads).is_none() {
            unknown(things, written, &written.value, found);
        }
    }
}

/// Something that no step sets.
pub(super) fn unknown<T>(things: &Things, at: &Spanned<T>, name: &str, found: &mut Found) {
    let names = things.names();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let help = suggestion(name, "slots, and results with their fields", &names);
    found.at("unknown-result", at, "nothing sets it", format!("there is no slot and no result `{name}`"), help);
}

fn same_fields(one: &Fetch, other: &Fetch) -> bool {
    let fields = |fetch: &Fetch| {
        let mut fields: Vec<(String, String)> = fetch.takes.iter().map(|(f, k)| (f.value.clone(), k.value.clone())).collect();
        fields.sort();
        fields
    };
    fields(one) == fields(other)
}

/// Names of results: what conditions and texts can hold, and nothing else has.
pub(super) fn names(input: &CheckInput, found: &mut Found) {
    const RULE: &str = "name-not-readable";
    let slots: Vec<&str> = input
        .dialog
        .every_step()
        .filter_map(|(_, step)| match &step.value {
            Step::Collect(collect) => Some(collect.slot.value.as_str()),
            _ => None,
        })
        .collect();
    for (state, step) in input.dialog.every_step() {
        found.enter(state.part);
        let Step::Fetch(fetch) = &step.value else { continue };
        let taken = [crate::dialog::condition::LANGUAGE, "true", "false", "null", "in"];
        for name in std::iter::once(&fetch.into).chain(fetch.takes.iter().map(|(field, _)| field)) {
            if !super::names::is_name(&name.value, "_") || taken.contains(&name.value.as_str()) {
                let message = format!("`{}` cannot name a result or a field of one", name.value);
                let help = "write 1 to 40 of a-z, 0-9 and _, beginning with a letter, such as order".into();
                found.at(RULE, name, "not a name", message, help);
            }
        }
        let in_texts = fetch.takes.iter().map(|(field, _)| crate::dialog::known::field_name(&fetch.into.value, &field.value));
        let clash: Vec<String> =
            std::iter::once(fetch.into.value.clone()).chain(in_texts).filter(|name| slots.contains(&name.as_str())).collect();
        if !clash.is_empty() {
            let clash: Vec<&str> = clash.iter().map(String::as_str).collect();
            let message = format!("the result `{}` takes a name that a slot has: {}", fetch.into.value, listed(&clash));
            found.at(RULE, &fetch.into, "taken", message, "give the result or the slot another name".into());
        }
    }
    found.enter(None);
}
