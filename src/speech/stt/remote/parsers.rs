//! The parsers of what other machines send, for fuzzing and for a test that does the same in a small way: whatever comes in, what comes out holds.

use super::{transcript, vosk_reply};
use crate::speech::stt::HeardWord;

/// Reads a reply of a vosk-server.
///
/// # Panics
/// When a word comes of it that nobody can have said.
pub fn vosk_reply(text: &str) {
    if let Ok(vosk_reply::Reply::Part(words)) = vosk_reply::read(text) {
        holds(&words);
    }
}

/// Reads an answer of a server with OpenAI's interface.
///
/// # Panics
/// When a word comes of it that nobody can have said.
pub fn transcript(body: &[u8]) {
    let (Ok(hypothesis), Ok(answer)) = (transcript::read(body, false), transcript::read(body, true)) else { return };
    holds(&hypothesis.words);
    assert!((0.0..=1.0).contains(&hypothesis.confidence));
    assert!(!hypothesis.text.is_empty() || hypothesis.confidence == 0.0);
    assert!(answer.text == hypothesis.text && answer.confidence <= hypothesis.confidence, "a consent takes no less");
}

fn holds(words: &[HeardWord]) {
    assert!(words.len() <= 500);
    for word in words {
        assert!(word.start <= word.end && (0.0..=1.0).contains(&word.confidence) && !word.text.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    /// A seed with some of its bytes put in other places, doubled, or made something else.
    fn mutated(seeds: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
        let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..12);
        (prop::sample::select(seeds), changes).prop_map(|(seed, changes)| {
            let mut bytes = seed.as_bytes().to_vec();
            for (at, byte, how) in changes {
                let at = at.index(bytes.len().max(1));
                match how {
                    0 if at < bytes.len() => bytes[at] = byte,
                    1 if at < bytes.len() => drop(bytes.remove(at)),
                    2 => bytes.insert(at, b"0123456789.-eE\"{}[],:nul"[usize::from(byte) % 24]),
                    _ => bytes.truncate(at.max(4)),
                }
            }
            bytes
        })
    }

    const REPLIES: &[&str] =
        &[include_str!("../../../../fuzz/corpus/vosk_reply/part"), include_str!("../../../../fuzz/corpus/vosk_reply/partial")];
    const ANSWERS: &[&str] = &[
        include_str!("../../../../fuzz/corpus/transcript/parts"),
        include_str!("../../../../fuzz/corpus/transcript/words"),
        include_str!("../../../../fuzz/corpus/transcript/pieces"),
    ];

    proptest! {
        #[test]
        fn whatever_a_vosk_server_replies_no_impossible_word_comes_of_it(bytes in mutated(REPLIES)) {
            super::vosk_reply(&String::from_utf8_lossy(&bytes));
        }

        #[test]
        fn whatever_a_transcription_is_no_impossible_word_comes_of_it(bytes in mutated(ANSWERS)) {
            super::transcript(&bytes);
        }
    }
}
