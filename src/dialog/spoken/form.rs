//! What kind of value is asked for, which of them are right, and how it is given by key.

use jiff::civil::{Date, Time};
use zeroize::Zeroizing;

use super::{amounts, dates, postcode};

/// What kind of value is asked for, and which of them are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Digits, as they are: an order number.
    Digits {
        /// How many at least.
        least: usize,
        /// How many at most.
        most: usize,
    },
    /// A whole number: `7`.
    Number {
        /// The least.
        least: u32,
        /// The greatest.
        most: u32,
    },
    /// A date: `2026-12-03`.
    Date(Days),
    /// A time of day: `14:30`.
    Time(Hours),
    /// A Dutch postcode: `1234 AB`.
    Postcode,
    /// An amount in euros: `12.50`.
    Amount,
}

/// Which dates are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Days {
    /// From today on.
    Future,
    /// Up to today.
    Past,
    /// All of them.
    Any,
}

/// Which times are right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hours {
    /// All of them.
    Any,
    /// From seven in the morning until before seven in the evening.
    Day,
}

/// The keys that a letter is on, from `2`.
const LETTERS: [&str; 8] = ["ABC", "DEF", "GHI", "JKL", "MNO", "PQRS", "TUV", "WXYZ"];

impl Form {
    /// Whether a canonical value is one that is asked for.
    pub fn takes(self, value: &str, today: Option<Date>) -> bool {
        match self {
            Form::Digits { least, most } => (least..=most).contains(&value.len()),
            Form::Number { least, most } => value.parse::<u32>().is_ok_and(|number| (least..=most).contains(&number)),
            Form::Date(days) => match (days, value.parse::<Date>(), today) {
                (_, Err(_), _) => false,
                (Days::Any, Ok(_), _) => true,
                (Days::Future, Ok(date), Some(today)) => date >= today,
                (Days::Past, Ok(date), Some(today)) => date <= today,
                (_, Ok(_), None) => false,
            },
            Form::Time(Hours::Any) => true,
            Form::Time(Hours::Day) => ("07:00".."19:00").contains(&value),
            Form::Postcode => postcode::is_one(value),
            Form::Amount => true,
        }
    }

    /// What stands in a dialog file: `digits: 4..8`, `number: 1..20`, `date: future`, `time: any`, `postcode: nl`, `amount: eur`.
    pub fn read(name: &str, text: &str) -> Option<Form> {
        match (name, text) {
            ("digits", text) => read_digits(text).map(|(least, most)| Form::Digits { least, most }),
            ("number", text) => read_number(text).map(|(least, most)| Form::Number { least, most }),
            ("date", text) => Days::read(text).map(Form::Date),
            ("time", text) => Hours::read(text).map(Form::Time),
            ("postcode", "nl") => Some(Form::Postcode),
            ("amount", "eur") => Some(Form::Amount),
            _ => None,
        }
    }

    /// What is taken, for an author: `4 to 8 digits`.
    pub fn in_words(self) -> String {
        match self {
            Form::Digits { least: 1, most: 1 } => "1 digit".into(),
            Form::Digits { least, most } if least == most => format!("{least} digits"),
            Form::Digits { least, most } => format!("{least} to {most} digits"),
            Form::Number { least, most } => format!("a number from {least} to {most}"),
            Form::Date(Days::Future) => "a date from today on".into(),
            Form::Date(Days::Past) => "a date up to today".into(),
            Form::Date(Days::Any) => "a date".into(),
            Form::Time(Hours::Any) => "a time".into(),
            Form::Time(Hours::Day) => "a time by day".into(),
            Form::Postcode => "a Dutch postcode".into(),
            Form::Amount => "an amount in euros".into(),
        }
    }

    /// Whether its values are numbers to a condition; all others are texts.
    pub fn is_number(self) -> bool {
        matches!(self, Form::Number { .. } | Form::Amount)
    }

