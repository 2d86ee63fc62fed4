//! Digits: one by one, in pairs, doubled, as numbers, or as the figures that a recogniser writes.

use zeroize::Zeroizing;

use super::Tongue;
use super::cardinal::cardinal;
use super::words::Words;

/// More digits than any slot takes: who says more says something else.
const MOST: usize = 40;

/// The digits that were said; `None` when something else was said as well, or nothing of the kind.
pub(super) fn read(words: &Words, tongue: Tongue) -> Option<Zeroizing<String>> {
    take(words, &words.all(), tongue).filter(|digits| !digits.is_empty())
}

/// How many digits were said so far, none where only what leads to them was; `None` when something else was said.
pub(super) fn so_far(words: &Words, tongue: Tongue) -> Option<usize> {
    let mut said = words.all();
    // "Double" has its digit still to come.
    if said.last().is_some_and(|last| times(last, tongue).is_some()) {
        said.pop();
    }
    take(words, &said, tongue).map(|digits| digits.len())
}

fn take(words: &Words, said: &[&str], tongue: Tongue) -> Option<Zeroizing<String>> {
    let mut digits = Zeroizing::new(String::with_capacity(MOST + 32));
    let mut at = 0;
    while at < said.len() {
        let rest = &said[at..said.len().min(at + words.together(at))];
        let used = next(rest, tongue, &mut digits);
        at += match used {
            Some(used) => used,
            None if tongue.is_filler(said[at]) => 1,
            None if digits.is_empty() && tongue.leads(said[at]) => 1,
            None => return None,
        };
        if digits.len() > MOST {
            return None;
        }
    }
    Some(digits)
}

/// Adds the digits that begin with the first word, and gives how many words they take.
fn next(said: &[&str], tongue: Tongue, digits: &mut String) -> Option<usize> {
    let first = *said.first()?;
    if let Some(times) = times(first, tongue) {
        let digit = one(said.get(1)?, tongue)?;
        (0..times).for_each(|_| digits.push(digit));
        return Some(2);
    }
    if is_figures(first) {
        digits.extend(first.chars().filter(char::is_ascii_digit));
        return Some(1);
    }
    if is_oh(first) {
        // At the beginning it is a sigh, unless English digits follow: "oh six one two".
        let leads = tongue == Tongue::English && said.get(1).is_some_and(|next| one(next, tongue).is_some());
        if digits.is_empty() && !leads {
            return Some(1);
        }
        digits.push('0');
        return Some(1);
    }
    let (value, used) = cardinal(said, tongue)?;
    digits.push_str(&Zeroizing::new(value.to_string()));
    Some(used)
}

fn is_figures(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
        && word.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | ':' | '-' | '/'))
}

fn is_oh(word: &str) -> bool {
    matches!(word, "o" | "oh")
}

/// The one digit that a word stands for.
fn one(word: &str, tongue: Tongue) -> Option<char> {
    if is_oh(word) {
        return Some('0');
    }
    let value = match word.as_bytes() {
        [digit @ b'0'..=b'9'] => u64::from(digit - b'0'),
        _ => tongue.number(word).filter(|value| *value < 10)?,
    };
    char::from_digit(u32::try_from(value).ok()?, 10)
}

/// How often the digit after this word is meant.
fn times(word: &str, tongue: Tongue) -> Option<usize> {
    match (tongue, word) {
        (Tongue::Dutch, "dubbel" | "dubbele") | (Tongue::English, "double") => Some(2),
        (Tongue::Dutch, "driedubbel") | (Tongue::English, "triple" | "treble") => Some(3),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(tongue: Tongue, said: &str) -> Option<String> {
        read(&Words::of(said), tongue).map(|digits| digits.to_string())
    }

    #[test]
    fn dutch_digits() {
        for (said, digits) in [
            ("een twee drie vier", "1234"),
            ("Eén, twee, drie, vier.", "1234"),
            ("vier vijf zes zeven acht", "45678"),
            ("drieëntwintig vijfenveertig", "2345"),
            ("drie en twintig vijf en veertig", "2345"),
            ("dubbel vijf zeuven nul", "5570"),
            ("een dubbel vijf", "155"),
            ("dubbel 5 3", "553"),
            ("honderddrieëntwintig", "123"),
            ("honderd drieëntwintig", "123"),
            ("twaalfhonderd", "1200"),
            ("12345", "12345"),
            ("123 45", "12345"),
            ("12-345", "12345"),
            ("12.345", "12345"),
            ("1, 2, 3, 4", "1234"),
            ("mijn nummer is een twee drie vier", "1234"),
            ("uh ja het bestelnummer is vier zeven uh elf alstublieft", "4711"),
            ("oh eens kijken vier zeven o een", "4701"),
            ("nul zes twaalf", "0612"),
        ] {
            assert_eq!(heard(Tongue::Dutch, said).as_deref(), Some(digits), "{said}");
        }
    }

    #[test]
    fn english_digits() {
        for (said, digits) in [
            ("one two three four", "1234"),
            ("twelve thirty-four", "1234"),
            ("twelve thirty four", "1234"),
            ("it's double five oh one", "5501"),
            ("triple seven", "777"),
            ("oh six one two", "0612"),
            ("oh, my number is four seven eleven", "4711"),
            ("nineteen eighty four", "1984"),
            ("twenty, three, four", "2034"),
            ("one hundred and twenty three", "123"),
            ("uh 123 45 please", "12345"),
            ("It's 4711.", "4711"),
            ("zero zero nine", "009"),
        ] {
            assert_eq!(heard(Tongue::English, said).as_deref(), Some(digits), "{said}");
        }
    }

    #[test]
    fn what_is_no_number_as_a_whole_is_not_understood() {
        for (tongue, said) in [
            (Tongue::Dutch, ""),
            (Tongue::Dutch, "uh"),
            (Tongue::Dutch, "dat weet ik niet"),
            (Tongue::Dutch, "een twee nee drie vier"),
            (Tongue::Dutch, "een momentje"),
            (Tongue::Dutch, "niet een twee drie"),
            (Tongue::Dutch, "dubbel"),
            (Tongue::Dutch, "dubbel twaalf"),
            (Tongue::Dutch, "[unk] een twee"),
            (Tongue::English, "one two three for"),
            (Tongue::English, "one two to four"),
            (Tongue::English, "one two no three"),
            (Tongue::English, "i don't have one"),
            (Tongue::English, "12 o'clock"),
            (Tongue::English, "4th"),
        ] {
            assert_eq!(heard(tongue, said), None, "{said}");
        }
        assert_eq!(heard(Tongue::English, &"1234567890 ".repeat(5)), None, "more than anybody keys");
    }
}
