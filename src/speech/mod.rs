//! Speech: the agent's mouth and ears.
//!
//! **Mouth.** [`PromptCache`] renders every fixed prompt before the server is ready, with [`tts`] (a subprocess, or a recording
//! that wins over it), and keeps the result on disk by content hash. Texts with slots are rendered while the call runs, in memory
//! only. Either way a [`Spoken`] comes out: encoded sound with the hashes that the ledger names.
//!
//! **Ears.** One [`Ears`] a call: it takes the caller's frames from the media path without ever making it wait, finds where speech
//! begins and ends ([`vad`], [`endpoint`]) and hands it to a recogniser ([`stt`]) on a thread of its own.
//!
//! This room decides nothing: not what a yes is (that is `consent`), not when to listen (that is `session`). It stores nothing
//! a caller said, in no form; its buffers of their voice and words are wiped.
//!
//! **Architecture invariant:** nothing here runs on the task that moves frames, except [`EarsHandle`], which only ever tries to
//! put something into a bounded channel.

mod cache;
mod ears;
pub mod endpoint;
pub mod models;
mod settings;
mod spoken;
pub mod stt;
pub mod tts;
pub mod vad;

pub use cache::{PreparationError, Prepared, PromptCache, PromptSource, PromptText, RenderError};
pub use ears::{Ears, EarsHandle, EngineFailure, Heard, ListenError};
pub use settings::{EndpointSettings, EspeakSettings, RecognitionSettings, Settings, VadSettings};
pub use spoken::Spoken;
