//! Fetching an archive: from the first address that gives it, going on where an earlier attempt stopped.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_RANGE, RANGE};
use url::Url;

use super::install::InstallError;
use super::receipt::hash;
use super::{Archive, Stage, Store};

/// How long a connection may take to be there, and how long nothing may come.
const CONNECT: Duration = Duration::from_secs(4);
const STALLED: Duration = Duration::from_secs(30);

/// Why an address did not give an archive.
#[derive(Debug, thiserror::Error)]
#[error("{address}: {reason}")]
pub struct Unreachable {
    /// The address.
    pub address: Url,
    /// What happened, and what may help.
    pub reason: String,
}

/// Why one attempt failed.
enum Failed {
    /// The next address may do.
    Here(String),
    /// No address helps.
    Disk(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Disk(error)
    }
}

impl Store {
    /// Fetches an archive into the folder of downloads, from the first address that has it; gives where it lies.
    pub(super) async fn fetch(&self, archive: &Archive, told: &(dyn Fn(Stage<'_>) + Sync)) -> Result<PathBuf, InstallError> {
        let part = self.downloads().join(format!("{}.part", archive.sha256));
        let client = client().map_err(InstallError::Client)?;
        let mut failed = Vec::new();
        for address in self.addresses(archive) {
            match fetch_from(&client, &address, archive, &part, told).await {
                Ok(()) => return Ok(part),
                Err(Failed::Here(reason)) => failed.push(Unreachable { address, reason }),
                Err(Failed::Disk(error)) => return Err(InstallError::Disk { path: part, error }),
            }
        }
        Err(InstallError::NoSource { failed })
    }

    /// The folder of what is being fetched.
    pub(super) fn downloads(&self) -> PathBuf {
        self.folder.join(".downloads")
    }

    /// The mirror first, then what the list says.
    fn addresses(&self, archive: &Archive) -> Vec<Url> {
        let mirrored = self.mirror.as_ref().and_then(|mirror| {
            let name = archive.from.first()?.path_segments()?.next_back()?;
            let mut address = mirror.clone();
            address.path_segments_mut().ok()?.pop_if_empty().push(name);
            Some(address)
        });
        mirrored.into_iter().chain(archive.from.iter().cloned()).collect()
    }
}

fn client() -> Result<reqwest::Client, reqwest::Error> {
    // The one implementation of cryptography that this program has; where it was chosen before, that is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || reqwest::Client::builder().connect_timeout(CONNECT).read_timeout(STALLED);
    // A machine without certificates of authorities can still fetch from a mirror beside it.
    builder().build().or_else(|_| builder().tls_certs_only([]).build())
}

async fn fetch_from(
    client: &reqwest::Client,
    address: &Url,
    archive: &Archive,
    part: &Path,
    told: &(dyn Fn(Stage<'_>) + Sync),
) -> Result<(), Failed> {
    let begun = std::fs::metadata(part).map_or(0, |part| part.len());
    if begun < archive.bytes {
        receive(client, address, archive, part, begun, told).await?;
    }
    told(Stage::Verifying);
    let (bytes, sha256) = hash(part)?;
    if (bytes, sha256.as_str()) == (archive.bytes, archive.sha256.as_str()) {
        return Ok(());
    }
    std::fs::remove_file(part)?;
    if begun > 0 {
        // A part of it came from an earlier attempt, perhaps from elsewhere: once more from the beginning.
        return Box::pin(fetch_from(client, address, archive, part, told)).await;
    }
    Err(Failed::Here(format!(
        "what it gives has SHA-256 {sha256} ({bytes} bytes), expected {}; it was thrown away",
        archive.sha256
    )))
}

/// Puts what is missing behind the `begun` bytes of the part.
async fn receive(
    client: &reqwest::Client,
    address: &Url,
    archive: &Archive,
    part: &Path,
    begun: u64,
    told: &(dyn Fn(Stage<'_>) + Sync),
) -> Result<(), Failed> {
    let mut request = client.get(address.clone());
    if begun > 0 {
        request = request.header(RANGE, format!("bytes={begun}-"));
    }
    let mut response = request.send().await.map_err(|error| Failed::Here(said(error)))?;
    let goes_on = response.status() == StatusCode::PARTIAL_CONTENT && starts_at(&response, begun);
    if !goes_on && response.status() != StatusCode::OK {
        return Err(Failed::Here(format!("it answers {}", response.status())));
    }
    let mut file = OpenOptions::new().create(true).write(true).truncate(false).open(part)?;
    let mut done = if goes_on { begun } else { 0 };
    file.set_len(done)?;
    file.seek(SeekFrom::End(0))?;
    loop {
        told(Stage::Fetching { from: address, done, bytes: archive.bytes });
        match response.chunk().await {
            Ok(Some(chunk)) => {
                done += chunk.len() as u64;
                if done > archive.bytes {
                    return Err(Failed::Here(format!("it gives more than the {} bytes that were expected", archive.bytes)));
                }
                file.write_all(&chunk)?;
            }
            Ok(None) if done == archive.bytes => return finish(&file),
            Ok(None) => return Err(Failed::Here(stopped("it ended", done, archive))),
            Err(error) => return Err(Failed::Here(stopped(&said(error), done, archive))),
        }
    }
}

fn finish(file: &File) -> Result<(), Failed> {
    Ok(file.sync_all()?)
}

fn stopped(why: &str, done: u64, archive: &Archive) -> String {
    format!("{why} at {done} of {} bytes; the next attempt goes on from there", archive.bytes)
}

/// Whether a partial answer begins where it was asked to.
fn starts_at(response: &reqwest::Response, begun: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {begun}-")))
}

/// An error with what lies behind it, without the address, which is said already.
fn said(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
