//! What sessions append is on disk when the barrier says so, in their order, beside other processes and after a crash.

use candor::ledger::{self, Access, Event, Ledger, LedgerError, append_access, append_afterwards, delete_session};
use uuid::Uuid;

use crate::stored::{Storage, closed, consent, opened};

#[tokio::test]
async fn what_was_appended_before_the_barrier_is_on_disk_after_it() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let id = Uuid::new_v4();
    let session = ledger.session(id);
    session.append(opened()).unwrap();
    for _ in 0..200 {
        session.clone().append(consent("given")).unwrap();
    }
    session.written().await.unwrap();
    let entries = ledger::read_session(&storage.ledger, id).unwrap();
    assert_eq!(entries.len(), 201);
    assert!(entries.iter().zip(1..).all(|(entry, seq)| entry.seq == seq && entry.session == id.to_string()));
    let report = storage.verify();
    assert!(report.holds && report.open == 1, "{report:?}");
}

#[tokio::test]
async fn a_closed_ledger_holds_and_names_its_head() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let session = ledger.session(Uuid::new_v4());
    for event in [opened(), consent("given"), closed(0)] {
        session.append(event).unwrap();
    }
    ledger.close();
    assert!(matches!(session.append(closed(0)), Err(LedgerError::Failed(_))));
    let report = storage.verify();
    assert!(report.holds && report.notes.is_empty(), "{report:?}");
    assert_eq!((report.sessions, report.open, report.entries), (1, 0, 3));
    assert!(ledger::verify(&storage.ledger, Some(&report.head)).unwrap().holds);
}

#[tokio::test]
async fn a_ledger_has_one_server_and_readers_change_nothing() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    assert!(matches!(Ledger::open(&storage.ledger), Err(LedgerError::InUse(_))));
    let session = ledger.session(Uuid::new_v4());
    session.append(opened()).unwrap();
    session.written().await.unwrap();
    let before = storage.files();
    storage.verify();
    ledger::list(&storage.ledger).unwrap();
    storage.events(session.id());
    assert_eq!(storage.files(), before);
}

#[tokio::test]
async fn a_session_that_cannot_be_written_fails_and_stays_failed() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let session = ledger.session(Uuid::new_v4());
    // Where the chain should be, there is a folder.
    std::fs::create_dir(storage.ledger.session_file(session.id())).unwrap();
    session.append(opened()).unwrap();
    assert!(matches!(session.written().await, Err(LedgerError::Failed(_))));
    session.failed().await;
    assert!(matches!(session.append(consent("given")), Err(LedgerError::Failed(_))));

    let other = ledger.session(Uuid::new_v4());
    other.append(opened()).unwrap();
    other.written().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_the_end_of_the_writer_fails_instead_of_waiting_for_ever() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let session = ledger.session(Uuid::new_v4());
    session.append(opened()).unwrap();
    session.written().await.unwrap();
    let late = tokio::spawn({
        let session = session.clone();
        async move {
            while session.append(consent("given")).is_ok() {
                tokio::task::yield_now().await;
            }
            session.written().await
        }
    });
    ledger.close();
    assert!(late.await.unwrap().is_err());
}

#[tokio::test]
async fn a_chain_begins_with_the_opening_of_its_session() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let session = ledger.session(Uuid::new_v4());
    session.append(consent("given")).unwrap();
    assert!(session.written().await.is_err());
}

/// Writes a session without its end and forgets the process: what a kill leaves behind.
async fn killed(storage: &Storage) -> Uuid {
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let session = ledger.session(Uuid::new_v4());
    session.append(opened()).unwrap();
    session.append(consent("given")).unwrap();
    session.written().await.unwrap();
    ledger.close();
    session.id()
}

#[tokio::test]
async fn a_session_that_was_open_in_a_crash_is_lost_at_the_next_start_and_only_there() {
    let storage = Storage::new();
    let id = killed(&storage).await;
    append_access(&storage.ledger, access("list")).unwrap();
    assert_eq!(storage.events(id).len(), 2, "another process does not call it lost");

    let ledger = Ledger::open(&storage.ledger).unwrap();
    assert_eq!(ledger.lost(), [id]);
    assert_eq!(storage.events(id).last(), Some(&Event::SessionLost {}));
    ledger.close();
    assert!(Ledger::open(&storage.ledger).unwrap().lost().is_empty());
    let report = storage.verify();
    assert!(report.holds && report.open == 0, "{report:?}");
}

