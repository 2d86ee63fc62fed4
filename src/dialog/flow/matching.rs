//! Which of some phrases was meant: the words that count, in any order, with a slip of the recogniser in a long one.
//!
//! A phrase is worth the share of its words that were said (seven parts), and the share of what was said that it explains (three parts). A clear
//! winner is taken, a close one is for the caller to confirm. What is denied ("not a return") is never what was named.

use super::phrase;
use super::small_words::SmallWords;

/// What is worth this is taken.
const TAKEN: usize = 85;
/// What is worth this is asked about.
const NEAR: usize = 60;
/// By so much a winner must lead.
const LEAD: usize = 10;
/// A word that was heard with one slip is worth this; it is 100 when it was heard as it is.
const SLIP: usize = 75;
/// A slip is tolerated in words of this length (letters): a short one is soon another.
const LONG: usize = 6;
/// What a recogniser writes for words that it was not told to expect, as [`phrase::normal`] gives it.
const UNKNOWN: &str = "unk";

/// What was meant. The numbers count what was asked about, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// This one.
    Clearly(usize),
    /// Most likely this one.
    Perhaps(usize),
    /// None of them, or one of several.
    Nothing,
}

/// Which of the choices was meant by what was said (already normal), where each has its phrases.
pub(super) fn meant(said: &str, choices: &[&[String]], language: &str) -> Meant {
    let whole = |phrases: &&[String]| phrases.iter().any(|phrase| phrase::is_whole(said, phrase));
    let mut wholes = choices.iter().enumerate().filter(|(_, phrases)| whole(phrases));
    if let (Some((choice, _)), None) = (wholes.next(), wholes.next()) {
        return Meant::Clearly(choice);
    }
    let small = SmallWords::of(language);
    let said = Counted::of(said, small);
    let worths: Vec<Worth> = choices.iter().map(|phrases| Worth::of(&said, phrases, small)).collect();
    let best = (0..choices.len()).max_by_key(|choice| worths[*choice].meant).filter(|best| worths[*best].meant >= NEAR);
    let Some(best) = best else { return Meant::Nothing };
    let rivals = worths.iter().enumerate().filter(|(choice, _)| *choice != best);
    let rival = rivals.map(|(_, worth)| worth.meant.max(worth.denied)).max().unwrap_or(0);
    match worths[best].meant {
        worth if worth <= rival => Meant::Nothing,
        worth if worth >= TAKEN && worth >= rival + LEAD && !said.doubt => Meant::Clearly(best),
        _ => Meant::Perhaps(best),
    }
}

/// What a choice is worth, in hundredths: as it was said, and as it was denied, or named beside what was denied.
#[derive(Default)]
struct Worth {
    meant: usize,
    denied: usize,
}

impl Worth {
    fn of(said: &Counted, phrases: &[String], small: &SmallWords) -> Worth {
        let mut worth = Worth::default();
        for phrase in phrases {
            let phrase = phrase::normal(phrase);
            let phrase = Counted::of(&phrase, small);
            let value = said.worth(&phrase);
            let kept = if said.denies == phrase.denies { &mut worth.meant } else { &mut worth.denied };
            *kept = value.max(*kept);
        }
        worth
    }
}

/// The words of a text that count, each once.
struct Counted<'a> {
    words: Vec<&'a str>,
    /// The fillers, which count where there is nothing else.
    fillers: Vec<&'a str>,
    denies: bool,
    doubt: bool,
}

