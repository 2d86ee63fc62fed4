//! Whisper's tokens: pieces of text, each byte of which is written as one character (GPT-2's byte pairs), and marks such as `<|nl|>`.

use std::collections::HashMap;
use std::path::Path;

/// The tokens of a model, by number.
pub struct Vocabulary {
    tokens: Vec<String>,
    /// Numbers of the marks.
    marks: HashMap<String, usize>,
    /// The byte that a character stands for.
    bytes: HashMap<char, u8>,
    /// From this number on there are only marks.
    text_ends: usize,
}

impl Vocabulary {
    /// That of a model's folder; nothing where it cannot be read or is no vocabulary of Whisper's.
    pub fn read(folder: &Path) -> Option<Vocabulary> {
        let text = std::fs::read(folder.join("vocabulary.json")).ok()?;
        Vocabulary::of(serde_json::from_slice(&text).ok()?)
    }

    fn of(tokens: Vec<String>) -> Option<Vocabulary> {
        let text_ends = tokens.iter().position(|token| token == "<|endoftext|>")?;
        let marks = tokens.iter().enumerate().skip(text_ends).map(|(number, token)| (token.clone(), number)).collect();
        Some(Vocabulary { tokens, marks, bytes: byte_characters(), text_ends })
    }

    /// The number of a mark, by its name without its brackets.
    pub fn mark(&self, name: &str) -> Option<usize> {
        self.marks.get(&format!("<|{name}|>")).copied()
    }

    /// Whether a number stands for text.
    pub fn is_text(&self, token: usize) -> bool {
        token < self.text_ends
    }

    /// Whether a word begins with this token.
    pub fn begins_word(&self, token: usize) -> bool {
        self.tokens.get(token).is_some_and(|token| token.starts_with('Ġ'))
    }

    /// The tokens that are this word alone at the beginning of a word, with a small first letter or a capital.
    pub fn of_word(&self, word: &str) -> Vec<usize> {
        let capital: String = word.chars().take(1).flat_map(char::to_uppercase).chain(word.chars().skip(1)).collect();
        let is_it = |token: &usize| {
            let bytes: Vec<u8> = self.bytes(*token).collect();
            bytes.strip_prefix(b" ").is_some_and(|bytes| bytes == word.as_bytes() || bytes == capital.as_bytes())
        };
        (0..self.text_ends).filter(|token| self.begins_word(*token)).filter(is_it).collect()
    }

    /// The bytes of a token of text: a part of a character, where that has more than one.
    pub fn bytes(&self, token: usize) -> impl Iterator<Item = u8> {
        let token = self.tokens.get(token).map_or("", String::as_str);
        token.chars().filter_map(|character| self.bytes.get(&character).copied())
    }
}

/// Printable bytes stand for themselves, the others for the characters from 256 on, in their order.
fn byte_characters() -> HashMap<char, u8> {
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let others = (0..=255u8).filter(|byte| !printable(byte)).zip(256u32..);
    let own = (0..=255u8).filter(printable).map(|byte| (char::from(byte), byte));
    own.chain(others.filter_map(|(byte, character)| Some((char::from_u32(character)?, byte)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_bytes_of_text_and_marks_are_none() {
        let tokens = ["Ġca", "f", "Ã©", "<|endoftext|>", "<|startoftranscript|>", "<|nl|>"].map(str::to_owned).to_vec();
        let vocabulary = Vocabulary::of(tokens).unwrap();
        let text: Vec<u8> = [0, 1, 2].iter().flat_map(|token| vocabulary.bytes(*token)).collect();
        assert_eq!(String::from_utf8(text).unwrap(), " café");
        assert_eq!((vocabulary.of_word("ca"), vocabulary.of_word("f")), (vec![0], vec![]));
        assert!(vocabulary.begins_word(0) && !vocabulary.begins_word(1));
        assert!(vocabulary.is_text(2) && !vocabulary.is_text(3));
        assert_eq!((vocabulary.mark("nl"), vocabulary.mark("fy")), (Some(5), None));
    }

    #[test]
    fn every_byte_has_a_character() {
        let mut bytes: Vec<u8> = byte_characters().into_values().collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
    }
}
