//! The states of a dialog: a card each, with a row for a step and a tie for every way out of it. Those of a sub-dialog stand in a frame.

use std::collections::BTreeMap;

use serde_saphyr::Spanned;

use super::plan::{Frame, Kind, Plan};
use super::said::Said;
use super::steps::Drawing;

/// The cards of states by their names across files.
pub(super) type Cards = BTreeMap<String, usize>;

/// What stands for the start of a dialog, and for its states.
pub(super) struct States {
    /// The card where the dialog begins.
    pub(super) start: usize,
    pub(super) cards: Cards,
}

/// Draws the states.
pub(super) fn plan(plan: &mut Plan, said: Said) -> States {
    let mut cards = Cards::new();
    let mut frames = BTreeMap::new();
    for part in &said.file.parts {
        plan.frames.push(Frame { title: format!("Sub-dialog: {}", part.name), opening: false });
        frames.insert(part.name.as_str(), plan.frames.len() - 1);
    }
    for state in said.file.every_state() {
        let first = match state.part {
            None => state.name.value == said.file.start.value,
            Some(part) => state.name.value == part.file.start.value,
        };
        let frame = state.part.and_then(|part| frames.get(part.name.as_str()).copied());
        let card = plan.card(Kind::State { first }, state.name.value.as_str(), frame);
        // Of two states with one name the first is meant; the check refuses the other.
        cards.entry(state.full_name()).or_insert(card);
    }
    let start = cards.get(said.file.start.value.as_str()).copied();
    let start = start.unwrap_or_else(|| plan.card(Kind::Missing, said.file.start.value.as_str(), None));
    for state in said.file.every_state() {
        let full_name = state.full_name();
        let Some(card) = cards.get(&full_name) else { continue };
        let mut drawing = Drawing::new(plan, said, &cards, &full_name, *card);
        for step in &state.steps.value {
            drawing.step(&step.value);
        }
    }
    States { start, cards }
}

/// Where the name of something that a dialog says stands: its file and its offset in it.
pub(super) fn offset(name: &Spanned<String>) -> usize {
    crate::dialog::check::Span::of(&name.referenced).offset
}
