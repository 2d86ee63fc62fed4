//! What callers say when they are asked for a value: words in, a canonical value out. Pure, in Dutch and in English.
//!
//! A recogniser gives words ("drieëntwintig", "double five") or figures ("12-345"), with an "uh" and a "my number is" around them. What is read
//! here is all of what was said or nothing of it: a word that is neither a part of the value nor known to mean nothing makes it not understood,
//! since a value that was guessed is worse than a question put once more.
//!
//! [`words`] takes a text apart, [`dutch`] and [`english`] hold the words of a language, [`cardinal`] makes numbers of them, and each kind of value
//! has a file of its own. What a caller said stays where it is: everything here borrows it, and what is made of it is wiped when dropped.

mod aloud;
mod amounts;
mod cardinal;
mod cursor;
mod date_words;
mod dates;
mod digits;
mod dutch;
mod english;
mod form;
mod numbers;
mod postcode;
mod spelling;
mod times;
mod words;

use jiff::civil::Date;
use zeroize::Zeroizing;

pub use aloud::aloud;
pub use form::{Days, Form, Hours, read_digits, read_number};
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
    /// A value that more may belong to.
    Enough,
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

    /// The value that was said, in its canonical form; `None` when it was not understood. Whether it is one that is wanted (so many digits) is for
    /// the [`Form`] to say. Without `today` there is no "tomorrow", and a date has its year.
    pub fn read(self, form: Form, said: &str, today: Option<Date>) -> Option<Zeroizing<String>> {
        let words = Words::of(said);
        match form {
            Form::Digits { .. } => digits::read(&words, self),
            Form::Number { .. } => numbers::read(&words.all(), self),
            Form::Date(days) => dates::read(&words.all(), self, days, today).map(form::of_date),
            Form::Time(_) => times::read(&words.all(), self).map(form::of_time),
            Form::Postcode => postcode::read(&words.all(), self),
            Form::Amount => amounts::read(&words.all(), self),
        }
    }

    /// How far what was said so far has come.
    pub fn progress(self, form: Form, so_far: &str) -> Progress {
        let words = Words::of(so_far);
        if words.is_empty() {
            return Progress::Other;
        }
        if let Form::Digits { most, .. } = form {
            return match digits::so_far(&words, self) {
                Some(count) if count == most => Progress::Full,
                // With a range, too: a number that is cut is a wrong number, and the price of waiting is a moment.
                Some(count) if count < most => Progress::Begun,
                _ => Progress::Other,
            };
        }
        // Whether a date is whole does not depend on which day is today.
        let some_day = Some(Date::constant(2000, 1, 1));
        match (form, self.read(form, so_far, some_day)) {
            (Form::Postcode, Some(_)) => Progress::Full,
            (_, Some(_)) => Progress::Enough,
            (_, None) if words.all().iter().all(|word| self.begins(form, word)) => Progress::Begun,
            (_, None) => Progress::Other,
        }
    }

    /// Whether a word can stand in the beginning of a value of this form.
    fn begins(self, form: Form, word: &str) -> bool {
        let figures = word.starts_with(|c: char| c.is_ascii_digit());
        let number = figures || self.number(word).is_some() || self.is_filler(word) || self.leads(word);
        number
            || match form {
                Form::Digits { .. } | Form::Number { .. } => false,
                Form::Date(_) => dates::begins(word, self),
                Form::Time(_) => times::begins(word),
                Form::Postcode => spelling::begins(word),
                Form::Amount => matches!(word, "euro" | "euros" | "euro's" | "komma" | "point"),
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
