use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a ledger can say. Never what the caller said, no numbers, no path through the dialog (design rule 7).
///
/// Times in the session are milliseconds since its beginning; hashes are lower-case hexadecimal SHA-256.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A call came in.
    #[serde(rename = "session.opened")]
    SessionOpened {
        /// `twilio`, …
        transport: String,
        /// The dialog's name.
        dialog: String,
        /// SHA-256 over the dialog file and its prompts.
        dialog_version: String,
        /// BCP 47.
        language: String,
        /// The version of the privacy notice that the disclosure points to.
        privacy_notice: String,
        /// This server's version.
        software: String,
    },
    /// One of the prompts that open a session was said, and this is how it ended.
    #[serde(rename = "disclosure")]
    Disclosure(Prompted),
    /// A consent question was put, and this is how saying it ended.
    #[serde(rename = "question")]
    Question {
        /// For which purpose.
        purpose: String,
        /// What was said and how it ended.
        #[serde(flatten)]
        prompted: Prompted,
    },
    /// What came back to the question. The words of a refusal are nobody's business: `outcome` alone.
    #[serde(rename = "answer")]
    Answer {
        /// For which purpose.
        purpose: String,
        /// `given`, `refused`, `silence`, `unclear`, `too-early`, `hung-up`.
        outcome: String,
        /// `key`, `speech`, `none`.
        method: String,
        /// The key, where one was pressed.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        key: Option<char>,
        /// For a grant by speech: the entry of the answer grammar and the grammar's version.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        grammar_entry: Option<String>,
        /// For a grant by speech: the recogniser's confidence in percent.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        confidence_percent: Option<u8>,
        /// Milliseconds since the session began.
        at_ms: u64,
    },
    /// The state of a purpose changed.
    #[serde(rename = "consent")]
    Consent {
        /// Of which purpose.
        purpose: String,
        /// On which basis.
        basis: String,
        /// The state before.
        from: String,
        /// The state now.
        to: String,
        /// Milliseconds since the session began.
        at_ms: u64,
    },
    /// From here on turns may be kept.
    #[serde(rename = "recorder.started")]
    RecorderStarted {
        /// For which purposes.
        purposes: Vec<String>,
        /// Milliseconds since the session began.
        at_ms: u64,
    },
    /// From here on nothing is kept.
    #[serde(rename = "recorder.stopped")]
    RecorderStopped {
        /// `withdrawn`, `handover`, `language`, `ended`, `failed`.
        reason: String,
        /// Milliseconds since the session began.
        at_ms: u64,
        /// Whether a running turn was dropped.
        turn_dropped: bool,
    },
    /// The phone system's own recorder was told something, and this is what it answered. Its files are the phone system's.
    #[serde(rename = "pbx-recorder")]
    PbxRecorder {
        /// `start`, `stop`, `erase`.
        order: String,
        /// `granted`, `withdrawn`, `handover`, `language`, `lapsed`, `ended`, `failed`, `turn-not-held`.
        reason: String,
        /// For which purpose it was started.
        purpose: String,
        /// The file, as the phone system was told it; absent where it was not started.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        file: Option<String>,
        /// `done`, or why not: `unreachable`, `timed-out`, `refused`, `no-such-channel`, `not-possible`, `not-configured`, `unsendable`.
        answer: String,
        /// When it was told, milliseconds since the session began.
        at_ms: u64,
        /// When the answer was there.
        answered_ms: u64,
    },
    /// A turn was sealed and stored.
    #[serde(rename = "turn.sealed")]
    TurnSealed {
        /// Which turn of the session, from 1.
        turn: u32,
        /// Which part of it, from 1.
        part: u32,
        /// SHA-256 of the sealed file.
        sha256: String,
        /// Its length in bytes.
        bytes: u64,
        /// When the turn began, milliseconds since the session began.
        began_ms: u64,
        /// When it ended.
        ended_ms: u64,
        /// Purpose to the moment (RFC 3339, UTC) at which its wrap will be deleted.
        purposes: std::collections::BTreeMap<String, String>,
    },
    /// A turn that could have been kept was not: the disk, the ledger or the index failed. Nothing of it was written.
    #[serde(rename = "turn.lost")]
    TurnLost {
        /// Which turn.
        turn: u32,
        /// What failed, without the words of the failure.
        reason: String,
    },
    /// Wraps were deleted; a turn without a wrap is gone.
    #[serde(rename = "wraps.deleted")]
    WrapsDeleted {
        /// Of which purpose.
        purpose: String,
        /// `withdrawn`, `erased`, `retention`.
        reason: String,
        /// How many wraps were deleted.
        wraps: u64,
        /// How many turns lost their last wrap and were deleted.
        turns: u64,
        /// How many were kept because a hold stands on them.
        held: u64,
    },
    /// The call is being passed to a person.
    #[serde(rename = "handover.requested")]
    HandoverRequested {
        /// The name of the target in the configuration.
        target: String,
        /// `asked`, `refused`, `no-input`, `no-match`, `engine-failed`, `dialog`, `shutdown`.
        reason: String,
        /// The same for every caller: proves that refusing costs nothing.
        priority: i64,
        /// Milliseconds since the session began.
        at_ms: u64,
    },
    /// What became of it.
    #[serde(rename = "handover.result")]
    HandoverResult {
        /// The name of the target.
        target: String,
        /// See `handover::Outcome`.
        result: String,
        /// Milliseconds since the session began.
        at_ms: u64,
    },
    /// The session is over.
    #[serde(rename = "session.closed")]
    SessionClosed {
        /// `finished`, `handed-over`, `caller-hung-up`, `connection-lost`, `refused-by-limit`, `failed`, `shutdown`.
        outcome: String,
        /// How many turns were sealed.
        turns_sealed: u32,
        /// Milliseconds since the session began.
        at_ms: u64,
    },
    /// The server found this session open when it started: it crashed in it. What was not sealed is gone.
    #[serde(rename = "session.lost")]
    SessionLost {},
    /// The ledger could not be written to the session's end; this stands there since it could be again. The call went on unrecorded.
    #[serde(rename = "session.unwritten")]
    SessionUnwritten {
        /// How many entries are missing. What was deleted or lost meanwhile is not among them: it stands before this.
        entries: u64,
    },
    /// A line that a crash or a full disk left unfinished was cut off; what came after goes on from the line before it.
    #[serde(rename = "ledger.repaired")]
    LedgerRepaired {
        /// How many bytes were cut.
        bytes_cut: u64,
    },
    /// Somebody used recordings: the chain of accesses.
    #[serde(rename = "access")]
    Access {
        /// `list`, `show`, `export`, `erase`, `hold`, `release`.
        action: String,
        /// Which session; absent for a list.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        session: Option<String>,
        /// For which purpose.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        purpose: Option<String>,
        /// Why, in the words of the one who did it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<String>,
        /// The user of the operating system who did it.
        actor: String,
        /// `done`, `refused: …`, `failed: …`.
        outcome: String,
    },
    /// Anything a later version says; kept so that an older `verify` can still read the chain.
    #[serde(untagged)]
    Other(Value),
}

