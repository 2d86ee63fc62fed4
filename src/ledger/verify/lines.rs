use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::FaultKind;
use crate::ledger::entry::{NO_HASH, sha256_of};

/// A line that says about itself what its hash confirms.
pub(super) struct Line {
    /// Where it stands, from 1.
    pub(super) number: u64,
    pub(super) seq: u64,
    pub(super) hash: String,
    pub(super) content: Map<String, Value>,
    prev: String,
}

/// What a file of chained lines holds, and what is wrong with the chain.
pub(super) struct Lines {
    pub(super) intact: Vec<Line>,
    /// How many lines there are, intact or not.
    pub(super) count: u64,
    pub(super) faults: Vec<(u64, FaultKind, String)>,
    /// Whether a crash left an unfinished line at the end; it is not counted.
    pub(super) unfinished: bool,
}

/// Reads the lines and follows their hashes. `unhashed` names the members that the hash does not cover.
pub(super) fn follow(bytes: &[u8], unhashed: &[&str]) -> Lines {
    let mut lines = Lines { intact: Vec::new(), count: 0, faults: Vec::new(), unfinished: false };
    let mut read = Vec::new();
    for raw in bytes.split_inclusive(|b| *b == b'\n') {
        let finished = raw.ends_with(b"\n");
        let line = intact(raw.strip_suffix(b"\n").unwrap_or(raw), lines.count + 1, unhashed);
        if line.is_none() && !finished {
            lines.unfinished = true;
            break;
        }
        lines.count += 1;
        read.push(line);
    }
    let present: BTreeSet<u64> = read.iter().flatten().map(|line| line.seq).collect();
    let mut expected = 1;
    // The hash that the next line must name; unknown behind a line that cannot be trusted.
    let mut before = Some(NO_HASH.to_owned());
    let mut seen = BTreeSet::new();
    for (number, line) in (1..).zip(&read) {
        let Some(line) = line else {
            lines.faults.push((number, FaultKind::Edited, "its content does not match its hash".to_owned()));
            (expected, before) = (expected + 1, None);
            continue;
        };
        let there = present.range(expected.min(line.seq)..line.seq).count() as u64;
        let missing = line.seq.saturating_sub(expected).saturating_sub(there);
        let fault = if missing > 0 {
            let last = line.seq - 1;
            Some((FaultKind::Removed, format!("{missing} of the entries {expected} to {last} are missing before it")))
        } else if line.seq < expected || (expected..line.seq).any(|seq| !seen.contains(&seq)) {
            Some((FaultKind::Reordered, format!("it is entry {} and stands in the wrong place", line.seq)))
        } else if line.seq == expected && before.as_ref().is_some_and(|before| *before != line.prev) {
            let text = "it does not continue the line before it: one of the two was replaced and its hash made anew";
            Some((FaultKind::Edited, text.to_owned()))
        } else {
            None
        };
        lines.faults.extend(fault.map(|(kind, text)| (number, kind, text)));
        seen.insert(line.seq);
        (expected, before) = (line.seq.saturating_add(1), Some(line.hash.clone()));
    }
    lines.intact = read.into_iter().flatten().collect();
    lines
}

fn intact(raw: &[u8], number: u64, unhashed: &[&str]) -> Option<Line> {
    let mut content: Map<String, Value> = serde_json::from_slice(raw).ok()?;
    if serde_json_canonicalizer::to_vec(&content).ok()? != raw {
        return None;
    }
    let set_apart: Vec<_> = unhashed.iter().filter_map(|name| content.remove_entry(*name)).collect();
    let hash = sha256_of(&content).ok()?;
    content.extend(set_apart);
    let seq = content.get("seq")?.as_u64()?;
    let prev = content.get("prev")?.as_str()?.to_owned();
    (content.get("hash")?.as_str()? == hash).then_some(Line { number, seq, hash, content, prev })
}
