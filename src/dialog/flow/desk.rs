//! Waiting for a colleague at the desk: the caller hears their place and music, can go on with the agent, or can leave a number to be called
//! back on. Every grant has ended before the waiting begins, so nothing of it is kept.

use zeroize::Zeroizing;

use super::*;

/// Music between two announcements of the same place.
const PIECES: u32 = 3;
/// The fewest and the most digits of a number that can be called (ITU-T E.164 has 15 at most).
const DIGITS: std::ops::RangeInclusive<usize> = 6..=15;
/// How often a number is asked for before the caller goes on waiting without leaving one.
const TRIES: u32 = 3;
/// The slot of a number that is being left; no dialog can name it.
pub(super) const NUMBER: &str = "call-back-number";

/// A caller who waits for a colleague, or was told that nobody is there.
#[derive(Debug)]
pub(super) struct Waiting {
    reason: LeaveReason,
    /// Whether the caller is in the line.
    in_line: bool,
    place: Option<u32>,
    /// The place that was last said.
    told: Option<u32>,
    /// Pieces of music since then.
    pieces: u32,
}

/// A number that is being left.
#[derive(Debug)]
pub(super) struct CallBack {
    stage: Stage,
    tries: u32,
}

enum Stage {
    /// Digits, as far as they have come.
    Number(Zeroizing<String>),
    /// Yes or no to the number that was read back.
    Confirm,
    /// Being sealed and stored.
    Storing,
}

/// Never shows a digit.
impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stage::Number(_) => "Number(_)",
            Stage::Confirm => "Confirm",
            Stage::Storing => "Storing",
        })
    }
}

impl CallBack {
    pub(super) fn expected(&self) -> Expected {
        match self.stage {
            Stage::Number(_) => Expected::Digits,
            Stage::Confirm => Expected::YesNo,
            Stage::Storing => Expected::Nothing,
        }
    }

    pub(super) fn takes_digits(&self) -> bool {
        matches!(self.stage, Stage::Number(_))
    }
}

impl Flow {
    // ---- in the line ----

    /// The caller goes into the line for the desk; every grant has ended.
    pub(super) fn queue(&mut self, departure: Departure) {
        self.waiting = Some(Waiting { reason: departure.reason, in_line: true, place: None, told: None, pieces: 0 });
        self.actions.push(Action::Queue(departure));
        self.wait();
    }

    /// Waits on: the place (once it is known) and what can be done, then music.
    pub(super) fn wait(&mut self) {
        let Some(waiting) = &mut self.waiting else { return self.resume() };
        waiting.pieces = 0;
        waiting.told = waiting.place;
        let (in_line, place) = (waiting.in_line, waiting.place);
        self.next_turn(TurnKind::Engine);
        self.phase = Phase::Waiting;
        self.listen(false, &[]);
        let mut lines = Vec::new();
        if let (true, Some(place)) = (in_line, place) {
            lines.push(Line { place: Some(place), ..self.line("queue-place") });
        }
        if in_line && place.is_none() {
            // The place comes in a moment; until then there is music.
            lines.push(self.line("hold-music"));
        } else {
            lines.push(self.line(if self.settings.call_backs { "queue-choices-call-back" } else { "queue-choices" }));
            lines.extend(in_line.then(|| self.line("hold-music")));
        }
        self.say(lines.into_iter().map(|line| (line, Role::Other)).collect());
    }

    /// The caller's place is known, or has changed.
    pub(super) fn in_line(&mut self, place: u32) {
        let Some(waiting) = &mut self.waiting else { return };
        let first = waiting.place.replace(place).is_none();
        // The first is said at once, later ones after the piece that is playing.
        if first && matches!(self.phase, Phase::Waiting) {
            self.hush();
            self.wait();
        }
    }

    pub(super) fn waiting_said(&mut self) {
        let Some(waiting) = &mut self.waiting else { return };
        if !waiting.in_line {
            self.deadline = Some(self.now + self.settings.no_input);
            return;
        }
        waiting.pieces += 1;
        if waiting.pieces >= PIECES || waiting.told != waiting.place {
            return self.wait();
        }
        self.music();
    }

    /// Told that nobody is there, and nothing chosen: the agent goes on.
    pub(super) fn waiting_silent(&mut self) {
        self.back_to_agent("handover-back");
    }

    fn music(&mut self) {
        let line = self.line("hold-music");
        self.say(vec![(line, Role::Other)]);
    }

    pub(super) fn key_while_waiting(&mut self, key: char) {
        match key {
            '1' => self.go_on_with_agent(),
            '2' if self.settings.call_backs => self.leave_number(),
            _ => {}
        }
    }

    /// The caller would rather go on with the agent than wait.
    pub(super) fn go_on_with_agent(&mut self) {
        if self.leave_line() {
            self.note(Fact::HandoverResult(HandoverEnd::WentBack));
        }
        self.hush();
        self.back_to_agent("handover-back");
    }

