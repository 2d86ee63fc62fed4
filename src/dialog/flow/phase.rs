//! Where a call is, and how it goes on after something was said.

use super::*;

/// Where the call is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Nothing has been said yet.
    Fresh,
    /// The disclosures are being said.
    Disclosing(opening::Disclosing),
    /// A consent question is being put or answered.
    Asking(opening::Asking),
    /// Something is being said, after which the call goes on.
    Passing(Next),
    /// A withdrawal is being carried out, after which what it broke off is said again, and the call goes on.
    Erasing(Vec<String>, Next),
    /// In the dialog.
    Dialog(steps::Waiting),
    /// Somebody is looking whether a person is there.
    Knocking(LeaveReason),
    /// In the line for a colleague at the desk, or told that nobody is there.
    Waiting,
    /// Leaving a number to be called back on.
    CallBack(desk::CallBack),
    /// The caller is with somebody else; the session waits for the result.
    Away(LeaveReason),
    /// The caller is gone for a moment; how the call goes on when they are back.
    Lapsed(absence::Broken),
    /// Over.
    Closed,
}

/// How the call goes on after something was said.
#[derive(Clone, Debug)]
pub(super) enum Next {
    /// The next consent question.
    Question(Vec<Purpose>),
    /// The opening, from its beginning.
    Open,
    /// Back to the dialog (or into it).
    Resume,
    /// See whether a person is there.
    Person,
    /// Leave for a person.
    Leave(LeaveReason),
    /// Wait for a colleague.
    Wait,
    /// End the call.
    Close(SessionOutcome),
}

impl Next {
    /// The same, when no question is open any more.
    pub(super) fn without_questions(self) -> Next {
        if let Next::Question(_) = self { Next::Resume } else { self }
    }
}
