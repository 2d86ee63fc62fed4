//! Opening hours: when a target takes calls, and what `on-hours` asks. Whoever asks brings the time.

use std::collections::BTreeSet;
use std::fmt;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};

/// The minutes of a day: 24:00 is 1440.
const DAY: u16 = 24 * 60;

/// When somebody is there: `mon-fri 09:00-17:30, sat 10:00-14:00`, on the clocks of one time zone.
///
/// Each part, separated by commas, names a day, a range of days (`sat-mon` goes round the week) or `daily`, then one or more ranges of
/// times. A range that ends at or before its beginning runs into the next day.
#[derive(Clone, PartialEq, Eq)]
pub struct OpeningHours {
    /// From Monday: ranges of minutes, the end not included.
    week: [Vec<(u16, u16)>; 7],
    /// Days on which it is closed from midnight to midnight all the same.
    closed: BTreeSet<Date>,
    time_zone: TimeZone,
}

/// Opening hours that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HoursError {
    /// Nothing is written.
    #[error("no hours are written: write `mon-fri 09:00-17:30`, or leave the key out for a target that is always open")]
    Empty,
    /// Not a day.
    #[error("`{0}` is not a day: write mon, tue, wed, thu, fri, sat, sun, a range such as mon-fri, or daily")]
    Day(String),
    /// Not a range of times.
    #[error("`{0}` is not a range of times: write 09:00-17:30, on the 24-hour clock")]
    Times(String),
    /// Days without times.
    #[error("`{0}` has no times: write `mon-fri 09:00-17:30`")]
    NoTimes(String),
    /// Not a date.
    #[error("`{0}` is not a date: write year, month and day, such as 2026-12-25")]
    Date(String),
    /// Not a zone of the IANA time zone database.
    #[error("`{0}` is not a time zone: write a name of the IANA database, such as Europe/Amsterdam")]
    TimeZone(String),
}

impl OpeningHours {
    /// Reads hours such as `mon-fri 09:00-12:00 13:00-17:30, sat 10:00-14:00` for the IANA `time_zone`.
    pub fn parse(hours: &str, time_zone: &str) -> Result<OpeningHours, HoursError> {
        // The database that comes with the program: the same on every machine, and no file is read.
        let time_zone = TimeZoneDatabase::bundled().get(time_zone).map_err(|_| HoursError::TimeZone(time_zone.to_owned()))?;
        let mut week: [Vec<(u16, u16)>; 7] = Default::default();
        if hours.trim().is_empty() {
            return Err(HoursError::Empty);
        }
        for part in hours.split(',') {
            let mut words = part.split_whitespace();
            let days = days(words.next().ok_or(HoursError::Empty)?)?;
            let times = words.map(times).collect::<Result<Vec<_>, _>>()?;
            if times.is_empty() {
                return Err(HoursError::NoTimes(part.trim().to_owned()));
            }
            for day in days {
                for &(from, to) in &times {
                    if from < to {
                        week[day].push((from, to));
                    } else {
                        week[day].push((from, DAY));
                        week[(day + 1) % 7].push((0, to));
                    }
                }
            }
        }
        Ok(OpeningHours { week, closed: BTreeSet::new(), time_zone })
    }

    /// The same, closed on these days as well (`2026-12-25`), from midnight to midnight on the clocks of the time zone.
    pub fn closed_on<'a>(mut self, days: impl IntoIterator<Item = &'a str>) -> Result<OpeningHours, HoursError> {
        for day in days {
            let date = strict_date(day).ok_or_else(|| HoursError::Date(day.to_owned()))?;
            self.closed.insert(date);
        }
        Ok(self)
    }

    /// Whether somebody is there at `now`, on the clocks of its time zone (daylight saving included).
    pub fn is_open(&self, now: Timestamp) -> bool {
        let local = now.to_zoned(self.time_zone.clone());
        let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let today = &self.week[usize::from(local.weekday().to_monday_zero_offset().unsigned_abs())];
        !self.closed.contains(&local.date()) && today.iter().any(|&(from, to)| (from..to).contains(&minute))
    }

    /// The day on the clocks of its time zone.
    pub fn date_at(&self, now: Timestamp) -> Date {
        now.to_zoned(self.time_zone.clone()).date()
    }

    /// When it opens next: day and local time, within a week of `now`. `None` where it is open now.
    pub fn opens_next(&self, now: Timestamp) -> Option<(Weekday, Time)> {
        if self.is_open(now) {
            return None;
        }
        let local = now.to_zoned(self.time_zone.clone());
        let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        (0..8i64).find_map(|days| {
            let date = local.date().checked_add(days.days()).ok()?;
            if self.closed.contains(&date) {
                return None;
            }
            let weekday = date.weekday();
            let ranges = &self.week[usize::from(weekday.to_monday_zero_offset().unsigned_abs())];
            let from = ranges.iter().map(|&(from, _)| from).filter(|&from| days > 0 || from > minute).min()?;
            let time = Time::new((from / 60) as i8, (from % 60) as i8, 0, 0).ok()?;
            Some((weekday, time))
        })
    }
}

