//! Cardinal numbers, from words: the longest that begins with the first word.

use super::Tongue;

/// The number that begins with the first word, and how many words it takes: `twee honderd vijf en twintig` is 225 and takes 5.
pub(super) fn cardinal(said: &[&str], tongue: Tongue) -> Option<(u64, usize)> {
    let thousand = tongue.thousand();
    let (mut value, mut used) = match said {
        [word, ..] if *word == thousand => (1000, 1),
        [a, word, ..] if tongue.is_article(a) && *word == thousand => (1000, 2),
        _ => {
            let (value, used) = hundreds(said, tongue)?;
            match said.get(used) {
                Some(word) if *word == thousand && (1..1000).contains(&value) => (value * 1000, used + 1),
                _ => (value, used),
            }
        }
    };
    if value >= 1000
        && value.is_multiple_of(1000)
        && let Some((rest, more)) =
            after_and(&said[used..], tongue, |said| hundreds(said, tongue)).filter(|(rest, _)| *rest < 1000)
    {
        (value, used) = (value + rest, used + more);
    }
    Some((value, used))
}

/// Below a thousand, or a word that is more by itself.
fn hundreds(said: &[&str], tongue: Tongue) -> Option<(u64, usize)> {
    let hundred = tongue.hundred();
    let (mut value, mut used) = match said {
        [word, ..] if *word == hundred => (100, 1),
        [a, word, ..] if tongue.is_article(a) && *word == hundred => (100, 2),
        _ => {
            let (value, used) = small(said, tongue)?;
            match said.get(used) {
                Some(word) if *word == hundred && (1..100).contains(&value) => (value * 100, used + 1),
                _ => (value, used),
            }
        }
    };
    if value >= 100
        && value.is_multiple_of(100)
        && !value.is_multiple_of(1000)
        && let Some((rest, more)) =
            after_and(&said[used..], tongue, |said| small(said, tongue)).filter(|(rest, _)| (1..100).contains(rest))
    {
        (value, used) = (value + rest, used + more);
    }
    Some((value, used))
}

/// One word, or what makes one number below a hundred.
fn small(said: &[&str], tongue: Tongue) -> Option<(u64, usize)> {
    let first = tongue.number(said.first()?)?;
    let tens = |word: &&str| tongue.number(word).filter(|value| (20..100).contains(value) && value.is_multiple_of(10));
    let unit = |word: &&str| tongue.number(word).filter(|value| (1..10).contains(value));
    let more = match tongue {
        Tongue::Dutch if (1..10).contains(&first) && said.get(1) == Some(&"en") => {
            said.get(2).and_then(tens).map(|tens| (tens, 3))
        }
        Tongue::English if (20..100).contains(&first) && first.is_multiple_of(10) => {
            said.get(1).and_then(unit).map(|unit| (unit, 2))
        }
        _ => None,
    };
    Some(more.map_or((first, 1), |(more, used)| (first + more, used)))
}

/// What follows, with or without an "and" before it.
fn after_and(said: &[&str], tongue: Tongue, read: impl Fn(&[&str]) -> Option<(u64, usize)>) -> Option<(u64, usize)> {
    match said {
        [and, rest @ ..] if *and == tongue.and() => read(rest).map(|(value, used)| (value, used + 1)),
        _ => read(said),
    }
}

impl Tongue {
    fn and(self) -> &'static str {
        match self {
            Tongue::Dutch => "en",
            Tongue::English => "and",
        }
    }

    fn hundred(self) -> &'static str {
        match self {
            Tongue::Dutch => "honderd",
            Tongue::English => "hundred",
        }
    }

    fn thousand(self) -> &'static str {
        match self {
            Tongue::Dutch => "duizend",
            Tongue::English => "thousand",
        }
    }

    /// In Dutch the article is the number one itself.
    fn is_article(self, word: &str) -> bool {
        self == Tongue::English && word == "a"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, tongue: Tongue) -> Option<(u64, usize)> {
        cardinal(&text.split(' ').collect::<Vec<_>>(), tongue)
    }

    #[test]
    fn dutch_numbers() {
        for (said, value) in [
            ("nul", 0),
            ("twaalf", 12),
            ("drieentwintig", 23),
            ("drie en twintig", 23),
            ("honderd", 100),
            ("honderdenvijf", 105),
            ("honderd drieentwintig", 123),
            ("twee honderd vijf en twintig", 225),
            ("vijftienhonderd", 1500),
            ("vijftien honderd zes", 1506),
            ("negentienhonderdvierentachtig", 1984),
            ("tweeduizend zesentwintig", 2026),
            ("twee duizend en zes", 2006),
            ("duizend een", 1001),
            ("twaalfduizend driehonderdvijfenveertig", 12_345),
        ] {
            assert_eq!(read(said, Tongue::Dutch), Some((value, said.split(' ').count())), "{said}");
        }
        assert_eq!(read("twintig drie", Tongue::Dutch), Some((20, 1)));
        assert_eq!(read("twee drie", Tongue::Dutch), Some((2, 1)));
        assert_eq!(read("twee en dertien", Tongue::Dutch), Some((2, 1)));
        assert_eq!(read("twaalf en twintig", Tongue::Dutch), Some((12, 1)));
        assert_eq!(read("retour", Tongue::Dutch), None);
        assert_eq!(read("", Tongue::Dutch), None);
    }

    #[test]
    fn english_numbers() {
        for (said, value) in [
            ("zero", 0),
            ("thirty four", 34),
            ("a hundred and five", 105),
            ("one hundred twenty three", 123),
            ("twelve hundred fifty", 1250),
            ("two thousand twenty six", 2026),
            ("a thousand and one", 1001),
            ("twelve thousand three hundred and forty five", 12_345),
        ] {
            assert_eq!(read(said, Tongue::English), Some((value, said.split(' ').count())), "{said}");
        }
        assert_eq!(read("twenty twenty", Tongue::English), Some((20, 1)));
        assert_eq!(read("four twenty", Tongue::English), Some((4, 1)));
        assert_eq!(read("a parcel", Tongue::English), None);
    }
}