    /// Whether two take the same kind of value, however much of it.
    pub fn is_kind_of(self, other: Form) -> bool {
        std::mem::discriminant(&self) == std::mem::discriminant(&other)
    }

    /// How many keys it takes at most.
    pub fn most_keys(self) -> usize {
        match self {
            Form::Digits { most, .. } => most,
            Form::Number { most, .. } => most.checked_ilog10().map_or(1, |tens| tens as usize + 1),
            Form::Date(_) | Form::Postcode => 8,
            Form::Time(_) => 4,
            Form::Amount => 8,
        }
    }

    /// The canonical value of what was keyed; `None` when it makes none.
    pub fn keyed(self, digits: &str, today: Option<Date>) -> Option<Zeroizing<String>> {
        let part = |from: usize, to: usize| digits.get(from..to)?.parse::<i16>().ok();
        match self {
            Form::Digits { .. } => Some(Zeroizing::new(digits.to_owned())),
            Form::Number { .. } => Some(Zeroizing::new(digits.parse::<u32>().ok()?.to_string())),
            Form::Date(days) => {
                let (day, month) = (i8::try_from(part(0, 2)?).ok()?, i8::try_from(part(2, 4)?).ok()?);
                let date = match digits.len() {
                    4 => dates::nearest(day, month, days, today?)?,
                    8 => Date::new(part(4, 8)?, month, day).ok()?,
                    _ => return None,
                };
                Some(of_date(date))
            }
            Form::Time(_) if digits.len() == 4 => {
                let (hour, minute) = (i8::try_from(part(0, 2)?).ok()?, i8::try_from(part(2, 4)?).ok()?);
                Some(of_time(Time::new(hour, minute, 0, 0).ok()?))
            }
            Form::Time(_) => None,
            Form::Postcode => keyed_postcode(digits),
            // Two digits of cents at the end, and at least one before them.
            Form::Amount if digits.len() >= 3 => Some(amounts::canonical(digits.parse().ok()?)),
            Form::Amount => None,
        }
    }
}

pub(super) fn of_date(date: Date) -> Zeroizing<String> {
    Zeroizing::new(date.to_string())
}

pub(super) fn of_time(time: Time) -> Zeroizing<String> {
    Zeroizing::new(format!("{:02}:{:02}", time.hour(), time.minute()))
}

/// Four digits, then two keys for each letter: the key it is on and its place there. A is 21, S is 74.
fn keyed_postcode(digits: &str) -> Option<Zeroizing<String>> {
    if digits.len() != 8 {
        return None;
    }
    let mut postcode = Zeroizing::new(String::with_capacity(8));
    postcode.push_str(digits.get(..4)?);
    postcode.push(' ');
    for letter in [digits.get(4..6)?, digits.get(6..8)?] {
        let mut keys = letter.bytes().map(|key| usize::from(key.saturating_sub(b'0')));
        let (key, place) = (keys.next()?.checked_sub(2)?, keys.next()?.checked_sub(1)?);
        postcode.push(LETTERS.get(key)?.chars().nth(place)?);
    }
    Some(postcode)
}

/// `6` or `4..8`: how many digits, both ends included; 1 to 32.
pub fn read_digits(text: &str) -> Option<(usize, usize)> {
    let (least, most) = read_range(text)?;
    (1 <= least && least <= most && most <= 32).then_some((least, most))
}

/// `1..20`: from which number to which, both included; up to six digits.
pub fn read_number(text: &str) -> Option<(u32, u32)> {
    let (least, most) = text.contains("..").then(|| read_range(text)).flatten()?;
    (least < most && most <= 999_999).then_some((u32::try_from(least).ok()?, u32::try_from(most).ok()?))
}

fn read_range(text: &str) -> Option<(usize, usize)> {
    match text.split_once("..") {
        Some((least, most)) => Some((least.trim().parse().ok()?, most.trim().parse().ok()?)),
        None => Some((text.trim().parse().ok()?, text.trim().parse().ok()?)),
    }
}

