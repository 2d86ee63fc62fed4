//! Dutch words. Without accents, as [`super::words`] gives them.

const SMALL: &[(&str, u64)] = &[
    ("nul", 0),
    ("een", 1),
    ("twee", 2),
    ("drie", 3),
    ("vier", 4),
    ("vijf", 5),
    ("zes", 6),
    ("zeven", 7),
    // As it is said on the telephone, so that it is no nine.
    ("zeuven", 7),
    ("acht", 8),
    ("negen", 9),
    ("tien", 10),
    ("elf", 11),
    ("twaalf", 12),
    ("dertien", 13),
    ("veertien", 14),
    ("vijftien", 15),
    ("zestien", 16),
    ("zeventien", 17),
    ("achttien", 18),
    ("achtien", 18),
    ("negentien", 19),
];

const TENS: &[(&str, u64)] = &[
    ("twintig", 20),
    ("dertig", 30),
    ("veertig", 40),
    ("vijftig", 50),
    ("zestig", 60),
    ("zeventig", 70),
    ("tachtig", 80),
    ("negentig", 90),
];

/// Words that mean nothing, wherever they stand.
pub(super) const FILLERS: &[&str] = &[
    "uh",
    "eh",
    "ehm",
    "uhm",
    "um",
    "hm",
    "en",
    "dan",
    "dus",
    "nou",
    "even",
    "kijken",
    "oke",
    "ok",
    "alstublieft",
    "alsjeblieft",
    "dank",
    "bedankt",
    "u",
    "wel",
    "graag",
    "hoor",
];

/// Words that lead to a value.
pub(super) const LEADS: &[&str] = &[
    "ja",
    "mijn",
    "het",
    "de",
    "dat",
    "dit",
    "is",
    "zijn",
    "was",
    "wordt",
    "luidt",
    "nummer",
    "nr",
    "bestelnummer",
    "ordernummer",
    "klantnummer",
    "factuurnummer",
    "retournummer",
    "telefoonnummer",
    "kenmerk",
    "code",
    "bestelling",
    "order",
    "retour",
    "pakket",
    "van",
    "voor",
    "met",
    "ik",
    "heb",
    "hier",
    "staat",
    "gaat",
    "om",
    "cijfer",
    "cijfers",
    "begint",
    "volgens",
    "mij",
    "eens",
    "goed",
    "wil",
    "op",
    "we",
    "postcode",
];

/// What one word is worth: `drieentwintig`, `honderdenvijf`, `tweeduizend`.
pub(super) fn number(word: &str) -> Option<u64> {
    if let Some((thousands, rest)) = word.split_once("duizend") {
        let thousands = if thousands.is_empty() { 1 } else { below_thousand(thousands)? };
        let rest = if rest.is_empty() { 0 } else { below_thousand(rest).or_else(|| below_thousand(rest.strip_prefix("en")?))? };
        return Some(thousands * 1000 + rest);
    }
    hundreds(word)
}

fn below_thousand(word: &str) -> Option<u64> {
    hundreds(word).filter(|value| *value < 1000)
}

fn hundreds(word: &str) -> Option<u64> {
    let Some((hundreds, rest)) = word.split_once("honderd") else { return small(word) };
    let hundreds = if hundreds.is_empty() { 1 } else { small(hundreds).filter(|value| *value > 0)? };
    let rest = if rest.is_empty() { 0 } else { small(rest).or_else(|| small(rest.strip_prefix("en")?))? };
    Some(hundreds * 100 + rest)
}

fn small(word: &str) -> Option<u64> {
    let is = |(name, value): &(&str, u64)| (*name == word).then_some(*value);
    if let Some(value) = SMALL.iter().chain(TENS).find_map(is) {
        return Some(value);
    }
    let (unit, tens) = TENS.iter().find_map(|(name, tens)| Some((word.strip_suffix(name)?.strip_suffix("en")?, tens)))?;
    let unit = SMALL.iter().find_map(|(name, value)| (*name == unit && (1..10).contains(value)).then_some(*value))?;
    Some(tens + unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_whole_number_or_none() {
        for (word, value) in [("eenentwintig", 21), ("tweeendertig", 32), ("honderdeen", 101), ("vijfduizendenzes", 5006)] {
            assert_eq!(number(word), Some(value), "{word}");
        }
        for word in
            ["", "en", "twintigdrie", "tienentwintig", "nulhonderd", "honderdhonderd", "duizendduizend", "vijfen", "eenheid"]
        {
            assert_eq!(number(word), None, "{word}");
        }
    }
}
