//! Values as they are said to a caller, in words that every voice reads alike.

use std::fmt::Write;

use jiff::ToSpan;
use jiff::civil::{Date, Time};
use zeroize::Zeroizing;

use super::date_words::{MONTHS_DUTCH, MONTHS_ENGLISH, WEEKDAYS_DUTCH, WEEKDAYS_ENGLISH};
use super::{Form, Tongue};

/// Longer than anything that is said of a value, so that nothing of it is left behind where a buffer has grown.
const ROOM: usize = 128;

/// A canonical value as one says it: `4 7 1 1`, `donderdag 3 december`, `14 uur 30`, `1 2 3 4 A B`, `12 euro 50`. A year is said unless it is the
/// coming twelve months'. What is no value of the form (a place for one) is said letter by letter, and so is everything in other languages.
pub fn aloud(form: Form, value: &str, language: &str, today: Option<Date>) -> Zeroizing<String> {
    let mut said = Zeroizing::new(String::with_capacity(ROOM));
    let written = match (form, Tongue::of(language)) {
        (Form::Number { .. }, _) => said.write_str(value).ok(),
        (Form::Date(_), tongue) => value.parse().ok().and_then(|date| say_date(&mut said, date, tongue, today)),
        (Form::Time(_), tongue) => value.parse().ok().and_then(|time| say_time(&mut said, time, tongue)),
        (Form::Amount, tongue) => say_amount(&mut said, value, tongue),
        (Form::Digits { .. } | Form::Postcode, _) => None,
    };
    if written.is_none() {
        said.clear();
        for letter in value.chars().filter(|letter| *letter != ' ') {
            if !said.is_empty() {
                said.push(' ');
            }
            said.push(letter);
        }
    }
    said
}

fn say_date(said: &mut String, date: Date, tongue: Option<Tongue>, today: Option<Date>) -> Option<()> {
    let (weekdays, months) = match tongue {
        Some(Tongue::Dutch) => (WEEKDAYS_DUTCH, MONTHS_DUTCH),
        Some(Tongue::English) => (WEEKDAYS_ENGLISH, MONTHS_ENGLISH),
        None => return write!(said, "{} {} {}", date.day(), date.month(), date.year()).ok(),
    };
    let weekday = weekdays.iter().find(|(_, day)| *day == date.weekday())?.0;
    let month = months.iter().find(|(_, month)| *month == date.month())?.0;
    match tongue {
        Some(Tongue::English) => write!(said, "{} {} {}", capital(weekday), date.day(), capital(month)).ok()?,
        _ => write!(said, "{weekday} {} {month}", date.day()).ok()?,
    }
    let coming = |today: Date| date >= today && today.checked_add(12.months()).is_ok_and(|later| date < later);
    if today.is_some_and(coming) { Some(()) } else { write!(said, " {}", date.year()).ok() }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn say_time(said: &mut String, time: Time, tongue: Option<Tongue>) -> Option<()> {
    let (hour, minute) = (time.hour(), time.minute());
    match (tongue, minute) {
        (Some(Tongue::Dutch), 0) => write!(said, "{hour} uur"),
        (Some(Tongue::Dutch), _) => write!(said, "{hour} uur {minute}"),
        (Some(Tongue::English), _) => {
            let half = if hour < 12 { "a.m." } else { "p.m." };
            let hour = if hour % 12 == 0 { 12 } else { hour % 12 };
            match minute {
                0 => write!(said, "{hour} {half}"),
                1..=9 => write!(said, "{hour} oh {minute} {half}"),
                _ => write!(said, "{hour} {minute} {half}"),
            }
        }
        (None, _) => write!(said, "{hour} {minute:02}"),
    }
    .ok()
}

fn say_amount(said: &mut String, value: &str, tongue: Option<Tongue>) -> Option<()> {
    let (euros, cents) = value.split_once('.')?;
    let (euros, cents): (u64, u64) = (euros.parse().ok()?, cents.parse().ok()?);
    match (tongue, euros, cents) {
        (Some(Tongue::Dutch), 0, 1..) => write!(said, "{cents} cent"),
        (Some(Tongue::Dutch), _, 0) => write!(said, "{euros} euro"),
        (Some(Tongue::Dutch), ..) => write!(said, "{euros} euro {cents}"),
        (Some(Tongue::English), 0, 1) => write!(said, "1 cent"),
        (Some(Tongue::English), 0, 1..) => write!(said, "{cents} cents"),
        (Some(Tongue::English), 1, 0) => write!(said, "1 euro"),
        (Some(Tongue::English), _, 0) => write!(said, "{euros} euros"),
        (Some(Tongue::English), 1, _) => write!(said, "1 euro {cents}"),
        (Some(Tongue::English), ..) => write!(said, "{euros} euros {cents}"),
        (None, ..) => write!(said, "{euros} {cents:02}"),
    }
    .ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Days, Hours};
    use super::*;

    #[test]
    fn values_are_said_as_one_says_them() {
        let today = Some("2026-11-28".parse().unwrap());
        let date = Form::Date(Days::Any);
        let time = Form::Time(Hours::Any);
        for (form, value, dutch, english, korean) in [
            (Form::Digits { least: 4, most: 8 }, "4711", "4 7 1 1", "4 7 1 1", "4 7 1 1"),
            (Form::Number { least: 1, most: 20 }, "12", "12", "12", "12"),
            (date, "2026-12-03", "donderdag 3 december", "Thursday 3 December", "3 12 2026"),
            (date, "1985-12-03", "dinsdag 3 december 1985", "Tuesday 3 December 1985", "3 12 1985"),
            (date, "2027-11-28", "zondag 28 november 2027", "Sunday 28 November 2027", "28 11 2027"),
            (time, "14:30", "14 uur 30", "2 30 p.m.", "14 30"),
            (time, "09:05", "9 uur 5", "9 oh 5 a.m.", "9 05"),
            (time, "00:00", "0 uur", "12 a.m.", "0 00"),
            (time, "12:00", "12 uur", "12 p.m.", "12 00"),
            (Form::Postcode, "1234 AB", "1 2 3 4 A B", "1 2 3 4 A B", "1 2 3 4 A B"),
            (Form::Amount, "12.50", "12 euro 50", "12 euros 50", "12 50"),
            (Form::Amount, "0.05", "5 cent", "5 cents", "0 05"),
            (Form::Amount, "1.00", "1 euro", "1 euro", "1 00"),
            (date, "…", "…", "…", "…"),
            (Form::Amount, "…", "…", "…", "…"),
        ] {
            let said = ["nl", "en", "ko"].map(|language| aloud(form, value, language, today).to_string());
            assert_eq!(said, [dutch, english, korean], "{form:?} {value}");
        }
        assert_eq!(aloud(date, "2026-12-03", "nl", None).as_str(), "donderdag 3 december 2026");
    }

    #[test]
    fn what_is_said_is_understood_again() {
        let today: Option<Date> = Some("2026-11-28".parse().unwrap());
        for (form, value) in [
            (Form::Date(Days::Any), "2026-12-03"),
            (Form::Date(Days::Any), "1985-12-03"),
            (Form::Time(Hours::Any), "14:30"),
            (Form::Time(Hours::Any), "09:15"),
            (Form::Amount, "12.50"),
            (Form::Postcode, "1234 AB"),
            (Form::Number { least: 1, most: 20 }, "12"),
        ] {
            for (language, tongue) in [("nl", Tongue::Dutch), ("en", Tongue::English)] {
                let said = aloud(form, value, language, today);
                assert_eq!(tongue.read(form, &said, today).as_deref().map(String::as_str), Some(value), "{}", said.as_str());
            }
        }
    }
}
