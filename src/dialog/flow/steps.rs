//! The dialog's own steps.

use serde_saphyr::Spanned;
use zeroize::Zeroizing;

use super::looking_up::LookedUp;
use super::*;
use crate::dialog::file::{Ask, Choice, Choose, Collect, Step, Tries};
use crate::dialog::spoken::Form;

/// A question of the dialog that waits for the caller, or a lookup that the caller waits for.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) mode: Mode,
    /// The question's own place. The running turn may have begun before it.
    pub(super) at: Position,
    barge_in: bool,
    /// How often nothing came, and how often nothing fitted.
    pub(super) no_input: u32,
    pub(super) no_match: u32,
    /// How often its prompt stood still for a voice of which nothing came.
    pub(super) for_nothing: u32,
    /// What there is of the digits was said, not typed.
    pub(super) spoken: bool,
}

pub(super) enum Mode {
    /// One of the options.
    Ask,
    /// Digits, as far as they have come.
    Collect(Zeroizing<String>),
    /// Yes or no to the digits that were read back.
    ReadBack,
    /// Yes or no to the option (its number, from 0) that was understood, more or less.
    Confirm(usize),
    /// Nothing: something is being looked up.
    LookUp,
}

/// Never shows a digit, nor what was chosen.
impl std::fmt::Debug for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Mode::Ask => "Ask",
            Mode::Collect(_) => "Collect(_)",
            Mode::ReadBack => "ReadBack",
            Mode::Confirm(_) => "Confirm(_)",
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
            Mode::ReadBack | Mode::Confirm(_) => Expected::YesNo,
            Mode::LookUp => Expected::Nothing,
        }
    }

    pub(super) fn reads_back(&self) -> bool {
        matches!(self.mode, Mode::ReadBack)
    }

    pub(super) fn confirms(&self) -> bool {
        matches!(self.mode, Mode::Confirm(_))
    }

    pub(super) fn place(&self) -> (&str, usize) {
        self.at.place()
    }

    pub(super) fn state(&self) -> &str {
        self.at.state()
    }
}

/// The most digits that a slot takes. There is room for all of them and one too many, so that no copy of some stays behind in memory.
pub(super) const LONGEST: usize = 32;

/// How long after the last digit of a full number another is one too many, and no answer to what is asked next. A sensitive step waits for it:
/// there it falls into the same turn, which is never kept, and the number is not right.
pub(super) const TOO_MANY: Duration = Duration::from_secs(1);

/// Nothing in a dialog is longer than this without asking the caller something; a check refuses what is.
const STEPS_WITHOUT_A_TURN: usize = 200;

impl Flow {
    /// Goes on where the dialog was: from the first line of the turn that was running, so that nothing of it is lost to a caller with whom
    /// something came in between.
    pub(super) fn resume(&mut self) {
        self.run(Vec::new(), 0, 0);
    }

