//! Scenarios: stories of calls, beside a dialog, that must go as they are written.
//!
//! [`read`] reads a file with positions; [`check`] holds its names against the dialog; [`play`] lets a [`super::World`] live one story once
//! and gives a [`Verdict`], with the place in the file where the call went another way.

mod check;
mod file;
mod holds;
mod play;
mod read;
mod story;
mod terms;
mod verdict;

pub use check::check;
pub use file::{Answer, Hears, Scenario, ScenarioFile, Step, Usually};
pub use holds::{Ending, HandedOver, Holds};
pub use play::{Once, play, times};
pub use read::read;
pub use terms::{Each, Keeps, OneOrMore, Placed, Prompts, Words};
pub use verdict::{Difference, Verdict};
