//! A value by key, taken digit by digit, or by voice: checked, read back and confirmed.

use zeroize::Zeroizing;

use super::digits::{eleven, luhn};
use super::steps::{Mode, TOO_MANY, Waiting};
use super::*;
use crate::dialog::file::{Collect, Step};
use crate::dialog::spoken::{Form, Tongue};

/// How long after a number was full digits can go on to be too many.
const TYPED_ON: Duration = Duration::from_secs(2);

/// A number that is full. Whoever ends it with a hash sign all the same, or presses a digit too many, has answered nothing with that.
#[derive(Debug)]
pub(super) struct Filled {
    /// When.
    at: SessionTime,
    /// When the latest key came that belonged to it.
    latest: SessionTime,
    /// Where it was asked for.
    place: Position,
}

impl Flow {
    pub(super) fn read_back_phrases(&self, mode: &Mode) -> Vec<String> {
        let (Mode::ReadBack | Mode::Confirm(_)) = mode else { return Vec::new() };
        ["read-back-yes", "read-back-no"].iter().flat_map(|id| self.dialog.texts.hear(&self.language, id).to_vec()).collect()
    }

    /// The value that is asked for now.
    pub(super) fn wanted(&self) -> Option<Form> {
        let Phase::Dialog(Waiting { mode: Mode::Collect(digits), at, spoken, .. }) = &self.phase else { return None };
        let Some(Step::Collect(collect)) = at.step(&self.dialog.file) else { return None };
        match collect.form()? {
            // What was said before a pause is not said again.
            Form::Digits { least, most } => {
                let said = if *spoken { digits.len() } else { 0 };
                Some(Form::Digits { least: least.saturating_sub(said), most: most.saturating_sub(said) })
            }
            other => Some(other),
        }
    }

    pub(super) fn collects_digits(&self) -> bool {
        match &self.phase {
            Phase::Dialog(waiting) => matches!(waiting.mode, Mode::Collect(_)),
            Phase::CallBack(call_back) => call_back.takes_digits(),
            Phase::Lapsed(absence::Broken::Dialog { digits }) => *digits,
            _ => false,
        }
    }

    /// Whether a key still belongs to a number that was full a moment ago, and so answers nothing that was asked after it: the hash sign, once,
    /// or digits that are pressed on at once. Where another number is asked for, digits are its own; `0` reaches a person even then.
    pub(super) fn belongs_to_full_number(&mut self, key: char) -> bool {
        let another = match &self.phase {
            Phase::Dialog(Waiting { mode: Mode::Collect(digits), at, .. }) => {
                !digits.is_empty() || self.filled.as_ref().is_some_and(|filled| filled.place != *at)
            }
            Phase::Dialog(_) | Phase::Waiting => false,
            _ => return false,
        };
        let Some(filled) = &mut self.filled else { return false };
        let since = self.now.since(filled.latest);
        if key == '#' {
            self.filled = None;
            return !another && since <= self.settings.inter_digit;
        }
        let too_many = !another && since < TOO_MANY && self.now.since(filled.at) <= TYPED_ON;
        filled.latest = self.now;
        if !too_many {
            self.filled = None;
        }
        too_many
    }

    /// The last digit of a number was pressed.
    pub(super) fn is_full(&mut self, place: Position) {
        self.filled = Some(Filled { at: self.now, latest: self.now, place });
    }

    pub(super) fn digits_are_coming(&self) -> bool {
        matches!(&self.phase, Phase::Dialog(Waiting { mode: Mode::Collect(digits), .. }) if !digits.is_empty())
    }

    /// A number that was not confirmed is nobody's: it is forgotten, and no colleague gets it.
    pub(super) fn forget_unconfirmed(&mut self) {
        if let Some(slot) = self.unconfirmed.take() {
            self.known.forget_slot(&slot);
        }
    }

