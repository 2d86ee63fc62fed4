//! Nobody but the gate gives leave to hold a turn.
use candor::consent::{SessionTime, TurnPermit};

fn main() {
    let _forged = TurnPermit { ordinal: 1, began: SessionTime::START, grants: Vec::new() };
}
