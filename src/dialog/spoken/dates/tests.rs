use super::super::words::Words;
use super::*;

/// A Saturday.
const TODAY: &str = "2026-11-28";

fn heard(tongue: Tongue, said: &str, days: Days, today: &str) -> Option<String> {
    let words = Words::of(said);
    read(&words.all(), tongue, days, Some(today.parse().unwrap())).map(|date| date.to_string())
}

#[test]
fn dutch_dates() {
    for (said, date) in [
        ("drie december", "2026-12-03"),
        ("op donderdag drie december graag", "2026-12-03"),
        ("de derde december", "2026-12-03"),
        ("drie twaalf", "2026-12-03"),
        ("3-12-2026", "2026-12-03"),
        ("3 december 2026", "2026-12-03"),
        ("3e december", "2026-12-03"),
        ("eenendertig januari", "2027-01-31"),
        ("de eenentwintigste maart tweeduizend zevenentwintig", "2027-03-21"),
        ("twee maart twintig zevenentwintig", "2027-03-02"),
        ("vandaag", "2026-11-28"),
        ("uh morgen", "2026-11-29"),
        ("overmorgen", "2026-11-30"),
        ("over drie dagen", "2026-12-01"),
        ("over twee weken", "2026-12-12"),
        ("dinsdag", "2026-12-01"),
        ("volgende week dinsdag", "2026-12-01"),
        ("dinsdag volgende week", "2026-12-01"),
        ("volgende dinsdag", "2026-12-01"),
        ("zaterdag", "2026-12-05"),
        ("negenentwintig februari", "2028-02-29"),
    ] {
        assert_eq!(heard(Tongue::Dutch, said, Days::Future, TODAY).as_deref(), Some(date), "{said}");
    }
    assert_eq!(heard(Tongue::Dutch, "drie twaalf vijfentachtig", Days::Past, TODAY).as_deref(), Some("1985-12-03"));
    assert_eq!(heard(Tongue::Dutch, "drie december", Days::Past, TODAY).as_deref(), Some("2025-12-03"));
    assert_eq!(heard(Tongue::Dutch, "afgelopen dinsdag", Days::Past, TODAY).as_deref(), Some("2026-11-24"));
}

#[test]
fn english_dates() {
    for (said, date) in [
        ("the third of December", "2026-12-03"),
        ("December third", "2026-12-03"),
        ("december 3rd, 2026", "2026-12-03"),
        ("Thursday the third of december please", "2026-12-03"),
        ("the twenty-first of march twenty twenty-seven", "2027-03-21"),
        ("tomorrow", "2026-11-29"),
        ("the day after tomorrow", "2026-11-30"),
        ("in two weeks", "2026-12-12"),
        ("in a week", "2026-12-05"),
        ("tuesday next week", "2026-12-01"),
        ("next tuesday", "2026-12-01"),
    ] {
        assert_eq!(heard(Tongue::English, said, Days::Future, TODAY).as_deref(), Some(date), "{said}");
    }
    assert_eq!(heard(Tongue::English, "may first nineteen eighty four", Days::Past, TODAY).as_deref(), Some("1984-05-01"));
}

#[test]
fn what_is_no_date_is_not_understood() {
    for said in [
        "",
        "uh",
        "eenendertig februari",
        "tweeendertig december",
        "drie dertien",
        "vrijdag drie december",
        "drie",
        "december",
        "volgende week",
        "niet drie december",
        "drie december of vier december",
        "morgen dinsdag drie december",
        "31-2-2027",
        "1-2-3-4",
        "-",
    ] {
        assert_eq!(heard(Tongue::Dutch, said, Days::Future, TODAY), None, "{said}");
    }
    // On a Wednesday the next Friday is this week's for some and next week's for others.
    assert_eq!(heard(Tongue::Dutch, "volgende vrijdag", Days::Future, "2026-11-25"), None);
    assert_eq!(heard(Tongue::Dutch, "vrijdag", Days::Future, "2026-11-25").as_deref(), Some("2026-11-27"));
    let without = |said: &str| read(&Words::of(said).all(), Tongue::Dutch, Days::Any, None).map(|date| date.to_string());
    assert_eq!(without("drie december tweeduizend zesentwintig").as_deref(), Some("2026-12-03"));
    assert_eq!((without("drie december"), without("morgen"), without("dinsdag")), (None, None, None));
}
