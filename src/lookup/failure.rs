use crate::dialog::flow::lookup::LookupFailure;

/// Why a lookup gave nothing. The name of each is a label of the metrics and stands in the log; none holds anything of what was asked or answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// As many lookups as may be were running already.
    Busy,
    /// The configured values give no address or no header: none was sent.
    Unusable,
    /// No connection, or one that broke before the answer was there.
    Unreachable,
    /// No answer within the time limit.
    Late,
    /// 502, 503 or 504: whoever answers is not there just now.
    Overloaded,
    /// Another status of the server's own failing.
    Broken,
    /// There is no such thing: 404, which is an answer too.
    Missing,
    /// Another status that says that the request is at fault: a token, an address.
    Refused(u16),
    /// The answer sends us elsewhere, and we do not go.
    Redirected,
    /// The answer is larger than anybody needs.
    TooLarge,
    /// The answer is no JSON, or does not say that it is.
    NotJson,
    /// The answer is JSON, and no object.
    NoObject,
    /// This field, which the dialog takes, is missing, of another kind, too long, or there twice.
    Lacks(String),
}

impl Failure {
    /// The name, for log and metrics.
    pub(super) fn class(&self) -> &'static str {
        match self {
            Failure::Busy => "busy",
            Failure::Unusable => "unusable",
            Failure::Unreachable => "unreachable",
            Failure::Late => "late",
            Failure::Overloaded => "overloaded",
            Failure::Broken => "broken",
            Failure::Missing => "missing",
            Failure::Refused(_) => "refused",
            Failure::Redirected => "redirected",
            Failure::TooLarge => "too-large",
            Failure::NotJson => "not-json",
            Failure::NoObject => "no-object",
            Failure::Lacks(_) => "lacks-field",
        }
    }

    /// What an operator can do about it.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Failure::Busy => "as many lookups as session.max_lookups allows are running: is the service slow?",
            Failure::Unusable => "the values of [lookups] give no address or header that can be sent",
            Failure::Unreachable => "no connection, or one that broke: is the service running, and its certificate good?",
            Failure::Late => "the service did not answer in time",
            Failure::Overloaded => "the service says that it is not there just now",
            Failure::Broken => "the service failed",
            Failure::Missing => "the service knows no such thing",
            Failure::Refused(_) => "the service does not take the request: look at the token and the address",
            Failure::Redirected => "the service answers from another address: write that one into [lookups]",
            Failure::TooLarge => "the answer is larger than 64 KiB",
            Failure::NotJson => "the answer is no JSON, or is not called application/json",
            Failure::NoObject => "the answer is JSON, and no object",
            Failure::Lacks(_) => {
                "a field that the dialog takes is missing, of another kind, longer than 200 characters, or there twice"
            }
        }
    }

    /// The field that it is about.
    pub(super) fn field(&self) -> Option<&str> {
        if let Failure::Lacks(field) = self { Some(field) } else { None }
    }

    /// What the dialog is told.
    pub(super) fn told(self) -> LookupFailure {
        match self {
            Failure::Missing => LookupFailure::Missing,
            Failure::Late => LookupFailure::Late,
            Failure::Refused(status) => LookupFailure::Refused(status),
            Failure::Lacks(field) => LookupFailure::LacksField(field),
            Failure::TooLarge | Failure::NotJson | Failure::NoObject => LookupFailure::Unreadable,
            Failure::Busy
            | Failure::Unusable
            | Failure::Unreachable
            | Failure::Overloaded
            | Failure::Broken
            | Failure::Redirected => LookupFailure::Unavailable,
        }
    }

    /// Whether asking again may help, and does no harm that the first time has not done.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Failure::Unreachable | Failure::Late | Failure::Overloaded)
    }
}