/// The day on the clocks of a time zone of the IANA database; `None` where it has no such zone.
pub fn date_in(time_zone: &str, now: Timestamp) -> Option<Date> {
    TimeZoneDatabase::bundled().get(time_zone).ok().map(|zone| now.to_zoned(zone).date())
}

impl fmt::Debug for OpeningHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpeningHours({:?} in {})", self.week, self.time_zone.iana_name().unwrap_or("a zone without a name"))
    }
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn day(name: &str) -> Result<usize, HoursError> {
    let lower = name.to_ascii_lowercase();
    DAYS.iter().position(|day| *day == lower).ok_or_else(|| HoursError::Day(name.to_owned()))
}

fn days(range: &str) -> Result<Vec<usize>, HoursError> {
    if range.eq_ignore_ascii_case("daily") {
        return Ok((0..7).collect());
    }
    let Some((first, last)) = range.split_once('-') else { return Ok(vec![day(range)?]) };
    let (first, last) = (day(first)?, day(last)?);
    let count = (last + 7 - first) % 7 + 1;
    Ok((first..first + count).map(|day| day % 7).collect())
}

fn times(range: &str) -> Result<(u16, u16), HoursError> {
    let wrong = || HoursError::Times(range.to_owned());
    let (from, to) = range.split_once('-').ok_or_else(wrong)?;
    let (from, to) = (minute(from).ok_or_else(wrong)?, minute(to).ok_or_else(wrong)?);
    // 00:00-24:00 is all day; from 24:00 on there is no day left.
    if from == DAY || from == to { Err(wrong()) } else { Ok((from, to)) }
}

/// A date as ISO 8601 writes it, and in no other way: `2026-12-25`.
fn strict_date(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|date| date.to_string() == text)
}

