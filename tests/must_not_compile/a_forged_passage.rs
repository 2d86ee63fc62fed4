//! Nobody but the gate gives its word that a turn may be kept.
use candor::consent::{Passage, SessionTime};

fn main() {
    let now = SessionTime::START;
    let _forged = Passage { ordinal: 1, began: now, ended: now, terms: Vec::new() };
}
