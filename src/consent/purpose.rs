use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Basis;

/// Why something is recorded: a lower-case name with hyphens, such as `service-quality`.
///
/// It names files, keys and index columns, so only `a-z`, `0-9` and `-` are let in, beginning with a letter, 40 at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Purpose(Arc<str>);

/// A purpose's name that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot name a purpose: write 1 to 40 of a-z, 0-9 and -, beginning with a letter, such as service-quality")]
pub struct NotAPurpose(String);

impl Purpose {
    /// Checks the name.
    pub fn new(name: &str) -> Result<Purpose, NotAPurpose> {
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        let all = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if begins && all && name.len() <= 40 {
            Ok(Purpose(name.into()))
        } else {
            Err(NotAPurpose(name.chars().take(60).collect()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Purpose {
    type Error = NotAPurpose;
    fn try_from(name: String) -> Result<Purpose, NotAPurpose> {
        Purpose::new(&name)
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What was announced about one purpose: the content of a disclosure (GDPR articles 5(1)(b), 5(1)(e), 6 and 13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Terms {
    /// Why.
    pub purpose: Purpose,
    /// On which legal ground.
    pub basis: Basis,
    /// Why nothing less would do.
    pub necessity: String,
    /// How long a turn kept for this purpose lives, counted from the moment it was sealed.
    pub retention: Duration,
}
