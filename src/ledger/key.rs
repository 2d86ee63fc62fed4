use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use super::append_file::{private_folder, sync_folder};
use super::{LedgerError, Settings};

/// The key that signs checkpoints (Ed25519, RFC 8032).
pub struct LedgerKey(SigningKey);

/// Never shows the key.
impl std::fmt::Debug for LedgerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LedgerKey({})", self.public())
    }
}

impl LedgerKey {
    /// Reads `ledger.key`.
    ///
    /// # Errors
    /// [`LedgerError::NoKey`] where there is none, [`LedgerError::NotAKey`] where the file holds something else.
    pub fn load(settings: &Settings) -> Result<LedgerKey, LedgerError> {
        let path = settings.private_key();
        let text = match fs::read_to_string(&path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(LedgerError::NoKey(path)),
            Err(error) => return Err(LedgerError::io("read", &path)(error)),
        };
        let mut bytes = Zeroizing::new([0u8; 32]);
        hex::decode_to_slice(text.trim(), bytes.as_mut_slice()).map_err(|_| LedgerError::NotAKey(path))?;
        Ok(LedgerKey(SigningKey::from_bytes(&bytes)))
    }

    /// Reads `ledger.key`, or makes it (readable by its owner alone) and adds its public half to `ledger.pub`.
    /// The second value says whether it was made.
    pub fn load_or_make(settings: &Settings) -> Result<(LedgerKey, bool), LedgerError> {
        match LedgerKey::load(settings) {
            Ok(key) => {
                // A start that was cut short between the two files.
                key.publish(settings)?;
                Ok((key, false))
            }
            Err(LedgerError::NoKey(_)) => Ok((LedgerKey::make(settings)?, true)),
            Err(error) => Err(error),
        }
    }

    fn make(settings: &Settings) -> Result<LedgerKey, LedgerError> {
        private_folder(&settings.keys)?;
        let secret: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
        let path = settings.private_key();
        let line = Zeroizing::new(format!("{}\n", hex::encode(secret.as_slice())));
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).and_then(|mut file| {
            file.write_all(line.as_bytes())?;
            file.sync_all()
        });
        written.map_err(LedgerError::io("write", &path))?;
        sync_folder(&settings.keys)?;
        let key = LedgerKey(SigningKey::from_bytes(&secret));
        key.publish(settings)?;
        Ok(key)
    }

    /// Adds the public half to `ledger.pub`, unless it is there; keys that signed earlier checkpoints stay known.
    fn publish(&self, settings: &Settings) -> Result<(), LedgerError> {
        let path = settings.public_keys();
        let known = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(LedgerError::io("read", &path)(error)),
        };
        if known.lines().any(|line| line.trim() == self.public()) {
            return Ok(());
        }
        let written = OpenOptions::new().append(true).create(true).mode(0o644).open(&path).and_then(|mut file| {
            file.write_all(format!("{}\n", self.public()).as_bytes())?;
            file.sync_all()
        });
        written.map_err(LedgerError::io("write", &path))
    }

    /// The public half, lower-case hexadecimal.
    pub fn public(&self) -> String {
        hex::encode(self.0.verifying_key().as_bytes())
    }

    pub(super) fn sign(&self, message: &[u8]) -> String {
        hex::encode(self.0.sign(message).to_bytes())
    }
}

/// The public keys of `ledger.pub`: one a line, `#` begins a remark.
pub(super) fn known_keys(path: &Path) -> Result<Vec<VerifyingKey>, LedgerError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LedgerError::io("read", path)(error)),
    };
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut bytes = [0u8; 32];
            hex::decode_to_slice(line, &mut bytes).map_err(|_| LedgerError::NotAKey(path.to_owned()))?;
            VerifyingKey::from_bytes(&bytes).map_err(|_| LedgerError::NotAKey(path.to_owned()))
        })
        .collect()
}

/// Whether `signature` (hexadecimal) is that of `key` under `message`.
pub(super) fn is_signed(key: &VerifyingKey, message: &[u8], signature: &str) -> bool {
    let mut bytes = [0u8; 64];
    let decoded = hex::decode_to_slice(signature, &mut bytes);
    decoded.is_ok() && key.verify_strict(message, &Signature::from_bytes(&bytes)).is_ok()
}
