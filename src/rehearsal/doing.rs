//! Carrying out what the flow wants, as a session does, with nothing behind it.

use std::collections::VecDeque;
use std::time::Duration;

use super::World;
use super::around::People;
use super::log::What;
use super::world::{Kept, Saying, Turn};
use crate::consent::{ConsentState, Passage, Purpose};
use crate::dialog::flow::{Action, Departure, Erasure, Event, Fact, HandoverEnd, Heard, LeaveReason, PlayId, Trouble, Way};
use crate::dialog::prompt::{Hearing, Line};

/// How long a piece of music lasts.
const MUSIC: Duration = Duration::from_secs(25);
/// How long erasing, storing and finding one's place in the line take.
const A_MOMENT: Duration = Duration::from_millis(100);
/// How long the phone system takes to reach somebody, and to give up.
const ANSWERED: Duration = Duration::from_secs(4);
const NOT_ANSWERED: Duration = Duration::from_secs(30);

impl World {
    pub(super) fn act(&mut self, action: Action, events: &mut VecDeque<Event>) {
        match action {
            Action::Say { play, lines } => self.say_lines(play, lines),
            Action::Hush => {
                self.paused = false;
                for saying in std::mem::take(&mut self.saying) {
                    let ended = self.ended(&saying, Heard::Cut);
                    events.push_back(Event::LineEnded(ended));
                }
            }
            Action::Pause => {
                self.pause();
                self.tell("the agent falls silent".to_owned());
            }
            Action::GoOn => {
                self.go_on_saying();
                let what = self.interruptions.last().map_or("", |what| what.as_str());
                self.tell(format!("the agent goes on where it was ({what})"));
            }
            Action::Interruption(what) => self.interruptions.push(what),
            Action::Listen(expecting) => self.expecting = expecting,
            Action::NextTurn { held } => self.turn = Some(Turn { began: self.now, held, prompts: Vec::new() }),
            Action::EndTurn(passage) => self.end_turn(passage),
            Action::DropTurn => {
                if self.turn.take().is_some_and(|turn| turn.held) {
                    self.tell("this turn is dropped".to_owned());
                }
            }
            Action::Erase { purposes } => self.erase(&purposes),
            Action::Language(language) => self.tell(format!("from here on in `{language}`")),
            Action::Knock(_) => events.push_back(match self.around.people {
                People::PhoneSystem | People::PhoneSystemNobody => Event::PersonThere(Way::PhoneSystem),
                People::Desk => Event::PersonThere(Way::Desk),
                People::Nobody => Event::NobodyThere(HandoverEnd::NobodyAnswered),
                People::Closed => Event::NobodyThere(HandoverEnd::Closed),
                People::Full => Event::NobodyThere(HandoverEnd::QueueFull),
            }),
            Action::Leave(departure) => {
                self.tell(format!("passed to a person ({})", reason_name(departure.reason)));
                self.leave(departure);
            }
            Action::Queue(departure) => {
                self.tell(format!("in the line for a colleague ({})", reason_name(departure.reason)));
                self.departure = Some(departure);
                self.later(A_MOMENT, Event::Place(1));
            }
            Action::QueueAgain => {
                self.with_colleague = false;
                self.later(A_MOMENT, Event::Place(1));
            }
            Action::Unqueue => self.tell("out of the line".to_owned()),
            Action::CallBack { attempt, .. } => {
                self.later(A_MOMENT, Event::CallBackLeft { attempt, stored: true });
            }
            Action::Fetch { attempt, lookup } => self.fetch(attempt, &lookup),
            Action::Trouble(Trouble::Condition) => {
                self.tell("a condition could not be evaluated; its `otherwise` is taken".to_owned());
            }
            Action::Trouble(Trouble::Lookup) => self.tell("a lookup could not be made; its `failed` is taken".to_owned()),
            Action::Note(fact) => self.note(&fact),
            Action::Close(outcome) => {
                self.outcome = Some(outcome);
                self.turn = None;
                self.tell(format!("the call is over ({})", kebab(&outcome)));
            }
        }
    }

    fn say_lines(&mut self, play: PlayId, lines: Vec<Line>) {
        let of_dialog = self.flow.in_dialog();
        for (index, line) in lines.into_iter().enumerate() {
            let (text, length) = if line.is_music() {
                (Some(Default::default()), MUSIC)
            } else {
                let text = self.dialog.texts.text(&self.dialog.file, &line, self.flow.known()).ok();
                let length = text.as_ref().map_or(Duration::ZERO, |text| self.senses.length(&line, text));
                (text, length)
            };
            if let Some(turn) = &mut self.turn {
                turn.prompts.push(line.id.clone());
            }
            let left = length;
            self.saying.push_back(Saying { play, index, line, text, length, left, of_dialog, begun: None, since: self.now });
        }
    }

