//! Listing, opening, erasing and holding recordings: written into the chain of accesses first, also when it is refused.

use candor::ledger::{self, Event, Ledger};
use candor::recording::{Archive, RecordingError, make_key};
use jiff::civil::date;
use uuid::Uuid;

use crate::stored::{Storage, begin, closed, purpose, soxi, turn};

async fn recorded(storage: &Storage) -> Uuid {
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let session = begin(&ledger, &recordings);
    // A tone for the caller in the second turn, silence elsewhere.
    let tone: Vec<u8> = (0..8000).map(|at| if at % 16 < 8 { 0x80 } else { 0x00 }).collect();
    session.recorder.keep(turn(2, &["service-quality"], &[0xff; 8000], &[0xff; 8000])).unwrap();
    session.recorder.keep(turn(3, &["service-quality"], &tone, &[0xff; 8000])).unwrap();
    session.recorder.close("finished").await;
    session.ledger.append(closed(2)).unwrap();
    ledger.close();
    session.id
}

async fn archive(storage: &Storage) -> Archive {
    Archive::open(&storage.recording, &storage.ledger, "tester".into()).await.unwrap()
}

/// Action and outcome of each access.
fn accesses(storage: &Storage) -> Vec<(String, String)> {
    let access = |entry: ledger::Entry| match entry.event {
        Event::Access { action, outcome, actor, .. } => {
            assert_eq!(actor, "tester");
            (action, outcome)
        }
        other => panic!("{other:?}"),
    };
    ledger::read_accesses(&storage.ledger).unwrap().into_iter().map(access).collect()
}

#[tokio::test]
async fn an_export_is_one_file_that_any_player_opens_with_a_manifest_beside_it() {
    let storage = Storage::new();
    let id = recorded(&storage).await;
    let archive = archive(&storage).await;
    let out = storage.folder.path().join("export");
    let quality = purpose("service-quality");
    let export = archive.export(id, &storage.key("service-quality"), &quality, "sample of the week", &out).await.unwrap();
    let [audio, manifest] = export.write(&out).unwrap();

    if let Some(about) = soxi(&audio) {
        for line in ["Channels       : 2", "Sample Rate    : 8000", "Precision      : 16-bit", "00:00:02.00"] {
            assert!(about.contains(line), "{about}");
        }
    }
    let samples: Vec<i16> = hound::WavReader::open(&audio).unwrap().into_samples().map(Result::unwrap).collect();
    let loudest = |channel: usize, second: usize| {
        let frames = samples.chunks(2).skip(second * 8000).take(8000);
        frames.map(|frame| frame[channel].unsigned_abs()).max().unwrap()
    };
    assert!(loudest(0, 0) < 300 && loudest(0, 1) > 16_000 && loudest(1, 1) < 300);

    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    assert_eq!(manifest["reason"], "sample of the week");
    assert_eq!(manifest["turns"][1]["offset-ms"], 1000);
    assert!(manifest["turns"].as_array().unwrap().iter().all(|turn| turn["in-ledger"] == true), "{manifest}");
    assert_eq!(accesses(&storage), [("export".into(), "done".into())]);

    let again = archive.export(id, &storage.key("service-quality"), &quality, "again", &out).await;
    assert!(matches!(again, Err(RecordingError::ExportExists(_))));
    assert!(storage.verify().holds);
}

#[tokio::test]
async fn a_wrong_key_or_purpose_opens_nothing_and_is_written_down() {
    let storage = Storage::new();
    let id = recorded(&storage).await;
    let archive = archive(&storage).await;
    let out = storage.folder.path().join("export");
    let quality = purpose("service-quality");

    let refused = archive.export(id, &storage.key("disputes"), &quality, "curious", &out).await.unwrap_err();
    assert!(refused.to_string().contains("it is the key of `disputes`"), "{refused}");
    let refused = archive.export(id, &storage.key("disputes"), &purpose("disputes"), "curious", &out).await.unwrap_err();
    assert!(refused.to_string().contains("there are turns for service-quality"), "{refused}");
    make_key(&storage.folder.path().join("other"), &storage.private, &purpose("other")).unwrap();
    let refused = archive.export(id, &storage.key("other"), &quality, "curious", &out).await.unwrap_err();
    assert!(matches!(refused, RecordingError::WrongKey { .. }), "{refused}");
    let refused = archive.export(Uuid::new_v4(), &storage.key("disputes"), &quality, "curious", &out).await.unwrap_err();
    assert!(refused.to_string().contains("candor recordings list"), "{refused}");

    assert!(!out.exists());
    let accesses = accesses(&storage);
    assert_eq!(accesses.len(), 4);
    assert!(accesses.iter().all(|(action, outcome)| action == "export" && outcome.starts_with("refused: ")));
}

