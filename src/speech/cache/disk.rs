use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::AsyncWriteExt;

use crate::speech::spoken::{Spoken, sha256};

/// The folder of rendered prompts: for each key `<key>.ulaw`, raw G.711 μ-law at 8000 Hz that any tool plays, and
/// `<key>.sha256`, which `sha256sum --check` takes and which names the hash that the ledger names.
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

    /// The sound under `key`, if it is there and whole.
    pub(super) async fn read(&self, key: &str) -> Option<Vec<u8>> {
        let sum = fs::read_to_string(self.file(key, "sha256")).await.ok()?;
        let ulaw = fs::read(self.file(key, "ulaw")).await.ok()?;
        let whole = !ulaw.is_empty() && sum.split_whitespace().next() == Some(sha256(&ulaw).as_str());
        whole.then_some(ulaw)
    }

    /// Keeps the sound under `key`: the sum first, so that a sound without its sum never looks whole.
    pub(super) async fn write(&self, key: &str, spoken: &Spoken) -> io::Result<()> {
        fs::create_dir_all(&self.path).await?;
        let sum = format!("{}  {key}.ulaw\n", spoken.audio_sha256);
        self.put(&self.file(key, "sha256"), sum.as_bytes()).await?;
        self.put(&self.file(key, "ulaw"), spoken.audio.bytes()).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_written_is_read_and_what_was_damaged_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Folder::new(folder.path().join("prompts"));
        assert_eq!(cache.read("abc").await, None);
        let spoken = Spoken::of("hallo", vec![0x55; 1600]);
        cache.write("abc", &spoken).await.unwrap();
        assert_eq!(cache.read("abc").await.as_deref(), Some(&spoken.audio.bytes()[..]));

        let file = folder.path().join("prompts/abc.ulaw");
        for damage in [vec![0x55; 1599], vec![], [vec![0x55; 1599], vec![0x54]].concat()] {
            std::fs::write(&file, damage).unwrap();
            assert_eq!(cache.read("abc").await, None);
        }
        cache.write("abc", &spoken).await.unwrap();
        assert!(cache.read("abc").await.is_some());
    }

    #[tokio::test]
    async fn nothing_is_left_beside_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Folder::new(folder.path().to_owned());
        cache.write("abc", &Spoken::of("hallo", vec![0x55; 16])).await.unwrap();
        let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["abc.sha256", "abc.ulaw"]);
    }
}
