//! The dialog's own steps.

use zeroize::Zeroizing;

use super::*;
use crate::dialog::file::{self, Ask, Collect, Step, Tries};

/// Where in the dialog a call is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Position {
    state: String,
    step: usize,
}

impl Position {
    pub(super) fn start_of(state: &str) -> Position {
        Position { state: state.to_owned(), step: 0 }
    }
}

/// A question of the dialog that waits for the caller.
#[derive(Debug)]
pub(super) struct Waiting {
    mode: Mode,
    /// The question's own place. The running turn may have begun before it.
    at: Position,
    barge_in: bool,
    /// How often nothing came, and how often nothing fitted.
    no_input: u32,
    no_match: u32,
    /// The prompt was broken off because the caller spoke.
    interrupted: bool,
}

#[derive(Debug)]
enum Mode {
    /// One of the options.
    Ask,
    /// Digits, as far as they have come.
    Collect(Zeroizing<String>),
    /// Yes or no to the digits that were read back.
    ReadBack,
}

impl Waiting {
    pub(super) fn barge_in(&self) -> bool {
        self.barge_in
    }

    pub(super) fn expected(&self) -> Expected {
        match self.mode {
            Mode::Ask => Expected::Choice,
            Mode::Collect(_) => Expected::Digits,
            Mode::ReadBack => Expected::YesNo,
        }
    }

    pub(super) fn was_interrupted(&self) -> bool {
        self.interrupted
    }
}

/// The most digits that a slot takes: room for all of them, so that no copy of some stays behind in memory.
const LONGEST: usize = 32;

/// Nothing in a dialog is longer than this without asking the caller something; a check refuses what is.
const STEPS_WITHOUT_A_TURN: usize = 200;

impl Flow {
    /// Goes on where the dialog was: from the first line of the turn that was running, so that nothing of it is lost to a caller with whom
    /// something came in between.
    pub(super) fn resume(&mut self) {
        self.run(Vec::new(), 0, 0);
    }

    /// The same, after a line of the engine's.
    pub(super) fn resume_after(&mut self, id: &str) {
        let line = self.line(id);
        self.run(vec![line], 0, 0);
    }

    /// Runs steps until one of them needs the caller, who is then said all of them; until the caller has answered, the call is where the first
    /// of them stands. `no_input` and `no_match` count what went before at this same question.
    fn run(&mut self, mut lines: Vec<Line>, no_input: u32, no_match: u32) {
        let dialog = self.dialog.clone();
        let mut at = self.position.clone();
        for _ in 0..STEPS_WITHOUT_A_TURN {
            let steps = dialog.file.states.get(&at.state);
            let Some(step) = steps.and_then(|steps| steps.value.get(at.step)) else { break };
            match &step.value {
                Step::Say(prompt) => {
                    lines.push(self.line(&prompt.value));
                    at.step += 1;
                }
                Step::Go(state) => at = Position::start_of(&state.value),
                Step::OnConsent(branch) => {
                    let purpose = Purpose::new(&branch.purpose.value).ok();
                    let given = purpose.and_then(|p| self.consents.state(&p)) == Some(ConsentState::Given);
                    let target = if given { &branch.given } else { &branch.otherwise };
                    match target {
                        Some(state) if dialog.file.states.get(&state.value).is_some() => {
                            at = Position::start_of(&state.value);
                        }
                        Some(prompt) => {
                            lines.push(self.line(&prompt.value));
                            at.step += 1;
                        }
                        None => at.step += 1,
                    }
                }
                Step::Ask(ask) => {
                    lines.push(self.line(&ask.prompt.value));
                    return self.put_turn(lines, Mode::Ask, at, no_input, no_match);
                }
                Step::Collect(collect) => {
                    lines.push(self.line(&collect.prompt.value));
                    let digits = Zeroizing::new(String::with_capacity(LONGEST));
                    return self.put_turn(lines, Mode::Collect(digits), at, no_input, no_match);
                }
                Step::Handover(prompt) => {
                    self.last_words = lines.into_iter().map(|line| line.id).collect();
                    self.last_words.extend(prompt.as_ref().map(|p| p.value.clone()));
                    return self.knock(LeaveReason::Dialog);
                }
                Step::End(prompt) => {
                    let last = prompt.as_ref().map_or("goodbye", |p| p.value.as_str());
                    lines.push(self.line(last));
                    self.passing = lines.iter().map(|line| line.id.clone()).collect();
                    self.next_turn(TurnKind::Dialog { evidence_for: Vec::new() });
                    self.phase = Phase::Passing(Next::Close(SessionOutcome::Finished));
                    self.listen(false, &[]);
                    return self.say(lines.into_iter().map(|line| (line, Role::Other)).collect());
                }
            }
        }
        // The checks do not let a dialog through that comes here; should one, a person helps.
        self.knock(LeaveReason::EngineFailed);
    }

