//! Carrying out what the flow wants: saying, keeping, erasing, passing on, writing down.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::call::{Call, FETCHING, Work};
use super::calls::Place;
use super::mouth::prompt_key;
use super::screen::stop_name;
use super::{departure, evidence};
use crate::consent::{ConsentedTurn, Purpose, SessionTime};
use crate::dialog::flow::{Action, Departure, Erasure, Event, Fact, HandoverEnd, LeaveReason, PlayId, Role, Trouble, Way};
use crate::dialog::prompt::Line;
use crate::episode::Episodes;
use crate::handover::TargetKind;
use crate::handover::desk::Staffing;
use crate::ledger;
use crate::recording::{TurnAudio, TurnFate};
use crate::speech::Spoken;
use crate::speech::stt::Expectation;
use crate::transport::{Leg, Notice, Outbound};

/// Of all sessions together.
static FAULTS: Episodes = Episodes::new();

impl Call {
    pub(super) fn act(&mut self, action: Action, now: SessionTime) {
        match action {
            Action::Say { play, lines } => self.say(play, lines),
            Action::Hush => {
                let cut = self.mouth.hush(now);
                self.events.extend(cut.into_iter().map(Event::LineEnded));
            }
            Action::Pause => self.mouth.pause(now),
            Action::GoOn => self.mouth.go_on(),
            Action::Interruption(what) => {
                metrics::counter!("candor_interruptions_total", "came_of_it" => what.as_str()).increment(1);
            }
            Action::Listen(expecting) => {
                self.hear_again();
                if let Some((ears, _)) = &self.ears {
                    ears.expect(Expectation::of(expecting));
                }
            }
            Action::NextTurn { held } => {
                self.turns.begin(held, now);
                if let Some(recorder) = &mut self.pbx_recorder {
                    recorder.turn(held);
                }
                self.show_turn(held);
                if self.flow.in_dialog() {
                    self.counting.turn();
                }
            }
            Action::EndTurn(passage) => {
                if passage.is_some() && self.turns.was_given_up() {
                    self.recorder.had_no_memory(self.screen.turn);
                }
                match self.turns.end(passage) {
                    Some(turn) => self.keep(turn, Some(self.screen.turn)),
                    None => self.show_not_kept(),
                }
            }
            Action::DropTurn => {
                self.turns.drop_running();
                self.show_not_kept();
            }
            Action::Erase { purposes } => self.erase(purposes),
            Action::Language(language) => {
                self.listen_in(&language);
                let hears = self.services.recognisers.hears(&language);
                self.show(Notice::Language { language, hears });
            }
            Action::Knock(reason) => self.knock(reason),
            Action::Leave(departure) => self.leave(departure),
            Action::Queue(departure) => self.queue(departure),
            Action::QueueAgain => self.queue_again(),
            Action::Unqueue => self.unqueue(),
            Action::CallBack { attempt, number } => self.call_back(attempt, number),
            Action::Fetch { attempt, lookup } => self.look_up(attempt, lookup),
            Action::Trouble(trouble) => self.trouble(trouble),
            Action::Note(fact) => self.note(fact, now),
            Action::Close(outcome) => {
                self.outcome = Some(outcome);
                self.services.calls.set(&self.id, Place::Ended(outcome, std::time::Instant::now()));
            }
        }
    }

    pub(super) fn say(&mut self, play: PlayId, lines: Vec<Line>) {
        for (index, line) in lines.into_iter().enumerate() {
            let ready = self.fixed_sound(&line);
            if ready.is_none() {
                self.render(play, index, &line);
            }
            let opening = self.flow.line_of(play, index).is_some_and(|(_, role)| *role != Role::Other);
            let watched = opening && self.leg.as_ref().is_some_and(|leg| leg.profile.shows);
            self.mouth.say(play, index, ready, watched);
        }
    }

    pub(super) fn fixed_sound(&self, line: &Line) -> Option<Arc<Spoken>> {
        if line.is_music() {
            return self.script.sounds.music(self.codec);
        }
        let key = prompt_key(&self.dialog.file.dialog.value, line);
        if line.slots { None } else { self.script.sounds.get(self.codec, &line.language, &key) }
    }

