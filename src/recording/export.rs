use std::fs::{DirBuilder, OpenOptions};
use std::io::{Cursor, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use age::x25519::Identity;
use serde::Serialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::seal::{self, NotOpened};
use super::store::Store;
use super::{RecordedSession, RecordedTurn, RecordingError, Settings};
use crate::audio::{Codec, make_room};
use crate::consent::Purpose;

/// An opened recording: in the hands of the one who asked for it, out of ours.
pub struct Export {
    /// A WAV of 16-bit linear samples: the caller left, the agent right, the turns one after the other.
    pub audio: Zeroizing<Vec<u8>>,
    /// What it is.
    pub manifest: Manifest,
}

/// Never shows sound.
impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Export({}, {} turns)", self.manifest.session, self.manifest.turns.len())
    }
}

/// What lies beside an exported recording and says what it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// The session.
    pub session: Uuid,
    /// The dialog's name.
    pub dialog: String,
    /// SHA-256 over the dialog file and its prompts.
    pub dialog_version: String,
    /// BCP 47.
    pub language: String,
    /// When the session opened: RFC 3339, UTC.
    pub opened_at: String,
    /// For which purpose the recording was opened. It may be used for no other (GDPR article 5(1)(b)).
    pub purpose: Purpose,
    /// Why, in the words of the one who opened it.
    pub reason: String,
    /// Who opened it.
    pub exported_by: String,
    /// When: RFC 3339, UTC.
    pub exported_at: String,
    /// The name of the audio file beside this one.
    pub audio: String,
    /// SHA-256 of that file.
    pub audio_sha256: String,
    /// Who is on which channel, from the left.
    pub channels: [&'static str; 2],
    /// Samples a second on each channel, in Hz.
    pub sample_rate: u32,
    /// The turns, in the order of the file.
    pub turns: Vec<ManifestTurn>,
}

/// One turn of an exported recording.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ManifestTurn {
    /// Which turn of the session, from 1. Those that are missing were not kept for this purpose.
    pub ordinal: u32,
    /// Which part of it, from 1.
    pub part: u32,
    /// When it began in the call, in milliseconds since the session began.
    pub began_ms: u64,
    /// When it ended in the call.
    pub ended_ms: u64,
    /// Where it begins in the audio file, in milliseconds.
    pub offset_ms: u64,
    /// How long it lasts there, in milliseconds.
    pub duration_ms: u64,
    /// SHA-256 of the sealed turn.
    pub sealed_sha256: String,
    /// Whether the session's ledger names a sealed turn with this hash.
    pub in_ledger: bool,
    /// Until when it is kept for this purpose: RFC 3339, UTC.
    pub until: String,
}

/// Where an export of a session goes in a folder: the audio and the manifest.
pub(super) fn files(out: &Path, session: Uuid) -> [PathBuf; 2] {
    [out.join(format!("{session}.wav")), out.join(format!("{session}.json"))]
}

