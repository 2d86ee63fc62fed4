//! What the tests in a real browser share: Debian's Chromium with a microphone of our own making, a page that is watched from its first
//! moment, and ways to judge it: by its sound, by its words against the ledger, by axe-core, by a picture.
//!
//! Nothing here knows how the pages work inside; they are used as a person uses them, by what they show and by their buttons.

mod accessible;
mod call;
mod chromium;
mod page;
mod sound;
mod truth;

pub use accessible::{assert_accessible, assert_fits};
pub use call::{ask_for_a_person, caller, colleague, finished, question, unhurried, with_desk};
pub use chromium::{browser, is_here};
pub use page::{Page, now};
pub use sound::{Microphone, Moment, share_of_sound, share_of_tone};
pub use truth::{assert_true_when_shown, assert_true_when_shown_but_for, turns};
