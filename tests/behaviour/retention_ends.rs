//! When the time of a purpose is over its wraps go, when a term is over a ledger goes, and neither before.

use std::time::Duration;

use candor::ledger::{self, Event, Ledger};
use candor::recording::{Archive, Erased, Recordings, sweep};
use jiff::{Timestamp, ToSpan};
use uuid::Uuid;

use crate::stored::{Storage, begin, closed, turn_for};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A session that is over, with a turn kept for a day and one kept for ten.
async fn session(storage: &Storage, ledger: &Ledger, recordings: &Recordings) -> Uuid {
    let session = begin(ledger, recordings);
    session.recorder.keep(turn_for(1, &["service-quality"], DAY, &[1; 800], &[2; 800])).unwrap();
    session.recorder.keep(turn_for(2, &["disputes"], 10 * DAY, &[1; 800], &[2; 800])).unwrap();
    assert_eq!(session.recorder.close("finished").await.sealed, 2);
    session.ledger.append(closed(2)).unwrap();
    session.ledger.written().await.unwrap();
    assert_eq!(storage.sealed(session.id).len(), 4);
    session.id
}

fn in_hours(hours: i64) -> Timestamp {
    Timestamp::now() + hours.hours()
}

#[tokio::test]
async fn each_purpose_ends_when_its_own_time_is_over() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let id = session(&storage, &ledger, &recordings).await;
    let sweep = async |hours| sweep(&storage.recording, &storage.ledger, recordings.index(), in_hours(hours)).await.unwrap();
    assert_eq!(sweep(23).await, Erased::default());
    assert_eq!(sweep(25).await, Erased { wraps: 1, turns: 1, held: 0, kept: 1 });
    assert_eq!(storage.sealed(id).len(), 2);
    assert_eq!(sweep(25).await, Erased::default());
    assert_eq!(sweep(24 * 11).await, Erased { wraps: 1, turns: 1, held: 0, kept: 0 });
    assert!(storage.sealed(id).is_empty());
    let told = storage
        .events(id)
        .into_iter()
        .filter(|event| matches!(event, Event::WrapsDeleted { reason, wraps: 1, turns: 1, .. } if reason == "retention"));
    assert_eq!(told.count(), 2);
    let report = storage.verify();
    assert!(report.holds && report.notes.is_empty(), "{report:?}");
}

#[tokio::test]
async fn a_hold_outlasts_the_time_and_its_release_ends_both() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let id = session(&storage, &ledger, &recordings).await;
    let archive = Archive::open(&storage.recording, &storage.ledger, "tester".into()).await.unwrap();
    archive.hold(id, "C-17", "complaint", jiff::civil::date(2027, 3, 1)).await.unwrap();
    let late = in_hours(24 * 30);
    let swept = sweep(&storage.recording, &storage.ledger, recordings.index(), late).await.unwrap();
    assert_eq!(swept, Erased::default());
    assert_eq!(storage.sealed(id).len(), 4);
    // What the sweep found due goes with the hold.
    assert_eq!(archive.release(id, Some("C-17")).await.unwrap(), Erased { wraps: 2, turns: 2, held: 0, kept: 0 });
    assert!(storage.sealed(id).is_empty());
}

#[tokio::test]
async fn a_ledger_is_deleted_whole_when_its_term_is_over_and_nothing_is_kept() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let id = session(&storage, &ledger, &recordings).await;
    let settings = ledger::Settings { term: Some(5 * DAY), ..storage.ledger.clone() };
    let sweep = async |hours| sweep(&storage.recording, &settings, recordings.index(), in_hours(hours)).await.unwrap();
    sweep(24 * 6).await;
    assert!(settings.session_file(id).exists(), "a turn is still kept");
    sweep(24 * 11).await;
    assert!(!settings.session_file(id).exists());
    assert!(recordings.index().session(id).await.unwrap().is_none());
    let report = storage.verify();
    assert!(report.holds, "{report:?}");
    assert_eq!((report.sessions, report.deleted), (0, 1));
}

#[tokio::test]
async fn a_deletion_that_a_crash_cut_short_is_finished_by_the_next_sweep() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let id = session(&storage, &ledger, &recordings).await;
    // The crash came after the first file was gone.
    let wrap = storage.sealed(id).into_iter().find(|name| name.ends_with(".service-quality.wrap")).unwrap();
    std::fs::remove_file(storage.recording.folder.join(id.to_string()).join(wrap)).unwrap();
    let swept = sweep(&storage.recording, &storage.ledger, recordings.index(), in_hours(25)).await.unwrap();
    assert_eq!(swept, Erased { wraps: 1, turns: 1, held: 0, kept: 1 });
    assert_eq!(storage.sealed(id).len(), 2);
}
