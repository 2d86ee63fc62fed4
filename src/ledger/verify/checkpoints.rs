use std::collections::HashMap;

use ed25519_dalek::VerifyingKey;
use serde_json::Value;

use super::lines::follow;
use super::{CHECKPOINTS, Fault, FaultKind};
use crate::ledger::append_file::read_locked;
use crate::ledger::checkpoint::{Checkpoint, signed_message};
use crate::ledger::key::{is_signed, known_keys};
use crate::ledger::{LedgerError, NO_HASH, Settings};

/// The checkpoint file: what it proves about each chain, and what is wrong with itself.
pub(super) struct Checkpoints {
    /// Checkpoints with a good signature by a known key, by chain, in the order of the file.
    pub(super) by_chain: HashMap<String, Vec<Checkpoint>>,
    pub(super) count: u64,
    /// The hash of the last line.
    pub(super) head: String,
    pub(super) faults: Vec<Fault>,
    pub(super) unfinished: bool,
    hashes: Vec<String>,
}

impl Checkpoints {
    pub(super) fn read(settings: &Settings) -> Result<Checkpoints, LedgerError> {
        let bytes = match read_locked(&settings.checkpoint_file()) {
            Err(error) if error.is_not_found() => Vec::new(),
            bytes => bytes?,
        };
        let keys = known_keys(&settings.public_keys())?;
        let lines = follow(&bytes, &["hash", "signature"]);
        let fault = |line, kind, explanation| Fault { chain: CHECKPOINTS.to_owned(), line: Some(line), kind, explanation };
        let mut faults: Vec<Fault> = lines.faults.into_iter().map(|(line, kind, text)| fault(line, kind, text)).collect();
        let mut by_chain: HashMap<String, Vec<Checkpoint>> = HashMap::new();
        let mut hashes = Vec::new();
        for line in lines.intact {
            hashes.push(line.hash);
            match proven(line.content, &keys) {
                Ok(checkpoint) => by_chain.entry(checkpoint.chain.clone()).or_default().push(checkpoint),
                Err((kind, text)) => faults.push(fault(line.number, kind, text.to_owned())),
            }
        }
        let head = hashes.last().cloned().unwrap_or_else(|| NO_HASH.to_owned());
        Ok(Checkpoints { by_chain, count: lines.count, head, faults, unfinished: lines.unfinished, hashes })
    }

    /// Whether the file holds the line with this hash: it held it once, if it was its head.
    pub(super) fn holds(&self, head: &str) -> bool {
        self.hashes.iter().any(|hash| hash.eq_ignore_ascii_case(head))
    }
}

fn proven(content: serde_json::Map<String, Value>, keys: &[VerifyingKey]) -> Result<Checkpoint, (FaultKind, &'static str)> {
    let checkpoint: Checkpoint =
        serde_json::from_value(Value::Object(content)).map_err(|_| (FaultKind::Edited, "it is not a checkpoint"))?;
    let key = keys.iter().find(|key| hex::encode(key.as_bytes()) == checkpoint.key);
    let key = key.ok_or((FaultKind::UnknownKey, "it is signed with a key that ledger.pub does not hold"))?;
    if is_signed(key, &signed_message(&checkpoint.hash), &checkpoint.signature) {
        Ok(checkpoint)
    } else {
        Err((FaultKind::BadSignature, "its signature is not that of its key"))
    }
}
