use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use age::secrecy::ExposeSecret;
use age::x25519::{Identity, Recipient};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::RecordingError;
use crate::consent::Purpose;

/// What lies in the same folder and is no purpose's key: that of the ledger's checkpoints, and the desk's.
const OTHERS: [&str; 2] = ["ledger", "desk"];

/// The public keys that turns are sealed to. The private halves are never on the server.
#[derive(Clone)]
pub struct PurposeKeys(BTreeMap<Purpose, Recipient>);

impl PurposeKeys {
    /// Reads `<purpose>.pub` for each purpose.
    ///
    /// # Errors
    /// [`RecordingError::NoPublicKey`] names the file and the command that makes it.
    pub fn load<'a>(folder: &Path, purposes: impl IntoIterator<Item = &'a Purpose>) -> Result<PurposeKeys, RecordingError> {
        let read = |purpose: &Purpose| Ok((purpose.clone(), read_public(folder, purpose)?));
        purposes.into_iter().map(read).collect::<Result<_, _>>().map(PurposeKeys)
    }

    /// These keys and others.
    pub(super) fn with(&self, others: &PurposeKeys) -> PurposeKeys {
        PurposeKeys(self.0.iter().chain(&others.0).map(|(purpose, key)| (purpose.clone(), key.clone())).collect())
    }

    pub(super) fn get(&self, purpose: &Purpose) -> Option<&Recipient> {
        self.0.get(purpose)
    }
}

/// Where a purpose's public key lies.
pub fn public_key_file(folder: &Path, purpose: &Purpose) -> PathBuf {
    folder.join(format!("{purpose}.pub"))
}

fn read_public(folder: &Path, purpose: &Purpose) -> Result<Recipient, RecordingError> {
    let path = public_key_file(folder, purpose);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(RecordingError::NoPublicKey { purpose: purpose.clone(), path });
        }
        Err(error) => return Err(RecordingError::io("read", &path)(error)),
    };
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    line.and_then(|line| line.parse().ok()).ok_or(RecordingError::NotAPublicKey(path))
}

/// The purposes that have a public key, with it.
pub fn public_keys(folder: &Path) -> Result<Vec<(Purpose, String)>, RecordingError> {
    let files = match fs::read_dir(folder) {
        Ok(files) => files,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RecordingError::io("read", folder)(error)),
    };
    let mut keys = Vec::new();
    for file in files {
        let name = file.map_err(RecordingError::io("read", folder))?.file_name();
        let purpose = name.to_str().and_then(|name| name.strip_suffix(".pub")).filter(|name| !OTHERS.contains(name));
        if let Some(purpose) = purpose.and_then(|name| Purpose::new(name).ok()) {
            let key = read_public(folder, &purpose)?.to_string();
            keys.push((purpose, key));
        }
    }
    keys.sort();
    Ok(keys)
}

/// A new pair of keys, and where its halves were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKey {
    /// For which purpose.
    pub purpose: Purpose,
    /// The public half, on the server.
    pub public: PathBuf,
    /// The private half, to be moved away.
    pub private: PathBuf,
}

/// Makes a pair of keys for a purpose: the public half in `folder`, the private half in `out`, in the format of `age-keygen`.
///
/// # Errors
/// [`RecordingError::KeyExists`] where either file is there already.
pub fn make_key(folder: &Path, out: &Path, purpose: &Purpose) -> Result<NewKey, RecordingError> {
    let public = public_key_file(folder, purpose);
    let private = out.join(format!("{purpose}.key"));
    for path in [&public, &private] {
        if path.exists() {
            return Err(RecordingError::KeyExists(path.clone()));
        }
    }
    for path in [folder, out] {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(RecordingError::io("make", path))?;
    }
    let identity = Identity::generate();
    let recipient = identity.to_public();
    let secret = identity.to_string();
    let created = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let secret = Zeroizing::new(format!(
        "# created: {created}\n# purpose: {purpose}\n# public key: {recipient}\n{}\n",
        secret.expose_secret()
    ));
    // The private half first: a public key without it would seal turns that nobody can open.
    write_new(&private, secret.as_bytes(), 0o600)?;
    write_new(&public, format!("{recipient}\n").as_bytes(), 0o644)?;
    Ok(NewKey { purpose: purpose.clone(), public, private })
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), RecordingError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(RecordingError::io("write", path))
}

/// Reads a private key file: the first line that is no remark.
pub(super) fn read_private(path: &Path) -> Result<Identity, RecordingError> {
    let text = Zeroizing::new(fs::read_to_string(path).map_err(RecordingError::io("read", path))?);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    line.and_then(|line| line.parse().ok()).ok_or_else(|| RecordingError::NotAPrivateKey(path.to_owned()))
}
