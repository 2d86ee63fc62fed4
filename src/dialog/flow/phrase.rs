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

/// Whether `said` (already normal) is the phrase, as a whole.
pub(super) fn is_whole(said: &str, phrase: &str) -> bool {
    said == normal(phrase)
}

/// Whether `said` (already normal) has the phrase somewhere in it, as whole words.
pub(super) fn has(said: &str, phrase: &str) -> bool {
    let phrase = normal(phrase);
    !phrase.is_empty() && format!(" {said} ").contains(&format!(" {phrase} "))
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
}
