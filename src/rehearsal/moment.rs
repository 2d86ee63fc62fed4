use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::{Date, Time, date};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::dialog::file::DialogFile;

/// When a call begins of which nothing else is said.
pub const A_MORNING: &str = "wed 10:00";

/// A moment as an author writes it: `fri 21:00` (of a week without holidays), `2026-12-25 10:00`; on the clocks of the dialog's opening hours,
/// or of UTC where it has none.
pub fn moment(text: &str, dialog: &DialogFile) -> Option<Timestamp> {
    let (day, time) = text.trim().split_once([' ', 'T'])?;
    let time: Time = time.trim().parse().ok()?;
    let date = weekday(day).or_else(|| day.parse::<Date>().ok())?;
    Some(date.to_datetime(time).to_zoned(time_zone(dialog)).ok()?.timestamp())
}

fn weekday(day: &str) -> Option<Date> {
    let monday = date(2026, 1, 12);
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let after = days.iter().position(|name| name.eq_ignore_ascii_case(day))?;
    monday.checked_add((after as i64).days()).ok()
}

fn time_zone(dialog: &DialogFile) -> TimeZone {
    let named = dialog.opening_hours.iter().next().map(|(_, hours)| hours.value.time_zone.value.as_str());
    named.and_then(|name| TimeZoneDatabase::bundled().get(name).ok()).unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialog(hours: &str) -> DialogFile {
        let head =
            "dialog: d\nlanguages: [nl]\norganisation: { name: V, privacy-notice: { url: \"https://v.nl\", version: 1 } }\n";
        crate::dialog::file::read(&format!("{head}{hours}handover: {{ to: desk }}\nstart: a\nstates: {{}}\n")).unwrap()
    }

    #[test]
    fn a_moment_is_on_the_clocks_of_the_opening_hours() {
        let here = dialog("opening-hours: { office: { hours: \"daily 09:00-17:00\", time-zone: Europe/Amsterdam } }\n");
        let text = |text: &str, dialog: &DialogFile| moment(text, dialog).map(|at| at.to_string());
        assert_eq!(text("wed 10:00", &here).as_deref(), Some("2026-01-14T09:00:00Z"));
        assert_eq!(text("2026-07-01 10:00", &here).as_deref(), Some("2026-07-01T08:00:00Z"));
        assert_eq!(text("2026-07-01T10:00:30", &dialog("")).as_deref(), Some("2026-07-01T10:00:30Z"));
        for wrong in ["", "wed", "10:00", "someday 10:00", "wed 25:00", "2026-13-01 10:00"] {
            assert_eq!(text(wrong, &here), None, "{wrong}");
        }
    }
}
