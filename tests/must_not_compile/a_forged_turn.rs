//! Nobody but the gate makes a turn that may be kept.
use candor::consent::{ConsentedTurn, SessionTime};

fn main() {
    let _forged = ConsentedTurn {
        ordinal: 1,
        part: 1,
        began: SessionTime::START,
        ended: SessionTime::START,
        terms: Vec::new(),
        audio: (),
    };
}
