//! Whether the ledger is what was written: follows every chain of hashes, holds it against the signed checkpoints, and names what does
//! not fit by chain and line. Reads only, beside a running server. What it cannot see alone is a checkpoint file cut off at its end
//! together with the chains it covered; for that somebody else keeps the head (`expected_head`).

mod chain;
mod checkpoints;
mod lines;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use self::chain::Finding;
use self::checkpoints::Checkpoints;
use super::append_file::read_locked;
use super::{ACCESS_CHAIN, CheckpointKind, LedgerError, Settings, read};

/// How the checkpoint file is called among the chains.
const CHECKPOINTS: &str = "checkpoints";

/// In which way the ledger is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FaultKind {
    /// A line was changed.
    Edited,
    /// Lines are gone from the beginning or the middle.
    Removed,
    /// Lines stand in another order, or twice.
    Reordered,
    /// Lines are gone from the end.
    Truncated,
    /// A whole chain is gone.
    Missing,
    /// A line of another chain.
    Misplaced,
    /// Something that should be covered by a signed checkpoint is not: the checkpoint was removed, or the chain made up.
    Unproven,
    /// A signature that does not match.
    BadSignature,
    /// Signed with a key that is not ours.
    UnknownKey,
    /// The checkpoint file does not hold the head that was kept elsewhere.
    HeadNotFound,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FaultKind::Edited => "edited",
            FaultKind::Removed => "removed",
            FaultKind::Reordered => "reordered",
            FaultKind::Truncated => "truncated",
            FaultKind::Missing => "missing",
            FaultKind::Misplaced => "misplaced",
            FaultKind::Unproven => "unproven",
            FaultKind::BadSignature => "bad signature",
            FaultKind::UnknownKey => "unknown key",
            FaultKind::HeadNotFound => "head not found",
        })
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// A session's id, `access` or `checkpoints`.
    pub chain: String,
    /// The line of its file, from 1.
    pub line: Option<u64>,
    /// In which way.
    pub kind: FaultKind,
    /// What exactly, in a sentence about the line.
    pub explanation: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.chain)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.explanation)
    }
}

/// Something worth knowing that is not wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// A session's id, `access` or `checkpoints`.
    pub chain: String,
    /// What.
    pub text: String,
}

/// What verifying found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing is wrong.
    pub holds: bool,
    /// How many sessions have a chain.
    pub sessions: u64,
    /// How many of them go on.
    pub open: u64,
    /// How many were deleted whole when their term ended.
    pub deleted: u64,
    /// How many entries all chains have.
    pub entries: u64,
    /// How many checkpoints there are.
    pub checkpoints: u64,
    /// The hash of the last checkpoint: to be kept elsewhere.
    pub head: String,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// What is worth knowing.
    pub notes: Vec<Note>,
}

/// Verifies the whole ledger.
///
/// # Errors
/// Only where a file cannot be read; what is wrong with the ledger is in the [`Report`].
pub fn verify(settings: &Settings, expected_head: Option<&str>) -> Result<Report, LedgerError> {
    // The names first, then the checkpoints, then the chains: what grows meanwhile is longer than what was signed, never shorter.
    let listed: BTreeSet<String> = read::list(settings)?.iter().map(ToString::to_string).collect();
    let mut checkpoints = Checkpoints::read(settings)?;
    let mut chains = listed;
    chains.extend(checkpoints.by_chain.keys().cloned());
    chains.insert(ACCESS_CHAIN.to_owned());

    let mut findings = BTreeMap::new();
    for chain in chains {
        let finding = check(settings, &checkpoints, &chain)?;
        findings.insert(chain, finding);
    }
    let doubtful: Vec<String> = findings.iter().filter(|(_, f)| !f.faults.is_empty()).map(|(c, _)| c.clone()).collect();
    if !doubtful.is_empty() {
        // A chain that ended or was deleted while we read has its checkpoint by now.
        checkpoints = Checkpoints::read(settings)?;
        for chain in doubtful {
            let finding = check(settings, &checkpoints, &chain)?;
            findings.insert(chain, finding);
        }
    }
    Ok(report(checkpoints, findings, expected_head))
}

fn check(settings: &Settings, checkpoints: &Checkpoints, chain: &str) -> Result<Finding, LedgerError> {
    let (path, in_progress) = match chain.parse() {
        Ok(session) => (settings.session_file(session), settings.open_mark(session).exists()),
        // Between an access and the server's next checkpoint.
        Err(_) => (settings.access_file(), settings.access_file().exists()),
    };
    let bytes = match read_locked(&path) {
        Err(error) if error.is_not_found() => None,
        bytes => Some(bytes?),
    };
    let proven = checkpoints.by_chain.get(chain).map(Vec::as_slice).unwrap_or_default();
    Ok(chain::check(chain, bytes.as_deref(), proven, in_progress))
}

fn report(checkpoints: Checkpoints, findings: BTreeMap<String, Finding>, expected_head: Option<&str>) -> Report {
    let is_session = |chain: &&String| chain.as_str() != ACCESS_CHAIN;
    let deleted = |chain: &String| {
        let proven = checkpoints.by_chain.get(chain).map(Vec::as_slice).unwrap_or_default();
        proven.iter().any(|checkpoint| checkpoint.kind == CheckpointKind::Deleted)
    };
    let gone = findings.keys().filter(is_session).filter(|chain| deleted(chain)).count() as u64;
    let there = findings.iter().filter(|(chain, finding)| is_session(chain) && finding.entries > 0);
    let (sessions, open) = there.fold((0, 0), |(all, open), (_, finding)| (all + 1, open + u64::from(!finding.ended)));
    let mut faults = checkpoints.faults.clone();
    if let Some(head) = expected_head.filter(|head| !checkpoints.holds(head)) {
        let explanation = format!("no checkpoint has the hash {head}: the file was cut off or replaced since it was noted");
        faults.push(Fault { chain: CHECKPOINTS.to_owned(), line: None, kind: FaultKind::HeadNotFound, explanation });
    }
    let mut notes = Vec::new();
    if checkpoints.unfinished {
        let text = "an unfinished last line, as a crash leaves it; the next write cuts it off".to_owned();
        notes.push(Note { chain: CHECKPOINTS.to_owned(), text });
    }
    let mut entries = 0;
    for finding in findings.into_values() {
        entries += finding.entries;
        faults.extend(finding.faults);
        notes.extend(finding.notes);
    }
    let holds = faults.is_empty();
    Report {
        holds,
        sessions,
        open,
        deleted: gone,
        entries,
        checkpoints: checkpoints.count,
        head: checkpoints.head,
        faults,
        notes,
    }
}
