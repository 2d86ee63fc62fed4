//! What callers say when they are asked for a value: words in, a canonical value out. Pure, in Dutch and in English.
//!
//! A recogniser gives words ("drieëntwintig", "double five") or figures ("12-345"), with an "uh" and a "my number is" around them. What is read
//! here is all of what was said or nothing of it: a word that is neither a part of the value nor known to mean nothing makes it not understood,
//! since a value that was guessed is worse than a question put once more.
//!
//! [`words`] takes a text apart, [`dutch`] and [`english`] hold the words of a language, [`cardinal`] makes numbers of them, and each kind of value
//! has a file of its own. What a caller said stays where it is: everything here borrows it, and what is made of it is wiped when dropped.

mod cardinal;
mod digits;
mod dutch;
mod english;
mod form;
mod words;

use zeroize::Zeroizing;

pub use form::{Form, read_digits};
use words::Words;

/// A language whose values are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tongue {
    /// Dutch.
    Dutch,
    /// English.
    English,
}

/// How far an utterance has come, by its words so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is no value in it, or words that belong to none.
    Other,
    /// The beginning of a value.
    Begun,
    /// A value that nothing can follow.
    Full,
}

impl Tongue {
    /// By its BCP 47 tag; `None`: values are understood by key alone.
    pub fn of(language: &str) -> Option<Tongue> {
        match language.split('-').next() {
            Some("nl") => Some(Tongue::Dutch),
            Some("en") => Some(Tongue::English),
            _ => None,
        }
    }

    /// The value that was said, in its canonical form; `None` when it was not understood. Whether it is one that is wanted (so many digits)
    /// is for the [`Form`] to say.
    pub fn read(self, form: Form, said: &str) -> Option<Zeroizing<String>> {
        let words = Words::of(said);
        match form {
            Form::Digits { .. } => digits::read(&words, self),
        }
    }

    /// How far what was said so far has come.
    pub fn progress(self, form: Form, so_far: &str) -> Progress {
        let words = Words::of(so_far);
        if words.is_empty() {
            return Progress::Other;
        }
        match form {
            Form::Digits { most, .. } => match digits::so_far(&words, self) {
                Some(count) if count == most => Progress::Full,
                // With a range, too: a number that is cut is a wrong number, and the price of waiting is a moment.
                Some(count) if count < most => Progress::Begun,
                _ => Progress::Other,
            },
        }
    }

    /// What a word is worth as a cardinal of its own: `drieentwintig`, `twelve`.
    fn number(self, word: &str) -> Option<u64> {
        match self {
            Tongue::Dutch => dutch::number(word),
            Tongue::English => english::number(word),
        }
    }

    /// Whether a word means nothing beside a value, wherever it stands: `uh`, `please`.
    fn is_filler(self, word: &str) -> bool {
        match self {
            Tongue::Dutch => dutch::FILLERS.contains(&word),
            Tongue::English => english::FILLERS.contains(&word),
        }
    }

    /// Whether a word can lead to a value and means nothing before it: `mijn`, `number`.
    fn leads(self, word: &str) -> bool {
        match self {
            Tongue::Dutch => dutch::LEADS.contains(&word),
            Tongue::English => english::LEADS.contains(&word),
        }
    }
}
