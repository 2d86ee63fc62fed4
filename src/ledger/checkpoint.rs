use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::append_file::{AppendFile, private_folder};
use super::entry::{NO_HASH, line_of, sha256_of, written_at};
use super::key::LedgerKey;
use super::{LedgerError, Settings};

/// What a checkpoint says about a chain besides its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckpointKind {
    /// It is this long.
    Progress,
    /// It is this long and its session is over.
    Closed,
    /// It was this long; its term has ended and the file was deleted.
    Deleted,
}

/// One line of the checkpoint file: a signed statement of how long a chain was and what its last hash was. Itself a chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Counts from 1; the number of the line.
    pub seq: u64,
    /// When it was written: RFC 3339, UTC, milliseconds.
    pub at: String,
    /// The session's id or `access`.
    pub chain: String,
    /// What it says.
    pub kind: CheckpointKind,
    /// How many entries the chain had.
    pub entries: u64,
    /// The hash of the last of them.
    pub last_hash: String,
    /// How many bytes of an unfinished line were cut off before this one, after a crash.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cut: Option<u64>,
    /// The public key it is signed with, hexadecimal.
    pub key: String,
    /// The hash of the checkpoint before; zeros in the first.
    pub prev: String,
    /// SHA-256 over the canonical JSON of this line without `hash` and `signature`.
    pub hash: String,
    /// Ed25519 over [`signed_message`] of the hash, hexadecimal.
    pub signature: String,
}

#[derive(Serialize)]
struct Unhashed<'a> {
    seq: u64,
    at: &'a str,
    chain: &'a str,
    kind: CheckpointKind,
    entries: u64,
    last_hash: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<u64>,
    key: &'a str,
    prev: &'a str,
}

/// What is to be put into the checkpoint file about a chain.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) chain: String,
    pub(super) kind: CheckpointKind,
    pub(super) entries: u64,
    pub(super) last_hash: String,
}

/// The bytes under a checkpoint's signature: a line that no other kind of document begins with, and the hash.
pub(super) fn signed_message(hash: &str) -> Vec<u8> {
    format!("candor ledger checkpoint 1\n{hash}").into_bytes()
}

/// When the last checkpoint was written, as far as that can be read.
pub fn last_written(settings: &Settings) -> Option<Timestamp> {
    let mut file = AppendFile::open(&settings.checkpoint_file(), false).ok()?;
    let (last, _) = file.last_line(|line| serde_json::from_slice::<Checkpoint>(line).is_ok()).ok()?;
    serde_json::from_slice::<Checkpoint>(&last?).ok()?.at.parse().ok()
}

/// Appends a signed checkpoint for each mark and waits until they are on disk.
pub(super) fn append(settings: &Settings, key: &LedgerKey, marks: &[Mark]) -> Result<(), LedgerError> {
    if marks.is_empty() {
        return Ok(());
    }
    private_folder(&settings.folder)?;
    let path = settings.checkpoint_file();
    let mut file = AppendFile::open(&path, true)?;
    let (last, cut) = file.last_line(|line| serde_json::from_slice::<Checkpoint>(line).is_ok())?;
    let (mut seq, mut prev) = match last {
        None => (0, NO_HASH.to_owned()),
        Some(line) => {
            let last: Checkpoint = serde_json::from_slice(&line).map_err(|_| LedgerError::Broken(path))?;
            (last.seq, last.hash)
        }
    };
    let mut cut = Some(cut).filter(|cut| *cut > 0);
    let public = key.public();
    let at = written_at(Timestamp::now());
    let mut lines = Vec::new();
    for mark in marks {
        seq += 1;
        let Mark { chain, kind, entries, last_hash } = mark.clone();
        let cut = cut.take();
        let content =
            Unhashed { seq, at: &at, chain: &chain, kind, entries, last_hash: &last_hash, cut, key: &public, prev: &prev };
        let hash = sha256_of(&content)?;
        let signature = key.sign(&signed_message(&hash));
        let (at, key) = (at.clone(), public.clone());
        let checkpoint = Checkpoint { seq, at, chain, kind, entries, last_hash, cut, key, prev, hash, signature };
        lines.extend(line_of(&checkpoint)?);
        prev = checkpoint.hash;
    }
    file.append(&lines)
}
