//! A ledger that cannot be written in the middle of a call: the call goes on unrecorded, the caller is told, and the account says later what
//! is missing.

use crate::by_key::Prompts;
use crate::faults_disk::{hears_and_is_helped, opened, patient, recorded, verified};
use crate::http::count;

#[tokio::test]
async fn a_ledger_that_cannot_be_written_ends_recording_and_not_the_call() {
    let prompts = Prompts::of_the_webshop().await;
    let mut service = patient().start();
    let (call, session) = recorded(&service).await;
    let sealed = service.sealed_turns();
    // Where the ledger was, there is something that is no folder: nobody can write there, root included.
    let (ledger, away) = (service.data().join("ledger"), service.data().join("away"));
    std::fs::rename(&ledger, &away).unwrap();
    std::fs::write(&ledger, "not a folder").unwrap();
    hears_and_is_helped(&prompts, call, "recording-failed").await;
    assert!(count(&service, "candor_ledger_failures_total").await >= 1.0);
    let told = service.complaints("the ledger cannot be written: calls go on unrecorded");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("Not a directory") && told[0].contains("storage.folder"), "{told:?}");
    // That one line is all.
    let errors: Vec<String> = service.complaints("").into_iter().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");

    std::fs::remove_file(&ledger).unwrap();
    std::fs::rename(&away, &ledger).unwrap();
    service.terminate();
    service.ended().await;
    assert_eq!(service.sealed_turns(), sealed, "what was sealed stays, and nothing came after it");
    let events = service.events_of(&session);
    let last = events.last().unwrap();
    assert!(last["type"] == "session.unwritten" && last["entries"].as_u64().unwrap() > 0, "{events:#?}");
    let said = verified(&service);
    assert!(said.contains(&format!("{session}: the ledger could not be written to the session's end")), "{said}");
    let shown = service.tool(&["ledger", "show", &session]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("the ledger could not be written to the end of the session"));
    service.start_again();
    assert_eq!(opened(&service, &session), sealed.len());
}
