//! Dates: by day and month, by weekday, from today on; or the figures that a recogniser writes.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

use super::Tongue;
use super::cursor::Cursor;
use super::date_words::{MONTHS_DUTCH, MONTHS_ENGLISH, WEEKDAYS_DUTCH, WEEKDAYS_ENGLISH, ordinal};
use super::form::Days;

/// Whether a word can stand in the beginning of a date.
pub(super) fn begins(word: &str, tongue: Tongue) -> bool {
    let of = |words: &str| words.split(' ').any(|known| known == word);
    let (weekdays, months) = words_of(tongue);
    weekdays.iter().any(|(name, _)| of(name))
        || months.iter().any(|(name, _)| of(name))
        || weeks(tongue).iter().any(|(words, _)| of(words))
        || from_today(tongue).iter().any(|(words, _)| of(words))
        || matches!(word, "over" | "in")
        || ordinal(&mut Cursor::new(&[word], tongue)).is_some()
}

/// Names, and what each stands for.
type Named<T> = &'static [(&'static str, T)];

/// The names of weekdays and months.
fn words_of(tongue: Tongue) -> (Named<Weekday>, Named<i8>) {
    match tongue {
        Tongue::Dutch => (WEEKDAYS_DUTCH, MONTHS_DUTCH),
        Tongue::English => (WEEKDAYS_ENGLISH, MONTHS_ENGLISH),
    }
}

/// What was said of a date, part by part.
#[derive(Default)]
struct Parts {
    day: Option<i8>,
    month: Option<i8>,
    year: Option<Year>,
    weekday: Option<Weekday>,
    week: Option<Week>,
    /// Days from today on.
    from_today: Option<i64>,
}

#[derive(Clone, Copy)]
enum Year {
    Whole(i16),
    /// The last two digits.
    Short(i16),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Week {
    /// `deze week`, `volgende week`, `vorige week`: that one, counted from this.
    Of(i64),
    /// `komende dinsdag`: the first that comes.
    Coming,
    /// `afgelopen dinsdag`: the last that was.
    Past,
    /// `volgende dinsdag`: the first that comes, or that of next week.
    Next,
}

/// The date that was said. Without `today` it is one with its year, or none.
pub(super) fn read(said: &[&str], tongue: Tongue, days: Days, today: Option<Date>) -> Option<Date> {
    let mut cursor = Cursor::new(said, tongue);
    let mut parts = Parts::default();
    while !cursor.is_at_end() {
        if !part(&mut cursor, &mut parts)? && !cursor.small_word() {
            return None;
        }
    }
    parts.date(days, today)
}

/// Takes the next part, if one comes next; `None` when it is said twice or makes no sense.
fn part(cursor: &mut Cursor, parts: &mut Parts) -> Option<bool> {
    let (weekdays, months) = words_of(cursor.tongue);
    if let Some(days) = cursor.one_of(from_today(cursor.tongue)) {
        return once(&mut parts.from_today, days);
    }
    if let Some(week) = cursor.one_of(weeks(cursor.tongue)) {
        return once(&mut parts.week, week);
    }
    if let Some(weekday) = cursor.one_of(weekdays) {
        return once(&mut parts.weekday, weekday);
    }
    if let Some(month) = cursor.one_of(months) {
        return once(&mut parts.month, month);
    }
    if let Some(days) = in_so_many_days(cursor) {
        return once(&mut parts.from_today, days);
    }
    let word = cursor.word()?;
    if word.contains(['-', '/', '.']) {
        let found = figures(word, parts);
        cursor.skip(1);
        return found.map(|()| true);
    }
    number(cursor, parts)
}

fn once<T>(place: &mut Option<T>, value: T) -> Option<bool> {
    place.replace(value).is_none().then_some(true)
}

fn from_today(tongue: Tongue) -> &'static [(&'static str, i64)] {
    match tongue {
        Tongue::Dutch => &[("vandaag", 0), ("morgen", 1), ("overmorgen", 2), ("gisteren", -1), ("eergisteren", -2)],
        Tongue::English => {
            &[("the day after tomorrow", 2), ("the day before yesterday", -2), ("today", 0), ("tomorrow", 1), ("yesterday", -1)]
        }
    }
}

fn weeks(tongue: Tongue) -> &'static [(&'static str, Week)] {
    match tongue {
        Tongue::Dutch => &[
            ("deze week", Week::Of(0)),
            ("volgende week", Week::Of(1)),
            ("vorige week", Week::Of(-1)),
            ("afgelopen week", Week::Of(-1)),
            ("komende", Week::Coming),
            ("aanstaande", Week::Coming),
            ("deze", Week::Coming),
            ("volgende", Week::Next),
            ("afgelopen", Week::Past),
            ("vorige", Week::Past),
        ],
        Tongue::English => &[
            ("this week", Week::Of(0)),
            ("next week", Week::Of(1)),
            ("last week", Week::Of(-1)),
            ("coming", Week::Coming),
            ("this coming", Week::Coming),
            ("next", Week::Next),
            ("last", Week::Past),
        ],
    }
}

