//! What recognisers write down for sounds that are no words: laughter, a cough, a sneeze, a breath. Whatever a dialog asks, these answer nothing.

/// What is written for a cough, a sneeze or a sigh, in Dutch and in English.
const WRITTEN: [&str; 12] =
    ["ahem", "ehem", "kuch", "uche", "hatsjoe", "hatsjie", "hatsjoem", "achoo", "atchoo", "pf", "pff", "tss"];
/// A breath that lasts is written with a letter so many times in a row: "pfff", "brrr".
const LASTS: usize = 3;
/// A word that is drawn out is a word all the same: "neeee", "stoppp".
const VOWELS: &str = "aeiouyáéèëïöü";

/// Whether a text (in the form of [`super::phrase::normal`]) has words, and all of them stand for sounds.
pub(super) fn are_all(said: &str) -> bool {
    !said.is_empty() && (is_laughter(said) || said.split(' ').all(is_sound))
}

fn is_sound(word: &str) -> bool {
    WRITTEN.contains(&word) || is_laughter(word) || lasts(word)
}

/// "haha", "ha ha ha", "hihi", "hèhè". Not "hi" and not "ho ho", which are words.
fn is_laughter(said: &str) -> bool {
    let letters = || said.chars().filter(|c| *c != ' ');
    let breaths = letters().filter(|c| *c == 'h').count();
    breaths >= 2 && breaths < letters().count() && letters().all(|c| "haeiéè".contains(c))
}

/// Whether it has no vowel, and a letter so often that the sound lasts.
fn lasts(word: &str) -> bool {
    let letters: Vec<char> = word.chars().collect();
    let voiceless = !letters.iter().any(|c| VOWELS.contains(*c));
    voiceless && letters.windows(LASTS).any(|row| row[0].is_alphabetic() && row.iter().all(|c| *c == row[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_are_told_from_words() {
        for sounds in
            ["haha", "hahaha", "ha ha ha", "hihi", "hè hè", "ahem", "pfff", "hatsjoe", "brrr", "kuch kuch", "hahaha pff"]
        {
            assert!(are_all(sounds), "{sounds}");
        }
        for words in [
            "", "ja", "hi", "he", "ha", "ho ho", "hoho", "huh", "hé", "mee eten", "555", "haha nee", "zee", "heeft", "hh", "ik",
            "neeee", "stoppp",
        ] {
            assert!(!are_all(words), "{words}");
        }
    }
}
