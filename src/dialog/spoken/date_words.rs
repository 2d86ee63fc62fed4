//! The words of dates.

use jiff::civil::Weekday;

use super::Tongue;
use super::cursor::Cursor;

pub(super) const WEEKDAYS_DUTCH: &[(&str, Weekday)] = &[
    ("maandag", Weekday::Monday),
    ("dinsdag", Weekday::Tuesday),
    ("woensdag", Weekday::Wednesday),
    ("donderdag", Weekday::Thursday),
    ("vrijdag", Weekday::Friday),
    ("zaterdag", Weekday::Saturday),
    ("zondag", Weekday::Sunday),
];

pub(super) const WEEKDAYS_ENGLISH: &[(&str, Weekday)] = &[
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

pub(super) const MONTHS_DUTCH: &[(&str, i8)] = &[
    ("januari", 1),
    ("februari", 2),
    ("maart", 3),
    ("april", 4),
    ("mei", 5),
    ("juni", 6),
    ("juli", 7),
    ("augustus", 8),
    ("september", 9),
    ("oktober", 10),
    ("november", 11),
    ("december", 12),
];

pub(super) const MONTHS_ENGLISH: &[(&str, i8)] = &[
    ("january", 1),
    ("february", 2),
    ("march", 3),
    ("april", 4),
    ("may", 5),
    ("june", 6),
    ("july", 7),
    ("august", 8),
    ("september", 9),
    ("october", 10),
    ("november", 11),
    ("december", 12),
];

const ORDINALS_DUTCH: &[(&str, i8)] =
    &[("eerste", 1), ("tweede", 2), ("derde", 3), ("vierde", 4), ("achtste", 8), ("negende", 9)];

const ORDINALS_ENGLISH: &[(&str, i8)] = &[
    ("first", 1),
    ("second", 2),
    ("third", 3),
    ("fourth", 4),
    ("fifth", 5),
    ("sixth", 6),
    ("seventh", 7),
    ("eighth", 8),
    ("ninth", 9),
    ("tenth", 10),
    ("eleventh", 11),
    ("twelfth", 12),
    ("thirteenth", 13),
    ("fourteenth", 14),
    ("fifteenth", 15),
    ("sixteenth", 16),
    ("seventeenth", 17),
    ("eighteenth", 18),
    ("nineteenth", 19),
    ("twentieth", 20),
    ("thirtieth", 30),
];

/// Takes the number of a day as an ordinal: `derde`, `eenentwintigste`, `twenty first`, `3e`, `3rd`.
pub(super) fn ordinal(cursor: &mut Cursor) -> Option<i8> {
    let word = cursor.word()?;
    let figures = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if figures > 0 && matches!(&word[figures..], "e" | "de" | "ste" | "st" | "nd" | "rd" | "th") {
        cursor.skip(1);
        return word[..figures].parse().ok();
    }
    match cursor.tongue {
        Tongue::Dutch => cursor.one_of(ORDINALS_DUTCH).or_else(|| {
            let stem = word.strip_suffix("ste").or_else(|| word.strip_suffix("de"))?;
            let day = Tongue::Dutch.number(stem).and_then(|day| i8::try_from(day).ok())?;
            cursor.skip(1);
            Some(day)
        }),
        Tongue::English => cursor.one_of(ORDINALS_ENGLISH).or_else(|| {
            let mut ahead = *cursor;
            let tens = ahead.one_of(&[("twenty", 20), ("thirty", 30)])?;
            let unit = ahead.one_of(&ORDINALS_ENGLISH[..9])?;
            *cursor = ahead;
            Some(tens + unit)
        }),
    }
}
