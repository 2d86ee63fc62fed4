//! Recording: takes turns that may be kept, seals them in memory, stores them, and ends them when their time has come.
//!
//! [`Recordings`] is the server's side; it hands each session a [`SessionRecorder`], which takes a
//! [`crate::consent::ConsentedTurn`] and nothing else. A turn is an age file to an identity of its own; that identity is wrapped
//! once per purpose, to a public key. Ending a purpose deletes its wraps; a turn without a wrap is deleted. [`Archive`] is what
//! people do with recordings: list, open, erase, hold.
//!
//! **Architecture invariants:** the server holds public keys only and cannot open what it stored. No byte of sound reaches the disk
//! unsealed. No turn is stored of a session whose ledger cannot be written. No SQL outside `index`.

mod archive;
mod deletion;
mod error;
mod export;
mod index;
mod keys;
mod recorder;
mod recordings;
mod reindex;
mod retention;
mod seal;
mod settings;
mod store;
mod turn_audio;
mod turn_memory;

pub use archive::Archive;
pub use deletion::Erased;
pub use error::RecordingError;
pub use export::{Export, Manifest, ManifestTurn};
pub use index::{Hold, Index, RecordedSession, RecordedTurn, RecordedWrap, SessionFacts};
pub use keys::{NewKey, PurposeKeys, make_key, public_key_file, public_keys};
pub use recorder::{Full, Kept, SessionRecorder, TurnFate};
pub use recordings::Recordings;
pub use reindex::{Reindexed, reindex};
pub use retention::{sweep, sweep_until};
pub use settings::Settings;
pub use turn_audio::TurnAudio;
pub use turn_memory::TurnMemory;
