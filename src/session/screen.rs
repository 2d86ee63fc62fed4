//! What a caller with a screen is shown. Truth comes from the flow and from evidence, at the moment it is so; nothing here decides anything.

use std::collections::BTreeMap;

use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, timeout_at};

use super::call::{Call, Work};
use crate::consent::{Change, Purpose};
use crate::dialog::flow::{Ended, Event, Expected, Fact, Heard, PlayId, Role, SessionOutcome, Stage, StopReason};
use crate::dialog::prompt::{Hearing, Line, Slots};
use crate::recording::TurnFate;
use crate::transport::{Keeping, LineRole, Notice, Outbound, PurposeNotice};

/// Of this schema.
const VERSION: u32 = 1;
/// How long the end of a call waits for the word that its last turns are on disk.
const LAST_TURNS: Duration = Duration::from_secs(1);

/// What was shown last of what changes only now and then.
#[derive(Default)]
pub(super) struct Screen {
    stage: Option<Stage>,
    expected: Option<Expected>,
    /// The running turn.
    pub(super) turn: u32,
    /// Of how many turns it is not known yet whether they are kept.
    pub(super) untold: u32,
}

impl Screen {
    /// What is shown next is shown whole.
    pub(super) fn forget(&mut self) {
        (self.stage, self.expected) = (None, None);
    }
}

impl Call {
    /// Shows something, where there is a screen. A page that does not read loses it.
    pub(super) fn show(&self, notice: Notice) {
        let Some(leg) = self.leg.as_ref().filter(|leg| leg.profile.shows) else { return };
        if leg.outbound.try_send(Outbound::Tell(Box::new(notice))).is_err() {
            metrics::counter!("candor_notices_dropped_total").increment(1);
        }
    }

    pub(super) fn shows(&self) -> bool {
        self.leg.as_ref().is_some_and(|leg| leg.profile.shows)
    }

    pub(super) fn show_hello(&mut self) {
        if !self.shows() {
            return;
        }
        let file = &self.dialog.file;
        let language = self.flow.language().to_owned();
        let hears = self.services.recognisers.hears(&language);
        let purposes = self.flow.consents().terms().map(|terms| PurposeNotice {
            purpose: terms.purpose.to_string(),
            label: self.purpose_labels(&terms.purpose),
            basis: terms.basis.as_str(),
            retention_days: terms.retention.as_secs() / 86_400,
        });
        let hello = Notice::Hello {
            version: VERSION,
            session: self.session.to_string(),
            dialog: file.dialog.value.clone(),
            organisation: file.organisation.name.value.clone(),
            notice: file.organisation.privacy_notice.url.value.clone(),
            languages: file.languages.iter().map(|l| l.value.clone()).collect(),
            purposes: purposes.collect(),
            language,
            hears,
        };
        self.show(hello);
        self.screen.forget();
    }

    fn purpose_labels(&self, purpose: &Purpose) -> BTreeMap<String, String> {
        let languages = self.dialog.file.languages.iter().map(|l| &l.value);
        let label = |language: &String| {
            let line = Line {
                id: format!("purpose-{purpose}"),
                language: language.clone(),
                hearing: Hearing::Keys,
                purpose: None,
                slots: false,
                place: None,
            };
            let text = self.dialog.texts.text(&self.dialog.file, &line, &Slots::default()).ok()?;
            Some((language.clone(), text.to_string()))
        };
        languages.filter_map(label).collect()
    }

    /// After every event: where the call is and what it waits for, when that has changed.
    pub(super) fn show_stage(&mut self) {
        let (stage, expected) = (self.flow.stage(), self.flow.expected());
        if self.screen.stage.replace(stage) != Some(stage) {
            self.show(Notice::Phase { phase: stage });
            // A page forgets the place when the caller is elsewhere.
            if let Some(place) = self.flow.place() {
                self.show(Notice::Queue { place });
            }
        }
        if self.screen.expected.replace(expected) != Some(expected) {
            self.show(Notice::Expecting { answer: expected });
        }
    }

    /// The caller has chosen a language. Where it cannot be followed now, the page hears which one is spoken still.
    pub(super) fn language_chosen(&mut self, chosen: String) {
        self.take(Event::ChooseLanguage(chosen.clone()));
        let language = self.flow.language().to_owned();
        if language != chosen {
            let hears = self.services.recognisers.hears(&language);
            self.show(Notice::Language { language, hears });
        }
    }

