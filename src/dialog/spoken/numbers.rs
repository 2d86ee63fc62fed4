//! Whole numbers: how many, with or without what is counted.

use zeroize::Zeroizing;

use super::Tongue;
use super::cursor::Cursor;

/// What is counted, behind the number.
const COUNTED: &[&str] = &[
    "stuks",
    "stuk",
    "keer",
    "personen",
    "persoon",
    "mensen",
    "pakketten",
    "pakket",
    "dagen",
    "nachten",
    "weken",
    "kaartjes",
    "jaar",
    "pieces",
    "piece",
    "items",
    "people",
    "persons",
    "person",
    "times",
    "parcels",
    "parcel",
    "days",
    "nights",
    "weeks",
    "tickets",
    "years",
];

/// The number that was said, without zeros before it.
pub(super) fn read(said: &[&str], tongue: Tongue) -> Option<Zeroizing<String>> {
    let mut cursor = Cursor::new(said, tongue);
    let mut number = None;
    while !cursor.is_at_end() {
        if number.is_none() {
            number = cursor.number();
            if number.is_some() {
                continue;
            }
        }
        let counted = number.is_some() && cursor.word().is_some_and(|word| COUNTED.contains(&word));
        if counted {
            cursor.skip(1);
        } else if !cursor.small_word() {
            return None;
        }
    }
    number.map(|number| Zeroizing::new(number.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::words::Words;
    use super::*;

    fn heard(tongue: Tongue, said: &str) -> Option<String> {
        read(&Words::of(said).all(), tongue).map(|number| number.to_string())
    }

    #[test]
    fn a_number_is_one_number() {
        for (said, number) in [
            ("zeven", Some("7")),
            ("met twee personen", Some("2")),
            ("007", Some("7")),
            ("eenentwintig stuks graag", Some("21")),
            ("nul", Some("0")),
            ("uh het zijn er twaalf", None),
            ("personen twee", None),
        ] {
            assert_eq!(heard(Tongue::Dutch, said).as_deref(), number, "{said}");
        }
        for (said, number) in [
            ("twenty one", Some("21")),
            ("two people please", Some("2")),
            ("two three", None),
            ("", None),
            ("not two", None),
            ("two or three", None),
        ] {
            assert_eq!(heard(Tongue::English, said).as_deref(), number, "{said}");
        }
    }
}
