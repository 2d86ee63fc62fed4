use std::fmt;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, HpkeError, Kem, OpModeS, Serializable, single_shot_seal};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::secret::Secret;

/// What the sealed text is, so that nothing sealed for another purpose passes for one (RFC 9180, section 5.1: `info`).
const INFO: &[u8] = b"candor call-back 1";

/// The public key that call-back numbers are sealed to. The private half is the colleagues', never on the server.
#[derive(Clone)]
pub struct DeskKey {
    public: <X25519HkdfSha256 as Kem>::PublicKey,
    id: String,
}

/// A key that cannot be read or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Something else lies there.
    #[error(
        "{}: {why}; it has to be the public half of what `candor keys desk` makes: {{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":…}}",
        .path.display()
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nothing is overwritten: what was sealed to a lost key can never be opened.
    #[error("{} exists already; move it away first, and keep it as long as there are call-backs sealed to it", .0.display())]
    Exists(PathBuf),
    /// The disk.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// `read`, `write` or `make`.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl KeyError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> KeyError {
        let path = path.to_owned();
        move |source| KeyError::Io { doing, path, source }
    }
}

/// A JSON Web Key of RFC 8037, as far as it is looked at.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    crv: String,
    x: String,
    #[serde(default)]
    d: Option<Secret>,
}

/// A sealed text: the encapsulated key and the ciphertext, base64.
pub(super) struct SealedText {
    pub(super) enc: String,
    pub(super) ciphertext: String,
}

impl DeskKey {
    /// Reads the public key. `None`: there is no such file.
    ///
    /// # Errors
    /// [`KeyError`] where there is one that cannot be used.
    pub fn load(path: &Path) -> Result<Option<DeskKey>, KeyError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(KeyError::io("read", path)(error)),
        };
        DeskKey::of_jwk(&text).map(Some).map_err(|why| KeyError::NotAKey { path: path.to_owned(), why })
    }

    fn of_jwk(text: &str) -> Result<DeskKey, &'static str> {
        let jwk: Jwk = serde_json::from_str(text).map_err(|_| "this is no JSON Web Key")?;
        if jwk.kty != "OKP" || jwk.crv != "X25519" {
            return Err("this is no X25519 key");
        }
        if jwk.d.is_some() {
            return Err("this is a private key, which must not be on the server");
        }
        let bytes = URL_SAFE_NO_PAD.decode(&jwk.x).map_err(|_| "`x` is not base64url")?;
        DeskKey::of_bytes(&bytes).ok_or("`x` is not 32 bytes")
    }

    fn of_bytes(bytes: &[u8]) -> Option<DeskKey> {
        let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(bytes).ok()?;
        let id = Sha256::digest(bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Some(DeskKey { public, id })
    }

    /// The first 16 hexadecimal digits of the SHA-256 of the raw key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals `text` for whoever has the private half; it opens with the same `about` only (RFC 9180, base mode: X25519, HKDF-SHA256,
    /// AES-256-GCM).
    pub(super) fn seal(&self, text: &str, about: &str) -> Result<SealedText, HpkeError> {
        let (enc, ciphertext) = single_shot_seal::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &self.public,
            INFO,
            text.as_bytes(),
            about.as_bytes(),
        )?;
        Ok(SealedText { enc: STANDARD.encode(enc.to_bytes()), ciphertext: STANDARD.encode(ciphertext) })
    }
}

impl fmt::Debug for DeskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeskKey({})", self.id)
    }
}

/// Where the desk's public key lies in the folder of keys.
pub fn public_key_file(keys: &Path) -> PathBuf {
    keys.join("desk.pub")
}

/// A new pair of keys, and where its halves were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeskKey {
    /// Its name in a call-back request.
    pub id: String,
    /// The public half, on the server.
    pub public: PathBuf,
    /// The private half, for the colleagues.
    pub private: PathBuf,
}

