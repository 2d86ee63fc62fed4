//! Reading on, word by word.

use super::Tongue;
use super::cardinal::cardinal;

/// A place in what was said.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'a> {
    said: &'a [&'a str],
    pub(super) tongue: Tongue,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(said: &'a [&'a str], tongue: Tongue) -> Cursor<'a> {
        Cursor { said, tongue }
    }

    /// The next word.
    pub(super) fn word(&self) -> Option<&'a str> {
        self.said.first().copied()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.said.is_empty()
    }

    /// Goes on by so many words.
    pub(super) fn skip(&mut self, words: usize) {
        self.said = &self.said[words.min(self.said.len())..];
    }

    /// Takes these words, if they come next.
    pub(super) fn take(&mut self, words: &str) -> bool {
        let length = words.split(' ').count();
        let there = self.said.get(..length).is_some_and(|said| words.split(' ').eq(said.iter().copied()));
        if there {
            self.skip(length);
        }
        there
    }

    /// Takes one of these, and gives what it stands for.
    pub(super) fn one_of<T: Copy>(&mut self, of: &[(&str, T)]) -> Option<T> {
        of.iter().find_map(|(words, meaning)| self.take(words).then_some(*meaning))
    }

    /// Takes a number in words, or in figures without any sign.
    pub(super) fn number(&mut self) -> Option<u64> {
        let word = self.word()?;
        let (value, used) = match word.bytes().all(|byte| byte.is_ascii_digit()) {
            true => (word.parse().ok()?, 1),
            false => cardinal(self.said, self.tongue)?,
        };
        self.skip(used);
        Some(value)
    }

    /// Passes by a word that means nothing. `false`: the next one may mean something, or there is none.
    pub(super) fn small_word(&mut self) -> bool {
        let small = self.word().is_some_and(|word| self.tongue.is_filler(word) || self.tongue.leads(word));
        if small {
            self.skip(1);
        }
        small
    }

    /// Passes by everything that means nothing.
    pub(super) fn small_words(&mut self) {
        while self.small_word() {}
    }
}
