//! What the outside tells a session: the phone system's routes, the desk, and the server that stops.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::call::{Call, outcome_of};
use super::calls::Place;
use super::conversation::{DeskEnd, DeskNews};
use super::departure;
use super::mouth::Mouth;
use super::turns::Turns;
use crate::dialog::flow::{Event, HandoverEnd, SessionOutcome};
use crate::handover::Outcome;
use crate::transport::{Inbound, Leg, PeerEnd};

/// How long a caller whom nobody answered may take to come back.
const COMING_BACK: Duration = Duration::from_secs(60);

/// What the outside tells a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum Control {
    /// What became of the handover.
    HandoverEnded(Outcome),
    /// The caller is back, on this leg.
    Returned(ReturnLeg),
    /// The phone system has fetched where the caller goes.
    OnTheWay,
    /// The colleague who has taken the caller from the line is on this leg, and wants to hear how it goes.
    DeskLeg(ReturnLeg, mpsc::Sender<DeskNews>),
    /// The colleague holds the caller, or speaks again.
    DeskHold(bool),
    /// The colleague is mute, or not any more.
    DeskMute(bool),
    /// The colleague leaves the conversation.
    DeskEnd(DeskEnd),
    /// The server is about to stop.
    Stop,
    /// The server stops now: what becomes of a caller who is with a person will not be heard.
    GiveUp,
}

/// A leg, which shows nothing of itself.
pub struct ReturnLeg(pub Leg);

impl std::fmt::Debug for ReturnLeg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReturnLeg")
    }
}

impl Call {
    pub(super) fn control(&mut self, control: Control) {
        match control {
            // Told of a caller whom we still hear: of an earlier life of the call, or wrong.
            Control::HandoverEnded(_) | Control::Returned(_) | Control::OnTheWay if self.leg.is_some() => {
                tracing::warn!(session = %self.session, "the phone system told of a handover while the agent is talking");
            }
            Control::OnTheWay => {
                self.away_until = Some(Instant::now() + Duration::from_secs(60 * self.services.settings.handover_minutes));
            }
            Control::HandoverEnded(outcome) => {
                metrics::counter!("candor_handovers_total", "result" => outcome.as_str()).increment(1);
                if outcome.comes_back() {
                    self.away_until = Some(Instant::now() + COMING_BACK);
                }
                self.take(Event::HandoverEnded(departure::handover_end(outcome)));
            }
            Control::Returned(ReturnLeg(leg)) => {
                self.away_until = None;
                self.services.calls.set(&self.id, Place::Talking);
                self.mouth = Mouth::new(leg.profile, Duration::from_millis(self.services.settings.evidence_ms));
                self.turns = Turns::new(leg.profile.codec, self.services.turn_memory.clone());
                self.codec = leg.profile.codec;
                self.leg = Some(leg);
                self.show_hello();
                let language = self.flow.language().to_owned();
                self.listen_in(&language);
                self.take(Event::Returned);
            }
            Control::DeskLeg(ReturnLeg(leg), news) => self.colleague_comes(leg, news),
            Control::DeskHold(on) => self.hold(on),
            Control::DeskMute(on) => self.at_desk.mute(on),
            Control::DeskEnd(end) => self.colleague_leaves(end),
            Control::Stop => self.take(Event::Stopping),
            Control::GiveUp if self.leg.is_some() => {
                let end = self.end_on_its_way();
                self.gone(end);
            }
            Control::GiveUp => self.give_up(SessionOutcome::Shutdown),
        }
    }

    /// How the leg has ended, where its own word for it has not been read yet.
    fn end_on_its_way(&mut self) -> SessionOutcome {
        let inbound = self.leg.as_mut().map(|leg| &mut leg.inbound);
        let end = inbound.and_then(|inbound| {
            std::iter::from_fn(|| inbound.try_recv().ok()).find_map(|said| match said {
                Inbound::HangUp => Some(PeerEnd::HungUp),
                Inbound::Ended(end) => Some(end),
                _ => None,
            })
        });
        end.map_or(SessionOutcome::Failed, outcome_of)
    }

    /// Nothing was heard of what became of the caller, or nothing can be any more.
    pub(super) fn give_up(&mut self, outcome: SessionOutcome) {
        self.away_until = None;
        self.take(Event::HandoverEnded(HandoverEnd::Unknown));
        self.gone(outcome);
    }
}