    /// Runs steps until one of them needs the caller, who is then said all of them; until the caller has answered, the call is where the first
    /// of them stands. `no_input` and `no_match` count what went before at this same question.
    pub(super) fn run(&mut self, mut lines: Vec<Line>, no_input: u32, no_match: u32) {
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
                    let digits = Zeroizing::new(String::with_capacity(LONGEST + 1));
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
        let file = &self.dialog.file;
        let is_number = |slot: &str| file.form_of(slot).is_some_and(Form::is_number);
        for branch in choose.0.iter().map(|branch| &branch.value) {
            let (state, holds) = match (&branch.when, &branch.go, &branch.otherwise) {
                (Some(when), Some(state), _) => (state, when.value.holds(&self.known, &self.language, &is_number)),
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

    pub(super) fn put_turn(&mut self, lines: Vec<Line>, mode: Mode, at: Position, no_input: u32, no_match: u32) {
        if !matches!(mode, Mode::LookUp) {
            // The call has come to a question without it.
            self.abandon_lookup();
        }
        let dialog = self.dialog.clone();
        let purposes = |names: &mut dyn Iterator<Item = &Spanned<String>>| -> Vec<Purpose> {
            names.filter_map(|name| Purpose::new(&name.value).ok()).collect()
        };
        let (barge_in, sensitive, always, by_answer, phrases) = match at.step(&dialog.file) {
            // What an answer is evidence for is answered to the question itself.
            Some(Step::Ask(ask)) if matches!(mode, Mode::Confirm(_)) => {
                (ask.barge_in, ask.sensitive, &ask.evidence_for[..], Vec::new(), self.read_back_phrases(&mode))
            }
            Some(Step::Ask(ask)) => {
                let by_answer = purposes(&mut ask.evidence_by_answer());
                (ask.barge_in, ask.sensitive, &ask.evidence_for[..], by_answer, self.option_phrases(ask))
            }
            Some(Step::Collect(collect)) => {
                (true, collect.sensitive, &collect.evidence_for[..], Vec::new(), self.read_back_phrases(&mode))
            }
            // Nothing is asked there: what is said is said to its end.
            _ => (false, false, &[][..], Vec::new(), Vec::new()),
        };
        let always = purposes(&mut always.iter());
        let by_answer: Vec<_> = by_answer.into_iter().filter(|purpose| !always.contains(purpose)).collect();
        let evidence_for = [always, by_answer.clone()].concat();
        self.next_turn(if sensitive { TurnKind::Sensitive } else { TurnKind::Dialog { evidence_for } });
        self.only_if_chosen = by_answer;
        self.phase = Phase::Dialog(Waiting { mode, at, barge_in, no_input, no_match, for_nothing: 0, spoken: false });
        self.listen(false, &phrases);
        if lines.is_empty() {
            // A lookup without a prompt: the caller hears nothing until it is done.
            self.deadline = None;
            return;
        }
        self.say(lines.into_iter().map(|line| (line, Role::Other)).collect());
    }

    /// How long the question that was just said waits.
    pub(super) fn dialog_patience(&self) -> Duration {
        match &self.phase {
            Phase::Dialog(Waiting { mode: Mode::Collect(digits), .. }) if !digits.is_empty() => self.settings.inter_digit,
            _ => self.settings.no_input,
        }
    }

    pub(super) fn key_in_dialog(&mut self, key: char) {
        let dialog = self.dialog.clone();
        let Phase::Dialog(waiting) = &mut self.phase else { return };
        let step = waiting.at.step(&dialog.file);
        match (&mut waiting.mode, step) {
            (Mode::Ask, Some(Step::Ask(ask))) => match ask.options.iter().find(|(_, o)| o.press.value == key.to_string()) {
                Some((_, choice)) => self.choose(choice),
                None => self.no_match("no-match"),
            },
            (Mode::Collect(digits), Some(Step::Collect(collect))) => {
                let most = collect.form().map_or(LONGEST, Form::most_keys);
                // Who goes over to the keys begins anew with them.
                if key != '#' && std::mem::take(&mut waiting.spoken) {
                    digits.clear();
                }
                if key != '#' && digits.len() <= LONGEST {
                    digits.push(key);
                }
                let (full, place) = (digits.len() >= most, waiting.at.clone());
                self.hush();
                let wait = if full { TOO_MANY } else { self.settings.inter_digit };
                self.deadline = Some(self.now + wait);
                if full && key != '#' {
                    self.is_full(place);
                }
                if key == '#' || (full && !collect.sensitive) {
                    self.digits_ended(collect);
                }
            }
            (Mode::ReadBack | Mode::Confirm(_), _) => match key {
                '1' => self.whether(true),
                '2' => self.whether(false),
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
        match (&waiting.mode, step) {
            (Mode::Ask, Some(Step::Ask(ask))) => self.spoken_option(ask, &said),
            (Mode::ReadBack | Mode::Confirm(_), _) => self.spoken_whether(&said),
            // Who is typing and says something goes on typing.
            (Mode::Collect(digits), _) if !digits.is_empty() && !waiting.spoken => {
                self.deadline = Some(self.now + self.settings.inter_digit)
            }
            (Mode::Collect(_), Some(Step::Collect(collect))) => self.spoken_value(collect, &utterance.text),
            _ => self.no_match("no-match"),
        }
    }

    pub(super) fn choose(&mut self, choice: &Choice) {
        self.only_if_chosen.retain(|purpose| !choice.evidence_for.iter().any(|chosen| chosen.value == purpose.as_str()));
        self.answered();
        self.go_to(&choice.go.value);
    }

    /// The caller has answered: the turn is over.
    pub(super) fn answered(&mut self) {
        self.lookups_in_a_row = 0;
        self.known.understood = None;
        self.came_of_it(Interruption::Answer);
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
        if !self.can_hear() {
            return self.no_match("keys-only");
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

    pub(super) fn no_match(&mut self, lead: &str) {
        let Phase::Dialog(waiting) = &self.phase else { return };
        let (no_input, no_match) = (waiting.no_input, waiting.no_match + 1);
        self.came_of_it(Interruption::NoMatch);
        self.again_or_else(lead, no_input, no_match, LeaveReason::NoMatch);
    }

    /// Puts the question again as a new turn, or goes where the dialog says after enough tries.
    fn again_or_else(&mut self, lead: &str, no_input: u32, no_match: u32, reason: LeaveReason) {
        let dialog = self.dialog.clone();
        let Phase::Dialog(Waiting { at, .. }) = &self.phase else { return };
        // What was said before the question is not said again to a caller who heard it.
        self.position = at.clone();
        self.forget_unconfirmed();
        self.known.understood = None;
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

    /// What was to be said before the agent leaves, once.
    pub(super) fn take_last_words(&mut self) -> Vec<String> {
        std::mem::take(&mut self.last_words)
    }
}