    /// A line begins to be heard. What has no words is not shown.
    pub(super) fn show_saying(&self, play: PlayId, index: usize) {
        if !self.shows() {
            return;
        }
        let Some((line, role)) = self.flow.line_of(play, index).filter(|(line, _)| !line.is_music()) else { return };
        // What the caller gave is not shown, not even to them: others may see the screen.
        let masked = self.flow.known().masked();
        let text = self.dialog.texts.text(&self.dialog.file, line, &masked).map(|text| text.to_string()).unwrap_or_default();
        let duration = self.mouth.duration(play, index).unwrap_or_default();
        self.show(Notice::Saying {
            line: number(play, index),
            prompt: line.id.clone(),
            text,
            language: line.language.clone(),
            role: match role {
                Role::Disclosure => LineRole::Disclosure,
                Role::Question(_) => LineRole::Question,
                Role::Other => LineRole::Other,
            },
            duration_ms: duration.as_millis() as u64,
        });
    }

    pub(super) fn show_heard(&self, play: PlayId, index: usize, percent: u8) {
        self.show(Notice::Heard { line: number(play, index), percent });
    }

    pub(super) fn show_said(&self, ended: &Ended) {
        let line = self.flow.line_of(ended.play, ended.index);
        if ended.began.is_none() || line.is_some_and(|(line, _)| line.is_music()) {
            return;
        }
        let outcome = match ended.heard {
            Heard::Complete(_) => "heard",
            Heard::Garbled => "garbled",
            Heard::Cut => "cut",
            Heard::Failed => "failed",
            Heard::NoEvidence => "no-evidence",
        };
        let watched = line.is_some_and(|(_, role)| *role != Role::Other);
        if watched && outcome == "heard" {
            self.show_heard(ended.play, ended.index, 100);
        }
        self.show(Notice::Said { line: number(ended.play, ended.index), outcome });
    }

    pub(super) fn show_fact(&self, fact: &Fact) {
        let notice = match fact {
            Fact::Answer { purpose, outcome, .. } => Notice::Answer { purpose: purpose.to_string(), outcome },
            Fact::Consent(Change { purpose, basis, to, .. }) => {
                Notice::Consent { purpose: purpose.to_string(), basis: basis.as_str(), state: to.as_str() }
            }
            Fact::RecorderStarted { .. } => Notice::Recorder { on: true, reason: None },
            Fact::RecorderStopped { reason, .. } => Notice::Recorder { on: false, reason: Some(stop_name(*reason)) },
            _ => return,
        };
        self.show(notice);
    }

    pub(super) fn show_turn(&mut self, held: bool) {
        self.screen.turn += 1;
        self.show(Notice::Turn { turn: self.screen.turn, recording: held });
    }

    /// The running turn has ended, and is not given to the recorder.
    pub(super) fn show_not_kept(&self) {
        self.show(Notice::TurnEnded { turn: self.screen.turn, kept: Keeping::NotKept });
    }

    pub(super) fn show_fate(&self, turn: u32, fate: TurnFate) {
        let kept = match fate {
            TurnFate::Sealed => Keeping::Kept,
            TurnFate::Withdrawn => Keeping::NotKept,
            TurnFate::Lost => Keeping::Lost,
        };
        self.show(Notice::TurnEnded { turn, kept });
    }

    /// The last word, after that on the last turns. Where the disk is slow the page says that it does not know.
    pub(super) async fn show_end(&mut self, outcome: SessionOutcome, mut works: mpsc::Receiver<Work>) {
        let until = Instant::now() + LAST_TURNS;
        while self.shows() && self.screen.untold > 0 {
            match timeout_at(until, works.recv()).await {
                Ok(Some(work)) => self.work_done(work),
                _ => break,
            }
        }
        self.show(Notice::Ended { outcome: super::evidence::outcome_name(outcome) });
    }
}

/// A line's number over the whole call: no play has a hundred lines.
fn number(play: PlayId, index: usize) -> u64 {
    play.0 * 100 + index as u64
}

/// The ledger's word for why the recorder stopped.
pub(super) fn stop_name(reason: StopReason) -> &'static str {
    match reason {
        StopReason::Withdrawn => "withdrawn",
        StopReason::Handover => "handover",
        StopReason::Language => "language",
        StopReason::Lapsed => "lapsed",
        StopReason::Ended => "ended",
        StopReason::Failed => "failed",
    }
}
