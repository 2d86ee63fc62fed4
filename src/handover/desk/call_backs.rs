use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::key::{DeskKey, KeyError, public_key_file};

/// The folder of call-back requests in the storage folder.
pub const IN_STORAGE: &str = "call-backs";
/// How many are kept at once; the next is refused, and its caller told.
const MOST: usize = 10_000;
/// How many characters a number has, its + included: E.164 and what a switchboard has inside.
const NUMBER: std::ops::RangeInclusive<usize> = 3..=20;
/// How the name of a file that is still being written ends.
const UNFINISHED: &str = "part";

/// A number that somebody wants to be called back on, sealed: the server cannot read it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CallBack {
    /// Random; the sealed number is bound to it.
    pub id: Uuid,
    /// Which desk is to call.
    pub queue: String,
    /// In which language, BCP 47.
    pub language: String,
    /// When it was left.
    pub left_at: Timestamp,
    /// When it is deleted, done or not.
    pub until: Timestamp,
    /// The id of the public key.
    pub key: String,
    /// The encapsulated key, base64.
    pub enc: String,
    /// The sealed number, base64.
    pub ciphertext: String,
}

/// Not the ciphertext: it is of no use to a reader.
impl fmt::Debug for CallBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallBack").field("id", &self.id).field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// Why a call-back request was not kept, or could not be read or deleted. Never holds a number.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallBackError {
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is none.
    #[error("there is no key to seal call-backs to: make one with `candor keys desk --out FOLDER`")]
    NoKey,
    /// What the caller gave cannot be called.
    #[error("that is no telephone number: digits, with or without a + before them")]
    NotANumber,
    /// As many are kept as may.
    #[error("{MOST} call-back requests are waiting, and no more are kept")]
    Full,
    /// The sealing failed.
    #[error("a call-back could not be sealed")]
    Seal,
    /// The disk.
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io {
        /// `read`, `write`, `delete` or `make`.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl CallBackError {
    fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CallBackError {
        let path = path.to_owned();
        move |source| CallBackError::Io { doing, path, source }
    }
}

/// The call-back requests of a server: one file each, and all of them in memory, sealed.
#[derive(Clone)]
pub struct CallBacks(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    key: Option<DeskKey>,
    term: Duration,
    kept: Mutex<BTreeMap<(Timestamp, Uuid), CallBack>>,
    changes: watch::Sender<u64>,
}

impl CallBacks {
    /// Reads the key in `keys` and what lies in `folder`, and deletes what a crash left half written. They are kept for `term`.
    ///
    /// # Errors
    /// A key or a folder that cannot be used.
    pub fn open(keys: &Path, folder: &Path, term: Duration) -> Result<CallBacks, CallBackError> {
        let key = DeskKey::load(&public_key_file(keys))?;
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(CallBackError::io("make", folder))?;
        let kept = read_all(folder, term)?;
        metrics::gauge!("candor_desk_call_backs").set(kept.len() as f64);
        let (changes, _) = watch::channel(0);
        Ok(CallBacks(Arc::new(Inner { folder: folder.to_owned(), key, term, kept: Mutex::new(kept), changes })))
    }

    /// Whether one can be left.
    pub fn can_be_left(&self) -> bool {
        self.0.key.is_some()
    }

    /// Seals the number and keeps the request; when this is done it is on disk. The number is wiped.
    ///
    /// # Errors
    /// Nothing was kept: tell the caller.
    pub async fn leave(
        &self,
        queue: &str,
        language: &str,
        number: Zeroizing<String>,
        now: Timestamp,
    ) -> Result<Uuid, CallBackError> {
        let left = self.try_leave(queue, language, number, now).await;
        count(if left.is_ok() { "left" } else { "failed" });
        left
    }

    async fn try_leave(
        &self,
        queue: &str,
        language: &str,
        number: Zeroizing<String>,
        now: Timestamp,
    ) -> Result<Uuid, CallBackError> {
        let digits = number.strip_prefix('+').unwrap_or(&number);
        if !NUMBER.contains(&number.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(CallBackError::NotANumber);
        }
        if self.lock().len() >= MOST {
            return Err(CallBackError::Full);
        }
        let id = Uuid::new_v4();
        let until = now.checked_add(self.0.term).map_err(|_| CallBackError::Seal)?;
        let (queue, language, desk) = (queue.to_owned(), language.to_owned(), self.clone());
        // To the end, also when the session that asked is gone: what is on disk is always known, so that it is deleted in time.
        let written = tokio::task::spawn_blocking(move || {
            let key = desk.0.key.as_ref().ok_or(CallBackError::NoKey)?;
            let sealed = key.seal(&number, &id.to_string()).map_err(|_| CallBackError::Seal)?;
            drop(number);
            let (key, enc, ciphertext) = (key.id().to_owned(), sealed.enc, sealed.ciphertext);
            let call_back = CallBack { id, queue, language, left_at: now, until, key, enc, ciphertext };
            write(&desk.0.folder, &call_back)?;
            desk.change(|kept| kept.insert((now, id), call_back));
            Ok(id)
        });
        written.await.unwrap_or(Err(CallBackError::Seal))
    }

