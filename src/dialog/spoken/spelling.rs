//! Letters as they are said: by their names, by the words of an alphabet (that of the telephone, that of NATO), or as they are written.

use zeroize::Zeroizing;

use super::Tongue;
use super::cursor::Cursor;

/// What a letter is called in Dutch, as recognisers write it.
const NAMES_DUTCH: &[(&str, char)] = &[
    ("aa", 'A'),
    ("ah", 'A'),
    ("bee", 'B'),
    ("be", 'B'),
    ("cee", 'C'),
    ("see", 'C'),
    ("dee", 'D'),
    ("de", 'D'),
    ("ee", 'E'),
    ("ef", 'F'),
    ("eff", 'F'),
    ("gee", 'G'),
    ("ge", 'G'),
    ("haa", 'H'),
    ("ha", 'H'),
    ("ie", 'I'),
    ("jee", 'J'),
    ("je", 'J'),
    ("kaa", 'K'),
    ("ka", 'K'),
    ("el", 'L'),
    ("em", 'M'),
    ("en", 'N'),
    ("oo", 'O'),
    ("oh", 'O'),
    ("pee", 'P'),
    ("ku", 'Q'),
    ("er", 'R'),
    ("es", 'S'),
    ("tee", 'T'),
    ("te", 'T'),
    ("uu", 'U'),
    ("vee", 'V'),
    ("ve", 'V'),
    ("wee", 'W'),
    ("we", 'W'),
    ("ix", 'X'),
    ("ij", 'Y'),
    ("zet", 'Z'),
    ("zed", 'Z'),
];

const NAMES_ENGLISH: &[(&str, char)] = &[
    ("ay", 'A'),
    ("bee", 'B'),
    ("be", 'B'),
    ("cee", 'C'),
    ("see", 'C'),
    ("sea", 'C'),
    ("dee", 'D'),
    ("ee", 'E'),
    ("eff", 'F'),
    ("gee", 'G'),
    ("aitch", 'H'),
    ("eye", 'I'),
    ("jay", 'J'),
    ("kay", 'K'),
    ("el", 'L'),
    ("em", 'M'),
    ("en", 'N'),
    ("oh", 'O'),
    ("pee", 'P'),
    ("cue", 'Q'),
    ("queue", 'Q'),
    ("are", 'R'),
    ("ar", 'R'),
    ("ess", 'S'),
    ("tee", 'T'),
    ("tea", 'T'),
    ("you", 'U'),
    ("vee", 'V'),
    ("double you", 'W'),
    ("ex", 'X'),
    ("why", 'Y'),
    ("zed", 'Z'),
    ("zee", 'Z'),
    ("zet", 'Z'),
];

/// The alphabets' words; each stands for its first letter.
const ALPHABETS: &[&str] = &[
    "anton",
    "bernard",
    "bernhard",
    "cornelis",
    "dirk",
    "eduard",
    "ferdinand",
    "gerard",
    "hendrik",
    "izaak",
    "isaac",
    "izak",
    "johan",
    "jan",
    "karel",
    "lodewijk",
    "maria",
    "nico",
    "otto",
    "pieter",
    "quotient",
    "quirinus",
    "rudolf",
    "simon",
    "teunis",
    "theodor",
    "utrecht",
    "victor",
    "willem",
    "xantippe",
    "ypsilon",
    "ijmuiden",
    "zacharias",
    "zaandam",
    "alfa",
    "alpha",
    "bravo",
    "charlie",
    "delta",
    "echo",
    "foxtrot",
    "golf",
    "hotel",
    "india",
    "juliett",
    "juliet",
    "kilo",
    "lima",
    "mike",
    "november",
    "oscar",
    "papa",
    "quebec",
    "romeo",
    "sierra",
    "tango",
    "uniform",
    "whiskey",
    "yankee",
    "zulu",
];

/// Whether a word can stand for a letter, or for two.
pub(super) fn begins(word: &str) -> bool {
    let named = NAMES_DUTCH.iter().chain(NAMES_ENGLISH).any(|(name, _)| *name == word);
    named || word.len() <= 2 || ALPHABETS.contains(&word)
}

/// Takes the letters that come next: one by its name or a word, or two as they are written.
pub(super) fn letters(cursor: &mut Cursor) -> Option<Zeroizing<String>> {
    let mut found = Zeroizing::new(String::with_capacity(4));
    let named = match cursor.tongue {
        Tongue::Dutch => cursor.one_of(NAMES_DUTCH),
        Tongue::English => cursor.one_of(NAMES_ENGLISH),
    };
    match named {
        Some(letter) => found.push(letter),
        None => {
            let word = cursor.word()?;
            let first = word.chars().next().filter(char::is_ascii_lowercase)?;
            if ALPHABETS.contains(&word) || matches!(word, "xray" | "x") || word.len() == 1 {
                // "IJmuiden" is the word for Y.
                found.push(if word == "ijmuiden" { 'Y' } else { first.to_ascii_uppercase() });
            } else if word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_lowercase()) {
                word.chars().for_each(|letter| found.push(letter.to_ascii_uppercase()));
            } else {
                return None;
            }
            cursor.skip(1);
        }
    }
    as_in(cursor, &found)?;
    Some(found)
}

/// "A van Anton", "b as in boy": the word must begin with the letter.
fn as_in(cursor: &mut Cursor, letters: &str) -> Option<()> {
    let before: &[(&str, ())] = match cursor.tongue {
        Tongue::Dutch => &[("van", ()), ("als in", ()), ("zoals in", ())],
        Tongue::English => &[("as in", ()), ("like", ()), ("for", ())],
    };
    if cursor.one_of(before).is_some() {
        let word = cursor.word()?;
        let same =
            letters.chars().last().zip(word.chars().next()).is_some_and(|(letter, first)| letter.eq_ignore_ascii_case(&first));
        cursor.skip(1);
        return same.then_some(());
    }
    Some(())
}