/// A prompt that was said, with the proof of what it was and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Prompted {
    /// The prompt's id.
    pub prompt: String,
    /// BCP 47.
    pub language: String,
    /// SHA-256 of the text, UTF-8.
    pub text_sha256: String,
    /// SHA-256 of the sound as sent, in the leg's codec.
    pub audio_sha256: String,
    /// How long the sound lasts, in milliseconds.
    pub audio_ms: u64,
    /// When the first frame was sent, milliseconds since the session began.
    pub began_ms: u64,
    /// When it ended or was cut.
    pub ended_ms: u64,
    /// `heard`, `cut`, `failed`, `no-evidence`.
    pub outcome: String,
    /// `peer` or `paced`, where it was heard.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<String>,
}

impl Event {
    /// Whether a signed checkpoint follows this event at once, instead of within thirty seconds.
    pub fn is_checkpointed(&self) -> bool {
        matches!(
            self,
            Event::SessionOpened { .. }
                | Event::Consent { .. }
                | Event::TurnSealed { .. }
                | Event::WrapsDeleted { .. }
                | Event::HandoverRequested { .. }
                | Event::HandoverResult { .. }
                | Event::LedgerRepaired { .. }
        ) || self.is_end()
    }

    /// Whether a session is over with this event. Deletions may still follow it.
    pub fn is_end(&self) -> bool {
        matches!(self, Event::SessionClosed { .. } | Event::SessionLost {} | Event::SessionUnwritten { .. })
    }

    /// Whether it tells what became of sound that was kept: never left out, however late it can be written.
    pub(super) fn is_of_kept_sound(&self) -> bool {
        matches!(self, Event::TurnLost { .. } | Event::WrapsDeleted { .. })
    }

    /// The event's name as it stands in the ledger: `session.opened`, …
    pub fn name(&self) -> String {
        let name = serde_json::to_value(self).ok().and_then(|value| value.get("type")?.as_str().map(str::to_owned));
        name.unwrap_or_else(|| "unknown".to_owned())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_of_a_later_version_is_read_and_kept_as_it_is() {
        let later = json!({ "type": "weather.changed", "to": "rain" });
        let event: Event = serde_json::from_value(later.clone()).unwrap();
        assert_eq!(event, Event::Other(later.clone()));
        assert_eq!((serde_json::to_value(&event).unwrap(), event.name().as_str()), (later, "weather.changed"));
    }

    #[test]
    fn names_are_written_with_hyphens_and_absent_values_not_at_all() {
        let event = Event::Answer {
            purpose: "service-quality".into(),
            outcome: "refused".into(),
            method: "speech".into(),
            key: None,
            grammar_entry: None,
            confidence_percent: None,
            at_ms: 31_000,
        };
        let written = json!({
            "type": "answer", "purpose": "service-quality", "outcome": "refused", "method": "speech", "at-ms": 31_000
        });
        assert_eq!(serde_json::to_value(&event).unwrap(), written);
        assert_eq!(serde_json::from_value::<Event>(written).unwrap(), event);
    }
}
