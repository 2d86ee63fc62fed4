use std::num::NonZeroUsize;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::consent::Thresholds;
use crate::dialog::flow;

/// The section `session` of the configuration.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How many calls at once; the next is passed to a person straight away.
    pub max_calls: usize,
    /// How long a question waits for an answer, in milliseconds.
    pub no_input_ms: u64,
    /// How long a consent question waits, in milliseconds.
    pub consent_window_ms: u64,
    /// How long after a digit the next may take, in milliseconds.
    pub inter_digit_ms: u64,
    /// How long after its end a prompt may take to be reported as played, in milliseconds; later, there is no evidence.
    pub evidence_ms: u64,
    /// The confidence that a spoken yes must reach, 0 to 1.
    pub consent_confidence: f32,
    /// How far a spoken yes must be above the noise of its line, in decibels. In more noise the answer is asked for again, and keys are always offered.
    pub consent_above_noise_db: f32,
    /// Whether sound that we paced ourselves counts as heard, for phone systems that report nothing. Twilio reports.
    pub paced_can_grant: bool,
    /// How long the result of a handover is waited for, in minutes.
    pub handover_minutes: u64,
    /// How many lookups of dialogs at once; the next fails straight away, and its dialog goes on as it says.
    pub max_lookups: usize,
    /// How long calls in progress may go on when the server is to end, in seconds; the others are then told that it stops.
    pub drain_seconds: u64,
    /// How long calls in progress may take to end when they have been told that the server stops, in seconds.
    pub stop_seconds: u64,
    /// How much memory the sound of turns that may be kept takes at most, of all calls together, in MB (1,048,576 bytes). A turn for which
    /// there is none left is not kept, and the ledger says so.
    pub turn_memory_mb: NonZeroUsize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_calls: 100,
            no_input_ms: 6_000,
            consent_window_ms: 7_000,
            inter_digit_ms: 4_000,
            evidence_ms: 3_000,
            consent_confidence: 0.85,
            consent_above_noise_db: Thresholds::default().above_noise,
            paced_can_grant: false,
            handover_minutes: 240,
            max_lookups: 50,
            drain_seconds: 120,
            stop_seconds: 40,
            turn_memory_mb: NonZeroUsize::MIN.saturating_add(255),
        }
    }
}

impl Settings {
    /// What a spoken yes must reach.
    pub fn thresholds(&self) -> Thresholds {
        Thresholds { confidence: self.consent_confidence, above_noise: self.consent_above_noise_db, ..Thresholds::default() }
    }

    /// What the flow needs of it.
    pub(super) fn for_flow(
        &self,
        can_hear: impl Iterator<Item = String>,
        offer_languages: bool,
        call_backs: bool,
    ) -> flow::Settings {
        flow::Settings {
            no_input: Duration::from_millis(self.no_input_ms),
            consent_window: Duration::from_millis(self.consent_window_ms),
            inter_digit: Duration::from_millis(self.inter_digit_ms),
            paced_can_grant: self.paced_can_grant,
            thresholds: self.thresholds(),
            can_hear: can_hear.collect(),
            offer_languages,
            call_backs,
            opened: Some(Timestamp::now()),
        }
    }
}
