//! The town hall's appointments, made up and in memory: what is free, what is booked, and for whom.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use jiff::{ToSpan as _, Zoned};

/// What residents come for.
pub const SUBJECTS: [&str; 3] = ["passport", "moving", "birth"];
/// When people are received: as it is written, as it is said in Dutch, and in English.
const TIMES: [(&str, &str, &str); 3] =
    [("10:00", "tien uur", "ten o'clock"), ("11:30", "half twaalf", "half past eleven"), ("14:00", "twee uur", "two o'clock")];
/// For so many days ahead something can be free.
const DAYS_AHEAD: i64 = 60;
const MONTHS: [(&str, &str); 12] = [
    ("januari", "January"),
    ("februari", "February"),
    ("maart", "March"),
    ("april", "April"),
    ("mei", "May"),
    ("juni", "June"),
    ("juli", "July"),
    ("augustus", "August"),
    ("september", "September"),
    ("oktober", "October"),
    ("november", "November"),
    ("december", "December"),
];

/// Residents by their reference number: the id under which the town hall knows them, and whether they have an appointment already.
pub const RESIDENTS: [(&str, &str, bool); 2] = [("40012345", "resident-1", true), ("40067890", "resident-2", false)];

/// A time at which somebody can come for something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    pub date: Date,
    /// Which of the times of the day.
    pub at: usize,
    pub subject: String,
}

impl Moment {
    /// As the dialog carries it along: `passport.2026-12-08.1`.
    pub fn token(&self) -> String {
        format!("{}.{}.{}", self.subject, self.date, self.at)
    }

    pub fn read(token: &str) -> Option<Moment> {
        let mut parts = token.split('.');
        let (subject, date, at) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let known = SUBJECTS.contains(&subject) && at < TIMES.len() && parts.next().is_none();
        known.then(|| Moment { date, at, subject: subject.to_owned() })
    }

    /// As it is said, in Dutch.
    pub fn in_dutch(&self) -> String {
        let (day, month) = (self.date.day(), self.month().0);
        format!("{} {day} {month} om {}", weekday(self.date).0, TIMES[self.at].1)
    }

    /// As it is said, in English.
    pub fn in_english(&self) -> String {
        let (day, month) = (self.date.day(), self.month().1);
        format!("{} {day} {month} at {}", weekday(self.date).1, TIMES[self.at].2)
    }

    fn month(&self) -> (&'static str, &'static str) {
        MONTHS[usize::from(self.date.month().unsigned_abs()).clamp(1, 12) - 1]
    }
}

fn weekday(date: Date) -> (&'static str, &'static str) {
    match date.weekday() {
        Weekday::Monday => ("maandag", "Monday"),
        Weekday::Tuesday => ("dinsdag", "Tuesday"),
        Weekday::Wednesday => ("woensdag", "Wednesday"),
        Weekday::Thursday => ("donderdag", "Thursday"),
        Weekday::Friday => ("vrijdag", "Friday"),
        Weekday::Saturday => ("zaterdag", "Saturday"),
        Weekday::Sunday => ("zondag", "Sunday"),
    }
}

/// What is booked, and what was offered to be.
#[derive(Debug, Default)]
pub struct Appointments {
    /// A booking that was offered, by its id: made once, whatever arrives twice.
    offered: BTreeMap<String, Moment>,
    /// Bookings: the time, and the number that the caller was told.
    booked: BTreeMap<Moment, (String, String)>,
    /// What residents with an appointment from before have planned.
    planned: BTreeMap<String, Moment>,
    count: u32,
}

impl Appointments {
    /// As it is when the town hall opens.
    pub fn new(today: &Zoned) -> Appointments {
        let mut appointments = Appointments::default();
        for (_, resident, _) in RESIDENTS.iter().filter(|(_, _, planned)| *planned) {
            if let Some(moment) = appointments.free("passport", today.date(), None).last() {
                appointments.planned.insert((*resident).to_owned(), moment.clone());
            }
        }
        appointments
    }

