//! What must hold at the end of a story, or at a point of it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::terms::{Digits, Each, Keeps, Placed};
use crate::consent::ConsentState;
use crate::dialog::check::Span;
use crate::dialog::file::Entries;
use crate::dialog::flow::{LeaveReason, SessionOutcome};
use crate::rehearsal::World;
use crate::rehearsal::world::Kept;

/// What must hold. What is left out is not looked at.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Holds {
    /// How the call ended.
    pub ends: Option<Placed<Ending>>,
    /// Why the caller was passed to a person; `nobody`: they were not.
    pub handed_over: Option<Placed<HandedOver>>,
    /// The last choice per purpose.
    #[schemars(with = "Option<std::collections::BTreeMap<String, ConsentName>>")]
    pub consent: Option<Entries<Placed<ConsentState>>>,
    /// The turns that are kept.
    pub keeps: Option<Placed<Each<Keeps>>>,
    /// What the caller gave, by slot. What is not named here is not looked at.
    #[schemars(with = "Option<std::collections::BTreeMap<String, Digits>>")]
    pub slots: Option<Entries<Placed<String>>>,
    /// How often a prompt was said.
    #[schemars(with = "Option<std::collections::BTreeMap<String, usize>>")]
    pub said: Option<Entries<Placed<usize>>>,
    /// How long the call may have taken so far: `90 s`, `2 min`.
    pub within: Option<Placed<String>>,
    /// Whether this turn is being recorded.
    pub recording: Option<Placed<bool>>,
    /// The state of the dialog whose question waits for the caller.
    pub state: Option<Placed<String>>,
}

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The dialog came to its end.
    Finished,
    /// A person has the caller.
    HandedOver,
    /// The caller hung up.
    CallerHungUp,
    /// The caller hung up while waiting for a person.
    CallerLeftQueue,
}

impl Ending {
    fn is(self, outcome: SessionOutcome) -> bool {
        outcome
            == match self {
                Ending::Finished => SessionOutcome::Finished,
                Ending::HandedOver => SessionOutcome::HandedOver,
                Ending::CallerHungUp => SessionOutcome::CallerHungUp,
                Ending::CallerLeftQueue => SessionOutcome::CallerLeftQueue,
            }
    }
}

/// Why a caller was passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HandedOver {
    /// They asked.
    Asked,
    /// Nothing came from them, too often.
    NoInput,
    /// Nothing fitted, too often.
    NoMatch,
    /// The dialog leads there.
    Dialog,
    /// Something of ours broke.
    EngineFailed,
    /// They were not.
    Nobody,
}

impl HandedOver {
    fn of(reason: Option<LeaveReason>) -> Option<HandedOver> {
        Some(match reason {
            None => HandedOver::Nobody,
            Some(LeaveReason::Asked) => HandedOver::Asked,
            Some(LeaveReason::NoInput) => HandedOver::NoInput,
            Some(LeaveReason::NoMatch) => HandedOver::NoMatch,
            Some(LeaveReason::Dialog) => HandedOver::Dialog,
            Some(LeaveReason::EngineFailed) => HandedOver::EngineFailed,
            Some(LeaveReason::Shutdown) => return None,
        })
    }
}

/// The states of consent by their names, for the schema.
#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
#[allow(dead_code)]
enum ConsentName {
    Unknown,
    Requested,
    Given,
    Refused,
    Withdrawn,
    Invalidated,
}

/// Something that does not hold: where it stands, what was to be, and what is.
pub(super) type Broken = (Span, String, String);

impl Holds {
    /// The first of what does not hold in `world`. `given`: what was agreed counts, of those things that differ by it.
    pub(super) fn broken(&self, world: &World, given: bool) -> Option<Broken> {
        self.ends(world)
            .or_else(|| self.person(world))
            .or_else(|| self.choices(world))
            .or_else(|| self.kept(world, given))
            .or_else(|| self.slots(world))
            .or_else(|| self.said(world))
            .or_else(|| self.moment(world))
    }

    fn ends(&self, world: &World) -> Option<Broken> {
        let ends = self.ends.as_ref()?;
        let held = world.outcome().is_some_and(|outcome| ends.value.is(outcome));
        let is = world.outcome().map_or("it has not ended".to_owned(), |outcome| format!("it ended: {}", named(&outcome)));
        (!held).then(|| (ends.span(), format!("the call ends: {}", shown(&ends.value)), is))
    }

    fn person(&self, world: &World) -> Option<Broken> {
        let expected = self.handed_over.as_ref()?;
        let reason = world.departure().map(|departure| departure.reason);
        let is = reason.map_or("nobody: the caller was not passed on".to_owned(), |reason| named(&reason));
        let held = HandedOver::of(reason) == Some(expected.value);
        (!held).then(|| (expected.span(), format!("handed over: {}", shown(&expected.value)), is))
    }

