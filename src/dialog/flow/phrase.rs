//! Matching what was said against phrases: whole, or as words within what was said.

/// Lower case, letters and digits only, one blank between words.
pub(super) fn normal(text: &str) -> String {
    let words = text.split_whitespace().map(|word| {
        let plain = word.chars().map(|c| if c == '’' { '\'' } else { c });
        let kept = plain.filter(|c| c.is_alphanumeric() || *c == '\'');
        kept.flat_map(char::to_lowercase).collect::<String>()
    });
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The letters and digits of what is already normal. Whether two words stand together or apart differs between languages, writers and recognisers: "door
/// verbinden" is "doorverbinden".
fn letters(normal: &str) -> impl Iterator<Item = char> {
    normal.chars().filter(|c| *c != ' ')
}

/// Whether `said` (already normal) is the phrase, as a whole.
pub(super) fn is_whole(said: &str, phrase: &str) -> bool {
    letters(said).eq(letters(&normal(phrase)))
}

/// Whether `said` (already normal) has the phrase somewhere in it, as whole words.
pub(super) fn has(said: &str, phrase: &str) -> bool {
    let phrase = normal(phrase);
    !phrase.is_empty() && words_of(said).any(|rest| begins_with(rest, &phrase))
}

/// Whether the first words of `said` are the phrase (both already normal).
fn begins_with(said: &str, phrase: &str) -> bool {
    let mut said = said.chars();
    letters(phrase).all(|letter| said.find(|c| *c != ' ') == Some(letter)) && matches!(said.next(), None | Some(' '))
}

/// Whether `said` (already normal) is made of these phrases and nothing else, one after the other: "ja ja", "oké ja".
pub(super) fn is_made_of(said: &str, phrases: &[String]) -> bool {
    let words: Vec<&str> = said.split_whitespace().collect();
    let phrases: Vec<String> = phrases.iter().map(|phrase| normal(phrase)).collect();
    let mut reached = vec![false; words.len() + 1];
    reached[0] = true;
    for from in 0..words.len() {
        if !reached[from] {
            continue;
        }
        for phrase in &phrases {
            let phrase: Vec<&str> = phrase.split_whitespace().collect();
            if words[from..].starts_with(&phrase) {
                reached[from + phrase.len()] = true;
            }
        }
    }
    !words.is_empty() && reached[words.len()]
}

/// How many words of `said` stand in `text`, one after the other (both already normal): the longest such run.
pub(super) fn longest_run(said: &str, text: &str) -> usize {
    words_of(said).flat_map(|said| words_of(text).map(move |text| run(said, text))).max().unwrap_or(0)
}

/// What is left of a text (already normal) from each of its words on.
fn words_of(normal: &str) -> impl Iterator<Item = &str> {
    let begins = std::iter::once(0).chain(normal.match_indices(' ').map(|(blank, _)| blank + 1));
    begins.map(|word| &normal[word..]).filter(|rest| !rest.is_empty())
}

/// How many of the first words of `said` are the first words of `text` (both already normal).
fn run(said: &str, text: &str) -> usize {
    let (mut said, mut text) = (said.chars(), text.chars());
    let (mut words, mut whole) = (0, 0);
    while let Some(letter) = said.next() {
        if text.find(|c| *c != ' ') != Some(letter) {
            break;
        }
        let ends = |rest: &str| rest.is_empty() || rest.starts_with(' ');
        if ends(said.as_str()) {
            words += 1;
            said.next();
            if ends(text.as_str()) {
                whole = words;
            }
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole() {
        let said = normal("Ik wil graag  een medewerker, alstublieft!");
        assert!(has(&said, "een medewerker"));
        assert!(!has(&said, "werk"));
        assert!(!has(&said, ""));
        assert!(is_whole(&normal("Retour."), "retour"));
        assert!(!is_whole(&said, "medewerker"));
    }

    #[test]
    fn words_may_stand_together_or_apart() {
        let said = normal("Door verbinden, graag.");
        assert!(has(&said, "doorverbinden") && has(&normal("graag doorverbinden"), "door verbinden"));
        assert!(!has(&said, "doorverbind") && !has(&said, "verbindengraagiets") && !has(&said, "oorverbinden"));
        assert!(is_whole(&normal("mede werker"), "medewerker") && !is_whole(&said, "doorverbinden"));
    }

    #[test]
    fn what_is_said_again_and_again_is_made_of_the_same_phrase() {
        let phrases = ["ja", "hm hm", "oké"].map(str::to_owned);
        for (said, made) in
            [("ja", true), ("ja ja", true), ("oké ja hm hm", true), ("hm", false), ("ja maar", false), ("", false)]
        {
            assert_eq!(is_made_of(said, &phrases), made, "{said}");
        }
        assert!(!is_made_of("ja", &["".to_owned()]));
    }

    #[test]
    fn a_run_is_words_in_their_order() {
        let text = "waarmee kan ik u helpen u kunt zeggen bestelling retour of openingstijden";
        for (said, run) in [("u kunt zeggen", 3), ("kan ik iets helpen", 2), ("retour bestelling", 1), ("krokodil", 0), ("", 0)] {
            assert_eq!(longest_run(said, text), run, "{said}");
        }
        for (said, run) in
            [("openings tijden", 2), ("of openings tijden ja", 3), ("openings", 0), ("watmag ik", 1), ("waarmeekan ik", 2)]
        {
            assert_eq!(longest_run(said, text), run, "{said}");
        }
    }
}
