use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Event, LedgerError};

/// What stands for the hash before the first entry.
pub const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The name of the chain that holds the accesses to recordings, where a session's chain has the session's id.
pub const ACCESS_CHAIN: &str = "access";

/// One line of a chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts from 1; the number of the line.
    pub seq: u64,
    /// When it was written down: RFC 3339, UTC, milliseconds.
    pub at: String,
    /// The session's id, or [`ACCESS_CHAIN`].
    pub session: String,
    /// What happened.
    pub event: Event,
    /// The hash of the entry before; [`NO_HASH`] in the first.
    pub prev: String,
    /// SHA-256 over the canonical JSON (RFC 8785) of this entry without `hash`, lower-case hexadecimal.
    pub hash: String,
}

#[derive(Serialize)]
struct Unhashed<'a> {
    seq: u64,
    at: &'a str,
    session: &'a str,
    event: &'a Event,
    prev: &'a str,
}

impl Entry {
    /// The entry that follows the one with the hash `prev`.
    pub(super) fn new(seq: u64, at: String, session: &str, event: Event, prev: String) -> Result<Entry, LedgerError> {
        let hash = sha256_of(&Unhashed { seq, at: &at, session, event: &event, prev: &prev })?;
        Ok(Entry { seq, at, session: session.to_owned(), event, prev, hash })
    }
}

/// SHA-256 over the canonical JSON of `content`, lower-case hexadecimal.
pub(super) fn sha256_of(content: &impl Serialize) -> Result<String, LedgerError> {
    Ok(hex::encode(Sha256::digest(serde_json_canonicalizer::to_vec(content)?)))
}

/// `content` as one line of canonical JSON, with its line feed.
pub(super) fn line_of(content: &impl Serialize) -> Result<Vec<u8>, LedgerError> {
    let mut line = serde_json_canonicalizer::to_vec(content)?;
    line.push(b'\n');
    Ok(line)
}

/// A moment as the ledger writes it.
pub fn written_at(at: Timestamp) -> String {
    format!("{at:.3}")
}
