//! The dialog's own steps.

use serde_saphyr::Spanned;
use zeroize::Zeroizing;

use super::digits::{eleven, luhn};
use super::looking_up::LookedUp;
use super::*;
use crate::dialog::file::{self, Ask, Choose, Collect, Step, Tries};

/// A question of the dialog that waits for the caller, or a lookup that the caller waits for.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) mode: Mode,
    /// The question's own place. The running turn may have begun before it.
    at: Position,
    barge_in: bool,
    /// How often nothing came, and how often nothing fitted.
    no_input: u32,
    no_match: u32,
    /// The prompt was broken off because the caller spoke.
    interrupted: bool,
}

pub(super) enum Mode {
    /// One of the options.
    Ask,
    /// Digits, as far as they have come.
    Collect(Zeroizing<String>),
    /// Yes or no to the digits that were read back.
    ReadBack,
    /// Nothing: something is being looked up.
    LookUp,
}

/// Never shows a digit.
impl std::fmt::Debug for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Mode::Ask => "Ask",
            Mode::Collect(_) => "Collect(_)",
            Mode::ReadBack => "ReadBack",
            Mode::LookUp => "LookUp",
        })
    }
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
            Mode::LookUp => Expected::Nothing,
        }
    }

    pub(super) fn reads_back(&self) -> bool {
        matches!(self.mode, Mode::ReadBack)
    }

    pub(super) fn place(&self) -> (&str, usize) {
        self.at.place()
    }

    pub(super) fn state(&self) -> &str {
        self.at.state()
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
        let file = &dialog.file;
        let mut at = self.position.clone();
        for _ in 0..STEPS_WITHOUT_A_TURN {
            let Some(step) = at.step(file) else { break };
            match step {
                Step::Say(prompt) => {
                    lines.push(self.line(&prompt.value));
                    at = at.next();
                }
                Step::Go(_) | Step::Call(_) | Step::Return(()) => match at.moved(file, step) {
                    Some(there) => at = there,
                    None => break,
                },
                Step::OnConsent(branch) => {
                    let purpose = Purpose::new(&branch.purpose.value).ok();
                    let given = purpose.and_then(|p| self.consents.state(&p)) == Some(ConsentState::Given);
                    at = self.branch(&at, if given { &branch.given } else { &branch.otherwise }, &mut lines);
                }
                Step::OnHours(branch) => {
                    at = self.branch(
                        &at,
                        if self.somebody_there(&branch.of.value) { &branch.open } else { &branch.closed },
                        &mut lines,
                    );
                }
                Step::Choose(choose) => match self.choice(choose).and_then(|state| at.to(file, state)) {
                    Some(there) => at = there,
                    None => break,
                },
                Step::Fetch(fetch) => match self.look_up(fetch, &at) {
                    Some(LookedUp::Leads(there)) => {
                        // Its result is known from here on: nothing that comes in between asks for it again.
                        self.position = there.clone();
                        at = there;
                    }
                    Some(LookedUp::Underway(begun)) => {
                        lines.extend(fetch.wait.as_ref().map(|prompt| self.line(&prompt.value)));
                        self.put_turn(lines, Mode::LookUp, at, 0, 0);
                        self.actions.extend(begun);
                        return;
                    }
                    None => break,
                },
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

    /// The branch of an `on-consent` or an `on-hours`: a state, or else a prompt that is said before going on.
    fn branch(&self, at: &Position, name: &Option<Spanned<String>>, lines: &mut Vec<Line>) -> Position {
        let Some(name) = name else { return at.next() };
        at.to(&self.dialog.file, &name.value).unwrap_or_else(|| {
            lines.push(self.line(&name.value));
            at.next()
        })
    }

    /// Whether somebody is there now, by opening hours of the dialog.
    fn somebody_there(&self, name: &str) -> bool {
        let hours = self.dialog.file.opening_hours.get(name).and_then(|hours| hours.value.opening());
        let now = self.settings.opened.and_then(|opened| opened.checked_add(self.now.0).ok());
        hours.zip(now).is_some_and(|(hours, now)| hours.is_open(now))
    }

    /// The state of the first branch that holds.
    fn choice<'a>(&mut self, choose: &'a Choose) -> Option<&'a str> {
        for branch in choose.0.iter().map(|branch| &branch.value) {
            let (state, holds) = match (&branch.when, &branch.go, &branch.otherwise) {
                (Some(when), Some(state), _) => (state, when.value.holds(&self.known, &self.language)),
                (None, _, Some(state)) => (state, Some(true)),
                _ => continue,
            };
            match holds {
                Some(true) => return Some(&state.value),
                Some(false) => {}
                // The checks do not let such a condition through; should one come, nothing of it holds.
                None => {
                    self.actions.push(Action::Trouble(Trouble::Condition));
                    let otherwise = choose.0.iter().find_map(|branch| branch.value.otherwise.as_ref());
                    return otherwise.map(|state| state.value.as_str());
                }
            }
        }
        None
    }

    fn put_turn(&mut self, lines: Vec<Line>, mode: Mode, at: Position, no_input: u32, no_match: u32) {
        if !matches!(mode, Mode::LookUp) {
            // The call has come to a question without it.
            self.abandon_lookup();
        }
        let dialog = self.dialog.clone();
        let (barge_in, sensitive, evidence_for, phrases) = match at.step(&dialog.file) {
            Some(Step::Ask(ask)) => (ask.barge_in, ask.sensitive, &ask.evidence_for[..], self.option_phrases(ask)),
            Some(Step::Collect(collect)) => (true, collect.sensitive, &collect.evidence_for[..], self.read_back_phrases(&mode)),
            // Nothing is asked there: what is said is said to its end.
            _ => (false, false, &[][..], Vec::new()),
        };
        let evidence_for = evidence_for.iter().filter_map(|p| Purpose::new(&p.value).ok()).collect();
        self.next_turn(if sensitive { TurnKind::Sensitive } else { TurnKind::Dialog { evidence_for } });
        self.phase = Phase::Dialog(Waiting { mode, at, barge_in, no_input, no_match, interrupted: false });
        self.listen(false, &phrases);
        if lines.is_empty() {
            // A lookup without a prompt: the caller hears nothing until it is done.
            self.deadline = None;
            return;
        }
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
        let step = waiting.at.step(&dialog.file);
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
        if self.looks_up() {
            // Nothing was asked; what protects the caller was looked for before.
            return self.lookup_ready();
        }
        if said.is_empty() {
            return self.dialog_unheard();
        }
        let step = waiting.at.step(&dialog.file);
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
        self.answered();
        self.go_to(state);
    }

    /// The caller has answered: the turn is over.
    fn answered(&mut self) {
        self.lookups_in_a_row = 0;
        self.hush();
        self.end_turn();
    }

    /// On to a state that is named at the question that was answered, or given up.
    fn go_to(&mut self, state: &str) {
        let Phase::Dialog(Waiting { at, .. }) = &self.phase else { return };
        match at.to(&self.dialog.file, state) {
            Some(there) => {
                self.position = there;
                self.resume();
            }
            // The checks see to it that the state exists; should it not, a person helps.
            None => self.knock(LeaveReason::EngineFailed),
        }
    }

    /// A voice without words: noise, or a language that we cannot hear.
    pub(super) fn dialog_unheard(&mut self) {
        let Phase::Dialog(waiting) = &self.phase else { return };
        if self.looks_up() {
            return self.lookup_ready();
        }
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
        if self.looks_up() {
            return self.lookup_ready();
        }
        let step = waiting.at.step(&dialog.file);
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
            self.known.forget_slot(&slot);
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
        let tries = match self.position.step(&dialog.file) {
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
            state => self.go_to(state),
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
        self.answered();
        // The same slot can be given at a sensitive step and at another: it is known as it was given last.
        self.known.forget_slot(&collect.slot.value);
        let slots = if collect.sensitive { &mut self.known.sensitive } else { &mut self.known.slots };
        slots.insert(&collect.slot.value, digits.as_str());
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

    fn read_back_right(&mut self) {
        let Phase::Dialog(Waiting { at, .. }) = &self.phase else { return };
        self.position = at.next();
        self.unconfirmed = None;
        self.answered();
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