    fn put_turn(&mut self, lines: Vec<Line>, mode: Mode, at: Position, no_input: u32, no_match: u32) {
        let dialog = self.dialog.clone();
        let (barge_in, evidence_for, phrases) = match dialog.file.step(&at.state, at.step) {
            Some(Step::Ask(ask)) => (ask.barge_in, &ask.evidence_for[..], self.option_phrases(ask)),
            Some(Step::Collect(collect)) => (true, &collect.evidence_for[..], self.read_back_phrases(&mode)),
            _ => (true, &[][..], Vec::new()),
        };
        let evidence_for = evidence_for.iter().filter_map(|p| Purpose::new(&p.value).ok()).collect();
        self.next_turn(TurnKind::Dialog { evidence_for });
        self.phase = Phase::Dialog(Waiting { mode, at, barge_in, no_input, no_match, interrupted: false });
        self.listen(false, &phrases);
        self.say(lines.into_iter().map(|line| (line, Role::Other)).collect());
    }

    fn option_phrases(&self, ask: &Ask) -> Vec<String> {
        let options = ask.options.iter();
        options.flat_map(|(name, _)| self.dialog.texts.hear(&self.language, &name.value).to_vec()).collect()
    }

    fn read_back_phrases(&self, mode: &Mode) -> Vec<String> {
        let Mode::ReadBack = mode else { return Vec::new() };
        ["read-back-yes", "read-back-no"].iter().flat_map(|id| self.dialog.texts.hear(&self.language, id).to_vec()).collect()
    }

    pub(super) fn collects_digits(&self) -> bool {
        match &self.phase {
            Phase::Dialog(waiting) => matches!(waiting.mode, Mode::Collect(_)),
            Phase::CallBack(call_back) => call_back.takes_digits(),
            Phase::Lapsed(absence::Broken::Dialog { digits }) => *digits,
            _ => false,
        }
    }

    /// Yes or no by a button, where something is read back.
    pub(super) fn button_in_read_back(&mut self, yes: bool) {
        if let Phase::Dialog(Waiting { mode: Mode::ReadBack, .. }) = &self.phase {
            if yes { self.read_back_right() } else { self.read_back_wrong() }
        }
    }

    /// How long the question that was just said waits.
    pub(super) fn dialog_patience(&self) -> Duration {
        match &self.phase {
            Phase::Dialog(Waiting { mode: Mode::Collect(digits), .. }) if !digits.is_empty() => self.settings.inter_digit,
            _ => self.settings.no_input,
        }
    }

    /// The prompt was broken off by the caller's voice.
    pub(super) fn interrupted(&mut self) {
        if let Phase::Dialog(waiting) = &mut self.phase {
            waiting.interrupted = true;
        }
    }

    pub(super) fn key_in_dialog(&mut self, key: char) {
        let dialog = self.dialog.clone();
        let Phase::Dialog(waiting) = &mut self.phase else { return };
        let step = dialog.file.step(&waiting.at.state, waiting.at.step);
        match (&mut waiting.mode, step) {
            (Mode::Ask, Some(Step::Ask(ask))) => match ask.options.iter().find(|(_, o)| o.press.value == key.to_string()) {
                Some((_, choice)) => self.choose(&choice.go.value),
                None => self.no_match("no-match"),
            },
            (Mode::Collect(digits), Some(Step::Collect(collect))) => {
                let most = file::read_digits(&collect.digits.value).map_or(32, |(_, most)| most);
                if key != '#' {
                    digits.push(key);
                }
                let full = key == '#' || digits.len() >= most;
                self.hush();
                self.deadline = Some(self.now + self.settings.inter_digit);
                if full {
                    self.digits_ended(collect);
                }
            }
            (Mode::ReadBack, _) => match key {
                '1' => self.read_back_right(),
                '2' => self.read_back_wrong(),
                _ => self.no_match("no-match"),
            },
            _ => {}
        }
    }

