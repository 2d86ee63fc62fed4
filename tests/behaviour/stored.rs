//! What the tests of ledger and recording share: a storage folder with keys, and sessions in it made by the real gate.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use candor::audio::Codec;
use candor::consent::{Basis, ConsentedTurn, Consents, Purpose, SessionTime, Terms, TurnKind};
use candor::ledger::{self, Event, Ledger, SessionLedger};
use candor::recording::{self, Recordings, SessionFacts, SessionRecorder, TurnAudio};
use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

/// A storage folder, a folder of private keys beside it, and the settings of both rooms.
pub struct Storage {
    pub folder: TempDir,
    pub ledger: ledger::Settings,
    pub recording: recording::Settings,
    pub private: PathBuf,
}

pub const PURPOSES: [&str; 2] = ["service-quality", "disputes"];

pub fn purpose(name: &str) -> Purpose {
    Purpose::new(name).unwrap()
}

/// What SoX makes of a recording; nothing, and a word, where there is none.
pub fn soxi(audio: &Path) -> Option<String> {
    let Ok(about) = Command::new("soxi").arg(audio).output() else {
        eprintln!("skipped: there is no soxi (Debian: sox)");
        return None;
    };
    Some(String::from_utf8(about.stdout).unwrap())
}

impl Storage {
    pub fn new() -> Storage {
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path().join("data");
        let private = folder.path().join("private");
        let recording = recording::Settings::in_storage(&storage);
        for name in PURPOSES {
            recording::make_key(&recording.keys, &private, &purpose(name)).unwrap();
        }
        Storage { ledger: ledger::Settings::in_storage(&storage), recording, private, folder }
    }

    pub fn key(&self, name: &str) -> PathBuf {
        self.private.join(format!("{name}.key"))
    }

    pub async fn recordings(&self) -> Recordings {
        Recordings::open(&self.recording, &self.ledger, &PURPOSES.map(purpose)).await.unwrap()
    }

    /// Every file under the storage folder with its content.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().join("data")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let content = std::fs::read(&path).unwrap();
                    files.push((path, content));
                }
            }
        }
        files
    }

    /// The names of the sealed files of a session.
    pub fn sealed(&self, session: Uuid) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.recording.folder.join(session.to_string())) else { return Vec::new() };
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn events(&self, session: Uuid) -> Vec<Event> {
        ledger::read_session(&self.ledger, session).unwrap().into_iter().map(|entry| entry.event).collect()
    }

    pub fn verify(&self) -> ledger::Report {
        ledger::verify(&self.ledger, None).unwrap()
    }
}

pub fn opened() -> Event {
    Event::SessionOpened {
        transport: "test".into(),
        dialog: "webshop".into(),
        dialog_version: "00".into(),
        language: "nl".into(),
        privacy_notice: "2026-11".into(),
        software: "0.1.0".into(),
    }
}

pub fn closed(turns_sealed: u32) -> Event {
    Event::SessionClosed { outcome: "finished".into(), turns_sealed, at_ms: 60_000 }
}

pub fn consent(to: &str) -> Event {
    Event::Consent {
        purpose: "service-quality".into(),
        basis: "consent".into(),
        from: "requested".into(),
        to: to.into(),
        at_ms: 31_000,
    }
}

/// A session with a ledger and a recorder.
pub struct Recorded {
    pub id: Uuid,
    pub ledger: SessionLedger,
    pub recorder: SessionRecorder,
}

pub fn begin(ledger: &Ledger, recordings: &Recordings) -> Recorded {
    let id = Uuid::new_v4();
    let ledger = ledger.session(id);
    ledger.append(opened()).unwrap();
    let facts = SessionFacts {
        dialog: "webshop".into(),
        dialog_version: "00".into(),
        language: "nl".into(),
        opened_at: Timestamp::now(),
    };
    let recorder = recordings.session(ledger.clone(), facts);
    Recorded { id, ledger, recorder }
}

/// A turn that may be kept for `purposes` for an hour, through the one gate there is.
pub fn turn(ordinal: u32, purposes: &[&str], caller: &[u8], agent: &[u8]) -> ConsentedTurn<TurnAudio> {
    turn_for(ordinal, purposes, Duration::from_secs(3600), caller, agent)
}

pub fn turn_for(ordinal: u32, purposes: &[&str], retention: Duration, caller: &[u8], agent: &[u8]) -> ConsentedTurn<TurnAudio> {
    let mut audio = TurnAudio::new(Codec::Ulaw);
    audio.push(caller, agent);
    turn_of(ordinal, purposes, retention, audio)
}

/// The same with this sound.
pub fn turn_of(ordinal: u32, purposes: &[&str], retention: Duration, audio: TurnAudio) -> ConsentedTurn<TurnAudio> {
    let terms = purposes.iter().map(|name| Terms {
        purpose: purpose(name),
        basis: Basis::Consent,
        necessity: "Tone cannot be judged from notes.".into(),
        retention,
    });
    let mut consents = Consents::new(terms.collect());
    consents.informed(SessionTime::START);
    for name in purposes {
        consents.request(&purpose(name)).unwrap();
        consents.give(&purpose(name), SessionTime::START).unwrap();
    }
    let began = SessionTime(Duration::from_secs(u64::from(ordinal) * 10));
    let kind = TurnKind::Dialog { evidence_for: Vec::new() };
    let permit = consents.open_turn(ordinal, began, &kind).unwrap();
    consents.pass(&permit, began + Duration::from_secs(5)).unwrap().with(1, began, audio)
}
