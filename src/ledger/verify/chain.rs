use std::collections::HashMap;

use serde_json::Value;

use super::lines::{Line, Lines, follow};
use super::{Fault, FaultKind, Note};
use crate::ledger::checkpoint::{Checkpoint, CheckpointKind};

/// How a chain ends whose session could not be written to its end.
const UNWRITTEN: &str = "session.unwritten";

/// What was found out about one chain.
pub(super) struct Finding {
    pub(super) entries: u64,
    /// Whether its session is over.
    pub(super) ended: bool,
    pub(super) faults: Vec<Fault>,
    pub(super) notes: Vec<Note>,
}

/// Holds a chain's file against what the checkpoints prove about it.
///
/// `in_progress`: a server has it open, so its last entries may not have a checkpoint yet.
pub(super) fn check(chain: &str, bytes: Option<&[u8]>, checkpoints: &[Checkpoint], in_progress: bool) -> Finding {
    let mut finding = Finding { entries: 0, ended: false, faults: Vec::new(), notes: Vec::new() };
    let deleted = checkpoints.iter().find(|checkpoint| checkpoint.kind == CheckpointKind::Deleted);
    let Some(bytes) = bytes else {
        if let (None, Some(last)) = (deleted, checkpoints.last()) {
            let text = format!("the file is gone; checkpoint {} of {} proves {} entries", last.seq, last.at, last.entries);
            finding.fault(chain, None, FaultKind::Missing, text);
        }
        return finding;
    };
    let lines = follow(bytes, &["hash"]);
    finding.entries = lines.count;
    for (line, kind, text) in &lines.faults {
        finding.fault(chain, Some(*line), *kind, text.clone());
    }
    for line in lines.intact.iter().filter(|line| line.content.get("session").and_then(Value::as_str) != Some(chain)) {
        finding.fault(chain, Some(line.number), FaultKind::Misplaced, "it belongs to another chain".to_owned());
    }
    if lines.unfinished {
        finding.note(chain, "an unfinished last line, as a crash leaves it; the next write cuts it off".to_owned());
    }
    hold_against(chain, &lines, checkpoints, &mut finding);
    let end = lines.intact.iter().find(|line| is_end(&line.content));
    finding.ended = end.is_some();
    let closed = |seq| checkpoints.iter().any(|c| c.kind != CheckpointKind::Progress && c.entries >= seq);
    match end {
        Some(end) if !closed(end.seq) && in_progress => finding.note(chain, "it has just ended".to_owned()),
        Some(end) if !closed(end.seq) => {
            let text = "the session is over and no signed checkpoint says so".to_owned();
            finding.fault(chain, Some(end.number), FaultKind::Unproven, text);
        }
        None if checkpoints.is_empty() && in_progress => finding.note(chain, "it has no checkpoint yet".to_owned()),
        None if checkpoints.is_empty() && lines.count > 0 => {
            finding.fault(chain, None, FaultKind::Unproven, "no signed checkpoint covers any of it".to_owned());
        }
        _ => {}
    }
    let kind =
        |line: &Line| line.content.get("event").and_then(|event| event.get("type")).and_then(Value::as_str) == Some(UNWRITTEN);
    if let Some(end) = end.filter(|line| kind(line)) {
        let missing = end.content.get("event").and_then(|event| event.get("entries")).and_then(Value::as_u64).unwrap_or(0);
        finding.note(chain, format!("the ledger could not be written to the session's end: {missing} entries are missing"));
    }
    if deleted.is_some() {
        finding.note(chain, "its deletion is signed and the file is still there; the next sweep deletes it".to_owned());
    }
    finding
}

/// Every checkpoint must find the entry that it names, with the hash that it names.
fn hold_against(chain: &str, lines: &Lines, checkpoints: &[Checkpoint], finding: &mut Finding) {
    let proves = |c: &Checkpoint| format!("checkpoint {} of {} proves {} entries", c.seq, c.at, c.entries);
    if let Some(longest) = checkpoints.iter().max_by_key(|checkpoint| checkpoint.entries)
        && longest.entries > lines.count
    {
        let text = format!("the chain ends after {} entries; {}", lines.count, proves(longest));
        finding.fault(chain, Some(lines.count), FaultKind::Truncated, text);
    }
    let by_seq: HashMap<u64, &Line> = lines.intact.iter().map(|line| (line.seq, line)).collect();
    for checkpoint in checkpoints {
        let entry = by_seq.get(&checkpoint.entries);
        if let Some(entry) = entry.filter(|entry| entry.hash != checkpoint.last_hash) {
            let text = format!("it is not what was signed: {} and ends in another hash", proves(checkpoint));
            finding.fault(chain, Some(entry.number), FaultKind::Edited, text);
            // Everything behind it hangs on the same change.
            return;
        }
    }
    let longest = checkpoints.iter().map(|checkpoint| checkpoint.entries).max();
    if let Some(longest) = longest.filter(|entries| *entries < lines.count) {
        finding.note(chain, format!("entries {} to {} have no checkpoint yet", longest + 1, lines.count));
    }
    let deleted = checkpoints.iter().find(|checkpoint| checkpoint.kind == CheckpointKind::Deleted);
    if let Some(deleted) = deleted.filter(|deleted| deleted.entries < lines.count) {
        let text = format!("it goes on after its deletion: {}", proves(deleted));
        finding.fault(chain, Some(deleted.entries + 1), FaultKind::Unproven, text);
    }
}

fn is_end(content: &serde_json::Map<String, Value>) -> bool {
    let kind = content.get("event").and_then(|event| event.get("type")).and_then(Value::as_str);
    matches!(kind, Some("session.closed" | "session.lost" | UNWRITTEN))
}

impl Finding {
    fn fault(&mut self, chain: &str, line: Option<u64>, kind: FaultKind, explanation: String) {
        self.faults.push(Fault { chain: chain.to_owned(), line, kind, explanation });
    }

    fn note(&mut self, chain: &str, text: String) {
        self.notes.push(Note { chain: chain.to_owned(), text });
    }
}