impl Export {
    /// Writes audio and manifest into a folder that only its owner may enter; gives the two files.
    ///
    /// # Errors
    /// [`RecordingError::ExportExists`]; the refusals of the disk.
    pub fn write(&self, out: &Path) -> Result<[PathBuf; 2], RecordingError> {
        DirBuilder::new().recursive(true).mode(0o700).create(out).map_err(RecordingError::io("make", out))?;
        let [audio, manifest] = files(out, self.manifest.session);
        write_new(&audio, &self.audio)?;
        let mut text = serde_json::to_vec_pretty(&self.manifest).map_err(|error| RecordingError::Seal(error.to_string()))?;
        text.push(b'\n');
        write_new(&manifest, &text)?;
        Ok([audio, manifest])
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), RecordingError> {
    if path.exists() {
        return Err(RecordingError::ExportExists(path.to_owned()));
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(RecordingError::io("write", path))
}

/// Who opens a recording, why and with what.
pub(super) struct Opening<'a> {
    pub(super) key: &'a Identity,
    pub(super) key_file: &'a Path,
    /// `: it is the key of …`, for a key that turns out to be the wrong one.
    pub(super) belongs: String,
    pub(super) purpose: &'a Purpose,
    pub(super) reason: String,
    pub(super) actor: String,
    pub(super) at: String,
}

/// Opens the turns of a session that are kept for a purpose. `sealed` are the hashes that the session's ledger names.
pub(super) fn open(
    settings: &Settings,
    session: &RecordedSession,
    sealed: &[String],
    opening: Opening<'_>,
) -> Result<Export, RecordingError> {
    let Opening { key, key_file, belongs, purpose, reason, actor, at } = opening;
    let wrap_of = |turn: &RecordedTurn| turn.wraps.iter().find(|wrap| wrap.purpose == *purpose).cloned();
    let kept: Vec<_> = session.turns.iter().filter_map(|turn| Some((turn, wrap_of(turn)?))).collect();
    if kept.is_empty() {
        return Err(nothing_kept(session, purpose));
    }
    let store = Store::new(&settings.folder);
    let mut samples = Zeroizing::new(Vec::new());
    let mut turns = Vec::new();
    let mut carried: Option<Codec> = None;
    for (turn, recorded) in kept {
        let path = store.turn_file(session.id, turn.id);
        let wrap = read(&store.wrap_file(session.id, turn.id, purpose))?;
        let file = read(&path)?;
        if hex::encode(Sha256::digest(&file)) != turn.sha256 {
            return Err(RecordingError::Damaged(path));
        }
        let opened = seal::open(key, &wrap, &file).map_err(|not| match not {
            NotOpened::WrongKey => {
                let (key, purpose) = (key_file.to_owned(), purpose.clone());
                RecordingError::WrongKey { key, purpose, belongs: belongs.clone() }
            }
            NotOpened::Damaged => RecordingError::Damaged(path.clone()),
        })?;
        let opened = seal::decode(&opened).map_err(|_| RecordingError::Damaged(path))?;
        if *carried.get_or_insert(opened.codec) != opened.codec {
            return Err(RecordingError::MixedCodecs(session.id));
        }
        let millis = |samples: usize| samples as u64 / 2 * 1000 / u64::from(opened.codec.sample_rate());
        turns.push(ManifestTurn {
            ordinal: turn.ordinal,
            part: turn.part,
            began_ms: turn.began_ms,
            ended_ms: turn.ended_ms,
            offset_ms: millis(samples.len()),
            duration_ms: millis(opened.samples.len()),
            sealed_sha256: turn.sha256.clone(),
            in_ledger: sealed.contains(&turn.sha256),
            until: recorded.until,
        });
        let length = samples.len() + opened.samples.len();
        make_room(&mut samples, length);
        samples.extend_from_slice(&opened.samples);
    }
    let sample_rate = carried.unwrap_or(Codec::Ulaw).sample_rate();
    let audio = linear_wav(&samples, sample_rate)?;
    let [file, _] = files(Path::new(""), session.id);
    let manifest = Manifest {
        session: session.id,
        dialog: session.dialog.clone(),
        dialog_version: session.dialog_version.clone(),
        language: session.language.clone(),
        opened_at: session.opened_at.clone(),
        purpose: purpose.clone(),
        reason,
        exported_by: actor,
        exported_at: at,
        audio: file.display().to_string(),
        audio_sha256: hex::encode(Sha256::digest(&audio[..])),
        channels: ["caller", "agent"],
        sample_rate,
        turns,
    };
    Ok(Export { audio, manifest })
}

pub(super) fn nothing_kept(session: &RecordedSession, purpose: &Purpose) -> RecordingError {
    let mut others: Vec<_> = session.turns.iter().flat_map(|turn| &turn.wraps).map(|wrap| wrap.purpose.as_str()).collect();
    others.sort_unstable();
    others.dedup();
    let kept = if others.is_empty() { String::new() } else { format!("; there are turns for {}", others.join(", ")) };
    RecordingError::NothingKept { session: session.id, purpose: purpose.clone(), kept }
}

fn read(path: &Path) -> Result<Vec<u8>, RecordingError> {
    std::fs::read(path).map_err(RecordingError::io("read", path))
}

/// A WAV of interleaved 16-bit samples on two channels, which every player opens.
fn linear_wav(samples: &[i16], sample_rate: u32) -> Result<Zeroizing<Vec<u8>>, RecordingError> {
    let spec = hound::WavSpec { channels: 2, sample_rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = Zeroizing::new(Vec::with_capacity(samples.len() * 2 + 128));
    let failed = |error: hound::Error| RecordingError::Seal(error.to_string());
    let mut writer = hound::WavWriter::new(Cursor::new(&mut *file), spec).map_err(failed)?;
    for sample in samples {
        writer.write_sample(*sample).map_err(failed)?;
    }
    writer.finalize().map_err(failed)?;
    Ok(file)
}
