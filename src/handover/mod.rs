//! Where a caller can go when the agent leaves, what is handed on about them, and what became of it.
//!
//! This room knows targets (a queue, a workflow, a number, a SIP address, a desk), their opening hours, the [`Request`] that travels with a
//! caller and the [`Outcome`] that comes back. How a phone system is told is the transport's business
//! (`transport/twilio/handover.rs`); when a caller is passed on, the session's and the dialog's. [`desk`] is who waits for whom where
//! colleagues take over in their browser.
//!
//! It never looks at consent to choose a target or a priority: a refusing caller and a consenting one get the same verb, and what
//! differs is one attribute that the colleague can read.

pub mod desk;
mod outcome;
mod request;
mod settings;

pub use crate::dialog::hours::{HoursError, OpeningHours};
pub use outcome::Outcome;
pub use request::{Reason, Request, attributes};
pub use settings::{Settings, SettingsError, Target, TargetKind, TargetSettings, Targets};