    /// A text with slots: rendered on another task, kept nowhere.
    pub(super) fn render(&self, play: PlayId, index: usize, line: &Line) {
        let text = self.dialog.texts.text(&self.dialog.file, line, self.flow.known());
        let (script, work) = (self.script.clone(), self.work.clone());
        let (session, prompt, language) = (self.session, line.id.clone(), line.language.clone());
        let codec = self.codec;
        tokio::spawn(async move {
            let spoken = match text {
                Ok(text) => script.sounds.render(codec, &language, &text).await.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = &spoken {
                metrics::counter!("candor_render_failures_total").increment(1);
                tracing::debug!(%session, prompt, language, error, "a prompt could not be rendered");
                if let Some(times) = FAULTS.met("render") {
                    tracing::error!(
                        prompt,
                        language,
                        error,
                        times,
                        "texts with a caller's values cannot be spoken: callers are asked again or offered a person. See whether speech.espeak.program runs"
                    );
                }
            } else if let Some(times) = FAULTS.over("render") {
                tracing::info!(times, "texts with a caller's values can be spoken again");
            }
            let _ = work.send(Work::Rendered(play, index, spoken.ok())).await;
        });
    }

    /// Gives a turn to the recorder. `shown`: the turn whose fate is shown, with its last part.
    pub(super) fn keep(&mut self, turn: ConsentedTurn<TurnAudio>, shown: Option<u32>) {
        // What cannot be taken is written down as lost, and the recorder reports that it failed.
        let fate = self.recorder.keep(turn);
        let Some(shown) = shown.filter(|_| self.shows()) else { return };
        self.screen.untold += 1;
        let work = self.work.clone();
        tokio::spawn(async move {
            let fate = match fate {
                Ok(fate) => fate.await.unwrap_or(TurnFate::Lost),
                Err(_) => TurnFate::Lost,
            };
            let _ = work.send(Work::Stored(shown, fate)).await;
        });
    }

    pub(super) fn erase(&mut self, purposes: Vec<Purpose>) {
        let obeyed = self.pbx_recorder.as_mut().map(|recorder| recorder.withdrawn(&purposes));
        let (work, session) = (self.work.clone(), self.session);
        let withdrawn = self.recorder.withdraw(&purposes);
        tokio::spawn(async move {
            let erasure = match withdrawn.await {
                Ok(erased) => Erasure { complete: true, kept: erased.kept > 0 },
                Err(error) => {
                    metrics::counter!("candor_erase_failures_total").increment(1);
                    tracing::debug!(%session, %error, "a withdrawal could not be carried out in full");
                    if let Some(times) = FAULTS.met("erase") {
                        tracing::error!(%error, times, "withdrawals cannot be carried out in full; each is tried again before its call ends");
                    }
                    Erasure { complete: false, kept: false }
                }
            };
            // Nobody is told that it is done while the phone system still writes.
            if let Some(obeyed) = obeyed {
                obeyed.await;
            }
            let _ = work.send(Work::Erased(erasure)).await;
        });
    }

    pub(super) fn target_name(&self) -> &str {
        &self.dialog.file.handover.value.to.value
    }

    /// Whether a person can be reached now, and how.
    pub(super) fn knock(&mut self, reason: LeaveReason) {
        let target = self.services.targets.get(self.target_name());
        let answer = match target.filter(|target| target.is_open(Timestamp::now())) {
            None => Event::NobodyThere(HandoverEnd::Closed),
            // The desk goes with this server.
            Some(target) if target.kind == TargetKind::Desk && reason == LeaveReason::Shutdown => {
                Event::NobodyThere(HandoverEnd::Failed)
            }
            Some(target) if target.kind == TargetKind::Desk => {
                match self.services.desk.staffed(&target.name, self.flow.language()) {
                    Staffing::Staffed => Event::PersonThere(Way::Desk),
                    Staffing::Nobody => Event::NobodyThere(HandoverEnd::NobodyAnswered),
                    Staffing::Full => Event::NobodyThere(HandoverEnd::QueueFull),
                }
            }
            Some(_) => Event::PersonThere(Way::PhoneSystem),
        };
        self.events.push_back(answer);
    }

    /// The agent leaves: the recorder has stopped, the request lies ready, and only then the leg closes.
    pub(super) fn leave(&mut self, departure: Departure) {
        let request = departure::request(self.session, self.target_name(), departure);
        self.services.calls.set(&self.id, Place::Leaving(Box::new(request)));
        self.away_until = Some(Instant::now() + FETCHING);
        self.end_leg();
        self.ears = None;
    }

    pub(super) fn end_leg(&mut self) {
        let Some(leg) = self.leg.take() else { return };
        // A full channel is closed by dropping it, which the transport takes for the same.
        let end = |leg: Leg| drop(leg.outbound.try_send(Outbound::End));
        match &mut self.pbx_recorder {
            // The phone system's recorder stops before the caller is let go, too.
            Some(recorder) => {
                let stopped = recorder.stop("handover");
                tokio::spawn(async move {
                    stopped.await;
                    end(leg);
                });
            }
            None => end(leg),
        }
    }

    pub(super) fn note(&mut self, fact: Fact, now: SessionTime) {
        self.counting.note(&fact);
        if let Fact::Consent(change) = &fact {
            self.consent_at_desk(change);
        }
        self.show_fact(&fact);
        let spoken = match &fact {
            Fact::Disclosure(prompted) | Fact::Question(_, prompted) => self.fixed_sound(&prompted.line),
            _ => None,
        };
        if let (Fact::RecorderStopped { reason, .. }, Some(recorder)) = (&fact, &mut self.pbx_recorder) {
            recorder.gate_closed(stop_name(*reason));
        }
        if let Fact::Answer { outcome, .. } = &fact {
            metrics::counter!("candor_consent_answers_total", "outcome" => *outcome).increment(1);
        }
        let target = self.target_name();
        let priority = self.services.targets.get(target).map_or(0, |target| target.priority);
        self.append(evidence::event(fact, spoken.as_deref(), target, priority, now.millis()));
    }

    /// The call goes on; whoever wrote the dialog wants to know.
    fn trouble(&self, trouble: Trouble) {
        let dialog = &self.dialog.file.dialog.value;
        let (kind, what) = match trouble {
            Trouble::Condition => ("condition", "a condition could not be evaluated; its `otherwise` was taken"),
            Trouble::Lookup => ("lookup", "a lookup could not be made or was never answered; its `failed` was taken"),
        };
        metrics::counter!("candor_dialog_trouble_total", "kind" => kind).increment(1);
        tracing::error!(session = %self.session, dialog, "{what}");
    }

    /// A ledger that cannot take it reports that itself, and the recorder stops.
    pub(super) fn append(&self, event: ledger::Event) {
        if let Err(error) = self.ledger.append(event) {
            tracing::debug!(session = %self.session, %error, "the ledger could not take an entry");
        }
    }
}
