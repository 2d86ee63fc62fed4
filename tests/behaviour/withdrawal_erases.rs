//! A withdrawal deletes what was kept for the purpose and keeps what waits from being stored; other purposes and later turns stay.

use candor::ledger::{Event, Ledger};
use candor::recording::{Archive, Erased};

use crate::stored::{Storage, begin, closed, purpose, turn};

const BOTH: [&str; 2] = ["service-quality", "disputes"];

fn deletions(events: &[Event]) -> Vec<(String, String, u64, u64, u64)> {
    let deletion = |event: &Event| match event.clone() {
        Event::WrapsDeleted { purpose, reason, wraps, turns, held } => Some((purpose, reason, wraps, turns, held)),
        _ => None,
    };
    events.iter().filter_map(deletion).collect()
}

#[tokio::test]
async fn a_withdrawn_purpose_goes_and_the_turn_goes_with_its_last_wrap() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let session = begin(&ledger, &recordings);
    session.recorder.keep(turn(1, &BOTH, &[1; 800], &[2; 800])).unwrap();
    session.recorder.keep(turn(2, &BOTH[..1], &[1; 800], &[2; 800])).unwrap();
    // Once both are stored, an empty withdrawal answers.
    assert_eq!(session.recorder.withdraw(&[]).await.unwrap(), Erased { kept: 2, ..Erased::default() });
    assert_eq!(storage.sealed(session.id).len(), 5);

    let erased = session.recorder.withdraw(&[purpose("service-quality")]).await.unwrap();
    assert_eq!(erased, Erased { wraps: 2, turns: 1, held: 0, kept: 1 });
    let left = storage.sealed(session.id);
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left.iter().any(|name| name.ends_with(".disputes.wrap")), "{left:?}");

    let erased = session.recorder.withdraw(&[purpose("disputes")]).await.unwrap();
    assert_eq!(erased, Erased { wraps: 1, turns: 1, held: 0, kept: 0 });
    assert!(!storage.recording.folder.join(session.id.to_string()).exists());
    session.ledger.written().await.unwrap();
    let told = deletions(&storage.events(session.id));
    let told: Vec<_> = told.iter().map(|(p, why, w, t, h)| (p.as_str(), why.as_str(), *w, *t, *h)).collect();
    assert_eq!(told, [("service-quality", "withdrawn", 2, 1, 0), ("disputes", "withdrawn", 1, 1, 0)]);
    assert!(storage.verify().holds);
}

#[tokio::test]
async fn what_still_waits_to_be_sealed_does_not_appear_afterwards() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let session = begin(&ledger, &recordings);
    for ordinal in 1..=20 {
        session.recorder.keep(turn(ordinal, &BOTH[..1], &[1; 80_000], &[2; 80_000])).unwrap();
    }
    session.recorder.withdraw(&[purpose("service-quality")]).await.unwrap();
    assert!(storage.sealed(session.id).is_empty());
    // Asked again and given again: what comes now is kept.
    session.recorder.keep(turn(21, &BOTH[..1], &[1; 800], &[2; 800])).unwrap();
    session.recorder.close("finished").await;
    assert_eq!(storage.sealed(session.id).len(), 2);
}

#[tokio::test]
async fn a_hold_keeps_what_was_withdrawn_until_it_is_released() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let session = begin(&ledger, &recordings);
    session.recorder.keep(turn(1, &BOTH[..1], &[1; 800], &[2; 800])).unwrap();
    session.recorder.withdraw(&[]).await.unwrap();
    let archive = Archive::open(&storage.recording, &storage.ledger, "tester".into()).await.unwrap();
    archive.hold(session.id, "C-17", "complaint", jiff::civil::date(2027, 3, 1)).await.unwrap();

    let erased = session.recorder.withdraw(&[purpose("service-quality")]).await.unwrap();
    assert_eq!(erased, Erased { wraps: 0, turns: 0, held: 1, kept: 1 });
    assert_eq!(storage.sealed(session.id).len(), 2);
    session.recorder.close("finished").await;
    session.ledger.append(closed(1)).unwrap();
    session.ledger.written().await.unwrap();

    let erased = archive.release(session.id, None).await.unwrap();
    assert_eq!(erased, Erased { wraps: 1, turns: 1, held: 0, kept: 0 });
    assert!(storage.sealed(session.id).is_empty());
    let told = deletions(&storage.events(session.id));
    assert_eq!(told.len(), 2);
    assert_eq!(told[1].1, "withdrawn");
    let report = storage.verify();
    assert!(report.holds && report.notes.is_empty(), "{report:?}");
}
