use std::fmt;

use serde::{Deserialize, Serialize};

/// The legal ground of a purpose (GDPR article 6(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Article 6(1)(a): asked in every session; only a clear yes lets a turn be kept.
    Consent,
    /// Article 6(1)(b): announced, not asked; holds only for turns that the dialog marks as evidence of the agreement.
    Contract,
    /// Article 6(1)(f): announced, not asked; ends when the caller objects (article 21).
    LegitimateInterest,
}

impl Basis {
    /// The name as it stands in a dialog file.
    pub fn as_str(self) -> &'static str {
        match self {
            Basis::Consent => "consent",
            Basis::Contract => "contract",
            Basis::LegitimateInterest => "legitimate-interest",
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
