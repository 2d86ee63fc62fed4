//! Dutch postcodes: four digits and two letters, each by its name, by a word that begins with it, or as it is written.

use zeroize::Zeroizing;

use super::Tongue;
use super::cursor::Cursor;
use super::spelling::letters;

/// The postcode that was said, as `1234 AB`.
pub(super) fn read(said: &[&str], tongue: Tongue) -> Option<Zeroizing<String>> {
    let mut cursor = Cursor::new(said, tongue);
    let mut found = Zeroizing::new(String::with_capacity(48));
    while found.len() < 4 {
        let word = cursor.word()?;
        // "1234ab" as one word.
        if found.is_empty() && word.len() == 6 && word.is_char_boundary(4) && word[..4].bytes().all(|byte| byte.is_ascii_digit())
        {
            found.push_str(&word[..4]);
            found.push(' ');
            found.extend(word[4..].chars().filter(char::is_ascii_lowercase).map(|letter| letter.to_ascii_uppercase()));
            cursor.skip(1);
            cursor.small_words();
            return Some(found).filter(|found| cursor.is_at_end() && is_one(found));
        }
        if cursor.take("nul") || cursor.take("oh") {
            found.push('0');
        } else if word.bytes().all(|byte| byte.is_ascii_digit()) {
            found.push_str(word);
            cursor.skip(1);
        } else if let Some(number) = cursor.number() {
            found.push_str(&Zeroizing::new(number.to_string()));
        } else if !cursor.small_word() {
            return None;
        }
    }
    if found.len() != 4 {
        return None;
    }
    found.push(' ');
    while !cursor.is_at_end() {
        // Letters first: "en" is one here.
        let letters = if found.len() < 7 { letters(&mut cursor) } else { None };
        match letters {
            Some(letters) => found.push_str(&letters),
            None if cursor.small_word() => {}
            None => return None,
        }
    }
    is_one(&found).then_some(found)
}

/// Whether it is one as it can be: `1234 AB`, from 1000 on, and without the three pairs of letters that were never given out.
pub(super) fn is_one(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 7
        && matches!(bytes[0], b'1'..=b'9')
        && bytes[1..4].iter().all(u8::is_ascii_digit)
        && bytes[4] == b' '
        && bytes[5..].iter().all(u8::is_ascii_uppercase);
    shape && !matches!(&bytes[5..], b"SA" | b"SD" | b"SS")
}

#[cfg(test)]
mod tests {
    use super::super::words::Words;
    use super::*;

    fn heard(tongue: Tongue, said: &str) -> Option<String> {
        read(&Words::of(said).all(), tongue).map(|postcode| postcode.to_string())
    }

    #[test]
    fn postcodes_by_voice() {
        for (said, postcode) in [
            ("twaalf vierendertig ab", "1234 AB"),
            ("twaalf vierendertig a b", "1234 AB"),
            ("1234 Anton Bernard", "1234 AB"),
            ("1234 AB", "1234 AB"),
            ("1234AB.", "1234 AB"),
            ("mijn postcode is een twee drie vier aa bee", "1234 AB"),
            ("duizend een alfa bravo", "1001 AB"),
            ("negentig nul een november echo", "9001 NE"),
            ("1234 de en", "1234 DN"),
            ("1234 a van anton b van bernard", "1234 AB"),
            ("3511 xantippe ypsilon alstublieft", "3511 XY"),
        ] {
            assert_eq!(heard(Tongue::Dutch, said).as_deref(), Some(postcode), "{said}");
        }
        for (said, postcode) in [
            ("twelve thirty-four alpha bravo", "1234 AB"),
            ("my postcode is one two three four a as in apple b", "1234 AB"),
            ("1234 ay bee please", "1234 AB"),
        ] {
            assert_eq!(heard(Tongue::English, said).as_deref(), Some(postcode), "{said}");
        }
    }

    #[test]
    fn what_is_no_postcode_is_not_understood() {
        for said in [
            "",
            "1234",
            "0123 ab",
            "12345 ab",
            "1234 a",
            "1234 abc",
            "1234 ss",
            "1234 anton bernard cornelis",
            "1234 a van bernard b",
            "twaalf ab",
            "1234 nee",
        ] {
            assert_eq!(heard(Tongue::Dutch, said), None, "{said}");
        }
    }
}