fn minute(time: &str) -> Option<u16> {
    let (hour, minute) = time.split_once(':')?;
    let digits = |text: &str| text.len() <= 2 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(hour) || minute.len() != 2 || !digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let all = hour * 60 + minute;
    (minute < 60 && all <= DAY).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_home(text: &str) -> OpeningHours {
        OpeningHours::parse(text, "Europe/Amsterdam").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn open_from_the_first_minute_until_before_the_last() {
        let hours = at_home("mon-fri 09:00-17:30");
        // 2026-11-16 is a Monday; Amsterdam is at +01:00 in winter.
        assert!(!hours.is_open(at("2026-11-16T08:59:59+01:00")));
        assert!(hours.is_open(at("2026-11-16T09:00:00+01:00")));
        assert!(hours.is_open(at("2026-11-20T17:29:59+01:00")));
        assert!(!hours.is_open(at("2026-11-20T17:30:00+01:00")));
    }

    #[test]
    fn closed_at_the_weekend() {
        let hours = at_home("mon-fri 09:00-17:30");
        assert!(!hours.is_open(at("2026-11-21T12:00:00+01:00")));
        assert!(!hours.is_open(at("2026-11-22T12:00:00+01:00")));
    }

    #[test]
    fn local_clocks_count_on_both_sides_of_daylight_saving() {
        let hours = at_home("sun 01:00-03:30");
        // In Amsterdam 2026-03-29 goes from 01:59 to 03:00, and 2026-10-25 has 02:00 to 02:59 twice.
        assert!(hours.is_open(at("2026-03-29T00:30:00Z")), "01:30 before the change");
        assert!(hours.is_open(at("2026-03-29T01:15:00Z")), "03:15 after the change");
        assert!(!hours.is_open(at("2026-03-29T01:30:00Z")), "03:30 after the change");
        assert!(hours.is_open(at("2026-10-25T00:30:00Z")), "02:30 the first time");
        assert!(hours.is_open(at("2026-10-25T01:30:00Z")), "02:30 the second time");
        assert!(!hours.is_open(at("2026-10-25T02:30:00Z")), "03:30");
        // The same UTC moment is inside office hours in summer and before them in winter.
        let office = at_home("mon-fri 09:00-17:00");
        assert!(office.is_open(at("2026-07-01T07:30:00Z")));
        assert!(!office.is_open(at("2026-12-01T07:30:00Z")));
    }

    #[test]
    fn several_ranges_by_comma_and_by_space() {
        let hours = at_home("mon-thu 09:00-12:00 13:00-17:00, fri 09:00-12:00,sat 10:00-14:00");
        assert!(hours.is_open(at("2026-11-16T11:59:00+01:00")));
        assert!(!hours.is_open(at("2026-11-16T12:30:00+01:00")));
        assert!(hours.is_open(at("2026-11-16T13:00:00+01:00")));
        assert!(!hours.is_open(at("2026-11-20T13:00:00+01:00")));
        assert!(hours.is_open(at("2026-11-21T13:00:00+01:00")));
    }

    #[test]
    fn a_range_over_midnight_and_a_week_that_goes_round() {
        let hours = at_home("sat-mon 22:00-02:00");
        assert!(hours.is_open(at("2026-11-23T23:00:00+01:00")), "Monday night");
        assert!(hours.is_open(at("2026-11-24T01:59:00+01:00")), "Tuesday before two");
        assert!(!hours.is_open(at("2026-11-24T23:00:00+01:00")), "Tuesday night");
        assert!(at_home("daily 00:00-24:00").is_open(at("2026-11-24T23:59:59+01:00")));
    }

    #[test]
    fn closed_days_are_closed_from_midnight_to_midnight() {
        let hours = at_home("daily 08:00-20:00, daily 22:00-02:00").closed_on(["2026-12-25", "2026-12-26"]).unwrap();
        assert!(hours.is_open(at("2026-12-24T23:59:59+01:00")));
        assert!(!hours.is_open(at("2026-12-25T00:00:00+01:00")), "what began the evening before ends at midnight");
        assert!(!hours.is_open(at("2026-12-26T23:59:59+01:00")));
        assert!(hours.is_open(at("2026-12-27T00:30:00+01:00")));
        let (day, time) = hours.opens_next(at("2026-12-25T09:00:00+01:00")).unwrap();
        assert_eq!((day, time.to_string().as_str()), (Weekday::Sunday, "00:00:00"));
        for wrong in ["25-12-2026", "2026-12-32", "christmas", "2026-12-25T00:00", "20261225"] {
            let error = at_home("daily 08:00-20:00").closed_on([wrong]).unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
    }

    #[test]
    fn says_when_it_opens_next() {
        let hours = at_home("mon-fri 09:00-17:30");
        let (day, time) = hours.opens_next(at("2026-11-20T18:00:00+01:00")).unwrap();
        assert_eq!((day, time.to_string().as_str()), (Weekday::Monday, "09:00:00"));
        assert_eq!(hours.opens_next(at("2026-11-20T10:00:00+01:00")), None);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let error = |hours: &str, zone: &str| OpeningHours::parse(hours, zone).unwrap_err().to_string();
        assert!(error("", "Europe/Amsterdam").contains("no hours"));
        assert!(error("monday 09:00-17:00", "Europe/Amsterdam").contains("`monday` is not a day"));
        assert!(error("mon-fri", "Europe/Amsterdam").contains("has no times"));
        for wrong in ["9-17", "09:00", "09:00-25:00", "09:60-10:00", "24:00-01:00", "09:00-09:00", "+9:00-10:00"] {
            assert!(error(&format!("mon {wrong}"), "Europe/Amsterdam").contains(wrong), "{wrong}");
        }
        assert!(error("mon 09:00-17:00", "Europe/Atlantis").contains("Europe/Atlantis"));
    }
}
