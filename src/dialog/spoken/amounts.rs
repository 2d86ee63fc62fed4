//! Amounts in euros: with and without cents, in words or as a recogniser writes them.

use zeroize::Zeroizing;

use super::Tongue;
use super::cursor::Cursor;

/// An amount from here on is not taken by voice (cents).
const MOST: u64 = 100_000_000;

/// The amount that was said, as `12.50`.
pub(super) fn read(said: &[&str], tongue: Tongue) -> Option<Zeroizing<String>> {
    let mut cursor = Cursor::new(said, tongue);
    cursor.small_words();
    // "€ 12,50", and "12,50 euro".
    let cents = match written(cursor.word()?, tongue) {
        Some(cents) => {
            cursor.skip(1);
            after_written(&mut cursor, cents)
        }
        None => in_words(&mut cursor),
    }?;
    cursor.small_words();
    (cursor.is_at_end() && cents < MOST).then(|| canonical(cents))
}

/// As it is kept: euros, a point, two digits.
pub(super) fn canonical(cents: u64) -> Zeroizing<String> {
    Zeroizing::new(format!("{}.{:02}", cents / 100, cents % 100))
}

fn euro(cursor: &mut Cursor) -> bool {
    cursor.one_of(&[("euro", ()), ("euro's", ()), ("euros", ()), ("€", ())]).is_some()
}

fn cent(cursor: &mut Cursor) -> bool {
    cursor.one_of(&[("cent", ()), ("cents", ())]).is_some()
}

/// Figures with their signs, in cents: `12,50`, `€12.50`, `1.250,00`. `None` for words, and for figures without signs.
fn written(word: &str, tongue: Tongue) -> Option<u64> {
    let figures = word.trim_start_matches('€');
    let begins = figures.starts_with(|c: char| c.is_ascii_digit());
    if !begins || (figures == word && figures.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let (whole, rest) = match figures.rfind([',', '.']) {
        // Three digits behind the sign are thousands in the language whose sign it is, and nothing in the other.
        Some(at) if figures.len() - at == 4 && figures[at..].starts_with(thousands(tongue)) => (figures, ""),
        Some(at) => (&figures[..at], &figures[at + 1..]),
        None => (figures, ""),
    };
    let mut euros: u64 = 0;
    for (number, group) in whole.split(thousands(tongue)).enumerate() {
        let right = group.bytes().all(|byte| byte.is_ascii_digit()) && !group.is_empty() && (number == 0 || group.len() == 3);
        euros = euros.checked_mul(1000)?.checked_add(group.parse().ok().filter(|_| right)?)?;
    }
    let cents: u64 = match rest.len() {
        0 => 0,
        1 | 2 => rest.parse::<u64>().ok()? * if rest.len() == 1 { 10 } else { 1 },
        _ => return None,
    };
    euros.checked_mul(100)?.checked_add(cents)
}

fn thousands(tongue: Tongue) -> char {
    if tongue == Tongue::Dutch { '.' } else { ',' }
}

fn after_written(cursor: &mut Cursor, cents: u64) -> Option<u64> {
    let whole = cents.is_multiple_of(100);
    if !euro(cursor) || !whole {
        return Some(cents);
    }
    Some(cents + trailing_cents(cursor).unwrap_or(0))
}

fn in_words(cursor: &mut Cursor) -> Option<u64> {
    euro(cursor);
    let number = cursor.number().filter(|number| *number < MOST)?;
    if cent(cursor) {
        return Some(number);
    }
    let point = match cursor.tongue {
        Tongue::Dutch => cursor.take("komma"),
        Tongue::English => cursor.take("point"),
    };
    if point {
        let zero = cursor.one_of(&[("nul", ()), ("oh", ()), ("zero", ())]).is_some();
        let rest = cursor.number().filter(|rest| *rest < 100)?;
        let cents = if rest < 10 && !zero { rest * 10 } else { rest };
        euro(cursor);
        return Some(number * 100 + cents);
    }
    if euro(cursor) {
        return Some(number * 100 + trailing_cents(cursor).unwrap_or(0));
    }
    // "Twelve fifty": two digits of cents, or it could be anything.
    let mut ahead = *cursor;
    match ahead.number() {
        Some(cents @ 10..=99) => {
            *cursor = ahead;
            euro(cursor);
            Some(number * 100 + cents)
        }
        Some(_) => None,
        None => Some(number * 100),
    }
}

/// The cents behind the euros: `en vijf cent`, `fifty`.
fn trailing_cents(cursor: &mut Cursor) -> Option<u64> {
    let mut ahead = *cursor;
    let _ = ahead.take("en") || ahead.take("and");
    let cents = ahead.number().filter(|cents| *cents < 100)?;
    cent(&mut ahead);
    *cursor = ahead;
    Some(cents)
}

#[cfg(test)]
mod tests {
    use super::super::words::Words;
    use super::*;

    fn heard(tongue: Tongue, said: &str) -> Option<String> {
        read(&Words::of(said).all(), tongue).map(|amount| amount.to_string())
    }

    #[test]
    fn amounts_by_voice() {
        for (said, amount) in [
            ("twaalf euro vijftig", "12.50"),
            ("twaalf euro en vijf cent", "12.05"),
            ("twaalf vijftig", "12.50"),
            ("het is honderdtwintig euro", "120.00"),
            ("twaalf", "12.00"),
            ("vijftig cent", "0.50"),
            ("twaalf komma vijf", "12.50"),
            ("twaalf komma nul vijf euro", "12.05"),
            ("12,50", "12.50"),
            ("€ 12,50", "12.50"),
            ("€12,50", "12.50"),
            ("12 euro 50", "12.50"),
            ("1.250 euro", "1250.00"),
            ("1.250,75", "1250.75"),
            ("duizend tweehonderd euro alstublieft", "1200.00"),
        ] {
            assert_eq!(heard(Tongue::Dutch, said).as_deref(), Some(amount), "{said}");
        }
        for (said, amount) in [
            ("twelve fifty", "12.50"),
            ("twelve euros and fifty cents", "12.50"),
            ("twelve euros five", "12.05"),
            ("twelve point five", "12.50"),
            ("€12.50", "12.50"),
            ("1,250 euros", "1250.00"),
        ] {
            assert_eq!(heard(Tongue::English, said).as_deref(), Some(amount), "{said}");
        }
    }

    #[test]
    fn what_is_no_amount_is_not_understood() {
        for said in [
            "",
            "euro",
            "twaalf vijf",
            "twaalf euro niet",
            "niet twaalf euro",
            "ongeveer twaalf",
            "12,505",
            "1.25,00",
            "twaalf euro honderd",
            "duizend duizend",
        ] {
            assert_eq!(heard(Tongue::Dutch, said), None, "{said}");
        }
    }
}