    pub(super) fn spoken_in_dialog(&mut self, utterance: &Utterance) {
        let dialog = self.dialog.clone();
        let said = Zeroizing::new(phrase::normal(&utterance.text));
        let Phase::Dialog(waiting) = &self.phase else { return };
        if said.is_empty() {
            return self.dialog_unheard();
        }
        let step = dialog.file.step(&waiting.at.state, waiting.at.step);
        let heard = |id: &str, matches: &dyn Fn(&str, &str) -> bool| {
            dialog.texts.hear(&self.language, id).iter().any(|phrase| matches(&said, phrase))
        };
        match (&waiting.mode, step) {
            (Mode::Ask, Some(Step::Ask(ask))) => {
                let fitting = |matches: &dyn Fn(&str, &str) -> bool| -> Vec<String> {
                    let options = ask.options.iter().filter(|(name, _)| heard(&name.value, matches));
                    options.map(|(_, choice)| choice.go.value.clone()).collect()
                };
                let whole = fitting(&phrase::is_whole);
                let found = if whole.is_empty() { fitting(&phrase::has) } else { whole };
                match found.as_slice() {
                    [state] => self.choose(state),
                    _ => self.no_match("no-match"),
                }
            }
            (Mode::ReadBack, _) if heard("read-back-yes", &phrase::is_whole) => self.read_back_right(),
            (Mode::ReadBack, _) if heard("read-back-no", &phrase::is_whole) => self.read_back_wrong(),
            // Who is typing and says something goes on typing.
            (Mode::Collect(digits), _) if !digits.is_empty() => self.deadline = Some(self.now + self.settings.inter_digit),
            // Digits come by key alone.
            (Mode::Collect(_), _) => self.no_match("keys-only"),
            _ => self.no_match("no-match"),
        }
    }

    fn choose(&mut self, state: &str) {
        self.hush();
        self.end_turn();
        self.position = Position::start_of(state);
        self.resume();
    }

    /// A voice without words: noise, or a language that we cannot hear.
    pub(super) fn dialog_unheard(&mut self) {
        let Phase::Dialog(waiting) = &self.phase else { return };
        if self.current.is_some() {
            // The prompt is still being said and was not broken off: let it end.
            self.deadline = None;
            return;
        }
        if self.digits_are_coming() {
            self.deadline = Some(self.now + self.settings.inter_digit);
            return;
        }
        if waiting.interrupted || !self.can_hear() {
            let why = if self.can_hear() { "no-match" } else { "keys-only" };
            return self.no_match(why);
        }
        self.noises += 1;
        if self.noises >= NOISES {
            return self.dialog_silent();
        }
        self.deadline = Some(self.now + self.dialog_patience());
    }

    pub(super) fn dialog_silent(&mut self) {
        let dialog = self.dialog.clone();
        let Phase::Dialog(waiting) = &self.phase else { return };
        let step = dialog.file.step(&waiting.at.state, waiting.at.step);
        if let (Mode::Collect(digits), Some(Step::Collect(collect))) = (&waiting.mode, step)
            && !digits.is_empty()
        {
            return self.digits_ended(collect);
        }
        let (no_input, no_match) = (waiting.no_input + 1, waiting.no_match);
        self.again_or_else("no-input", no_input, no_match, LeaveReason::NoInput);
    }

    fn no_match(&mut self, lead: &str) {
        let Phase::Dialog(waiting) = &self.phase else { return };
        let (no_input, no_match) = (waiting.no_input, waiting.no_match + 1);
        self.again_or_else(lead, no_input, no_match, LeaveReason::NoMatch);
    }

    fn digits_are_coming(&self) -> bool {
        matches!(&self.phase, Phase::Dialog(Waiting { mode: Mode::Collect(digits), .. }) if !digits.is_empty())
    }

    /// A number that was not confirmed is nobody's: it is forgotten, and no colleague gets it.
    pub(super) fn forget_unconfirmed(&mut self) {
        if let Some(slot) = self.unconfirmed.take() {
            self.slots.remove(&slot);
        }
    }