impl Days {
    /// `future`, `past` or `any`.
    pub fn read(text: &str) -> Option<Days> {
        [("future", Days::Future), ("past", Days::Past), ("any", Days::Any)]
            .into_iter()
            .find(|(name, _)| *name == text)
            .map(|found| found.1)
    }
}

impl Hours {
    /// `any` or `day`.
    pub fn read(text: &str) -> Option<Hours> {
        [("any", Hours::Any), ("day", Hours::Day)].into_iter().find(|(name, _)| *name == text).map(|found| found.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_a_number_or_a_range() {
        assert_eq!([read_digits("6"), read_digits("4..8"), read_digits("4 .. 8")], [Some((6, 6)), Some((4, 8)), Some((4, 8))]);
        for text in ["", "0", "0..4", "8..4", "33", "4..", "..8", "four", "4..=8"] {
            assert_eq!(read_digits(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_a_range() {
        assert_eq!([read_number("1..20"), read_number("0 .. 999999")], [Some((1, 20)), Some((0, 999_999))]);
        for text in ["", "6", "5..5", "9..1", "1..1000000", "a..b"] {
            assert_eq!(read_number(text), None, "{text}");
        }
    }

    #[test]
    fn each_value_has_its_keys() {
        let today = Some("2026-11-28".parse().unwrap());
        let future = Form::Date(Days::Future);
        for (form, keys, value) in [
            (Form::Digits { least: 4, most: 8 }, "0042", Some("0042")),
            (Form::Number { least: 1, most: 20 }, "07", Some("7")),
            (future, "0312", Some("2026-12-03")),
            (future, "0301", Some("2027-01-03")),
            (future, "03122027", Some("2027-12-03")),
            (Form::Date(Days::Past), "0312", Some("2025-12-03")),
            (future, "3102", None),
            (future, "31022027", None),
            (future, "312", None),
            (Form::Time(Hours::Any), "1430", Some("14:30")),
            (Form::Time(Hours::Any), "0230", Some("02:30")),
            (Form::Time(Hours::Any), "2500", None),
            (Form::Time(Hours::Any), "1460", None),
            (Form::Time(Hours::Any), "230", None),
            (Form::Postcode, "12342122", Some("1234 AB")),
            (Form::Postcode, "12347493", Some("1234 SY")),
            (Form::Postcode, "12342422", None),
            (Form::Postcode, "12341122", None),
            (Form::Postcode, "1234212", None),
            (Form::Amount, "1250", Some("12.50")),
            (Form::Amount, "050", Some("0.50")),
            (Form::Amount, "50", None),
        ] {
            assert_eq!(form.keyed(keys, today).as_deref().map(String::as_str), value, "{form:?} {keys}");
            assert!(keys.len() <= form.most_keys(), "{form:?} {keys}");
        }
        assert_eq!([1, 9, 10, 20, 999_999].map(|most| Form::Number { least: 0, most }.most_keys()), [1, 1, 2, 2, 6]);
    }

    #[test]
    fn what_is_right_depends_on_what_is_asked_for() {
        let today = Some("2026-11-28".parse().unwrap());
        for (form, value, right) in [
            (Form::Number { least: 1, most: 20 }, "20", true),
            (Form::Number { least: 1, most: 20 }, "21", false),
            (Form::Date(Days::Future), "2026-11-28", true),
            (Form::Date(Days::Future), "2026-11-27", false),
            (Form::Date(Days::Past), "2026-11-28", true),
            (Form::Date(Days::Past), "2026-11-29", false),
            (Form::Date(Days::Any), "1901-01-01", true),
            (Form::Time(Hours::Day), "06:59", false),
            (Form::Time(Hours::Day), "07:00", true),
            (Form::Time(Hours::Day), "19:00", false),
            (Form::Time(Hours::Any), "03:00", true),
            (Form::Postcode, "1234 SS", false),
        ] {
            assert_eq!(form.takes(value, today), right, "{form:?} {value}");
        }
        assert!(!Form::Date(Days::Future).takes("2030-01-01", None));
    }
}