    pub(super) fn digits_ended(&mut self, collect: &Collect) {
        let Phase::Dialog(Waiting { mode: Mode::Collect(digits), at, no_input, no_match, .. }) = &self.phase else { return };
        let (digits, at, no_input, no_match) = (digits.clone(), at.clone(), *no_input, *no_match);
        match collect.form().and_then(|form| form.keyed(&digits, self.known.today)) {
            Some(value) => self.value_given(collect, &value, at, no_input, no_match),
            None => self.no_match(wrong(collect)),
        }
    }

    /// The caller has said a value, or something else.
    pub(super) fn spoken_value(&mut self, collect: &Collect, said: &str) {
        let Some(tongue) = Tongue::of(&self.language) else { return self.no_match("keys-only") };
        let Some(said) = collect.form().and_then(|form| tongue.read(form, said, self.known.today)) else {
            return self.no_match("say-again-or-key");
        };
        let Phase::Dialog(waiting) = &mut self.phase else { return };
        let (at, no_input, no_match) = (waiting.at.clone(), waiting.no_input, waiting.no_match);
        let Mode::Collect(digits) = &mut waiting.mode else { return };
        if let Some(Form::Digits { least, .. }) = collect.form()
            && digits.len() + said.len() < least
        {
            // A pause in the middle: the rest is still to come.
            digits.push_str(&said);
            waiting.spoken = true;
            // Whoever answers has heard enough of the question.
            self.came_of_it(Interruption::Answer);
            self.hush();
            self.deadline = Some(self.now + self.settings.inter_digit);
            return self.listen(false, &[]);
        }
        let mut value = Zeroizing::new(String::with_capacity(digits.len() + said.len()));
        value.push_str(digits);
        value.push_str(&said);
        self.value_given(collect, &value, at, no_input, no_match);
    }

    /// A value by key or by voice: right or not, read back or not.
    fn value_given(&mut self, collect: &Collect, value: &str, at: Position, no_input: u32, no_match: u32) {
        let right_check = match collect.valid.as_ref().map(|v| v.value.as_str()) {
            Some("luhn") => luhn(value),
            Some("eleven") => eleven(value),
            _ => true,
        };
        if !collect.form().is_some_and(|form| form.takes(value, self.known.today)) || !right_check {
            return self.no_match(wrong(collect));
        }
        self.answered();
        // The same slot can be given at a sensitive step and at another: it is known as it was given last.
        self.known.forget_slot(&collect.slot.value);
        let slots = if collect.sensitive { &mut self.known.sensitive } else { &mut self.known.slots };
        slots.insert(&collect.slot.value, value);
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

    /// Asks for the digits again that could not be read back, after this text. It is no try of the caller's.
    pub(super) fn collect_again(&mut self, lead: &str) {
        let Phase::Dialog(Waiting { at, no_input, no_match, .. }) = &self.phase else { return };
        let (no_input, no_match) = (*no_input, *no_match);
        self.position = at.clone();
        self.forget_unconfirmed();
        self.hush();
        self.end_turn();
        let line = self.line(lead);
        self.run(vec![line], no_input, no_match);
    }

    pub(super) fn read_back_right(&mut self) {
        let Phase::Dialog(Waiting { at, .. }) = &self.phase else { return };
        self.position = at.next();
        self.unconfirmed = None;
        self.answered();
        self.resume();
    }

    /// The caller says that the number is not right: asked again, as often as a number that does not fit.
    pub(super) fn read_back_wrong(&mut self) {
        let dialog = self.dialog.clone();
        let Phase::Dialog(Waiting { at, .. }) = &self.phase else { return };
        let Some(Step::Collect(collect)) = at.step(&dialog.file) else { return };
        self.no_match(wrong(collect));
    }
}

/// What is said of a value that is not right.
fn wrong(collect: &Collect) -> &'static str {
    match collect.form() {
        Some(Form::Digits { .. } | Form::Number { .. }) => "digits-wrong",
        _ => "value-wrong",
    }
}