    fn back_to_agent(&mut self, id: &str) {
        let reason = self.waiting.take().map_or(LeaveReason::Asked, |waiting| waiting.reason);
        self.back_to_dialog(reason);
        self.pass(&[id], Next::Resume);
    }

    pub(super) fn is_in_line(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.in_line)
    }

    pub(super) fn known_place(&self) -> Option<u32> {
        self.waiting.as_ref().and_then(|waiting| waiting.place)
    }

    /// Takes the caller out of the line; `false` when they were not in it.
    pub(super) fn leave_line(&mut self) -> bool {
        let was_in = self.waiting.as_mut().is_some_and(|waiting| std::mem::take(&mut waiting.in_line));
        if was_in {
            self.actions.push(Action::Unqueue);
        }
        was_in
    }

    /// Nobody is left who could take the caller, or it has taken too long.
    pub(super) fn nobody_takes(&mut self, why: HandoverEnd) {
        if !self.leave_line() {
            return;
        }
        self.note(Fact::HandoverResult(why));
        self.departures += 1;
        // Who is leaving a number is not interrupted.
        if matches!(self.phase, Phase::CallBack(_) | Phase::Lapsed(absence::Broken::CallBack { .. })) {
            return;
        }
        self.hush();
        self.pass(&["handover-nobody"], Next::Wait);
    }

    /// Nobody is at the desk: the caller can leave a number, or go on with the agent.
    pub(super) fn offer_call_back(&mut self, reason: LeaveReason, text: &str) {
        self.waiting = Some(Waiting { reason, in_line: false, place: None, told: None, pieces: 0 });
        self.pass(&[text], Next::Wait);
    }

    // ---- with a colleague ----

    /// A colleague and the caller hear each other. The recorder stopped before the waiting began.
    pub(super) fn connected(&mut self) {
        let Some(waiting) = &mut self.waiting else { return };
        waiting.in_line = false;
        let reason = waiting.reason;
        self.untold = None;
        self.hush();
        self.end_turn();
        self.deadline = None;
        self.prefix = None;
        self.phase = Phase::Away(reason);
    }

    /// Whether a colleague at the desk has the caller.
    pub(super) fn is_with_colleague(&self) -> bool {
        matches!(self.phase, Phase::Away(_)) && self.waiting.is_some()
    }

    /// The colleague holds the caller, who hears music meanwhile.
    pub(super) fn held(&mut self, on: bool) {
        if self.is_with_colleague() {
            self.hush();
            if on {
                self.music();
            }
        }
    }

    pub(super) fn music_ended(&mut self) {
        if self.is_with_colleague() {
            self.music();
        }
    }

    pub(super) fn given_back(&mut self) {
        if !self.is_with_colleague() {
            return;
        }
        self.note(Fact::HandoverResult(HandoverEnd::Answered));
        self.hush();
        if self.stopping {
            return self.leave_stopping_desk();
        }
        self.back_to_agent("handover-back");
    }

    /// The server stops: there is no line to wait in any more, and the agent goes as well.
    fn leave_stopping_desk(&mut self) {
        self.waiting = None;
        self.knock(LeaveReason::Shutdown);
    }

    /// The colleague's connection broke: the caller hears it and waits again, where they were in the line.
    pub(super) fn colleague_lost(&mut self) {
        let connected = self.is_with_colleague();
        let Some(waiting) = &mut self.waiting else { return };
        if !connected && !waiting.in_line {
            return;
        }
        if self.stopping {
            self.hush();
            self.actions.push(Action::Unqueue);
            return self.leave_stopping_desk();
        }
        (waiting.in_line, waiting.place, waiting.told) = (true, None, None);
        self.actions.push(Action::QueueAgain);
        if connected {
            self.hush();
            self.pass(&["handover-lost"], Next::Wait);
        }
    }

    // ---- a number to be called back on ----

    pub(super) fn leave_number(&mut self) {
        if !self.settings.call_backs || !matches!(self.phase, Phase::Waiting) {
            return;
        }
        if self.storing.is_some() {
            // One is on its way already, and a second would be another request.
            self.hush();
            self.pass(&["call-back-pending"], Next::Wait);
        } else {
            self.phase = Phase::CallBack(CallBack { stage: Stage::Storing, tries: 0 });
            self.take_number();
        }
    }

    /// Asks for the number, or asks again.
    pub(super) fn take_number(&mut self) {
        self.ask_number(&[]);
    }

    fn ask_number(&mut self, first: &[&str]) {
        let tries = if let Phase::CallBack(call_back) = &self.phase { call_back.tries } else { 0 };
        self.forget_number();
        self.hush();
        self.next_turn(TurnKind::Engine);
        let digits = Zeroizing::new(String::with_capacity(*DIGITS.end() + 1));
        self.phase = Phase::CallBack(CallBack { stage: Stage::Number(digits), tries });
        self.listen(false, &[]);
        let ids = first.iter().chain(&["call-back-number"]);
        let lines = ids.map(|id| (self.line(id), Role::Other)).collect();
        self.say(lines);
    }

    pub(super) fn key_in_call_back(&mut self, key: char) {
        let Phase::CallBack(call_back) = &mut self.phase else { return };
        match (&mut call_back.stage, key) {
            (Stage::Number(_), '#') => self.number_ended(),
            (Stage::Number(digits), digit) => {
                if digits.len() < *DIGITS.end() {
                    digits.push(digit);
                }
                self.hush();
                self.deadline = Some(self.now + self.call_back_patience());
            }
            (Stage::Confirm, '1') => self.number_right(),
            (Stage::Confirm, '2') => self.number_again(),
            _ => {}
        }
    }

    /// How long a number that has begun, or a question about it, waits.
    pub(super) fn call_back_patience(&self) -> Duration {
        match &self.phase {
            Phase::CallBack(CallBack { stage: Stage::Number(digits), .. }) if !digits.is_empty() => self.settings.inter_digit,
            _ => self.settings.no_input,
        }
    }

    pub(super) fn call_back_silent(&mut self) {
        let Phase::CallBack(call_back) = &self.phase else { return };
        match &call_back.stage {
            Stage::Number(digits) if !digits.is_empty() => self.number_ended(),
            Stage::Number(_) | Stage::Confirm => self.number_again(),
            // It may come through all the same, and the caller is told that it may.
            Stage::Storing => self.pass(&["call-back-pending"], Next::Wait),
        }
    }

    fn number_ended(&mut self) {
        let Phase::CallBack(call_back) = &mut self.phase else { return };
        let Stage::Number(digits) = &mut call_back.stage else { return };
        if !DIGITS.contains(&digits.len()) {
            return self.number_again();
        }
        let digits = std::mem::take(digits);
        call_back.stage = Stage::Confirm;
        self.known.slots.insert(NUMBER, digits.as_str());
        self.hush();
        self.next_turn(TurnKind::Engine);
        let lines = vec![(self.line("call-back-confirm"), Role::Other)];
        self.say(lines);
    }

    fn number_again(&mut self) {
        let Phase::CallBack(call_back) = &mut self.phase else { return };
        call_back.tries += 1;
        if call_back.tries < TRIES {
            return self.ask_number(&["digits-wrong"]);
        }
        self.forget_number();
        self.hush();
        self.pass(&["call-back-none"], Next::Wait);
    }

    pub(super) fn number_right(&mut self) {
        let Phase::CallBack(call_back) = &mut self.phase else { return };
        if !matches!(call_back.stage, Stage::Confirm) {
            return;
        }
        let number = self.known.slots.iter().find(|(name, _)| *name == NUMBER).map(|(_, value)| Zeroizing::new(value.to_owned()));
        self.forget_number();
        self.hush();
        let Some(number) = number else { return self.pass(&["call-back-failed"], Next::Wait) };
        self.attempts += 1;
        self.storing = Some(self.attempts);
        self.actions.push(Action::CallBack { attempt: self.attempts, number: Number(number) });
        self.await_storing();
    }

    /// Waits a while for the word that the number is stored.
    pub(super) fn await_storing(&mut self) {
        self.phase = Phase::CallBack(CallBack { stage: Stage::Storing, tries: 0 });
        self.deadline = Some(self.now + STORING);
    }

    pub(super) fn stores_number(&self) -> bool {
        matches!(&self.phase, Phase::CallBack(CallBack { stage: Stage::Storing, .. }))
    }

    pub(super) fn confirms_number(&self) -> bool {
        matches!(&self.phase, Phase::CallBack(CallBack { stage: Stage::Confirm, .. }))
    }

    /// The number is with the desk, or could not be stored. It may be late: then it is told as long as the caller still waits.
    pub(super) fn call_back_left(&mut self, attempt: u32, stored: bool) {
        if self.storing != Some(attempt) {
            return;
        }
        self.storing = None;
        if stored {
            self.note(Fact::HandoverResult(HandoverEnd::CallBack));
        }
        // Who went on with the agent, or is with a colleague, was told that it may come through.
        if self.waiting.is_none() || self.is_with_colleague() {
            return;
        }
        self.deadline = None;
        self.hush();
        if stored {
            self.leave_line();
            return self.back_to_agent("call-back-noted");
        }
        let (mut said, next) = self.broken_off("call-back-pending");
        said.insert(0, "call-back-failed".to_owned());
        self.pass(&said, next);
    }

    /// A number that was not left is nobody's.
    pub(super) fn forget_number(&mut self) {
        self.known.slots.remove(NUMBER);
    }
}

/// How long storing a number may take.
const STORING: Duration = Duration::from_secs(5);
