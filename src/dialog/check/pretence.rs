//! Whether a sentence lets the agent pass for a person (AI Act article 50(1): who talks to a machine is told so).

use std::ops::Range;

use super::words::{Sentence, Word, Words};

/// The words of a sentence that only a person would say of themselves.
pub(super) fn claim(words: &Words, sentence: &Sentence, organisation: &str) -> Option<Range<usize>> {
    let human = words.find("human", sentence).or_else(|| words.find("filler", sentence));
    human.or_else(|| name(words, sentence, organisation)).or_else(|| introduction(words, sentence, organisation))
}

/// "My name is …", "I am Anna": any name but the organisation's.
fn name(words: &Words, sentence: &Sentence, organisation: &str) -> Option<Range<usize>> {
    let named = |said: Range<usize>, capital: bool| {
        let after = &sentence.words[said.end..];
        let first = after.first()?;
        let is_name = !capital || is_capitalised(first);
        (is_name && !is_organisation(after, organisation)).then_some(said.start..said.end + 1)
    };
    let said = words.find("name", sentence).and_then(|said| named(said, false));
    said.or_else(|| words.find("i-am", sentence).and_then(|said| named(said, true)))
}

/// "You are talking to …": to a name, or to a colleague, with no word that says that it is a machine.
fn introduction(words: &Words, sentence: &Sentence, organisation: &str) -> Option<Range<usize>> {
    let said = words.find("introduction", sentence)?;
    let after = &sentence.words[said.end..];
    let length = after.iter().position(|word| word.pause).map_or(after.len(), |pause| pause + 1);
    let clause = &after[..length];
    if clause.is_empty() || is_organisation(clause, organisation) {
        return None;
    }
    let clause_alone = Sentence { words: clause.iter().map(Word::clone).collect(), asks: false };
    if words.has("machine", &clause_alone) {
        return None;
    }
    let is_person = is_capitalised(&clause[0]) || words.has("people", &clause_alone);
    is_person.then_some(said.start..said.end + length.min(3))
}

fn is_capitalised(word: &Word) -> bool {
    let mut letters = word.written.chars();
    letters.next().is_some_and(char::is_uppercase) && letters.next().is_some_and(char::is_lowercase)
}

/// Whether the words begin with the organisation's name, in whatever case and with or without an article of its own.
fn is_organisation(words: &[Word], organisation: &str) -> bool {
    let name: Vec<String> =
        super::words::sentences(organisation).into_iter().flat_map(|sentence| sentence.words).map(|word| word.lower).collect();
    let same = |(word, name): (&Word, &String)| word.lower == *name || word.lower.strip_suffix("'s") == Some(name);
    !name.is_empty() && words.len() >= name.len() && words.iter().zip(&name).all(same)
}

#[cfg(test)]
mod tests {
    use super::super::words::sentences;
    use super::*;

    fn claimed(language: &str, text: &str) -> Vec<String> {
        let words = Words::of(language).unwrap();
        let quote = |sentence: &Sentence| Some(sentence.quote(claim(words, sentence, "Anna's Bloemen")?));
        sentences(text).iter().filter_map(quote).collect()
    }

    #[test]
    fn a_name_or_a_sigh_is_a_claim() {
        assert_eq!(claimed("nl", "Goedendag, u spreekt met Anna van Bloemen."), ["u spreekt met Anna van Bloemen"]);
        assert_eq!(claimed("nl", "U spreekt met Robin, de digitale assistent."), ["U spreekt met Robin"]);
        assert_eq!(claimed("nl", "Mijn naam is robin."), ["Mijn naam is robin"]);
        assert_eq!(claimed("nl", "Uhm, even kijken hoor."), ["Uhm"]);
        assert_eq!(claimed("en", "Hi, I'm Emma. How can I help?"), ["I'm Emma"]);
        assert_eq!(claimed("en", "I am a real person."), ["I am a real"]);
        assert_eq!(claimed("en", "You are talking to a colleague of mine."), ["You are talking to a colleague of"]);
    }

    #[test]
    fn what_it_is_and_whose_it_is_are_none() {
        for text in [
            "Goedendag, u spreekt met de digitale assistent van Anna's Bloemen. Dat is een computer, geen mens.",
            "U spreekt met Anna's Bloemen.",
            "U spreekt met de klantenservice.",
            "Ik ben een computer. Ik ben er voor u. Liever een medewerker?",
            "Ik verbind u door met een medewerker.",
        ] {
            assert_eq!(claimed("nl", text), Vec::<String>::new(), "{text}");
        }
        for text in [
            "Hello, you are talking to the digital assistant of Anna's Bloemen. I am a computer, not a person.",
            "I am putting you through to a colleague. I am sorry.",
            "Prefer a person? Say agent.",
        ] {
            assert_eq!(claimed("en", text), Vec::<String>::new(), "{text}");
        }
    }
}