    fn end_turn(&mut self, passage: Option<Passage>) {
        let Some(turn) = self.turn.take() else { return };
        if let Some(passage) = passage.filter(|_| turn.held) {
            let kept = passage.with(1, turn.began, ());
            let purposes: Vec<Purpose> = kept.terms().iter().map(|terms| terms.purpose.clone()).collect();
            self.tell(format!("this turn is kept for {}", listed(&purposes)));
            self.kept.push(Kept { turn: kept, prompts: turn.prompts, purposes });
        }
    }

    fn erase(&mut self, purposes: &[Purpose]) {
        let mut erased = 0;
        for kept in self.kept.iter_mut().filter(|kept| !kept.purposes.is_empty()) {
            kept.purposes.retain(|purpose| !purposes.contains(purpose));
            erased += usize::from(kept.purposes.is_empty());
        }
        self.tell(format!("what was kept for {} is erased ({})", listed(purposes), turns(erased)));
        let kept = self.kept.iter().any(|kept| !kept.purposes.is_empty());
        self.later(A_MOMENT, Event::Erased(Erasure { complete: true, kept }));
    }

    fn leave(&mut self, departure: Departure) {
        self.departure = Some(departure);
        if self.around.people == People::PhoneSystemNobody {
            self.later(NOT_ANSWERED, Event::HandoverEnded(HandoverEnd::NobodyAnswered));
            self.later(NOT_ANSWERED + A_MOMENT, Event::Returned);
        } else {
            self.later(ANSWERED, Event::HandoverEnded(HandoverEnd::Answered));
        }
    }

    fn note(&mut self, fact: &Fact) {
        match fact {
            Fact::Consent(change) => {
                // What ends with the agent's leaving was chosen all the same.
                if change.to != ConsentState::Expired {
                    self.choices.insert(change.purpose.clone(), change.to);
                }
                self.tell(format!("{}: {}", change.purpose, change.to.as_str()));
            }
            Fact::Answer { purpose, outcome: "too-early", .. } => {
                self.tell(format!("{purpose}: a yes before the question has ended counts for nothing"));
            }
            Fact::RecorderStarted { .. } => {
                self.recorder_on = true;
                self.tell("the recorder is on, from the next turn".to_owned());
            }
            Fact::RecorderStopped { .. } => {
                self.recorder_on = false;
                self.tell("the recorder is off".to_owned());
            }
            Fact::HandoverResult(end) => self.tell(format!("the way to a person: {}", handover_name(*end))),
            _ => {}
        }
    }

    /// What comes by itself, told before the flow makes something of it.
    pub(super) fn arrives(&mut self, event: &Event) {
        match event {
            Event::Place(place) => self.tell(format!("place {place} in the line")),
            Event::CallBackLeft { .. } => self.tell("the number is stored".to_owned()),
            Event::SpeechBegan => self.tell("a voice is noticed".to_owned()),
            Event::Utterance(utterance) => {
                let hearing = if self.around.hears.contains(self.flow.language()) { Hearing::Voice } else { Hearing::Keys };
                if hearing == Hearing::Voice {
                    let percent = (utterance.confidence.clamp(0.0, 1.0) * 100.0) as u8;
                    self.tell(format!("understood: “{}” ({percent} %)", utterance.text.as_str()));
                }
            }
            Event::NotUnderstood => self.tell("nothing was understood".to_owned()),
            Event::EngineFailed => self.tell("the recogniser failed".to_owned()),
            _ => {}
        }
    }

    pub(super) fn tell(&mut self, what: String) {
        self.log.add(self.now, What::Told(what));
    }
}

fn listed(purposes: &[Purpose]) -> String {
    purposes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn turns(count: usize) -> String {
    format!("{count} turn{}", if count == 1 { "" } else { "s" })
}

/// The name of a value as the ledger and the scenario files have it.
pub(super) fn kebab(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

pub(super) fn reason_name(reason: LeaveReason) -> String {
    kebab(&reason)
}

fn handover_name(end: HandoverEnd) -> &'static str {
    match end {
        HandoverEnd::Answered => "somebody has the caller",
        HandoverEnd::NobodyAnswered => "nobody answers",
        HandoverEnd::Busy => "engaged",
        HandoverEnd::QueueFull => "the line is full",
        HandoverEnd::Closed => "closed",
        HandoverEnd::CallerLeft => "the caller hung up while waiting",
        HandoverEnd::WentBack => "the caller went back to the agent",
        HandoverEnd::CallBack => "the caller left a number",
        HandoverEnd::Failed => "it failed",
        HandoverEnd::Unknown => "nothing was heard of it",
    }
}