    /// Puts the question again as a new turn, or goes where the dialog says after enough tries.
    fn again_or_else(&mut self, lead: &str, no_input: u32, no_match: u32, reason: LeaveReason) {
        let dialog = self.dialog.clone();
        let Phase::Dialog(Waiting { at, .. }) = &self.phase else { return };
        // What was said before the question is not said again to a caller who heard it.
        self.position = at.clone();
        self.forget_unconfirmed();
        self.hush();
        self.end_turn();
        let tries = match dialog.file.step(&self.position.state, self.position.step) {
            Some(Step::Ask(Ask { no_input, no_match, .. }) | Step::Collect(Collect { no_input, no_match, .. })) => {
                if reason == LeaveReason::NoInput { no_input } else { no_match }
            }
            _ => return self.knock(LeaveReason::EngineFailed),
        };
        let Tries { tries, then } = tries;
        let so_far = if reason == LeaveReason::NoInput { no_input } else { no_match };
        if so_far < tries.value {
            let line = self.line(lead);
            return self.run(vec![line], no_input, no_match);
        }
        match then.value.as_str() {
            "handover" => self.knock(reason),
            "end" => self.pass(&["goodbye"], Next::Close(SessionOutcome::Finished)),
            state => {
                self.position = Position::start_of(state);
                self.resume();
            }
        }
    }

    fn digits_ended(&mut self, collect: &Collect) {
        let Phase::Dialog(Waiting { mode: Mode::Collect(digits), at, no_input, no_match, .. }) = &self.phase else { return };
        let (digits, at, no_input, no_match) = (digits.clone(), at.clone(), *no_input, *no_match);
        let (least, most) = file::read_digits(&collect.digits.value).unwrap_or((1, 32));
        let right_check = match collect.valid.as_ref().map(|v| v.value.as_str()) {
            Some("luhn") => luhn(&digits),
            Some("eleven") => eleven(&digits),
            _ => true,
        };
        if !(least..=most).contains(&digits.len()) || !right_check {
            return self.no_match("digits-wrong");
        }
        self.hush();
        self.end_turn();
        self.slots.insert(&collect.slot.value, digits.as_str());
        match &collect.read_back {
            Some(prompt) => {
                self.unconfirmed = Some(collect.slot.value.clone());
                let lines = vec![self.line(&prompt.value), self.line("read-back-keys")];
                // Broken off, the number is asked for again.
                self.position = at.clone();
                self.put_turn(lines, Mode::ReadBack, at, no_input, no_match);
            }
            None => self.read_back_right(),
        }
    }

    fn read_back_right(&mut self) {
        let Phase::Dialog(Waiting { at, .. }) = &self.phase else { return };
        self.position = Position { step: at.step + 1, ..at.clone() };
        self.unconfirmed = None;
        self.hush();
        self.end_turn();
        self.resume();
    }

    /// The caller says that the number is not right: asked again, as often as a number that does not fit.
    fn read_back_wrong(&mut self) {
        self.no_match("digits-wrong");
    }

    /// What was to be said before the agent leaves, once.
    pub(super) fn take_last_words(&mut self) -> Vec<String> {
        std::mem::take(&mut self.last_words)
    }
}

/// ISO/IEC 7812-1, annex B: the check digit of card and many customer numbers.
fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(digit.saturating_sub(b'0'));
            match (place % 2, digit * 2) {
                (1, twice) if twice > 9 => twice - 9,
                (1, twice) => twice,
                _ => digit,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The Dutch eleven-test of account and citizen service numbers: weights 9 to 2, and minus 1 for the last digit of nine.
fn eleven(digits: &str) -> bool {
    let count = digits.len() as i64;
    let sum: i64 = digits
        .bytes()
        .enumerate()
        .map(|(place, digit)| {
            let weight = count - place as i64;
            let weight = if weight == 1 && count == 9 { -1 } else { weight };
            i64::from(digit.saturating_sub(b'0')) * weight
        })
        .sum();
    sum != 0 && sum % 11 == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digit_checks_know_right_from_wrong() {
        assert!(luhn("4539578763621486"));
        assert!(!luhn("4539578763621487"));
        assert!(eleven("111222333"));
        assert!(!eleven("111222334"));
        assert!(!eleven("000000000"));
    }
}