impl<'a> Counted<'a> {
    fn of(text: &'a str, small: &SmallWords) -> Counted<'a> {
        let all: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
        let mut counted = Counted { words: Vec::new(), fillers: Vec::new(), denies: false, doubt: false };
        let mut at = 0;
        while let Some(word) = all.get(at) {
            let length = small.fillers.iter().map(|filler| filler.split(' ').count()).filter(|length| {
                let words = all.get(at..at + length);
                words.is_some_and(|words| small.fillers.iter().any(|filler| filler.split(' ').eq(words.iter().copied())))
            });
            let length = length.max();
            match length {
                Some(length) => counted.fillers.extend(&all[at..at + length]),
                None if small.negations.contains(word) => counted.denies = true,
                None => {
                    counted.doubt |= small.doubts.contains(word);
                    if !counted.words.contains(word) {
                        counted.words.push(word);
                    }
                }
            }
            at += length.unwrap_or(1);
        }
        counted
    }

    /// What a phrase is worth, with this as what was said.
    fn worth(&self, phrase: &Counted) -> usize {
        let denial = usize::from(self.denies && phrase.denies);
        let (asked, said) = (phrase.words.len() + denial, self.words.len() + denial);
        if asked == 0 {
            // A phrase of small words alone ("graag") is meant by nothing but small words.
            let meant = said == 0 && !phrase.fillers.is_empty() && phrase.fillers.iter().all(|word| self.fillers.contains(word));
            return if meant { 100 } else { 0 };
        }
        if said == 0 {
            return 0;
        }
        let heard = |word: &&str| self.words.iter().map(|said| alike(said, word)).max().unwrap_or(0);
        let found = 100 * denial + phrase.words.iter().map(heard).sum::<usize>();
        (70 * found / asked + 30 * found / said) / 100
    }
}

/// What a word that was said is worth as this word of a phrase.
fn alike(said: &str, word: &str) -> usize {
    if said == UNKNOWN {
        0
    } else if said == word {
        100
    } else if one_slip(said, word) {
        SLIP
    } else {
        0
    }
}

/// Whether one letter is wrong, missing or too many, or two stand the wrong way round, in words that are long enough. Compared where they stand:
/// no copy is made of what was said.
fn one_slip(said: &str, word: &str) -> bool {
    let (long, short) = (said.chars().count().max(word.chars().count()), said.chars().count().min(word.chars().count()));
    if short < LONG || long - short > 1 {
        return false;
    }
    let same_before = said.chars().zip(word.chars()).take_while(|(one, other)| one == other).count();
    let same_behind = said.chars().rev().zip(word.chars().rev()).take_while(|(one, other)| one == other).count();
    let left = long - (same_before + same_behind.min(short - same_before));
    let swapped = || {
        let mut pairs = said.chars().zip(word.chars()).skip(same_before);
        matches!((pairs.next(), pairs.next()), (Some((a, b)), Some((c, d))) if a == d && b == c)
    };
    left <= 1 || (left == 2 && long == short && swapped())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(said: &str, choices: &[&str], language: &str) -> Meant {
        let choices: Vec<Vec<String>> = choices.iter().map(|phrases| phrases.split(" | ").map(str::to_owned).collect()).collect();
        let choices: Vec<&[String]> = choices.iter().map(Vec::as_slice).collect();
        meant(&phrase::normal(said), &choices, language)
    }

    const SHOP: [&str; 3] = [
        "bestelling | mijn bestelling | waar is mijn bestelling | waar blijft mijn pakket | pakket",
        "retour | terugsturen | ruilen | ik wil iets terugsturen",
        "openingstijden | openingstijd | wanneer zijn jullie open",
    ];
    const YES_OR_NO: [&str; 2] = ["ja | ja graag | ja dat is goed | graag", "nee | nee liever niet | een ander moment"];

    #[test]
    fn a_phrase_is_found_among_small_words_and_in_any_order() {
        for (said, choice) in [
            ("Retour.", 1),
            ("ik wil graag iets terugsturen alstublieft", 1),
            ("terugsturen, dat wil ik", 1),
            ("uh nou mijn pakket", 0),
            ("mijn pakket, waar blijft dat", 0),
            ("doe maar retour", 1),
            ("wanneer zijn jullie eigenlijk open", 2),
            ("openings tijden", 2),
            ("[unk] retour [unk]", 1),
        ] {
            assert_eq!(heard(said, &SHOP, "nl"), Meant::Clearly(choice), "{said}");
        }
        let english = [
            "order | my order | where is my parcel",
            "return | send it back | exchange",
            "opening hours | what are your opening hours",
        ];
        assert_eq!(heard("I would like to exchange something, please", &english, "en"), Meant::Clearly(1));
        assert_eq!(heard("um, my parcel, where is it", &english, "en"), Meant::Clearly(0));
        assert_eq!(heard("what are your opening hours please", &english, "en"), Meant::Clearly(2));
    }

    #[test]
    fn what_is_denied_is_not_meant() {
        for said in [
            "geen retour",
            "ik wil niet terugsturen",
            "retour niet",
            "nee geen bestelling",
            "niet",
            "zonder pakket",
            "geen retour, mijn bestelling",
        ] {
            assert_eq!(heard(said, &SHOP, "nl"), Meant::Nothing, "{said}");
        }
        for said in ["not a return", "I don't want to return it", "no return"] {
            assert_eq!(heard(said, &["order", "return"], "en"), Meant::Nothing, "{said}");
        }
        assert_eq!(heard("niet afzeggen", &["ja | ja afzeggen", "nee | nee niet afzeggen"], "nl"), Meant::Clearly(1));
    }

    #[test]
    fn yes_and_no_are_not_mixed() {
        for (said, meant) in [
            ("ja hoor", Meant::Clearly(0)),
            ("graag", Meant::Clearly(0)),
            ("ja prima", Meant::Clearly(0)),
            ("nee ik wil dat niet", Meant::Clearly(1)),
            ("nee liever een ander moment", Meant::Clearly(1)),
            ("ik wil graag een ander moment", Meant::Clearly(1)),
            ("ik wil graag iets anders", Meant::Nothing),
            ("ja niet", Meant::Nothing),
            ("dat wil ik graag weten", Meant::Nothing),
            ("wat is dat graag", Meant::Nothing),
            ("nee of ja", Meant::Nothing),
            ("ja maar niet dan", Meant::Nothing),
            ("ja misschien", Meant::Perhaps(0)),
            ("ja maar later", Meant::Perhaps(0)),
        ] {
            assert_eq!(heard(said, &YES_OR_NO, "nl"), meant, "{said}");
        }
    }

    #[test]
    fn what_is_close_is_asked_about_and_what_is_not_is_not() {
        for (said, meant) in [
            ("retoer", Meant::Perhaps(1)),
            ("bestellin", Meant::Perhaps(0)),
            ("waar blijft het", Meant::Perhaps(0)),
            ("vorige week had ik een trui gekocht en nu moet die terugsturen", Meant::Perhaps(1)),
            ("retour bestelling", Meant::Nothing),
            ("goedemorgen", Meant::Nothing),
            ("mooi weer vandaag", Meant::Nothing),
            ("", Meant::Nothing),
        ] {
            assert_eq!(heard(said, &SHOP, "nl"), meant, "{said}");
        }
        let appointments = ["afspraak maken | afspraak", "afspraak afzeggen | afzeggen"];
        assert_eq!(heard("ik wil mijn afspraak afzeggen", &appointments, "nl"), Meant::Clearly(1));
        assert_eq!(heard("een afspraak", &appointments, "nl"), Meant::Clearly(0));
    }

    #[test]
    fn a_slip_is_one_letter_of_a_long_word() {
        for (said, word) in [
            ("retoer", "retour"),
            ("bestellng", "bestelling"),
            ("besstelling", "bestelling"),
            ("paspoort", "pasopoort"),
            ("pakekt", "pakket"),
        ] {
            assert!(one_slip(said, word) && one_slip(word, said), "{said}");
        }
        for (said, word) in
            [("jaa", "ja"), ("maken", "malen"), ("bestelde", "bestelling"), ("retuor", "rotuer"), ("openen", "opende")]
        {
            assert!(!one_slip(said, word), "{said}");
        }
    }

    #[test]
    fn a_language_without_lists_counts_every_word() {
        let choices = ["라면 | 라면 주세요", "여름 | 여름 메뉴"];
        assert_eq!(heard("라면", &choices, "ko"), Meant::Clearly(0));
        assert_eq!(heard("여름 메뉴 주세요", &choices, "ko"), Meant::Clearly(1));
        assert_eq!(heard("주세요", &choices, "ko"), Meant::Perhaps(0));
    }
}
