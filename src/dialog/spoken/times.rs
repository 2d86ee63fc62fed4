//! Times of day: on the hour, by halves and quarters, by minutes; or the figures that a recogniser writes.
//!
//! "Half drie" is half past two, at night or in the afternoon. Where nothing says which, it is the one in the day: from seven in the morning until
//! before seven in the evening, when offices and shops are open. "Half two" is not understood: it is half past one to some and half past two to others.

use jiff::civil::Time;

use super::Tongue;
use super::cursor::Cursor;

/// A part of the day, which says which half of it an hour belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Night,
    Morning,
    Afternoon,
    Evening,
    /// `a.m.`, `p.m.`
    First,
    Second,
}

/// An hour and a minute as they were said.
#[derive(Clone, Copy)]
struct Clock {
    hour: i64,
    minute: i64,
    /// On the clock of twelve hours; otherwise it is one of twenty-four.
    twelve: bool,
}

/// The time that was said.
pub(super) fn read(said: &[&str], tongue: Tongue) -> Option<Time> {
    let mut cursor = Cursor::new(said, tongue);
    let (mut clock, mut part) = (None, None);
    while !cursor.is_at_end() {
        if let Some(found) = cursor.one_of(parts(tongue)) {
            if part.replace(found).is_some() {
                return None;
            }
        } else if let Some(found) = fixed(&mut cursor).or_else(|| clock_time(&mut cursor)) {
            if clock.replace(found).is_some() {
                return None;
            }
        } else if !cursor.small_word() && !about(&mut cursor) {
            return None;
        }
    }
    clock?.in_the_day(part)
}

/// Whether a word can stand in the beginning of a time.
pub(super) fn begins(word: &str) -> bool {
    matches!(
        word,
        "half"
            | "kwart"
            | "quarter"
            | "past"
            | "to"
            | "over"
            | "voor"
            | "uur"
            | "minuten"
            | "minutes"
            | "at"
            | "om"
            | "rond"
            | "'s"
            | "s"
    )
}

fn parts(tongue: Tongue) -> &'static [(&'static str, Part)] {
    match tongue {
        Tongue::Dutch => &[
            ("'s nachts", Part::Night),
            ("s nachts", Part::Night),
            ("'s ochtends", Part::Morning),
            ("s ochtends", Part::Morning),
            ("'s morgens", Part::Morning),
            ("s morgens", Part::Morning),
            ("'s middags", Part::Afternoon),
            ("s middags", Part::Afternoon),
            ("'s avonds", Part::Evening),
            ("s avonds", Part::Evening),
            ("nachts", Part::Night),
            ("ochtends", Part::Morning),
            ("morgens", Part::Morning),
            ("smorgens", Part::Morning),
            ("middags", Part::Afternoon),
            ("smiddags", Part::Afternoon),
            ("avonds", Part::Evening),
            ("savonds", Part::Evening),
        ],
        Tongue::English => &[
            ("at night", Part::Night),
            ("in the morning", Part::Morning),
            ("in the afternoon", Part::Afternoon),
            ("in the evening", Part::Evening),
            ("a m", Part::First),
            ("am", Part::First),
            ("p m", Part::Second),
            ("pm", Part::Second),
        ],
    }
}

/// Words that mean nothing beside a time alone.
fn about(cursor: &mut Cursor) -> bool {
    let words: &[(&str, ())] = match cursor.tongue {
        Tongue::Dutch => &[("rond", ()), ("uur", ()), ("precies", ())],
        Tongue::English => {
            &[("at", ()), ("around", ()), ("about", ()), ("o'clock", ()), ("oclock", ()), ("exactly", ()), ("sharp", ())]
        }
    };
    cursor.one_of(words).is_some()
}

fn fixed(cursor: &mut Cursor) -> Option<Clock> {
    let hour = match cursor.tongue {
        Tongue::Dutch => cursor.one_of(&[("middernacht", 0)]),
        Tongue::English => cursor.one_of(&[("midnight", 0), ("noon", 12), ("midday", 12)]),
    }?;
    Some(Clock { hour, minute: 0, twelve: false })
}

fn clock_time(cursor: &mut Cursor) -> Option<Clock> {
    let mut ahead = *cursor;
    let found = figures(&mut ahead).or_else(|| match ahead.tongue {
        Tongue::Dutch => dutch(&mut ahead),
        Tongue::English => english(&mut ahead),
    })?;
    *cursor = ahead;
    Some(found)
}

/// `14:30`, `2.30`.
fn figures(cursor: &mut Cursor) -> Option<Clock> {
    let (hour, minute) = cursor.word()?.split_once([':', '.'])?;
    if minute.len() != 2 {
        return None;
    }
    let clock = on_the_clock(hour.parse().ok()?, minute.parse().ok()?, hour.starts_with('0'));
    cursor.skip(1);
    clock
}