/// `over drie dagen`, `in two weeks`.
fn in_so_many_days(cursor: &mut Cursor) -> Option<i64> {
    let (before, units): (&str, &[(&str, i64)]) = match cursor.tongue {
        Tongue::Dutch => ("over", &[("dag", 1), ("dagen", 1), ("week", 7), ("weken", 7)]),
        Tongue::English => ("in", &[("day", 1), ("days", 1), ("week", 7), ("weeks", 7)]),
    };
    let mut ahead = *cursor;
    if !ahead.take(before) {
        return None;
    }
    let one = ahead.tongue == Tongue::English && ahead.take("a");
    let count = if one { 1 } else { i64::try_from(ahead.number()?).ok()? };
    let days = count.checked_mul(ahead.one_of(units)?).filter(|days| *days < 1000)?;
    *cursor = ahead;
    Some(days)
}

/// A day, a month by its number, or a year.
fn number(cursor: &mut Cursor, parts: &mut Parts) -> Option<bool> {
    if let Some(day) = ordinal(cursor) {
        return once(&mut parts.day, day);
    }
    let Some(number) = cursor.number() else { return Some(false) };
    let number = i16::try_from(number).ok()?;
    match (parts.day, parts.month) {
        (None, _) => once(&mut parts.day, i8::try_from(number).ok()?),
        (Some(_), None) => once(&mut parts.month, i8::try_from(number).ok()?),
        (Some(_), Some(_)) => {
            // "Twenty twenty-six", "negentien vierentachtig".
            let mut ahead = *cursor;
            let year = match (number, ahead.number()) {
                (19 | 20, Some(rest)) if rest < 100 => {
                    *cursor = ahead;
                    Year::Whole(number * 100 + i16::try_from(rest).ok()?)
                }
                (0..100, _) => Year::Short(number),
                _ => Year::Whole(number),
            };
            once(&mut parts.year, year)
        }
    }
}

/// `3-12-2026`, `3/12`, `2026-12-03`.
fn figures(word: &str, parts: &mut Parts) -> Option<()> {
    let mut numbers = word.split(['-', '/', '.']);
    let mut next = || numbers.next().map(|number| number.parse::<i16>().ok());
    let (first, month, last) = (next()??, next()??, next());
    let last = match last {
        Some(last) => Some(last?),
        None => None,
    };
    let (day, year) = if first > 31 { (last?, Some(first)) } else { (first, last) };
    if numbers.next().is_some() {
        return None;
    }
    once(&mut parts.day, i8::try_from(day).ok()?)?;
    once(&mut parts.month, i8::try_from(month).ok()?)?;
    let year = year.map(|year| if year < 100 { Year::Short(year) } else { Year::Whole(year) });
    year.map_or(Some(()), |year| once(&mut parts.year, year).map(|_| ()))
}

impl Parts {
    fn date(&self, days: Days, today: Option<Date>) -> Option<Date> {
        let date = match (self.from_today, self.day, self.month) {
            (Some(from_today), None, None) if self.week.is_none() => today?.checked_add(from_today.days()).ok()?,
            (None, Some(day), Some(month)) if self.week.is_none() => self.of_the_year(day, month, days, today)?,
            (None, None, None) => return weekday(self.weekday?, self.week, days, today?),
            _ => return None,
        };
        // A weekday that is another day's: one of the two was misheard.
        self.weekday.is_none_or(|weekday| weekday == date.weekday()).then_some(date)
    }

    fn of_the_year(&self, day: i8, month: i8, days: Days, today: Option<Date>) -> Option<Date> {
        let on = |year: i16| Date::new(year, month, day).ok();
        match self.year {
            Some(Year::Whole(year)) => on(year).filter(|_| (1850..2200).contains(&year)),
            Some(Year::Short(year)) => {
                let this_century = on(2000 + year);
                let over = this_century.zip(today).is_some_and(|(date, today)| days == Days::Past && date > today);
                if over { on(1900 + year) } else { this_century }
            }
            None => nearest(day, month, days, today?),
        }
    }
}

/// The next day of this name, or the last one where the past is asked for. Within eight years, as the 29th of February is not in every one.
pub(super) fn nearest(day: i8, month: i8, days: Days, today: Date) -> Option<Date> {
    (0..=8).find_map(|years| {
        let year = if days == Days::Past { today.year() - years } else { today.year() + years };
        let date = Date::new(year, month, day).ok()?;
        (if days == Days::Past { date <= today } else { date >= today }).then_some(date)
    })
}

fn weekday(weekday: Weekday, week: Option<Week>, days: Days, today: Date) -> Option<Date> {
    let coming = || today.nth_weekday(1, weekday).ok();
    let past = || today.nth_weekday(-1, weekday).ok();
    let monday = today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok()?;
    let of_week = |week: i64| monday.checked_add((week * 7 + i64::from(weekday.to_monday_zero_offset())).days()).ok();
    match week {
        Some(Week::Of(week)) => of_week(week),
        Some(Week::Coming) => coming(),
        Some(Week::Past) => past(),
        // Some mean the first that comes, others that of next week: where these are two, it was not understood.
        Some(Week::Next) => coming().filter(|date| of_week(1) == Some(*date)),
        None if days == Days::Past => past(),
        None => coming(),
    }
}

#[cfg(test)]
mod tests;