#[tokio::test]
async fn a_turn_that_was_changed_on_disk_is_not_handed_out() {
    let storage = Storage::new();
    let id = recorded(&storage).await;
    let name = storage.sealed(id).into_iter().find(|name| name.ends_with(".age")).unwrap();
    let path = storage.recording.folder.join(id.to_string()).join(name);
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let out = storage.folder.path().join("export");
    let key = storage.key("service-quality");
    let refused = archive(&storage).await.export(id, &key, &purpose("service-quality"), "check", &out).await;
    assert!(matches!(refused, Err(RecordingError::Damaged(_))));
}

#[tokio::test]
async fn erasing_leaves_no_turn_and_is_refused_under_a_hold_that_it_names() {
    let storage = Storage::new();
    let id = recorded(&storage).await;
    let archive = archive(&storage).await;
    archive.hold(id, "C-17", "complaint about a delivery", date(2027, 3, 1)).await.unwrap();
    let refused = archive.erase(id, None, "asked by the caller").await.unwrap_err();
    assert!(refused.to_string().contains("case C-17, placed by tester"), "{refused}");
    assert_eq!(storage.sealed(id).len(), 4);
    assert!(matches!(archive.release(id, Some("C-18")).await, Err(RecordingError::NotHeld(_))));
    archive.release(id, Some("C-17")).await.unwrap();
    assert_eq!(storage.sealed(id).len(), 4, "released before its time is over, it stays");

    let erased = archive.erase(id, None, "asked by the caller").await.unwrap();
    assert_eq!((erased.wraps, erased.turns), (2, 2));
    assert!(storage.sealed(id).is_empty());
    let shown = archive.show(id).await.unwrap();
    assert!(shown.turns.is_empty() && shown.holds.is_empty());
    assert_eq!(archive.list().await.unwrap(), [shown]);
    let erased = |event: &Event| matches!(event, Event::WrapsDeleted { reason, wraps: 2, .. } if reason == "erased");
    assert!(storage.events(id).iter().any(erased));
    let actions: Vec<_> = accesses(&storage).into_iter().map(|(action, outcome)| (action, outcome == "done")).collect();
    let told: Vec<_> = actions.iter().map(|(action, done)| (action.as_str(), *done)).collect();
    let expected = [
        ("hold", true),
        ("erase", false),
        ("release", false),
        ("release", true),
        ("erase", true),
        ("show", true),
        ("list", true),
    ];
    assert_eq!(told, expected);
    assert!(storage.verify().holds);
}

#[tokio::test]
async fn nothing_is_erased_by_someone_who_cannot_sign_for_it() {
    let storage = Storage::new();
    let id = recorded(&storage).await;
    std::fs::remove_file(storage.ledger.keys.join("ledger.key")).unwrap();
    let refused = archive(&storage).await.erase(id, None, "asked by the caller").await.unwrap_err();
    assert!(refused.to_string().contains("ledger.key"), "{refused}");
    assert_eq!(storage.sealed(id).len(), 4);
    assert!(accesses(&storage)[0].1.starts_with("refused: "));
}

#[test]
fn a_key_is_never_overwritten() {
    let storage = Storage::new();
    let again = make_key(&storage.recording.keys, &storage.private, &purpose("disputes"));
    assert!(matches!(again, Err(RecordingError::KeyExists(_))));
    // Nor where only the public half is left.
    std::fs::remove_file(storage.key("disputes")).unwrap();
    let again = make_key(&storage.recording.keys, &storage.private, &purpose("disputes"));
    assert!(matches!(again, Err(RecordingError::KeyExists(_))));
}