fn dutch(cursor: &mut Cursor) -> Option<Clock> {
    if cursor.take("half") {
        return before_or_after(hour_of_twelve(cursor)?, -30);
    }
    if cursor.take("kwart") {
        let sign = cursor.one_of(&[("voor", -1), ("over", 1)])?;
        return before_or_after(hour_of_twelve(cursor)?, 15 * sign);
    }
    let number = i64::try_from(cursor.number()?).ok()?;
    let mut ahead = *cursor;
    let minutes = ahead.take("minuten") || ahead.take("minuut");
    if let Some(sign) = ahead.one_of(&[("voor", -1), ("over", 1)]) {
        let half = if ahead.take("half") { -30 } else { 0 };
        if let Some(hour) = hour_of_twelve(&mut ahead).filter(|_| (1..30).contains(&number)) {
            *cursor = ahead;
            return before_or_after(hour, sign * number + half);
        }
    }
    if minutes {
        return None;
    }
    let on_the_hour = cursor.take("uur");
    after_hour(cursor, number, on_the_hour)
}

fn english(cursor: &mut Cursor) -> Option<Clock> {
    if cursor.take("half") {
        return if cursor.take("past") { before_or_after(hour_of_twelve(cursor)?, 30) } else { None };
    }
    let mut ahead = *cursor;
    let number = if ahead.take("a quarter") || ahead.take("quarter") { 15 } else { i64::try_from(ahead.number()?).ok()? };
    let _ = ahead.take("minutes");
    if let Some(sign) = ahead.one_of(&[("to", -1), ("past", 1), ("after", 1)]) {
        let hour = hour_of_twelve(&mut ahead).filter(|_| (1..31).contains(&number))?;
        *cursor = ahead;
        return before_or_after(hour, sign * number);
    }
    let number = i64::try_from(cursor.number()?).ok()?;
    let on_the_hour = cursor.take("o'clock") || cursor.take("oclock") || cursor.take("hundred hours");
    after_hour(cursor, number, on_the_hour)
}

/// What follows an hour: minutes, or none. A number alone is an hour, and `1430` both.
fn after_hour(cursor: &mut Cursor, hour: i64, on_the_hour: bool) -> Option<Clock> {
    let mut ahead = *cursor;
    let zero = ahead.one_of(&[("nul", ()), ("oh", ()), ("o", ()), ("zero", ())]).is_some();
    if let Some(minute) = ahead.number().and_then(|minute| i64::try_from(minute).ok()).filter(|minute| *minute < 60) {
        // "Two five" is no time: five past is "oh five".
        let another_hour = matches!(ahead.word(), Some("uur" | "o'clock" | "oclock"));
        if another_hour || !(zero || on_the_hour || minute >= 10) {
            return None;
        }
        *cursor = ahead;
        return on_the_clock(hour, minute, false);
    }
    if !on_the_hour && hour >= 100 {
        return on_the_clock(hour / 100, hour % 100, false);
    }
    on_the_clock(hour, 0, false)
}

fn on_the_clock(hour: i64, minute: i64, of_twenty_four: bool) -> Option<Clock> {
    let right = (0..=23).contains(&hour) && (0..60).contains(&minute);
    right.then_some(Clock { hour, minute, twelve: (1..=12).contains(&hour) && !of_twenty_four })
}

/// An hour from one to twelve.
fn hour_of_twelve(cursor: &mut Cursor) -> Option<i64> {
    let hour = i64::try_from(cursor.number()?).ok()?;
    (1..=12).contains(&hour).then_some(hour)
}

fn before_or_after(hour: i64, minutes: i64) -> Option<Clock> {
    let all = (hour * 60 + minutes).rem_euclid(12 * 60);
    let hour = if all < 60 { 12 } else { all / 60 };
    Some(Clock { hour, minute: all % 60, twelve: true })
}

impl Clock {
    fn in_the_day(self, part: Option<Part>) -> Option<Time> {
        let Clock { hour, minute, twelve } = self;
        let hour = if twelve { hour_in(hour, part)? } else { hour };
        // An hour of twenty-four that is in another part of the day: one of the two was misheard.
        let right = match part {
            None => true,
            Some(Part::Night) => (0..7).contains(&hour) || hour >= 21,
            Some(Part::Morning) => hour < 13,
            Some(Part::Afternoon) => (12..19).contains(&hour),
            Some(Part::Evening) => hour >= 17,
            Some(Part::First) => hour < 12,
            Some(Part::Second) => hour >= 12,
        };
        right.then(|| Time::new(hour as i8, minute as i8, 0, 0).ok()).flatten()
    }
}

/// Of the two hours on the clock of twelve, the one that belongs to this part of the day.
fn hour_in(hour: i64, part: Option<Part>) -> Option<i64> {
    let (first, second) = (hour % 12, hour % 12 + 12);
    Some(match part {
        None if (7..12).contains(&first) => first,
        None => second,
        Some(Part::Morning | Part::First) => first,
        Some(Part::Afternoon | Part::Second) => second,
        Some(Part::Night) if first < 7 => first,
        Some(Part::Night | Part::Evening) => second,
    })
}

#[cfg(test)]
mod tests;
