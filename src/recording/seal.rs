use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use audio_codec_algorithms::decode_ulaw;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{PurposeKeys, RecordingError, TurnAudio};
use crate::audio::two_streams::{self, TwoStreams, two_streams};
use crate::audio::{Codec, wav};
use crate::consent::Purpose;

/// A turn that only the holders of its purposes' private keys can open.
pub(super) struct Sealed {
    /// The sound, encrypted to an identity that exists for this turn alone.
    pub(super) turn: Vec<u8>,
    /// SHA-256 of `turn`, lower-case hexadecimal.
    pub(super) sha256: String,
    /// That identity, encrypted to each purpose's key.
    pub(super) wraps: Vec<(Purpose, Vec<u8>)>,
}

/// Seals a turn for `purposes`, in memory (age format, <https://age-encryption.org/v1>).
pub(super) fn seal(audio: &TurnAudio, purposes: &[Purpose], keys: &PurposeKeys) -> Result<Sealed, RecordingError> {
    let file = file(audio)?;
    let identity = Identity::generate();
    let turn = encrypt(&identity.to_public(), &file)?;
    let secret = identity.to_string();
    let line = Zeroizing::new(format!("{}\n", secret.expose_secret()));
    let wrap = |purpose: &Purpose| {
        let recipient = keys.get(purpose).ok_or_else(|| RecordingError::Seal(format!("no key for `{purpose}`")))?;
        Ok((purpose.clone(), encrypt(recipient, line.as_bytes())?))
    };
    let wraps = purposes.iter().map(wrap).collect::<Result<_, RecordingError>>()?;
    let sha256 = hex::encode(Sha256::digest(&turn));
    Ok(Sealed { turn, sha256, wraps })
}

/// The turn as a file that players open, in the codec it was carried in.
fn file(audio: &TurnAudio) -> Result<Zeroizing<Vec<u8>>, RecordingError> {
    match audio.codec() {
        Codec::Ulaw => Ok(wav::two_channel_ulaw(audio.caller(), audio.agent())),
        Codec::Opus => {
            let made = two_streams(audio.caller_slots(), audio.agent_slots());
            let TwoStreams { file, silenced } = made.map_err(|error| RecordingError::Seal(error.to_string()))?;
            if silenced > 0 {
                metrics::counter!("candor_recorded_packets_silenced_total").increment(silenced as u64);
            }
            Ok(file)
        }
    }
}

/// What an opened turn holds.
pub(super) struct Opened {
    /// The codec it was carried in; its sample rate is that of the samples.
    pub(super) codec: Codec,
    /// The caller and the agent in turn.
    pub(super) samples: Zeroizing<Vec<i16>>,
}

/// Decodes the file of a turn, whichever of the two kinds it is.
pub(super) fn decode(file: &[u8]) -> Result<Opened, NotOpened> {
    if file.starts_with(b"OggS") {
        let samples = two_streams::decode(file).map_err(|_| NotOpened::Damaged)?;
        return Ok(Opened { codec: Codec::Opus, samples });
    }
    let bytes = wav::interleaved_ulaw(file).map_err(|_| NotOpened::Damaged)?;
    let samples = bytes.iter().map(|byte| decode_ulaw(*byte)).collect();
    Ok(Opened { codec: Codec::Ulaw, samples: Zeroizing::new(samples) })
}

fn encrypt(recipient: &Recipient, plain: &[u8]) -> Result<Vec<u8>, RecordingError> {
    age::encrypt(recipient, plain).map_err(|error| RecordingError::Seal(error.to_string()))
}

/// What `open` could not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotOpened {
    /// The key is not the one that the wrap was made for.
    WrongKey,
    /// Wrap or turn are not what was stored.
    Damaged,
}

/// Opens a sealed turn: the wrap with the purpose's private key, the turn with what the wrap holds.
pub(super) fn open(key: &Identity, wrap: &[u8], turn: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
    let line = age::decrypt(key, wrap).map(Zeroizing::new).map_err(|error| match error {
        age::DecryptError::NoMatchingKeys => NotOpened::WrongKey,
        _ => NotOpened::Damaged,
    })?;
    let line = std::str::from_utf8(&line).map_err(|_| NotOpened::Damaged)?;
    let identity: Identity = line.trim().parse().map_err(|_| NotOpened::Damaged)?;
    age::decrypt(&identity, turn).map(Zeroizing::new).map_err(|_| NotOpened::Damaged)
}
