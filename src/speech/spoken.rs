use std::fmt;
use std::time::Duration;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::audio::ogg_opus::{self, OggOpusError};
use crate::audio::{Codec, Encoded};

/// A text as the caller will hear it.
#[derive(Clone, PartialEq, Eq)]
pub struct Spoken {
    /// SHA-256 of the text in UTF-8, in lower-case hex.
    pub text_sha256: String,
    /// SHA-256 of the sound as a file: the bare samples of G.711, the Ogg Opus file of Opus. In lower-case hex.
    pub audio_sha256: String,
    /// The encoded sound.
    pub audio: Encoded,
    /// How long it lasts.
    pub duration: Duration,
}

impl Spoken {
    /// A text with its sound, whose file has this hash.
    pub(super) fn new(text: &str, audio: Encoded, audio_sha256: String) -> Self {
        Spoken { text_sha256: sha256(text.as_bytes()), audio_sha256, duration: audio.duration(), audio }
    }
}

/// Sound as the file that lies in the cache, and that the ledger's hash is of.
pub(super) fn file(audio: &Encoded) -> Result<Zeroizing<Vec<u8>>, OggOpusError> {
    match audio.codec() {
        Codec::Ulaw => Ok(Zeroizing::new(audio.bytes().to_vec())),
        Codec::Opus => ogg_opus::mono(audio),
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
    use bytes::Bytes;

    use super::*;
    use crate::audio::opus::{Content, encode};

    fn telephone(text: &str) -> Spoken {
        let audio = Encoded::of_samples(Codec::Ulaw, Bytes::from(vec![0xff; 800]));
        let hash = sha256(&file(&audio).unwrap());
        Spoken::new(text, audio, hash)
    }

    #[test]
    fn text_and_sound_have_their_hashes() {
        let spoken = telephone("hallo");
        assert_eq!(spoken.duration, Duration::from_millis(100));
        assert_eq!(spoken.text_sha256, "d3751d33f9cd5049c4af2b462735457e4d3baf130bcbb87f389e349fbaeb20b9");
        assert_eq!(spoken.audio_sha256, sha256(&[0xff; 800]));
    }

    #[test]
    fn the_file_of_opus_is_one_that_players_know() {
        let audio = encode(&[0; 4800], Content::Voice).unwrap();
        assert!(file(&audio).unwrap().starts_with(b"OggS"));
    }

    #[test]
    fn debug_shows_no_sound_and_no_hash_of_a_text() {
        let spoken = telephone("uw nummer is 1234");
        assert!(!format!("{spoken:?}").contains(&spoken.text_sha256));
    }
}
