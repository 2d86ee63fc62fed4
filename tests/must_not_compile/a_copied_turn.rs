//! A turn that may be kept is kept once: it cannot be copied past a withdrawal.
use candor::consent::ConsentedTurn;

fn twice(turn: ConsentedTurn<()>) -> (ConsentedTurn<()>, ConsentedTurn<()>) {
    (turn.clone(), turn)
}

fn main() {
    let _ = twice;
}
