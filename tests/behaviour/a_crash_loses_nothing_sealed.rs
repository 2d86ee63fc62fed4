//! A server that is killed in the middle: what was sealed stays, what was not is nowhere, and the account says what happened.
//!
//! The killed server is this test binary itself, started again with an environment variable.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use candor::ledger::{self, Event, Ledger};
use candor::recording;
use uuid::Uuid;

use crate::stored::{Storage, begin, purpose, turn};

const STORAGE: &str = "CANDOR_TEST_KILLED_SERVER";

/// What the killed process does: it stores a turn, says so, and goes on storing until the kill.
async fn serve(storage: &Path) {
    let accounts = ledger::Settings::in_storage(storage);
    let ledger = Ledger::open(&accounts).unwrap();
    let purposes = crate::stored::PURPOSES.map(purpose);
    let settings = recording::Settings::in_storage(storage);
    let recordings = recording::Recordings::open(&settings, &accounts, &purposes).await.unwrap();
    let session = begin(&ledger, &recordings);
    session.recorder.keep(turn(1, &["service-quality"], &[1; 8000], &[2; 8000])).unwrap();
    session.recorder.withdraw(&[]).await.unwrap();
    println!("\nsealed {}", session.id);
    // From here on turns come without end, until the kill.
    for ordinal in 2.. {
        if session.recorder.keep(turn(ordinal, &["service-quality"], &[1; 80_000], &[2; 80_000])).is_err() {
            session.recorder.withdraw(&[]).await.unwrap();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_sealed_before_a_kill_opens_after_it_and_the_session_is_lost() {
    if let Some(storage) = std::env::var_os(STORAGE) {
        return serve(Path::new(&storage)).await;
    }
    let storage = Storage::new();
    let mut server = Command::new(std::env::current_exe().unwrap());
    let test = "a_crash_loses_nothing_sealed::what_was_sealed_before_a_kill_opens_after_it_and_the_session_is_lost";
    server.args(["--exact", test, "--nocapture"]);
    server.env(STORAGE, storage.folder.path().join("data")).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = server.spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let id: Uuid = loop {
        let line = lines.next().expect("the server ended before it had sealed a turn").unwrap();
        if let Some(id) = line.strip_prefix("sealed ") {
            break id.parse().unwrap();
        }
    };
    std::thread::sleep(std::time::Duration::from_millis(40));
    server.kill().unwrap();
    server.wait().unwrap();

    let ledger = Ledger::open(&storage.ledger).unwrap();
    assert_eq!(ledger.lost(), [id]);
    let recordings = storage.recordings().await;
    let events = storage.events(id);
    assert_eq!(events.last(), Some(&Event::SessionLost {}));
    let report = storage.verify();
    assert!(report.holds, "{report:?}");

    // Every turn that the index knows opens; nothing else is there; what the ledger calls sealed is kept.
    let session = recordings.index().session(id).await.unwrap().unwrap();
    assert_eq!(session.outcome.as_deref(), Some("lost"));
    assert!(!session.turns.is_empty());
    assert_eq!(storage.sealed(id).len(), session.turns.len() * 2);
    let archive = recording::Archive::open(&storage.recording, &storage.ledger, "tester".into()).await.unwrap();
    let out = storage.folder.path().join("export");
    let key = storage.key("service-quality");
    let export = archive.export(id, &key, &purpose("service-quality"), "after the crash", &out).await.unwrap();
    assert_eq!(export.manifest.turns.len(), session.turns.len());
    let sealed = events.iter().filter(|event| matches!(event, Event::TurnSealed { .. })).count();
    assert_eq!(export.manifest.turns.len(), sealed);
    assert!(export.manifest.turns.iter().all(|turn| turn.in_ledger));
}
