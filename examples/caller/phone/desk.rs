//! The people the caller may be handed over to, and what the platform tells the server about it.

use std::time::Duration;

use super::twiml::Element;

/// How the simulated desk behaves.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Desk {
    /// Someone answers after `after` and talks for `talks`; then the desk hangs up.
    Answers {
        /// How long the caller waits.
        after: Duration,
        /// How long the conversation lasts.
        talks: Duration,
    },
    /// Nobody answers; the platform gives up after `after`.
    Nobody {
        /// How long the caller waits in vain.
        after: Duration,
    },
    /// The queue takes nobody, the number is busy.
    Full,
    /// The platform cannot carry the verb out.
    Broken,
}

/// What became of a caller at the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeskResult {
    /// They spoke with someone.
    Bridged,
    /// Nobody came.
    Unanswered,
    /// They were told to leave by the document of the waiting room.
    Left,
    /// There was no place.
    Full,
    /// They hung up while waiting or talking.
    HungUp,
    /// The platform failed.
    Failed,
}

impl DeskResult {
    /// How the account says it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Bridged => "the conversation is over",
            Self::Unanswered => "nobody answers",
            Self::Left => "the waiting room sends me back",
            Self::Full => "is full",
            Self::HungUp => "I hung up there",
            Self::Failed => "cannot be reached",
        }
    }

    /// What the platform adds to the request to the verb's `action` (`waited` until someone answered or the wait ended).
    pub fn parameters(self, verb: &Element, waited: Duration, talked: Duration) -> Vec<(String, String)> {
        let pair = |name: &str, value: String| (name.to_owned(), value);
        if verb.name == "Enqueue" {
            let result = match self {
                Self::Bridged => "bridged",
                Self::Unanswered | Self::Left => "leave",
                Self::Full => "queue-full",
                Self::HungUp => "hangup",
                Self::Failed => "system-error",
            };
            let mut parameters = vec![pair("QueueResult", result.to_owned())];
            // Only a call that was in the queue has these two.
            if !matches!(self, Self::Full | Self::Failed) {
                parameters.push(pair("QueueSid", super::new_sid("QU")));
                parameters.push(pair("QueueTime", waited.as_secs().to_string()));
            }
            return parameters;
        }
        let status = match self {
            Self::Bridged => "completed",
            Self::Unanswered | Self::Left => "no-answer",
            Self::Full => "busy",
            Self::HungUp => "canceled",
            Self::Failed => "failed",
        };
        let mut parameters = vec![
            pair("DialCallStatus", status.to_owned()),
            pair("DialCallSid", super::new_sid("CA")),
            pair("DialBridged", (self == Self::Bridged).to_string()),
        ];
        if self == Self::Bridged {
            parameters.push(pair("DialCallDuration", talked.as_secs().to_string()));
        }
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(verb: &str, result: DeskResult) -> Vec<(String, String)> {
        let verb = Element { name: verb.to_owned(), ..Element::default() };
        result.parameters(&verb, Duration::from_millis(2_900), Duration::from_secs(7))
    }

    fn value<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
        parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_queue_tells_its_result_and_its_time_only_to_those_who_were_in_it() {
        let bridged = parameters("Enqueue", DeskResult::Bridged);
        assert_eq!((value(&bridged, "QueueResult"), value(&bridged, "QueueTime")), (Some("bridged"), Some("2")));
        let full = parameters("Enqueue", DeskResult::Full);
        assert_eq!((value(&full, "QueueResult"), value(&full, "QueueTime")), (Some("queue-full"), None));
    }

    #[test]
    fn a_dialled_number_tells_its_status_and_how_long_was_talked() {
        let completed = parameters("Dial", DeskResult::Bridged);
        assert_eq!((value(&completed, "DialCallStatus"), value(&completed, "DialCallDuration")), (Some("completed"), Some("7")));
        let busy = parameters("Dial", DeskResult::Full);
        assert_eq!((value(&busy, "DialCallStatus"), value(&busy, "DialBridged")), (Some("busy"), Some("false")));
        assert_eq!(value(&parameters("Dial", DeskResult::Unanswered), "DialCallStatus"), Some("no-answer"));
    }
}