    /// The first three times for a subject after today, or after `last`; fewer where there are no more.
    pub fn free(&self, subject: &str, today: Date, last: Option<&Moment>) -> Vec<Moment> {
        let days = (1..=DAYS_AHEAD).filter_map(|days| today.checked_add(days.days()).ok());
        let working = days.filter(|date| !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday));
        let all = working.flat_map(|date| (0..TIMES.len()).map(move |at| Moment { date, at, subject: subject.to_owned() }));
        // On Fridays the town hall closes at one.
        let open = all.filter(|moment| moment.date.weekday() != Weekday::Friday || moment.at < 2);
        let later = open.filter(|moment| last.is_none_or(|last| (moment.date, moment.at) > (last.date, last.at)));
        later.filter(|moment| !self.is_taken(moment)).take(3).collect()
    }

    fn is_taken(&self, moment: &Moment) -> bool {
        let same = |other: &Moment| (other.date, other.at) == (moment.date, moment.at);
        self.booked.keys().chain(self.planned.values()).any(same)
    }

    /// An id for booking a time, if it is still free.
    pub fn offer(&mut self, moment: Moment) -> Option<String> {
        if self.is_taken(&moment) {
            return None;
        }
        self.count += 1;
        let id = format!("offer-{}", self.count);
        self.offered.insert(id.clone(), moment);
        Some(id)
    }

    /// Books what was offered: the same number again when it is asked twice; `None` when somebody else was first.
    pub fn book(&mut self, id: &str) -> Option<String> {
        let moment = self.offered.get(id)?.clone();
        if let Some((by, number)) = self.booked.get(&moment) {
            return (by == id).then(|| number.clone());
        }
        if self.is_taken(&moment) {
            return None;
        }
        let number = format!("7 0 {} {}", self.count / 10 % 10, self.count % 10);
        self.booked.insert(moment, (id.to_owned(), number.clone()));
        Some(number)
    }

    /// What a resident has planned.
    pub fn planned(&self, resident: &str) -> Option<&Moment> {
        self.planned.get(resident)
    }

    /// Takes a resident's appointment away; doing so twice is the same as once.
    pub fn cancel(&mut self, resident: &str) {
        self.planned.remove(resident);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn friday() -> Zoned {
        "2026-11-27T12:00[Europe/Amsterdam]".parse().unwrap()
    }

    #[test]
    fn times_are_said_in_both_languages_and_never_on_a_day_off() {
        let free = Appointments::default().free("passport", friday().date(), None);
        assert_eq!(free[0].in_dutch(), "maandag 30 november om tien uur");
        assert_eq!(free[0].in_english(), "Monday 30 November at ten o'clock");
        let later = Appointments::default().free("passport", friday().date(), free.last());
        assert_eq!(later[0].in_dutch(), "dinsdag 1 december om tien uur");
        assert_eq!(Moment::read(&free[1].token()).as_ref(), Some(&free[1]));
        for token in ["", "passport", "holiday.2026-12-01.0", "passport.2026-12-01.9", "passport.2026-12-01.0.0"] {
            assert_eq!(Moment::read(token), None, "{token}");
        }
    }

    #[test]
    fn a_booking_that_arrives_twice_is_made_once_and_the_second_caller_is_too_late() {
        let mut appointments = Appointments::new(&friday());
        let first = appointments.free("moving", friday().date(), None).remove(0);
        let [one, other] = [appointments.offer(first.clone()).unwrap(), appointments.offer(first.clone()).unwrap()];
        let number = appointments.book(&one).unwrap();
        assert_eq!((appointments.book(&one), appointments.book(&other)), (Some(number), None));
        assert_eq!((appointments.offer(first.clone()), appointments.book("offer-99")), (None, None));
        assert!(
            !appointments
                .free("passport", friday().date(), None)
                .iter()
                .any(|free| (free.date, free.at) == (first.date, first.at))
        );
    }

    #[test]
    fn what_is_cancelled_is_free_again() {
        let mut appointments = Appointments::new(&friday());
        let planned = appointments.planned("resident-1").unwrap().clone();
        assert!(appointments.is_taken(&planned));
        appointments.cancel("resident-1");
        appointments.cancel("resident-1");
        assert!(!appointments.is_taken(&planned) && appointments.planned("resident-1").is_none());
        assert!(appointments.planned("resident-2").is_none());
    }
}
