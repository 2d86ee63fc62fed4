//! A story as it happens: what stands in the file against what the call does.

use super::file::{Answer, Scenario, Step};
use super::holds::{Holds, duration};
use super::play::Once;
use super::terms::Placed;
use super::verdict::{Difference, Verdict};
use crate::consent::Basis;
use crate::dialog::check::Span;
use crate::dialog::flow::{Expected, Heard, Stage};
use crate::rehearsal::{Entry, KEYS, REACTION, What, World};

/// More than any call does by itself: a story that comes here goes round in circles.
const MOMENTS: usize = 5_000;

/// A story on its way.
pub(super) struct Story<'a> {
    world: World,
    scenario: &'a Scenario,
    once: &'a Once,
    allows: Vec<String>,
    /// What stands before this in the log has been accounted for.
    accounted: usize,
    /// A line of which a part was heard.
    part: Option<usize>,
    /// What the caller does next, they do at once.
    at_once: bool,
    moments: usize,
}

type Told = Result<(), Difference>;

impl<'a> Story<'a> {
    pub(super) fn new(world: World, scenario: &'a Scenario, once: &'a Once, allows: Vec<String>) -> Story<'a> {
        Story { world, scenario, once, allows, accounted: 0, part: None, at_once: false, moments: 0 }
    }

    pub(super) fn tell(mut self) -> Verdict {
        let told = self.told();
        Verdict { difference: told.err(), world: self.world }
    }

    fn told(&mut self) -> Told {
        self.world.begin();
        for step in &self.scenario.call {
            self.step(step)?;
        }
        let last = self.scenario.call.last().map(Placed::span).unwrap_or_default();
        self.settle(last, "the story is over")?;
        if self.world.outcome().is_none() {
            self.world.hang_up();
        }
        if let Some(then) = &self.scenario.then {
            self.hold(&then.value)?;
        }
        self.nobody_is_kept_who_did_not_agree()
    }

    fn step(&mut self, step: &Placed<Step>) -> Told {
        let at = step.span();
        match &step.value {
            Step::Hear(prompts) => {
                prompts.value.each(prompts.span()).into_iter().try_for_each(|(prompt, at)| self.hear(prompt.of(self.given()), at))
            }
            Step::HearPartOf(prompt) => self.hear_part(&prompt.value, prompt.span()),
            Step::Opening(answer) => self.opening(*answer, at),
            Step::Press(keys) => self.press(&keys.value, keys.span()),
            Step::Say(words) => {
                let said = words.value.of(&self.once.language).unwrap_or_default().to_owned();
                self.act(at, &format!("the caller says “{said}”"))?;
                self.world.say(&said);
                Ok(())
            }
            Step::Mumble => {
                self.act(at, "the caller mumbles")?;
                self.world.say("");
                Ok(())
            }
            Step::Silence => self.silence(at),
            Step::Wait(time) => {
                let until = self.world.now() + duration(&time.value).unwrap_or_default();
                self.world.did(format!("waits {}", time.value));
                self.world.wait_until(until);
                self.at_once = true;
                Ok(())
            }
            Step::Button(button) => {
                self.act(at, "the caller presses a button")?;
                self.world.button(*button);
                Ok(())
            }
            Step::Language(language) => {
                self.act(at, &format!("the caller chooses `{}`", language.value))?;
                self.world.choose_language(&language.value);
                Ok(())
            }
            Step::GoneFor(time) => {
                self.act(at, "the caller is gone")?;
                self.world.lapse();
                let until = self.world.now() + duration(&time.value).unwrap_or_default();
                self.world.wait_until(until);
                self.world.come_back();
                Ok(())
            }
            Step::Colleague(colleague) => {
                self.settle(at, "a colleague does something")?;
                let was = "nobody waits for a colleague, or is with one".to_owned();
                let help = "`takes` and `leaves` need `people: desk` and a caller in the line, `gives-back` one who was taken";
                let did = self.world.colleague(colleague.value);
                if did { Ok(()) } else { Err(self.difference(at, "a colleague has to do with the caller", was, help)) }
            }
            Step::HangUp => {
                self.act(at, "the caller hangs up")?;
                self.world.hang_up();
                Ok(())
            }
            Step::Holds(holds) => self.hold(&holds.value),
        }
    }

    /// Whether this telling is that of a caller who agreed.
    fn given(&self) -> bool {
        self.once.answer == Some(Answer::Given)
    }

    // ---- what is heard ----

    fn hear(&mut self, prompt: &str, at: Span) -> Told {
        let expected = format!("the caller hears {}", named(prompt));
        if let Some(part) = self.part.take().filter(|&part| self.is(part, prompt) && self.ended(part).is_none()) {
            return self.until_it_ends(part, at, &expected);
        }
        let line = self.next_said(at, &expected)?;
        if !self.is(line, prompt) {
            let was = self.described(line);
            return Err(self.difference(
                at,
                &expected,
                was,
                "write what is heard here, or look why the dialog says something else",
            ));
        }
        self.accounted = line + 1;
        self.until_it_ends(line, at, &expected)
    }

    fn until_it_ends(&mut self, line: usize, at: Span, expected: &str) -> Told {
        while self.ended(line).is_none() && self.go_on(at)? {}
        match self.ended(line) {
            Some(Heard::Complete(_)) => Ok(()),
            _ => {
                let was = format!("{} was broken off", self.described(line));
                Err(self.difference(at, expected, was, "`hear-part-of` is for a prompt that the caller breaks off"))
            }
        }
    }

    fn hear_part(&mut self, prompt: &str, at: Span) -> Told {
        let expected = format!("the caller hears a part of {}", named(prompt));
        // A prompt that stood still goes on, and is broken into once more.
        let again = self.part.filter(|&part| self.is(part, prompt) && self.ended(part).is_none());
        while again.is_some_and(|part| self.ended(part).is_none()) && self.world.is_busy() {
            self.go_on(at)?;
        }
        let line = match again.filter(|&part| self.ended(part).is_none()) {
            Some(part) => part,
            None => self.next_said(at, &expected)?,
        };
        if !self.is(line, prompt) {
            let was = self.described(line);
            return Err(self.difference(at, &expected, was, "what comes before it is heard with `hear`"));
        }
        if let Some((_, began, length)) = self.world.line_now().filter(|(number, ..)| *number == line) {
            self.world.wait_until(began + length / 2);
        }
        (self.accounted, self.part, self.at_once) = (line + 1, Some(line), true);
        Ok(())
    }

    /// The next line that the agent says by itself.
    fn next_said(&mut self, at: Span, expected: &str) -> Result<usize, Difference> {
        loop {
            self.every_lookup_is_answered(at, expected)?;
            if let Some(line) = self.unaccounted() {
                return Ok(line);
            }
            if self.world.outcome().is_some() {
                return Err(self.difference(at, expected, "the call is over".to_owned(), "the story goes on after its end"));
            }
            if self.waits_for_caller() {
                let was = format!("nothing: the agent waits for the caller{}", self.place());
                return Err(self.difference(at, expected, was, "write what the caller does, or `- silence`"));
            }
            self.go_on(at)?;
        }
    }

    /// Whether the agent has said everything, and nothing is on its way.
    fn waits_for_caller(&self) -> bool {
        !self.world.is_speaking() && !self.world.is_busy()
    }

    /// The first line that was said and does not stand in the story yet. What was broken off need not.
    fn unaccounted(&self) -> Option<usize> {
        let entries = self.world.log().entries().iter().enumerate().skip(self.accounted);
        let mut lines = entries.filter_map(|(number, entry)| Some((number, entry, entry.line()?)));
        lines
            .find(|(_, entry, id)| !self.allows.iter().any(|allowed| allowed == id) && !was_cut(entry))
            .map(|(number, ..)| number)
    }

    fn is(&self, line: usize, prompt: &str) -> bool {
        match self.world.log().entries().get(line).map(|entry| &entry.what) {
            Some(What::Said { line, text, .. }) => line.id == prompt || (is_piece(prompt) && text.contains(prompt)),
            _ => false,
        }
    }

    fn ended(&self, line: usize) -> Option<Heard> {
        match self.world.log().entries().get(line).map(|entry| &entry.what) {
            Some(What::Said { ended, .. }) => *ended,
            _ => None,
        }
    }

    fn described(&self, line: usize) -> String {
        match self.world.log().entries().get(line).map(|entry| &entry.what) {
            Some(What::Said { line, text, .. }) => format!("`{}`: “{}”", line.id, text.as_str()),
            _ => String::new(),
        }
    }

    // ---- what the caller does ----

    /// Waits until the caller may do something: until the agent is silent, or not at all.
    fn act(&mut self, at: Span, what: &str) -> Told {
        if std::mem::take(&mut self.at_once) {
            return self.nothing_unexpected(at, what);
        }
        self.settle(at, what)?;
        self.world.wait_until(self.world.now() + REACTION);
        self.nothing_unexpected(at, what)
    }

    fn nothing_unexpected(&mut self, at: Span, what: &str) -> Told {
        self.every_lookup_is_answered(at, what)?;
        if let Some(line) = self.unaccounted() {
            let was = format!("first the agent says {}", self.described(line));
            return Err(self.difference(at, what, was, "write `- hear: …` for what is said before, or list it under `allows`"));
        }
        if self.world.outcome().is_some() && what != "the story is over" {
            return Err(self.difference(at, what, "the call is over".to_owned(), "the story goes on after its end"));
        }
        Ok(())
    }

    fn every_lookup_is_answered(&self, at: Span, what: &str) -> Told {
        let Some(result) = self.world.unanswered().first() else { return Ok(()) };
        let was = format!("`{result}` is looked up, and the scenario has no answer for it");
        let help = format!("write `lookups: {{ {result}: {{ … }} }}`, or `missing`, `failed`, `hanging`");
        Err(self.difference(at, what, was, &help))
    }

    /// Goes on until the agent is silent and nothing is on its way; what is said meanwhile has to stand in the story.
    fn settle(&mut self, at: Span, what: &str) -> Told {
        loop {
            self.nothing_unexpected(at, what)?;
            if self.world.outcome().is_some() || self.waits_for_caller() {
                return Ok(());
            }
            self.go_on(at)?;
        }
    }

    fn go_on(&mut self, at: Span) -> Result<bool, Difference> {
        self.moments += 1;
        if self.moments > MOMENTS {
            let was = "it goes round in circles".to_owned();
            return Err(self.difference(at, "the call comes to something", was, "look for a loop in the dialog"));
        }
        Ok(self.world.advance())
    }

    fn press(&mut self, keys: &str, at: Span) -> Told {
        let what = format!("the caller presses {keys}");
        self.act(at, &what)?;
        for (number, key) in keys.chars().filter(|c| !c.is_whitespace()).enumerate() {
            if number > 0 {
                self.world.wait_until(self.world.now() + KEYS);
            }
            if self.world.outcome().is_some() {
                return Err(self.difference(at, &what, "the call is over".to_owned(), "the story goes on after its end"));
            }
            self.world.press(key);
        }
        Ok(())
    }

    fn silence(&mut self, at: Span) -> Told {
        let what = "the caller is silent until the agent speaks again";
        self.at_once = false;
        self.settle(at, what)?;
        self.world.did("is silent".to_owned());
        while self.unaccounted().is_none() && self.world.outcome().is_none() {
            if !self.go_on(at)? {
                let was = "the agent says nothing more".to_owned();
                return Err(self.difference(at, what, was, "there is nothing to wait for here"));
            }
        }
        Ok(())
    }

    // ---- the opening ----

    fn opening(&mut self, answer: Answer, at: Span) -> Told {
        let answer = match answer {
            Answer::Each => self.once.answer.unwrap_or(Answer::Refused),
            answer => answer,
        };
        self.until_dialog(answer, at)?;
        if answer == Answer::Withdrawn && self.world.outcome().is_none() {
            // The dialog's first line has just begun, and comes again.
            self.world.press('*');
            self.world.press('9');
            self.until_dialog(answer, at)?;
        }
        Ok(())
    }

    /// Answers what is asked until the dialog begins. All of it is the engine's, and need not stand in the story.
    fn until_dialog(&mut self, answer: Answer, at: Span) -> Told {
        loop {
            let over = self.world.outcome().is_some() || self.world.flow().in_dialog();
            if over || !matches!(self.world.flow().stage(), Stage::Disclosing | Stage::Asking | Stage::Dialog) {
                let entries = self.world.log().entries();
                let dialogs = |entry: &Entry| matches!(entry.what, What::Said { of_dialog: true, ended: None, .. });
                self.accounted = entries.iter().position(dialogs).unwrap_or(entries.len());
                return Ok(());
            }
            if self.world.flow().expected() != Expected::Consent {
                self.go_on(at)?;
                continue;
            }
            let key = match answer {
                Answer::Given | Answer::Withdrawn => Some('1'),
                Answer::Refused | Answer::Each => Some('2'),
                Answer::Unclear => Some('5'),
                Answer::Silence => None,
            };
            match key {
                Some(key) => {
                    self.world.wait_until(self.world.now() + REACTION);
                    self.world.press(key);
                }
                None => {
                    self.world.did("is silent".to_owned());
                    self.go_on(at)?;
                }
            }
        }
    }

    // ---- what must hold ----

    fn hold(&mut self, holds: &Holds) -> Told {
        match holds.broken(&self.world, self.given()) {
            None => Ok(()),
            Some((at, expected, was)) => {
                Err(self.difference(at, &expected, was, "one of the two is wrong: the story, or the dialog"))
            }
        }
    }

    /// A story that is told for every answer holds this without saying so.
    fn nobody_is_kept_who_did_not_agree(&mut self) -> Told {
        let Some(answers) = self.scenario.each_answer.as_ref().filter(|_| !self.given()) else { return Ok(()) };
        let by_consent = |kept: &&crate::rehearsal::Kept| {
            let terms = kept.turn.terms().iter();
            terms.filter(|terms| terms.basis == Basis::Consent).any(|terms| kept.purposes.contains(&terms.purpose))
        };
        let kept = self.world.kept().iter().filter(by_consent).count();
        if kept == 0 {
            return Ok(());
        }
        let was = format!("kept: {kept}");
        let help = "whoever has not agreed, or has withdrawn, is kept nowhere";
        Err(self.difference(answers.span(), "kept: nothing of a caller who did not agree", was, help))
    }

    fn place(&self) -> String {
        self.world.flow().question().map(|(state, _)| format!(" in `{state}`")).unwrap_or_default()
    }

    fn difference(&self, span: Span, expected: &str, was: String, help: &str) -> Difference {
        Difference { span, expected: expected.to_owned(), was, help: help.to_owned() }
    }
}

fn was_cut(entry: &Entry) -> bool {
    matches!(entry.what, What::Said { ended: Some(Heard::Cut), .. })
}

/// Whether what stands in a story is a piece of what is said, not a prompt's name.
pub(super) fn is_piece(prompt: &str) -> bool {
    prompt.contains(char::is_whitespace)
}

fn named(prompt: &str) -> String {
    if is_piece(prompt) { format!("“{prompt}”") } else { format!("`{prompt}`") }
}
