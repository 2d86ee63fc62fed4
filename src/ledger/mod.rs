//! The ledger: what was said to callers, asked, answered and done, written so that a later change shows.
//!
//! One chain of hashes per session (deleted whole when its term ends), one for accesses to recordings, and a second file of signed
//! checkpoints that says how long each chain was. [`Ledger`] is the server's side: sessions append without waiting, one thread writes.
//! Other processes read ([`read_session`], [`verify`]), note accesses ([`append_access`]) and deletions ([`append_afterwards`]).
//!
//! **Architecture invariant:** no event can hold what a caller said, a telephone number or a path through the dialog ([`Event`]).
//! The ledger knows nothing of calls or recordings beyond the words of its events; `session` and `recording` write them.

mod access;
mod afterwards;
mod append_file;
mod chain;
mod checkpoint;
mod entry;
mod error;
mod event;
mod key;
mod lost;
mod read;
mod session;
mod settings;
mod verify;
mod writer;

pub use access::{Access, append_access};
pub use afterwards::{append_afterwards, delete_session, ended_at, ended_before};
pub use checkpoint::{Checkpoint, CheckpointKind, last_written};
pub use entry::{ACCESS_CHAIN, Entry, NO_HASH, written_at};
pub use error::LedgerError;
pub use event::{Event, Prompted};
pub use key::LedgerKey;
pub use read::{list, read_accesses, read_session, sealed_hashes};
pub use session::{Progress, SessionLedger};
pub use settings::Settings;
pub use verify::{Fault, FaultKind, Report, verify};
pub use writer::Ledger;
