//! An index that is held by another process, or damaged: calls go on unrecorded, and the index can be made anew without losing anything.

use std::path::Path;

use serde_json::Value;
use sqlx::{Connection, SqliteConnection};

use crate::by_key::Prompts;
use crate::faults_disk::{hears_and_is_helped, opened, patient, recorded, verified};
use crate::http::count;
use crate::service::Service;

/// Overwrites a file from its beginning to its end.
fn overwrite(file: &Path) {
    let length = std::fs::metadata(file).unwrap().len();
    let file = std::fs::File::options().write(true).open(file).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &vec![0xaa; length as usize], 0).unwrap();
}

fn listed(service: &Service, session: &str) -> Value {
    let listed = service.tool(&["recordings", "list", "--json"]);
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let sessions: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    sessions.into_iter().find(|recorded| recorded["id"] == session).expect("it is listed")
}

/// What is kept of a session. The ledger notes it some milliseconds after the index.
fn without_milliseconds(session: &Value) -> (Value, Value, String) {
    let mut turns = session["turns"].clone();
    for turn in turns.as_array_mut().unwrap() {
        let sealed_at: jiff::Timestamp = turn["sealed-at"].take().as_str().unwrap().parse().unwrap();
        assert!(sealed_at.duration_since(jiff::Timestamp::now()).as_secs().abs() < 600);
    }
    (turns, session["dialog"].clone(), session["opened-at"].as_str().unwrap()[..16].to_owned())
}

#[tokio::test]
async fn an_index_that_another_process_holds_ends_recording_and_not_the_call() {
    let prompts = Prompts::of_the_webshop().await;
    let service = patient().start();
    let (call, session) = recorded(&service).await;
    let sealed = service.sealed_turns();
    let mut other =
        SqliteConnection::connect(&format!("sqlite:{}", service.data().join("index.sqlite").display())).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    hears_and_is_helped(&prompts, call, "recording-failed").await;
    assert!(count(&service, "candor_turns_lost_total").await >= 1.0);
    let told = service.complaints("the index cannot be used: calls go on unrecorded");
    assert_eq!(told.len(), 1, "{:#?}", service.complaints(""));
    assert!(told[0].contains("locked"), "{told:?}");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();

    service.closed_of(&session).await;
    // What was sealed is there; so may be a turn that had ended before the caller was told, and waited for the index.
    let kept = service.sealed_turns();
    assert!(sealed.iter().all(|turn| kept.contains(turn)), "{kept:?}");
    assert_eq!(opened(&service, &session), kept.len());
    assert_eq!(listed(&service, &session)["turns"].as_array().unwrap().len(), kept.len());
}

#[tokio::test]
async fn an_index_that_is_damaged_in_a_call_ends_recording_and_is_made_anew() {
    let prompts = Prompts::of_the_webshop().await;
    let mut service = patient().start();
    let (call, session) = recorded(&service).await;
    let sealed = service.sealed_turns();
    let before = listed(&service, &session);
    let held =
        service.tool(&["recordings", "hold", &session, "--case", "C-17", "--reason", "a complaint", "--review", "2027-03-01"]);
    assert!(held.status.success());
    let index = service.data().join("index.sqlite");
    overwrite(&index);
    overwrite(&index.with_extension("sqlite-wal"));
    hears_and_is_helped(&prompts, call, "recording-failed").await;
    assert!(count(&service, "candor_turns_lost_total").await >= 1.0);
    let told = service.complaints("the index is damaged: calls go on unrecorded");
    assert_eq!(told.len(), 1, "{:#?}", service.complaints(""));
    assert!(told[0].contains("candor recordings reindex"), "{told:?}");
    let next = service.caller().ring().await.unwrap();
    next.wait_for_completed_marks(1).await.unwrap();
    next.press("0").await.unwrap();
    assert_eq!(next.outcome().await.verbs_named("Enqueue").len(), 1, "who calls now reaches a person too");

    let refused = service.tool(&["recordings", "reindex"]);
    assert_eq!(refused.status.code(), Some(1), "not beside a running server");
    service.terminate();
    service.ended().await;
    let said = service.does_not_start_again();
    assert!(said.contains("is damaged") && said.contains("candor recordings reindex"), "{said}");
    let made = service.tool(&["recordings", "reindex"]);
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(made.status.success() && said.contains("Holds that stand: 1"), "{said}{}", String::from_utf8_lossy(&made.stderr));
    let mut after = listed(&service, &session);
    assert_eq!(without_milliseconds(&after), without_milliseconds(&before));
    let hold = after["holds"][0].take();
    assert_eq!((&hold["case-ref"], &hold["reason"]), (&Value::from("C-17"), &Value::from("a complaint")));

    service.start_again();
    assert_eq!((service.sealed_turns(), opened(&service, &session)), (sealed.clone(), sealed.len()));
    // Holds, erasure and all else work as before.
    let erase = ["recordings", "erase", &session, "--reason", "a test"];
    assert_eq!(service.tool(&erase).status.code(), Some(1), "it is held");
    assert!(service.tool(&["recordings", "release", &session]).status.success());
    assert!(service.tool(&erase).status.success());
    assert!(service.sealed_turns().is_empty());
    verified(&service);
}

#[tokio::test]
async fn what_no_ledger_names_is_named_by_reindexing_and_left_where_it_is() {
    let mut service = patient().start();
    let (call, session) = recorded(&service).await;
    call.hang_up().await.unwrap();
    call.outcome().await;
    service.closed().await;
    service.terminate();
    service.ended().await;
    let turn = service.sealed_turns().remove(0);
    let stranger = turn.with_file_name("4e0f3e2c-5a52-4a7c-8f2b-0a7a5d1f3b11.age");
    std::fs::write(&stranger, "of another server").unwrap();
    std::fs::remove_file(service.data().join("index.sqlite")).unwrap();
    let made = service.tool(&["recordings", "reindex"]);
    let said = String::from_utf8_lossy(&made.stdout).into_owned();
    assert_eq!(made.status.code(), Some(1), "{said}");
    assert!(said.contains(stranger.file_name().unwrap().to_str().unwrap()) && stranger.exists(), "{said}");
    assert!(turn.exists() && opened(&service, &session) > 0);
}
