//! A turn that may be kept is sealed before it touches the disk, for each purpose apart, and opens with standard tools.

use std::process::{Command, Stdio};

use candor::ledger::{Event, Ledger};
use candor::recording::{RecordingError, Recordings};

use crate::stored::{Storage, begin, closed, purpose, soxi, turn};

/// Something that cannot come about by chance.
fn spoken(seed: u8) -> Vec<u8> {
    (0..16_000u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8 ^ seed).collect()
}

#[tokio::test]
async fn a_turn_is_stored_with_a_wrap_for_each_purpose_and_named_in_the_ledger() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let session = begin(&ledger, &recordings);
    session.recorder.keep(turn(3, &["service-quality", "disputes"], &spoken(0), &spoken(1))).unwrap();
    let kept = session.recorder.close("finished").await;
    assert_eq!((kept.sealed, kept.lost), (1, 0));
    session.ledger.append(closed(1)).unwrap();
    session.ledger.written().await.unwrap();

    let names = storage.sealed(session.id);
    assert_eq!(names.len(), 3, "{names:?}");
    let sealed = storage.events(session.id).into_iter().find_map(|event| match event {
        Event::TurnSealed { turn, bytes, purposes, sha256, .. } => Some((turn, bytes, purposes.len(), sha256)),
        _ => None,
    });
    let indexed = recordings.index().session(session.id).await.unwrap().unwrap();
    assert_eq!(indexed.outcome.as_deref(), Some("finished"));
    let [indexed] = &indexed.turns[..] else { panic!("{indexed:?}") };
    assert_eq!(sealed, Some((3, indexed.bytes, 2, indexed.sha256.clone())));
    assert!(storage.verify().holds);
}

#[tokio::test]
async fn no_file_holds_the_sound() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let session = begin(&ledger, &recordings);
    let (caller, agent) = (spoken(7), spoken(8));
    session.recorder.keep(turn(1, &["service-quality"], &caller, &agent)).unwrap();
    session.recorder.close("finished").await;
    let interleaved: Vec<u8> = caller.iter().zip(&agent).flat_map(|(left, right)| [*left, *right]).collect();
    let files = storage.files();
    assert!(files.len() > 5);
    for (path, content) in files {
        let holds = |phrase: &[u8]| content.windows(32).any(|window| window == &phrase[4000..4032]);
        assert!(!holds(&caller) && !holds(&agent) && !holds(&interleaved), "{}", path.display());
        assert!(!content.windows(4).any(|window| window == b"RIFF"), "{}", path.display());
        assert!(!content.windows(14).any(|window| window == b"AGE-SECRET-KEY"), "{}", path.display());
    }
}

#[tokio::test]
async fn the_age_tool_opens_a_turn_with_the_key_of_its_purpose_and_no_other() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let session = begin(&ledger, &recordings);
    session.recorder.keep(turn(1, &["service-quality"], &spoken(0), &spoken(1))).unwrap();
    session.recorder.close("finished").await;
    let folder = storage.recording.folder.join(session.id.to_string());
    let names = storage.sealed(session.id);
    let file = |ending: &str| folder.join(names.iter().find(|name| name.ends_with(ending)).unwrap());
    let out = storage.folder.path().join("turn.wav");
    let age = |key: &str| {
        let mut unwrap = Command::new("age");
        unwrap.arg("-d").arg("-i").arg(storage.key(key)).arg(file(".wrap"));
        let mut unwrap = unwrap.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut open = Command::new("age");
        open.args(["-d", "-i", "-", "-o"]).arg(&out).arg(file(".age")).stderr(Stdio::null());
        let opened = open.stdin(unwrap.stdout.take().unwrap()).status().unwrap().success();
        unwrap.wait().unwrap().success() && opened
    };
    assert!(!age("disputes"));
    assert!(age("service-quality"));
    let opened = std::fs::read(&out).unwrap();
    let data = candor::audio::wav::interleaved_ulaw(&opened).unwrap();
    let caller: Vec<u8> = data.iter().step_by(2).copied().collect();
    assert_eq!(caller, spoken(0));
    if let Some(about) = soxi(&out) {
        assert!(about.contains("Channels       : 2") && about.contains("8-bit u-law"), "{about}");
    }
}

#[tokio::test]
async fn a_purpose_without_a_public_key_is_refused_at_the_start() {
    let storage = Storage::new();
    let refused = Recordings::open(&storage.recording, &storage.ledger, &[purpose("training")]).await;
    let Err(error @ RecordingError::NoPublicKey { .. }) = refused else { panic!("accepted") };
    let message = error.to_string();
    assert!(message.contains("training.pub") && message.contains("candor keys new --purpose training"), "{message}");
}

#[tokio::test]
async fn nothing_is_stored_of_a_session_whose_ledger_cannot_be_written() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let session = begin(&ledger, &recordings);
    session.ledger.written().await.unwrap();
    // From here on nothing can be appended to the chain.
    let path = storage.ledger.session_file(session.id);
    std::fs::rename(&path, path.with_extension("away")).unwrap();
    session.ledger.append(crate::stored::consent("given")).unwrap();
    session.recorder.keep(turn(1, &["service-quality"], &spoken(0), &spoken(1))).unwrap();
    let kept = session.recorder.close("failed").await;
    assert_eq!((kept.sealed, kept.lost), (0, 1));
    assert!(storage.sealed(session.id).is_empty());
}

#[tokio::test]
async fn a_turn_that_the_disk_refuses_is_lost_leaves_nothing_and_the_ledger_says_so() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let session = begin(&ledger, &recordings);
    // Where the session's folder should be, there is a file.
    std::fs::create_dir_all(&storage.recording.folder).unwrap();
    std::fs::write(storage.recording.folder.join(session.id.to_string()), "").unwrap();
    session.recorder.keep(turn(4, &["service-quality"], &spoken(0), &spoken(1))).unwrap();
    let kept = session.recorder.close("finished").await;
    assert_eq!((kept.sealed, kept.lost), (0, 1));
    session.ledger.written().await.unwrap();
    assert!(storage.events(session.id).contains(&Event::TurnLost { turn: 4, reason: "disk".into() }));
    assert!(recordings.index().session(session.id).await.unwrap().unwrap().turns.is_empty());
}

#[tokio::test]
async fn a_turn_whose_sealing_cannot_be_written_down_is_not_left_readable() {
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let session = begin(&ledger, &recordings);
    session.ledger.written().await.unwrap();
    let path = storage.ledger.session_file(session.id);
    std::fs::rename(&path, path.with_extension("away")).unwrap();
    session.recorder.keep(turn(1, &["service-quality"], &spoken(0), &spoken(1))).unwrap();
    let kept = session.recorder.close("failed").await;
    assert_eq!((kept.sealed, kept.lost), (0, 1));
    assert!(storage.sealed(session.id).is_empty());
    assert!(recordings.index().session(session.id).await.unwrap().unwrap().turns.is_empty());
}
