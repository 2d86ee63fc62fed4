//! The subcommands of ledger and recordings end with 0 where it holds, 1 where it does not, 2 where they were called wrongly.

use std::process::{Command, Output};

use candor::ledger::Ledger;

use crate::stored::{Storage, begin, closed, turn};

fn candor(storage: &Storage, arguments: &[&str]) -> (i32, String) {
    let mut candor = Command::new(env!("CARGO_BIN_EXE_candor"));
    candor.current_dir(storage.folder.path()).env("CANDOR_STORAGE__FOLDER", storage.folder.path().join("data"));
    let Output { status, stdout, stderr } = candor.args(arguments).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

#[tokio::test]
async fn ledger_and_recordings_say_by_their_status_whether_it_holds() {
    let storage = Storage::new();
    let (status, told) = candor(&storage, &["ledger", "verify"]);
    assert_eq!(status, 2, "{told}");

    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = storage.recordings().await;
    let session = begin(&ledger, &recordings);
    session.recorder.keep(turn(1, &["service-quality"], &[1; 800], &[2; 800])).unwrap();
    session.recorder.close("finished").await;
    session.ledger.append(closed(1)).unwrap();
    ledger.close();
    let id = session.id.to_string();

    let (status, told) = candor(&storage, &["ledger", "verify"]);
    assert!(status == 0 && told.contains("The ledger holds"), "{told}");
    let (status, told) = candor(&storage, &["ledger", "verify", "--expect-head", &"0".repeat(64)]);
    assert!(status == 1 && told.contains("head not found"), "{told}");
    assert_eq!(candor(&storage, &["ledger", "verify", "--expect-head", "nonsense"]).0, 2);
    let (status, told) = candor(&storage, &["ledger", "show", &id]);
    assert!(status == 0 && told.contains("turn 1 sealed"), "{told}");

    let (status, told) = candor(&storage, &["recordings", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((status, listed[0]["id"].as_str()), (0, Some(id.as_str())));
    let unknown = "00000000-0000-4000-8000-000000000000";
    let (status, told) = candor(&storage, &["recordings", "show", unknown]);
    assert!(status == 2 && told.contains("candor recordings list"), "{told}");
    let (key, out) = (storage.key("disputes"), storage.folder.path().join("out"));
    let (key, out) = (key.to_str().unwrap(), out.to_str().unwrap());
    let export = ["recordings", "export", &id, "--key", key, "--purpose", "service-quality", "--out", out, "--reason"];
    let (status, told) = candor(&storage, &[&export[..], &["curious"]].concat());
    assert!(status == 1 && told.contains("it is the key of `disputes`"), "{told}");
    assert_eq!(candor(&storage, &[&export[..], &[" "]].concat()).0, 2, "a reason is needed");

    let path = storage.ledger.session_file(session.id);
    let edited = std::fs::read_to_string(&path).unwrap().replace("webshop", "bookshop");
    std::fs::write(&path, edited).unwrap();
    let (status, told) = candor(&storage, &["ledger", "verify"]);
    assert!(status == 1 && told.contains(&format!("edited: {id}, line 1")), "{told}");
}