#[tokio::test]
async fn a_line_that_a_crash_left_unfinished_is_cut_and_the_chain_goes_on() {
    let storage = Storage::new();
    let id = killed(&storage).await;
    let path = storage.ledger.session_file(id);
    let whole = std::fs::read_to_string(&path).unwrap();
    let torn = r#"{"at":"2026-11-22T00:00:00.000Z","event":{"ty"#;
    std::fs::write(&path, format!("{whole}{torn}")).unwrap();
    let report = storage.verify();
    assert!(report.holds && !report.notes.is_empty(), "{report:?}");

    drop(Ledger::open(&storage.ledger).unwrap());
    let events = storage.events(id);
    assert_eq!(events[2..], [Event::LedgerRepaired { bytes_cut: torn.len() as u64 }, Event::SessionLost {}]);
    let report = storage.verify();
    assert!(report.holds && report.notes.is_empty(), "{report:?}");
}

#[tokio::test]
async fn an_unfinished_checkpoint_is_cut_and_the_next_one_says_so() {
    let storage = Storage::new();
    let id = killed(&storage).await;
    let path = storage.ledger.checkpoint_file();
    let whole = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{whole}{{\"at\":")).unwrap();
    assert!(storage.verify().holds);
    append_afterwards(&storage.ledger, id, consent("withdrawn")).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains(r#""cut":6"#));
    assert!(storage.verify().holds);
}

#[tokio::test]
async fn a_deletion_is_appended_to_a_session_that_is_over_and_covered_by_a_checkpoint() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let session = ledger.session(Uuid::new_v4());
    session.append(opened()).unwrap();
    session.append(closed(0)).unwrap();
    session.written().await.unwrap();
    let deleted = Event::WrapsDeleted { purpose: "p".into(), reason: "erased".into(), wraps: 1, turns: 1, held: 0 };
    append_afterwards(&storage.ledger, session.id(), deleted).unwrap();
    let report = storage.verify();
    assert!(report.holds && report.notes.is_empty() && report.entries == 3, "{report:?}");
    let unknown = append_afterwards(&storage.ledger, Uuid::new_v4(), closed(0));
    assert!(matches!(unknown, Err(LedgerError::UnknownSession(_))));
}

#[tokio::test]
async fn a_chain_whose_term_is_over_is_deleted_whole_and_its_checkpoint_stays() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let session = ledger.session(Uuid::new_v4());
    session.append(opened()).unwrap();
    session.append(closed(0)).unwrap();
    session.written().await.unwrap();
    let copy = std::fs::read(storage.ledger.session_file(session.id())).unwrap();
    delete_session(&storage.ledger, session.id()).unwrap();
    let report = storage.verify();
    assert!(report.holds, "{report:?}");
    assert_eq!((report.sessions, report.deleted), (0, 1));
    // Whoever puts another file in its place is found out.
    let copy = String::from_utf8(copy).unwrap();
    std::fs::write(storage.ledger.session_file(session.id()), copy.lines().next().unwrap()).unwrap();
    assert!(!storage.verify().holds);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_append_beside_each_other_keep_one_chain() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let session = ledger.session(Uuid::new_v4());
    session.append(opened()).unwrap();
    session.written().await.unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    append_access(&storage.ledger, access("list")).unwrap();
                    append_afterwards(&storage.ledger, session.id(), consent("given")).unwrap();
                    session.append(consent("given")).unwrap();
                }
            });
        }
    });
    session.written().await.unwrap();
    let report = storage.verify();
    assert!(report.holds, "{report:?}");
    assert_eq!(report.entries, 1 + 80 + 40);
}

#[tokio::test]
async fn an_access_by_someone_who_may_not_read_the_key_is_signed_by_the_server() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let key = storage.ledger.keys.join("ledger.key");
    std::fs::rename(&key, key.with_extension("away")).unwrap();
    append_access(&storage.ledger, access("list")).unwrap();
    let report = storage.verify();
    assert!(report.holds && report.checkpoints == 0 && report.notes.len() == 1, "{report:?}");
    ledger.close();
    let report = storage.verify();
    assert!(report.holds && report.checkpoints == 1 && report.notes.is_empty(), "{report:?}");
}

fn access(action: &'static str) -> Access {
    let (actor, outcome) = ("tester".to_owned(), "done".to_owned());
    Access { action, session: None, purpose: None, reason: None, actor, outcome }
}
