//! Consent: who may keep what, and why. Pure: no IO, no clock, no randomness, no task.
//!
//! For every purpose that was announced there is one [`ConsentState`]; [`Consents`] moves it by what the caller did. While a consent is
//! `given` (or another announced basis holds) a grant exists inside it, and only from a live grant, for a turn that began after it,
//! comes a [`ConsentedTurn`]: the one thing that `recording` takes. There is no flag to set and no other way to make one.
//!
//! [`AnswerGrammar`] decides what counts as a yes. Everything that is not clearly a yes is not a yes.
//!
//! **Architecture invariant:** nothing here knows what a caller's words were after they have been judged.

mod answer;
mod basis;
mod purpose;
mod state;
mod time;
mod turn;

pub use answer::{AnswerGrammar, Doubt, Judgement, Meaning, SpokenAnswer, Thresholds};
pub use basis::Basis;
pub use purpose::{NotAPurpose, Purpose, Terms};
pub use state::{Change, ConsentState, Consents, Method};
pub use time::SessionTime;
pub use turn::{ConsentedTurn, Passage, TurnKind, TurnPermit};