/// Makes the desk's pair of keys, as JSON Web Keys: the public half in the folder `keys`, the private half, which its owner alone may
/// read, in `out`.
///
/// # Errors
/// [`KeyError::Exists`] where either file is there already; the disk's.
pub fn make_key(keys: &Path, out: &Path) -> Result<NewDeskKey, KeyError> {
    let (public_file, private_file) = (public_key_file(keys), out.join("desk.key"));
    for path in [&public_file, &private_file] {
        if path.exists() {
            return Err(KeyError::Exists(path.clone()));
        }
    }
    for path in [keys, out] {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(KeyError::io("make", path))?;
    }
    let (private, public) = X25519HkdfSha256::gen_keypair();
    let mut secret = private.to_bytes();
    let d = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret));
    secret.as_mut_slice().zeroize();
    let public = public.to_bytes();
    let x = URL_SAFE_NO_PAD.encode(public);
    let open = Zeroizing::new(format!("{{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"{x}\",\"d\":\"{}\"}}\n", d.as_str()));
    let shown = format!("{{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"{x}\"}}\n");
    let key =
        DeskKey::of_bytes(&public).ok_or(KeyError::NotAKey { path: public_file.clone(), why: "the new key cannot be used" })?;
    // The private half first: a public key without it would seal numbers that nobody can open.
    write_new(&private_file, open.as_bytes(), 0o600)?;
    write_new(&public_file, shown.as_bytes(), 0o644)?;
    Ok(NewDeskKey { id: key.id, public: public_file, private: private_file })
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeyError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::io("write", path)(error),
    })
}

#[cfg(test)]
pub(super) fn open(private: &str, enc: &str, ciphertext: &str, about: &str) -> Option<String> {
    use hpke::{OpModeR, single_shot_open};
    let jwk: Jwk = serde_json::from_str(private).ok()?;
    let secret = URL_SAFE_NO_PAD.decode(jwk.d?.expose()).ok()?;
    let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&secret).ok()?;
    let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&STANDARD.decode(enc).ok()?).ok()?;
    let ciphertext = STANDARD.decode(ciphertext).ok()?;
    let opened = single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &secret,
        &enc,
        INFO,
        &ciphertext,
        about.as_bytes(),
    );
    String::from_utf8(opened.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_sealed_to_the_public_half_opens_with_the_private_one() {
        let folder = tempfile::tempdir().unwrap();
        let (keys, out) = (folder.path().join("keys"), folder.path().join("out"));
        let made = make_key(&keys, &out).unwrap();
        assert_eq!(fs::metadata(&made.private).unwrap().permissions().mode() & 0o777, 0o600);
        let key = DeskKey::load(&public_key_file(&keys)).unwrap().unwrap();
        assert_eq!((key.id(), key.id().len()), (made.id.as_str(), 16));
        let private = fs::read_to_string(&made.private).unwrap();
        let sealed = key.seal("+31201234567", "this one").unwrap();
        assert_eq!(open(&private, &sealed.enc, &sealed.ciphertext, "this one").as_deref(), Some("+31201234567"));
        assert_eq!(open(&private, &sealed.enc, &sealed.ciphertext, "another"), None);
        assert!(matches!(make_key(&keys, &folder.path().join("elsewhere")), Err(KeyError::Exists(_))));
    }

    #[test]
    fn a_file_that_is_no_public_key_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("desk.pub");
        assert!(DeskKey::load(&file).unwrap().is_none());
        let made = make_key(&folder.path().join("keys"), folder.path()).unwrap();
        let private = fs::read_to_string(made.private).unwrap();
        for (text, why) in [
            ("age1abc", "no JSON Web Key"),
            (r#"{"kty":"EC","crv":"P-256","x":""}"#, "no X25519 key"),
            (r#"{"kty":"OKP","crv":"X25519","x":"AAAA"}"#, "not 32 bytes"),
            (private.as_str(), "a private key, which must not be on the server"),
        ] {
            fs::write(&file, text).unwrap();
            let error = DeskKey::load(&file).unwrap_err().to_string();
            assert!(error.contains("desk.pub") && error.contains(why), "{error}");
        }
    }
}
