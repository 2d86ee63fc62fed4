use std::time::Duration;

use crate::dialog::check::Span;
use crate::rehearsal::World;

/// How a story went.
pub struct Verdict {
    /// Where it went another way, if it did.
    pub difference: Option<Difference>,
    /// The call as it was.
    pub world: World,
}

impl Verdict {
    /// Whether everything was as it is written.
    pub fn holds(&self) -> bool {
        self.difference.is_none()
    }

    /// How long the call took, in its own time.
    pub fn virtual_time(&self) -> Duration {
        self.world.now().0
    }
}

/// Where a call went another way than its story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where in the file it stands.
    pub span: Span,
    /// What was to be.
    pub expected: String,
    /// What was.
    pub was: String,
    /// What to do about it.
    pub help: String,
}
