use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::audio::{Codec, Encoded};

/// A text as the caller will hear it.
#[derive(Clone, PartialEq, Eq)]
pub struct Spoken {
    /// SHA-256 of the text in UTF-8, in lower-case hex.
    pub text_sha256: String,
    /// SHA-256 of `audio`, in lower-case hex.
    pub audio_sha256: String,
    /// The encoded sound.
    pub audio: Encoded,
    /// How long it lasts.
    pub duration: Duration,
}

impl Spoken {
    /// Sound that may be kept: a fixed prompt.
    pub(super) fn of(text: &str, ulaw: Vec<u8>) -> Self {
        let audio_sha256 = sha256(&ulaw);
        Self::assemble(text, audio_sha256, Bytes::from(ulaw))
    }

    /// Sound that says something about the caller: it is wiped when the last copy goes.
    pub(super) fn of_secret(text: &str, ulaw: Zeroizing<Vec<u8>>) -> Self {
        let audio_sha256 = sha256(&ulaw);
        Self::assemble(text, audio_sha256, Bytes::from_owner(ulaw))
    }

    fn assemble(text: &str, audio_sha256: String, audio: Bytes) -> Self {
        let audio = Encoded::of_samples(Codec::Ulaw, audio);
        Spoken { text_sha256: sha256(text.as_bytes()), audio_sha256, duration: audio.duration(), audio }
    }
}

/// Shows lengths and hashes of the sound, not the sound.
impl fmt::Debug for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spoken").field("duration", &self.duration).field("codec", &self.audio.codec()).finish_non_exhaustive()
    }
}

/// SHA-256 in lower-case hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_and_what_is_wiped_are_the_same_to_the_ledger() {
        let kept = Spoken::of("hallo", vec![0xff; 800]);
        let wiped = Spoken::of_secret("hallo", Zeroizing::new(vec![0xff; 800]));
        assert_eq!(kept, wiped);
        assert_eq!(kept.duration, Duration::from_millis(100));
        assert_eq!(kept.text_sha256, "d3751d33f9cd5049c4af2b462735457e4d3baf130bcbb87f389e349fbaeb20b9");
    }

    #[test]
    fn debug_shows_no_sound_and_no_hash_of_a_text() {
        let spoken = Spoken::of("uw nummer is 1234", vec![0xff; 8]);
        assert!(!format!("{spoken:?}").contains(&spoken.text_sha256));
    }
}