    /// Those of the queues that `of` takes, the oldest first.
    pub fn list(&self, of: impl Fn(&str) -> bool) -> Vec<CallBack> {
        self.lock().values().filter(|call_back| of(&call_back.queue)).cloned().collect()
    }

    /// Deletes one that is done. `false`: there is none of that id in the queues that `of` takes.
    ///
    /// # Errors
    /// The disk's; it is still there then.
    pub async fn done(&self, id: Uuid, of: impl Fn(&str) -> bool) -> Result<bool, CallBackError> {
        let found = self.lock().iter().find(|((_, own), kept)| *own == id && of(&kept.queue)).map(|(key, _)| *key);
        let Some(found) = found else { return Ok(false) };
        self.delete(found).await?;
        count("done");
        Ok(true)
    }

    /// Deletes those whose term is over. What cannot be deleted is logged and tried again the next time.
    pub async fn sweep(&self, now: Timestamp) {
        let over: Vec<_> = self.lock().iter().filter(|(_, kept)| kept.until <= now).map(|(key, _)| *key).collect();
        for key in over {
            match self.delete(key).await {
                Ok(()) => count("expired"),
                Err(error) => tracing::error!(%error, "a call-back request whose term is over could not be deleted"),
            }
        }
    }

    /// A look-out for requests that come and go.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    async fn delete(&self, key: (Timestamp, Uuid)) -> Result<(), CallBackError> {
        let desk = self.clone();
        let deleted = tokio::task::spawn_blocking(move || {
            let file = file_of(&desk.0.folder, key.1);
            remove(&file)?;
            sync(&desk.0.folder)?;
            desk.change(|kept| kept.remove(&key));
            Ok(())
        });
        deleted.await.unwrap_or(Ok(()))
    }

    fn change<T>(&self, act: impl FnOnce(&mut BTreeMap<(Timestamp, Uuid), CallBack>) -> T) -> T {
        let mut kept = self.lock();
        let done = act(&mut kept);
        metrics::gauge!("candor_desk_call_backs").set(kept.len() as f64);
        drop(kept);
        self.0.changes.send_modify(|count| *count = count.wrapping_add(1));
        done
    }

    /// Held for a look or a change in memory, never while the disk works.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Timestamp, Uuid), CallBack>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count(what: &'static str) {
    metrics::counter!("candor_desk_call_backs_total", "what" => what).increment(1);
}

fn file_of(folder: &Path, id: Uuid) -> PathBuf {
    folder.join(format!("{id}.json"))
}

/// Writes beside and renames, so that there is a whole file or none; what fails leaves none.
fn write(folder: &Path, call_back: &CallBack) -> Result<(), CallBackError> {
    let file = file_of(folder, call_back.id);
    let part = file.with_extension(UNFINISHED);
    let text = serde_json::to_string(call_back).map_err(|_| CallBackError::Seal)?;
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
    let written = opened
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&part, &file));
    let written = written.map_err(CallBackError::io("write", &file)).and_then(|()| sync(folder));
    if written.is_err() {
        for path in [&part, &file] {
            if let Err(error) = remove(path) {
                tracing::error!(%error, "what is left of a call-back request that was not kept could not be removed");
            }
        }
    }
    written
}

fn read_all(folder: &Path, term: Duration) -> Result<BTreeMap<(Timestamp, Uuid), CallBack>, CallBackError> {
    let mut kept = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(CallBackError::io("read", folder))? {
        let path = entry.map_err(CallBackError::io("read", folder))?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(UNFINISHED) => remove(&path)?,
            Some("json") => match read(&path) {
                Ok(call_back) => {
                    kept.insert((call_back.left_at, call_back.id), call_back);
                }
                Err(error) => discard_unreadable(&path, &error, term)?,
            },
            _ => {}
        }
    }
    Ok(kept)
}

fn read(path: &Path) -> Result<CallBack, io::Error> {
    let call_back: CallBack = serde_json::from_str(&fs::read_to_string(path)?)?;
    let named = path.file_stem().and_then(|name| name.to_str()) == Some(call_back.id.to_string().as_str());
    if named { Ok(call_back) } else { Err(io::Error::new(ErrorKind::InvalidData, "its name is not its id")) }
}

/// What cannot be read is not thrown away at once, and not kept longer than it could have been.
fn discard_unreadable(path: &Path, error: &io::Error, term: Duration) -> Result<(), CallBackError> {
    let written = fs::metadata(path).and_then(|file| file.modified()).map_err(CallBackError::io("read", path))?;
    let age = SystemTime::now().duration_since(written).unwrap_or_default();
    if age >= term {
        return remove(path);
    }
    tracing::error!(file = %path.display(), %error, "a call-back request cannot be read; it is left out, and deleted at the first start after its term");
    Ok(())
}

