//! Lists of words, one file per language, for the rules about wording; and texts cut into sentences and words to look for them in.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

/// How many words a `…` in a pattern can stand for.
const GAP: usize = 6;
/// Words that a `…` never stands for: they would turn what is found into its opposite.
const NEGATIONS: [&str; 6] = ["not", "no", "without", "niet", "geen", "zonder"];

static LISTS: LazyLock<BTreeMap<&str, Words>> = LazyLock::new(|| {
    [("nl", include_str!("words/nl.txt")), ("en", include_str!("words/en.txt"))]
        .into_iter()
        .map(|(language, list)| (language, Words::read(list)))
        .collect()
});

/// The words of one language, in sections.
#[derive(Debug)]
pub(super) struct Words(BTreeMap<&'static str, Vec<Vec<Piece>>>);

#[derive(Debug, PartialEq)]
enum Piece {
    Word(&'static str),
    Beginning(&'static str),
    Gap,
}

impl Words {
    /// The list for a language; `nl-BE` has that of `nl`.
    pub(super) fn of(language: &str) -> Option<&'static Words> {
        LISTS.get(language.split('-').next().unwrap_or(language))
    }

    /// The languages that have a list.
    pub(super) fn languages() -> impl Iterator<Item = &'static str> {
        LISTS.keys().copied()
    }

    fn read(list: &'static str) -> Words {
        let mut sections: BTreeMap<&str, Vec<Vec<Piece>>> = BTreeMap::new();
        let mut section = "";
        for line in list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                section = name;
                continue;
            }
            let piece = |word: &'static str| match (word, word.strip_suffix('*')) {
                ("…", _) => Piece::Gap,
                (_, Some(beginning)) => Piece::Beginning(beginning),
                (word, None) => Piece::Word(word),
            };
            sections.entry(section).or_default().push(line.split_whitespace().map(piece).collect());
        }
        Words(sections)
    }

    /// The first place in a sentence where a pattern of the section stands: which words.
    pub(super) fn find(&self, section: &str, sentence: &Sentence) -> Option<Range<usize>> {
        let patterns = self.0.get(section)?;
        (0..sentence.words.len()).find_map(|from| {
            let ends = patterns.iter().filter_map(|pattern| matches(pattern, &sentence.words[from..]));
            ends.max().map(|length| from..from + length)
        })
    }

    /// Whether a pattern of the section stands in the sentence.
    pub(super) fn has(&self, section: &str, sentence: &Sentence) -> bool {
        self.find(section, sentence).is_some()
    }

    /// As [`Words::find`], unless the word before turns it into its opposite.
    pub(super) fn find_affirmed(&self, section: &str, sentence: &Sentence) -> Option<Range<usize>> {
        let negated = |at: usize| at > 0 && NEGATIONS.contains(&sentence.words[at - 1].lower.as_str());
        self.find(section, sentence).filter(|found| !negated(found.start))
    }

    /// Whether a sentence is about recording.
    pub(super) fn speak_of_recording(&self, sentence: &Sentence) -> bool {
        self.has("recording", sentence) && !self.has("not-recording", sentence)
    }

    /// The kinds of purposes that a sentence names.
    pub(super) fn purposes(&self, sentence: &Sentence) -> Vec<&'static str> {
        let kinds = self.0.keys().filter_map(|section| Some((section, section.strip_prefix("purpose-")?)));
        kinds.filter(|(section, _)| self.has(section, sentence)).map(|(_, kind)| kind).collect()
    }
}

/// How many of the words the pattern takes, when they begin with it.
fn matches(pattern: &[Piece], words: &[Word]) -> Option<usize> {
    let Some((first, rest)) = pattern.split_first() else { return Some(0) };
    let fits = |fits: bool| if fits { matches(rest, words.get(1..)?).map(|length| length + 1) } else { None };
    match first {
        Piece::Word(word) => fits(words.first()?.lower == *word),
        Piece::Beginning(beginning) => fits(words.first()?.lower.starts_with(beginning)),
        Piece::Gap => {
            let most = words.iter().take(GAP).take_while(|word| !NEGATIONS.contains(&word.lower.as_str())).count();
            (0..=most).find_map(|skipped| Some(matches(rest, &words[skipped..])? + skipped))
        }
    }
}

/// A word of a text.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) written: String,
    pub(super) lower: String,
    /// Whether a comma or the like stands behind it.
    pub(super) pause: bool,
}

/// A sentence of a text.
#[derive(Debug)]
pub(super) struct Sentence {
    pub(super) words: Vec<Word>,
    /// Whether it ends with a question mark.
    pub(super) asks: bool,
}

impl Sentence {
    /// Some of its words, as they are written.
    pub(super) fn quote(&self, words: Range<usize>) -> String {
        self.words[words].iter().map(|word| word.written.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// A text cut into sentences.
pub(super) fn sentences(text: &str) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    let mut words: Vec<Word> = Vec::new();
    for piece in text.split_whitespace() {
        let inside = |c: char| c.is_alphanumeric() || c == '\'' || c == '’';
        let ending: String = piece.chars().rev().take_while(|c| !inside(*c)).collect();
        for part in piece.split(|c: char| !inside(c)).filter(|part| !part.is_empty()) {
            let written = part.replace('’', "'");
            words.push(Word { lower: written.to_lowercase(), written, pause: false });
        }
        if let Some(last) = words.last_mut() {
            last.pause |= ending.contains([',', ';', '–', '—']);
        }
        if ending.contains(['.', '!', '?', ':', ';']) && !words.is_empty() {
            sentences.push(Sentence { words: std::mem::take(&mut words), asks: ending.contains('?') });
        }
    }
    if !words.is_empty() {
        sentences.push(Sentence { words, asks: false });
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_the_same_sections() {
        let sections = |words: &Words| words.0.keys().copied().collect::<Vec<_>>();
        let all: Vec<_> = LISTS.values().map(sections).collect();
        assert!(all.windows(2).all(|two| two[0] == two[1]), "{all:?}");
        assert!(LISTS.values().flat_map(|words| words.0.values()).all(|patterns| !patterns.is_empty()));
    }

    #[test]
    fn a_gap_stands_for_a_few_words_and_a_star_for_an_ending() {
        let words = Words::of("nl-BE").unwrap();
        let found = |section: &str, text: &str| sentences(text).iter().any(|sentence| words.has(section, sentence));
        assert!(found("hedged-recording", "Dit gesprek kan voor onze service worden opgenomen."));
        assert!(!found("hedged-recording", "U kunt bellen zonder dat u wordt opgenomen."));
        assert!(!found("hedged-recording", "Dat kan altijd. Wilt u niet worden opgenomen?"));
        assert!(found("purpose-quality", "om onze service te verbeteren"));
        assert!(!found("purpose-quality", "beter"));
        assert!(Words::of("ko").is_none());
    }

    #[test]
    fn sentences_end_at_their_signs_and_addresses_do_not() {
        let all = sentences("Zie voorbeeld.nl/bellen, of bel. Mag dat? Ja");
        let quoted: Vec<_> = all.iter().map(|sentence| (sentence.quote(0..sentence.words.len()), sentence.asks)).collect();
        let expected = [("Zie voorbeeld nl bellen of bel", false), ("Mag dat", true), ("Ja", false)];
        assert_eq!(quoted, expected.map(|(text, asks)| (text.to_owned(), asks)));
    }
}
