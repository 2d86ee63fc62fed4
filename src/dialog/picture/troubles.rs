//! What the check found, on the cards where it stands.

use super::measure::first_words;
use super::plan::{Manner, Mark, Plan, Row};
use super::said::Said;
use super::states::{Cards, offset};
use crate::dialog::check::Problem;

/// As many characters of a problem as a card shows.
const LONGEST_MESSAGE: usize = 160;

/// Marks the states in which problems stand. One that stands elsewhere (in a text, before all states) is told at the head of the sheet alone.
pub(super) fn mark(plan: &mut Plan, said: Said, cards: &Cards, file_name: &str, problems: &[Problem]) {
    for problem in problems {
        let of_its_file = said.file.every_state().filter(|state| {
            let file = state.part.map_or(file_name, |part| part.file_name.as_str());
            file == problem.place.file && offset(state.name) <= problem.place.span.offset
        });
        let Some(state) = of_its_file.max_by_key(|state| offset(state.name)) else { continue };
        if let Some(card) = cards.get(&state.full_name()) {
            let row = Row::new("problem", first_words(&problem.message, LONGEST_MESSAGE)).in_manner(Manner::Broken);
            plan.row(*card, row.marked([Mark::Note(problem.rule.to_owned())]));
        }
    }
}
