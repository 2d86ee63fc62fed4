//! How sure an answer to a consent question is. Whisper writes down one of the words that it may have been, and says how likely that word is; whether it was a
//! yes is another question. A "yes" that may as well have been a "yeah" is a yes, and what may as well have been a "no" is none.

use super::vocabulary::Vocabulary;
use crate::consent::{AnswerGrammar, Meaning};
use crate::speech::stt::{calibrated, calibrated_answer};

/// The answers of a language that are one word and one token: the others cannot be told by their beginning.
#[derive(Debug)]
pub struct Answers {
    yes: Vec<usize>,
    no: Vec<usize>,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    /// Its first token.
    pub(super) first: usize,
    /// Whether that is the only one with letters.
    pub(super) alone: bool,
    /// The probability of its least certain token.
    pub(super) least: f32,
}

impl Answers {
    /// Those of a language; nothing where no answer is one token.
    pub(super) fn of(language: &str, vocabulary: &Vocabulary) -> Option<Answers> {
        let grammar = AnswerGrammar::for_language(language)?;
        let (mut yes, mut no) = (Vec::new(), Vec::new());
        for word in grammar.phrases().iter().filter(|phrase| !phrase.contains(' ')) {
            match grammar.meaning(word) {
                Meaning::Grant(_) => yes.extend(vocabulary.of_word(word)),
                Meaning::Refusal => no.extend(vocabulary.of_word(word)),
                Meaning::Neither => {}
            }
        }
        (!yes.is_empty() || !no.is_empty()).then_some(Answers { yes, no })
    }

    /// Whether something that begins with this token is a no by that.
    pub(super) fn is_no(&self, first: usize) -> bool {
        self.no.contains(&first)
    }

    /// How sure it is that this was said, and no no, on the scale of [`calibrated`]. `firsts`: the likeliest first tokens, the likeliest first.
    pub(super) fn confidence(&self, said: Said, firsts: &[(usize, f32)]) -> f32 {
        let likely = self.likely(said, firsts);
        if self.is_yes(said) { calibrated_answer(likely) } else { calibrated(likely) }
    }

    /// Whether it is a yes in one word.
    fn is_yes(&self, said: Said) -> bool {
        said.alone && self.yes.contains(&said.first)
    }

    /// How likely it is that this was said, and no no. A no that is not among the `firsts` is held to be as likely as the last of them.
    fn likely(&self, said: Said, firsts: &[(usize, f32)]) -> f32 {
        let share =
            |is: &dyn Fn(usize) -> bool| -> f32 { firsts.iter().filter(|(token, _)| is(*token)).map(|(_, likely)| likely).sum() };
        let this = if self.is_yes(said) {
            share(&|token| self.yes.contains(&token))
        } else {
            share(&|token| token == said.first).min(said.least)
        };
        let unseen = self.no.iter().filter(|no| !firsts.iter().any(|(token, _)| token == *no)).count() as f32;
        let last = firsts.last().map_or(1.0, |(_, likely)| *likely);
        let rest = (1.0 - share(&|_| true)).max(0.0);
        let no = share(&|token| self.no.contains(&token)) + (unseen * last).min(rest);
        (this - no).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: usize = 1;
    const YEAH: usize = 2;
    const NO: usize = 3;
    const NOPE: usize = 4;
    const OTHER: usize = 9;

    /// How likely a row of first tokens makes what was found.
    fn likely(first: usize, alone: bool, least: f32, firsts: &[(usize, f32)]) -> f32 {
        let answers = Answers { yes: vec![YES, YEAH], no: vec![NO, NOPE] };
        (answers.likely(Said { first, alone, least }, firsts) * 100.0).round() / 100.0
    }

    #[test]
    fn a_yes_in_two_words_is_as_likely_as_both() {
        assert_eq!(likely(YEAH, true, 0.5, &[(YEAH, 0.5), (YES, 0.4), (OTHER, 0.1), (NO, 0.0), (NOPE, 0.0)]), 0.9);
        // "Yes please" is not "yeah please".
        assert_eq!(likely(YES, false, 0.3, &[(YES, 0.5), (YEAH, 0.4), (NO, 0.0), (NOPE, 0.0)]), 0.3);
    }

    #[test]
    fn as_likely_as_a_no_is_as_much_less_likely_is_a_yes() {
        assert_eq!(likely(YEAH, true, 0.5, &[(YEAH, 0.5), (NO, 0.2), (YES, 0.2), (NOPE, 0.1)]), 0.4);
        assert_eq!(likely(YEAH, true, 0.3, &[(YEAH, 0.3), (NO, 0.25), (NOPE, 0.25)]), 0.0);
        assert_eq!(likely(OTHER, false, 0.8, &[(OTHER, 0.8), (NO, 0.2), (NOPE, 0.0)]), 0.6);
    }

    #[test]
    fn what_is_not_known_speaks_against_a_yes() {
        // Two noes that are not listed: as much as they can have at most.
        assert_eq!(likely(YEAH, true, 0.9, &[(YEAH, 0.6), (YES, 0.2), (OTHER, 0.04)]), 0.72);
        assert_eq!(likely(YEAH, true, 0.9, &[(YEAH, 0.6), (OTHER, 0.2), (7, 0.15)]), 0.55);
        assert_eq!(likely(YEAH, true, 0.9, &[]), 0.0);
        // Where there may have been no word at all, a likely one is none.
        assert_eq!(likely(YEAH, true, 0.9, &[(OTHER, 0.6), (YEAH, 0.4), (NO, 0.0), (NOPE, 0.0)]), 0.4);
        // The engine gives no number.
        assert!(likely(YEAH, true, 0.9, &[(YEAH, f32::NAN), (NO, 0.0), (NOPE, 0.0)]).is_nan());
    }

    #[test]
    fn what_a_consent_asks_for_is_twice_as_likely_a_yes_as_anything_else() {
        let answers = Answers { yes: vec![YES, YEAH], no: vec![NO] };
        let confidence = |alone, yes, other| {
            let said = Said { first: YES, alone, least: 1.0 };
            answers.confidence(said, &[(YES, yes), (OTHER, other), (NO, 0.0)])
        };
        assert!(confidence(true, 0.67, 0.33) > 0.85 && confidence(true, 0.66, 0.34) < 0.85);
        // Of several words the first was found in one way of many.
        assert!(confidence(false, 0.45, 0.55) > 0.85 && confidence(false, 0.43, 0.57) < 0.85);
    }
}
