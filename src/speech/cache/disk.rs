use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::AsyncWriteExt;

use crate::audio::{Codec, Encoded, ogg_opus};
use crate::speech::spoken::sha256;

/// The folder of rendered prompts: for each key `<key>.ulaw`, raw G.711 μ-law at 8000 Hz, or `<key>.opus`, an Ogg Opus file, which
/// any tool plays; and `<key>.sha256`, which `sha256sum --check` takes and which names the hash that the ledger names.
pub(super) struct Folder {
    path: PathBuf,
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Folder { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The sound under `key` and the hash of its file, if it is there and whole.
    pub(super) async fn read(&self, key: &str, codec: Codec) -> Option<(Encoded, String)> {
        let sum = fs::read_to_string(self.file(key, "sha256")).await.ok()?;
        let file = fs::read(self.file(key, extension(codec))).await.ok()?;
        let hash = sha256(&file);
        if file.is_empty() || sum.split_whitespace().next() != Some(hash.as_str()) {
            return None;
        }
        let sound = match codec {
            Codec::Ulaw => Encoded::of_samples(codec, file.into()),
            Codec::Opus => ogg_opus::read_mono(&file).ok()?,
        };
        Some((sound, hash))
    }

    /// Keeps a file of sound under `key`: the sum first, so that a sound without its sum never looks whole.
    pub(super) async fn write(&self, key: &str, codec: Codec, file: &[u8], hash: &str) -> io::Result<()> {
        fs::create_dir_all(&self.path).await?;
        let extension = extension(codec);
        let sum = format!("{hash}  {key}.{extension}\n");
        self.put(&self.file(key, "sha256"), sum.as_bytes()).await?;
        self.put(&self.file(key, extension), file).await
    }

    /// Writes beside the file and renames, so that nobody ever sees half of it. The name beside it is this process's own: two
    /// servers may share a folder.
    async fn put(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        let beside = file.with_extension(format!("{}.part", uuid::Uuid::new_v4().simple()));
        let written = async {
            let mut out = fs::File::create(&beside).await?;
            out.write_all(bytes).await?;
            out.sync_all().await?;
            drop(out);
            fs::rename(&beside, file).await
        };
        let written = written.await;
        if written.is_err() {
            let _ = fs::remove_file(&beside).await;
        }
        written
    }

    fn file(&self, key: &str, extension: &str) -> PathBuf {
        self.path.join(format!("{key}.{extension}"))
    }
}

fn extension(codec: Codec) -> &'static str {
    match codec {
        Codec::Ulaw => "ulaw",
        Codec::Opus => "opus",
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::audio::opus::{Content, encode};
    use crate::speech::spoken;

    /// A tenth of a second in each codec, with its file.
    fn sounds() -> [(Encoded, Vec<u8>); 2] {
        let ulaw = Encoded::of_samples(Codec::Ulaw, Bytes::from(vec![0x55; 800]));
        let opus = encode(&[999; 4800], Content::Voice).unwrap();
        [ulaw, opus].map(|sound| (sound.clone(), spoken::file(&sound).unwrap().to_vec()))
    }

    #[tokio::test]
    async fn what_was_written_is_read_and_what_was_damaged_is_not() {
        for (sound, file) in sounds() {
            let folder = tempfile::tempdir().unwrap();
            let cache = Folder::new(folder.path().join("prompts"));
            let (codec, hash) = (sound.codec(), sha256(&file));
            assert_eq!(cache.read("abc", codec).await, None);
            cache.write("abc", codec, &file, &hash).await.unwrap();
            assert_eq!(cache.read("abc", codec).await, Some((sound, hash.clone())));

            let path = folder.path().join("prompts/abc").with_extension(extension(codec));
            let mut changed = file.clone();
            changed[file.len() - 1] ^= 1;
            for damage in [&file[..file.len() - 1], &[], &changed] {
                std::fs::write(&path, damage).unwrap();
                assert_eq!(cache.read("abc", codec).await, None);
            }
            cache.write("abc", codec, &file, &hash).await.unwrap();
            assert!(cache.read("abc", codec).await.is_some());
        }
    }

    #[tokio::test]
    async fn a_file_that_has_its_sum_and_is_no_sound_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Folder::new(folder.path().to_owned());
        cache.write("abc", Codec::Opus, b"not Ogg", &sha256(b"not Ogg")).await.unwrap();
        assert_eq!(cache.read("abc", Codec::Opus).await, None);
    }

    #[tokio::test]
    async fn nothing_is_left_beside_the_files() {
        for (sound, file) in sounds() {
            let folder = tempfile::tempdir().unwrap();
            let cache = Folder::new(folder.path().to_owned());
            cache.write("abc", sound.codec(), &file, &sha256(&file)).await.unwrap();
            let entries = std::fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            let mut expected = [format!("abc.{}", extension(sound.codec())), "abc.sha256".to_owned()];
            expected.sort();
            assert_eq!(names, expected);
        }
    }
}
