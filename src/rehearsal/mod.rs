//! A call at an author's desk: the real engine without sound, sockets or disk.
//!
//! [`World`] runs [`crate::dialog::flow`] with the real consents, gate, texts and phrases in virtual time. It says lines (each lasts as
//! long as [`estimated`] says, or as long as it really takes where [`Rendered`] speaks it), proves to the flow that they were heard, keeps
//! turns with the gate's word, hands over, queues and erases as [`Around`] says, and writes down what happened in a [`Log`]. [`scenario`]
//! reads stories of calls and tells where a call differs from its story.
//!
//! Its neighbours: `session` does the same for a real caller. Nothing of a session is used here, so that a rehearsal cannot place a call.
//!
//! **Architecture invariant:** a rehearsal writes nothing to any disk and opens no connection; what an author types lives in memory alone.

mod around;
mod caller;
mod doing;
mod length;
mod log;
mod lookups;
mod moment;
mod rendered;
pub mod scenario;
mod senses;
mod world;

pub use around::{Around, People};
pub use caller::{Colleague, KEYS, REACTION};
pub use length::estimated;
pub use log::{Entry, Log, What};
pub use lookups::{Answered, Answers, NotAnswered};
pub use moment::{A_MORNING, moment};
pub use rendered::{Recordings, Rendered, VoiceError};
pub use senses::{Estimated, Said, Senses};
pub use world::{Given, Kept, Place, World};