fn remove(path: &Path) -> Result<(), CallBackError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(CallBackError::io("delete", path)(error)),
        _ => Ok(()),
    }
}

fn sync(folder: &Path) -> Result<(), CallBackError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(CallBackError::io("write", folder))
}

#[cfg(test)]
mod tests {
    use super::super::key::{make_key, open};
    use super::*;

    const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
    const NUMBER: &str = "+31612345678";

    struct Place {
        folder: tempfile::TempDir,
        private: String,
    }

    fn place() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let made = make_key(&folder.path().join("keys"), folder.path()).unwrap();
        let private = fs::read_to_string(made.private).unwrap();
        Place { folder, private }
    }

    impl Place {
        fn open(&self) -> CallBacks {
            CallBacks::open(&self.folder.path().join("keys"), &self.files(), WEEK).unwrap()
        }

        fn files(&self) -> PathBuf {
            self.folder.path().join(IN_STORAGE)
        }

        fn names(&self) -> Vec<String> {
            fs::read_dir(self.files()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    fn number() -> Zeroizing<String> {
        Zeroizing::new(NUMBER.to_owned())
    }

    #[tokio::test]
    async fn a_request_is_on_disk_sealed_and_the_desks_key_opens_it() {
        let place = place();
        let call_backs = place.open();
        let mut changes = call_backs.changes();
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let id = call_backs.leave("service-desk", "nl", number(), now).await.unwrap();
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        let text = fs::read_to_string(file_of(&place.files(), id)).unwrap();
        assert!(!text.contains("612345678") && !format!("{:?}", call_backs.list(|_| true)).contains("612345678"));
        let again = place.open();
        let [kept] = again.list(|queue| queue == "service-desk").try_into().unwrap();
        assert_eq!((kept.id, kept.left_at, kept.until), (id, now, now.checked_add(WEEK).unwrap()));
        assert_eq!(open(&place.private, &kept.enc, &kept.ciphertext, &id.to_string()).as_deref(), Some(NUMBER));
        assert!(again.list(|queue| queue == "returns").is_empty());
    }

    #[tokio::test]
    async fn what_is_done_or_over_is_deleted() {
        let place = place();
        let call_backs = place.open();
        let now: Timestamp = "2026-11-23T10:00:00Z".parse().unwrap();
        let first = call_backs.leave("service-desk", "nl", number(), now).await.unwrap();
        assert!(!call_backs.done(first, |queue| queue == "returns").await.unwrap(), "not theirs");
        assert!(call_backs.done(first, |_| true).await.unwrap());
        assert!(!call_backs.done(first, |_| true).await.unwrap());
        assert!(place.names().is_empty());
        call_backs.leave("service-desk", "nl", number(), now).await.unwrap();
        call_backs.sweep(now.checked_add(WEEK - Duration::from_secs(1)).unwrap()).await;
        assert_eq!(place.names().len(), 1);
        call_backs.sweep(now.checked_add(WEEK).unwrap()).await;
        assert!(place.names().is_empty() && call_backs.list(|_| true).is_empty());
    }

    #[tokio::test]
    async fn what_cannot_be_kept_is_an_error_without_the_number() {
        let place = place();
        let call_backs = place.open();
        for wrong in ["", "+", "12", "061234x678", "+316123456781234567890"] {
            let left = call_backs.leave("q", "nl", Zeroizing::new(wrong.to_owned()), Timestamp::now()).await;
            assert!(matches!(left, Err(CallBackError::NotANumber)), "{wrong}");
        }
        fs::remove_dir(place.files()).unwrap();
        let error = call_backs.leave("q", "nl", number(), Timestamp::now()).await.unwrap_err();
        assert!(matches!(error, CallBackError::Io { .. }) && !format!("{error} {error:?}").contains("612345678"));
        assert!(call_backs.list(|_| true).is_empty());
        let keyless = CallBacks::open(&place.folder.path().join("nowhere"), &place.files(), WEEK).unwrap();
        assert!(!keyless.can_be_left());
        assert!(matches!(keyless.leave("q", "nl", number(), Timestamp::now()).await, Err(CallBackError::NoKey)));
        assert!(place.names().is_empty());
    }

    #[tokio::test]
    async fn what_a_crash_left_goes_and_what_cannot_be_read_is_left_out() {
        let place = place();
        place.open().leave("q", "nl", number(), Timestamp::now()).await.unwrap();
        fs::write(place.files().join("half.part"), "{").unwrap();
        fs::write(place.files().join("broken.json"), "{").unwrap();
        assert_eq!(place.open().list(|_| true).len(), 1);
        assert!(!place.names().contains(&"half.part".to_owned()));
        assert!(place.names().contains(&"broken.json".to_owned()));
        let file = File::options().write(true).open(place.files().join("broken.json")).unwrap();
        file.set_modified(SystemTime::now() - WEEK).unwrap();
        place.open();
        assert!(!place.names().contains(&"broken.json".to_owned()));
    }
}
