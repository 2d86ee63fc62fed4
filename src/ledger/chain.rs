use std::path::Path;

use jiff::Timestamp;

use super::append_file::AppendFile;
use super::entry::{Entry, NO_HASH, line_of, written_at};
use super::{Event, LedgerError};

/// Where a chain ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) entries: u64,
    pub(super) last_hash: String,
}

/// Appends events to a chain and waits until they are on disk. Whoever else appends to it waits in turn, in any process.
pub(super) fn append(path: &Path, chain: &str, events: Vec<(Timestamp, Event)>, create: bool) -> Result<Tail, LedgerError> {
    let mut file = AppendFile::open(path, create)?;
    let (mut tail, cut) = read_tail(&mut file, path)?;
    let repair = (cut > 0).then(|| (Timestamp::now(), Event::LedgerRepaired { bytes_cut: cut }));
    let mut lines = Vec::new();
    for (at, event) in repair.into_iter().chain(events) {
        let entry = Entry::new(tail.entries + 1, written_at(at), chain, event, tail.last_hash)?;
        lines.extend(line_of(&entry)?);
        tail = Tail { entries: entry.seq, last_hash: entry.hash };
    }
    file.append(&lines)?;
    Ok(tail)
}

/// Where the chain in `file` ends, and how many bytes of an unfinished line were cut off behind it.
pub(super) fn read_tail(file: &mut AppendFile, path: &Path) -> Result<(Tail, u64), LedgerError> {
    let (last, cut) = file.last_line(|line| serde_json::from_slice::<Entry>(line).is_ok())?;
    let tail = match last {
        None => Tail { entries: 0, last_hash: NO_HASH.to_owned() },
        Some(line) => {
            let last: Entry = serde_json::from_slice(&line).map_err(|_| LedgerError::Broken(path.to_owned()))?;
            Tail { entries: last.seq, last_hash: last.hash }
        }
    };
    Ok((tail, cut))
}
