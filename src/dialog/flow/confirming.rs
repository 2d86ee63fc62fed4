//! An option that was said: taken when it is clear which, asked about when one of them is close.

use super::matching::{Meant, meant};
use super::small_words::SmallWords;
use super::steps::{Mode, Waiting};
use super::*;
use crate::dialog::file::{Ask, Step};

impl Flow {
    /// What may be said to a question. Words that deny are listened for as well: what turns an option around must not be missed.
    pub(super) fn option_phrases(&self, ask: &Ask) -> Vec<String> {
        let options = ask.options.iter();
        let phrases = options.flat_map(|(name, _)| self.dialog.texts.hear(&self.language, &name.value).to_vec());
        phrases.chain(SmallWords::of(&self.language).negations.iter().map(|word| (*word).to_owned())).collect()
    }

    /// The caller has said something (already normal) to a question with options.
    pub(super) fn spoken_option(&mut self, ask: &Ask, said: &str) {
        let dialog = self.dialog.clone();
        let phrases = |name: &str| dialog.texts.hear(&self.language, name);
        let choices: Vec<&[String]> = ask.options.iter().map(|(name, _)| phrases(&name.value)).collect();
        let found = meant(said, &choices, &self.language);
        let option = |number: usize| ask.options.0.get(number);
        match found {
            Meant::Clearly(number) if let Some((_, choice)) = option(number) => self.choose(choice),
            // What is evidence of an agreement is agreed in so many words, in the turn that asks for it: an answer that is only close is none.
            Meant::Perhaps(number)
                if let Some((name, choice)) = option(number)
                    && choice.evidence_for.is_empty() =>
            {
                let understood = phrases(&name.value).first().cloned();
                self.confirm(number, understood);
            }
            _ => self.no_match("no-match"),
        }
    }

    /// Asks whether this option was meant, in a turn of its own; with anything but a yes the question is put again, as one more try.
    fn confirm(&mut self, option: usize, understood: Option<String>) {
        let Phase::Dialog(Waiting { at, no_input, no_match, .. }) = &self.phase else { return };
        let (at, no_input, no_match) = (at.clone(), *no_input, *no_match);
        self.answered();
        self.known.understood = understood.map(Into::into);
        // Broken off, the question is put again.
        self.position = at.clone();
        let lines = vec![self.line("option-understood"), self.line("read-back-keys")];
        self.put_turn(lines, Mode::Confirm(option), at, no_input, no_match);
    }

    /// Yes or no to what was read back, or to the option that was understood.
    pub(super) fn whether(&mut self, yes: bool) {
        let dialog = self.dialog.clone();
        let Phase::Dialog(waiting) = &self.phase else { return };
        match (&waiting.mode, waiting.at.step(&dialog.file)) {
            (Mode::ReadBack, _) if yes => self.read_back_right(),
            (Mode::ReadBack, _) => self.read_back_wrong(),
            (Mode::Confirm(option), Some(Step::Ask(ask)))
                if let Some((_, choice)) = ask.options.0.get(*option).filter(|_| yes) =>
            {
                self.choose(choice);
            }
            (Mode::Confirm(_), _) => self.no_match("no-match"),
            _ => {}
        }
    }

    /// The caller has said something (already normal) where yes or no is asked.
    pub(super) fn spoken_whether(&mut self, said: &str) {
        let phrases = |id: &str| self.dialog.texts.hear(&self.language, id);
        match meant(said, &[phrases("read-back-yes"), phrases("read-back-no")], &self.language) {
            Meant::Clearly(answer) => self.whether(answer == 0),
            _ => self.no_match("no-match"),
        }
    }
}
