use super::ami::NotALine;

/// Why an order was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PbxError {
    /// The configuration has no interface for orders.
    #[error("no orders are given to Asterisk: asterisk.control.via is \"dialplan\"")]
    NotConfigured,
    /// Nobody is connected, or the connection broke before the answer.
    #[error("Asterisk is not reached")]
    Unreachable,
    /// No answer within `asterisk.control.time_limit`; whether it was carried out is not known.
    #[error("Asterisk did not answer in time")]
    TimedOut,
    /// The call is over, or not where this interface can reach it.
    #[error("Asterisk has no such channel")]
    NoSuchChannel,
    /// The place for handed-over callers is not in the dialplan; nobody was sent there.
    #[error(
        "asterisk.control.context, extension and priority name no place in Asterisk's dialplan, or its module func_dialplan.so is not loaded"
    )]
    NoSuchPlace,
    /// This interface cannot do that.
    #[error("this interface of Asterisk's cannot do that")]
    NotPossible,
    /// A value that cannot be sent.
    #[error("a value cannot be sent to Asterisk: it is too long, or not one line")]
    Unsendable,
    /// It said no.
    #[error("Asterisk refused: {message}")]
    Refused {
        /// Its words, shortened, with every digit as `#`.
        message: String,
    },
}

impl PbxError {
    /// The word that it is counted by.
    pub fn class(&self) -> &'static str {
        match self {
            PbxError::NotConfigured => "not-configured",
            PbxError::Unreachable => "unreachable",
            PbxError::TimedOut => "timed-out",
            PbxError::NoSuchChannel => "no-such-channel",
            PbxError::NoSuchPlace => "no-such-place",
            PbxError::NotPossible => "not-possible",
            PbxError::Unsendable => "unsendable",
            PbxError::Refused { .. } => "refused",
        }
    }

    /// Whether the same may go well later, or may have gone well already.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, PbxError::Unreachable | PbxError::TimedOut)
    }

    /// With words of Asterisk's. They may name a channel, and a channel's name may be a number that somebody can be called on.
    pub(super) fn refused(words: &str) -> PbxError {
        let shown = |c: char| {
            if c.is_ascii_digit() {
                '#'
            } else if c.is_control() {
                ' '
            } else {
                c
            }
        };
        PbxError::Refused { message: words.chars().take(120).map(shown).collect() }
    }
}

impl From<NotALine> for PbxError {
    fn from(_: NotALine) -> PbxError {
        PbxError::Unsendable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asterisk_says_is_shown_without_numbers() {
        let error = PbxError::refused("Channel SIP/0612345678-00\r\ncould not");
        assert_eq!(error.to_string(), "Asterisk refused: Channel SIP/##########-##  could not");
        assert_eq!(PbxError::refused(&"x".repeat(500)).to_string().len(), "Asterisk refused: ".len() + 120);
    }
}
