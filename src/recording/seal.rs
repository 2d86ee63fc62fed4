use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{PurposeKeys, RecordingError, TurnAudio};
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
    let file = match audio.codec() {
        Codec::Ulaw => wav::two_channel_ulaw(audio.caller(), audio.agent()),
        Codec::Opus => return Err(RecordingError::Seal("turns of packets cannot be stored yet".into())),
    };
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