    fn choices(&self, world: &World) -> Option<Broken> {
        self.consent.as_ref()?.iter().find_map(|(purpose, state)| {
            let found = world.choices().iter().find(|(name, _)| name.as_str() == purpose.value).map(|(_, state)| *state);
            let found = found.unwrap_or(ConsentState::Unknown);
            (found != state.value).then(|| {
                let name = &purpose.value;
                (state.span(), format!("{name}: {}", state.value.as_str()), format!("{name}: {}", found.as_str()))
            })
        })
    }

    fn kept(&self, world: &World, given: bool) -> Option<Broken> {
        let keeps = self.keeps.as_ref()?;
        // A wait without a word, while something is looked up, is a turn that no story could name.
        let counts = |kept: &&Kept| !kept.purposes.is_empty() && !kept.prompts.is_empty();
        let kept: Vec<&Kept> = world.kept().iter().filter(counts).collect();
        let (held, expected) = match keeps.value.of(given) {
            Keeps::Count(count) => (kept.len() == *count, turns(*count)),
            Keeps::Prompts(prompts) => {
                let each = kept.iter().zip(prompts).all(|(kept, prompt)| kept.prompts.contains(prompt));
                (kept.len() == prompts.len() && each, format!("the turns of {}", prompts.join(", ")))
            }
        };
        let last = |kept: &&Kept| kept.prompts.last().cloned().unwrap_or_default();
        let found = kept.iter().map(last).collect::<Vec<_>>().join(", ");
        let found = if kept.is_empty() { turns(0) } else { format!("{}: {found}", turns(kept.len())) };
        (!held).then(|| (keeps.span(), format!("kept: {expected}"), format!("kept: {found}")))
    }

    fn slots(&self, world: &World) -> Option<Broken> {
        self.slots.as_ref()?.iter().find_map(|(slot, value)| {
            let given = world.given().iter().find(|given| given.slot == slot.value).map(|given| given.value.as_str());
            (given != Some(value.value.as_str())).then(|| {
                let is = given.map_or(format!("`{}` was not given", slot.value), |given| format!("{}: {given}", slot.value));
                (value.span(), format!("{}: {}", slot.value, value.value), is)
            })
        })
    }

    fn said(&self, world: &World) -> Option<Broken> {
        self.said.as_ref()?.iter().find_map(|(prompt, count)| {
            let said = world.log().times_said(&prompt.value);
            (said != count.value).then(|| {
                (count.span(), format!("{} {}", prompt.value, times(count.value)), format!("{} {}", prompt.value, times(said)))
            })
        })
    }

    fn moment(&self, world: &World) -> Option<Broken> {
        if let Some(within) = &self.within {
            let limit = duration(&within.value).unwrap_or_default();
            if world.now().0 > limit {
                let is = format!("after {:.1} s", world.now().0.as_secs_f64());
                return Some((within.span(), format!("within {}", within.value), is));
            }
        }
        if let Some(recording) = self.recording.as_ref().filter(|recording| recording.value != world.records_this_turn()) {
            let word = |on| if on { "this turn is being recorded" } else { "this turn is not being recorded" };
            return Some((recording.span(), word(recording.value).to_owned(), word(world.records_this_turn()).to_owned()));
        }
        let state = self.state.as_ref()?;
        let here = world.flow().question().map(|(state, _)| state);
        let is = here.map_or("no question of the dialog waits".to_owned(), |here| format!("in `{here}`"));
        (here != Some(&state.value)).then(|| (state.span(), format!("in `{}`", state.value), is))
    }
}

fn turns(count: usize) -> String {
    match count {
        0 => "nothing".to_owned(),
        1 => "1 turn".to_owned(),
        count => format!("{count} turns"),
    }
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn named(value: &impl serde::Serialize) -> String {
    crate::rehearsal::doing::kebab(value)
}

/// A name of the file's, as it is written there.
fn shown(value: &impl std::fmt::Debug) -> String {
    let mut written = String::new();
    for c in format!("{value:?}").chars() {
        if c.is_uppercase() && !written.is_empty() {
            written.push('-');
        }
        written.extend(c.to_lowercase());
    }
    written
}

/// `2 s`, `500 ms`, `1.5 s`, `3 min`: more than nothing, and an hour at most.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let millis = match unit.trim() {
        "ms" => 1.0,
        "s" => 1_000.0,
        "min" => 60_000.0,
        _ => return None,
    };
    let millis = number.parse::<f64>().ok()? * millis;
    (1.0..=3_600_000.0).contains(&millis).then(|| Duration::from_millis(millis as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_number_and_a_unit() {
        let millis = |text| duration(text).map(|duration| duration.as_millis());
        assert_eq!(
            [millis("2 s"), millis("500ms"), millis("1.5 s"), millis("3 min")],
            [Some(2_000), Some(500), Some(1_500), Some(180_000)]
        );
        for text in ["", "2", "s", "2 h", "0 s", "-1 s", "2 s s", "61 min"] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn names_are_shown_as_they_are_written() {
        assert_eq!([shown(&Ending::CallerHungUp), shown(&HandedOver::NoInput)], ["caller-hung-up", "no-input"]);
    }
}
