//! A disk that is full or cannot be written ends recording, never a call; what was sealed stays, and the ledger says what is missing.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::by_key::{Prompts, answer, by_key, next_prompt_sounds, ring};
use crate::disk::Disk;
use crate::http::count;
use crate::phone::{Call, Desk, Outcome};
use crate::service::{Plan, Service, files_below};

const TALKS: Desk = Desk::Answers { after: Duration::from_millis(300), talks: Duration::from_millis(100) };
const UNSTORED: &str = "turns cannot be stored: calls go on unrecorded";
const UNWRITTEN: &str = "the ledger cannot be written: calls go on unrecorded";

/// The sample dialog, by key, with time for a test that is busy elsewhere.
pub fn patient() -> Plan {
    by_key().with("SESSION__NO_INPUT_MS", "30000")
}

/// A caller who agreed, of whom one turn is sealed, in the menu of the second.
pub async fn recorded(service: &Service) -> (Call, String) {
    let (call, session) = ring(service, service.caller().desk(TALKS)).await;
    answer(&call, "1").await;
    next_prompt_sounds(&call).await;
    call.press("3").await.unwrap();
    service.wait_for_event("turn.sealed", |_| true).await;
    (call, session)
}

/// Whether the agent says this within so long, or has just said it. Looks for some frames of it alone, which costs the telephone beside
/// it no time.
pub async fn says(call: &Call, sound: &[u8], within: Duration) -> bool {
    const FRAME: usize = 160;
    let loud = |frame: &&[u8]| {
        frame.iter().filter(|byte| audio_codec_algorithms::decode_ulaw(**byte).unsigned_abs() > 2000).count() > 40
    };
    let frames: Vec<&[u8]> = sound.chunks_exact(FRAME).filter(loud).collect();
    let frames: Vec<&[u8]> = frames.iter().step_by(frames.len().div_ceil(8)).copied().collect();
    let deadline = Instant::now() + within;
    loop {
        let heard = call.heard();
        let lately = &heard.ulaw()[heard.ulaw().len().saturating_sub(15 * 8000)..];
        let there = |frame: &&&[u8]| lately.windows(FRAME).any(|window| window[0] == frame[0] && window == **frame);
        if frames.iter().filter(there).count() * 4 >= frames.len() * 3 {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// The same, and nothing else will do.
pub async fn hears(call: &Call, prompts: &Prompts, id: &str) {
    assert!(says(call, &prompts.sound("nl", id), Duration::from_secs(40)).await, "{id} is not said");
}

/// Goes on until the agent has said this, with the keys that it asks for meanwhile; then asks for a person.
pub async fn hears_and_is_helped(prompts: &Prompts, call: Call, id: &str) -> Outcome {
    let sound = prompts.sound("nl", id);
    let mut said = false;
    for _ in 0..4 {
        for key in ["1", "3"] {
            let _ = call.press(key).await;
            said = said || says(&call, &sound, Duration::from_secs(6)).await;
        }
        if said {
            break;
        }
    }
    assert!(said, "{id} is not said");
    call.press("*0").await.unwrap();
    let outcome = call.outcome().await;
    assert_eq!(outcome.violations, Vec::<String>::new());
    assert_eq!(outcome.verbs_named("Enqueue").len(), 1, "the caller reaches a person: {:?}", outcome.verbs);
    outcome
}

/// Everything that was sealed opens, by the tool and the key of its purpose; gives how many turns.
pub fn opened(service: &Service, session: &str) -> usize {
    let out = tempfile::tempdir().unwrap();
    let key = service.private_key("service-quality");
    let (key, folder) = (key.to_str().unwrap(), out.path().join("out"));
    let arguments = ["recordings", "export", session, "--key", key, "--purpose", "service-quality", "--reason", "a test"];
    let exported = service.tool(&[&arguments[..], &["--out", folder.to_str().unwrap()]].concat());
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let manifest = std::fs::read(folder.join(format!("{session}.json"))).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let turns = manifest["turns"].as_array().unwrap();
    assert!(turns.iter().all(|turn| turn["in-ledger"] == true), "{manifest}");
    turns.len()
}

/// What `ledger verify` says; it holds.
pub fn verified(service: &Service) -> String {
    let verified = service.tool(&["ledger", "verify"]);
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "{said}");
    said
}

#[tokio::test]
async fn a_disk_that_fills_in_a_recorded_call_ends_recording_and_not_the_call() {
    if !Disk::can_be_made() {
        return;
    }
    let prompts = Prompts::of_the_webshop().await;
    let mut service = patient().on_disk_of(4096).start();
    let (call, session) = recorded(&service).await;
    let sealed = service.sealed_turns();
    service.disk().fill();

    hears_and_is_helped(&prompts, call, "recording-failed").await;
    assert!(count(&service, "candor_turns_lost_total").await >= 1.0);
    // Who calls now is helped as well, and told, before the end, that nothing is recorded.
    let next = service.caller().desk(TALKS).ring().await.unwrap();
    hears_and_is_helped(&prompts, next, "recording-failed").await;
    assert!(count(&service, "candor_ledger_failures_total").await >= 1.0);
    let errors = service.complaints("");
    // Turns, ledger and index each say so, once.
    assert!(errors.iter().filter(|line| line.contains("ERROR")).count() <= 3, "one line a fault: {errors:#?}");
    assert_eq!((service.complaints(UNSTORED).len(), service.complaints(UNWRITTEN).len()), (1, 1), "{errors:#?}");

    // A start on a full disk says what is wrong, and works when there is room.
    service.terminate();
    service.ended().await;
    let said = service.does_not_start_again();
    assert!(said.contains("No space left on device") && said.contains("data"), "{said}");
    service.disk().free();
    service.start_again();
    assert_eq!(opened(&service, &session), sealed.len());
    assert_eq!(service.sealed_turns(), sealed, "what was sealed is still there, and nothing else");
    assert!(files_below(&service.data().join("recordings")).iter().all(|file| !file.to_str().unwrap().ends_with(".part")));
    verified(&service);
}

#[tokio::test]
async fn when_there_is_room_again_the_ledger_says_what_is_missing() {
    if !Disk::can_be_made() {
        return;
    }
    let prompts = Prompts::of_the_webshop().await;
    let mut service = patient().on_disk_of(4096).start();
    service.disk().fill();
    let call = service.caller().desk(TALKS).ring().await.unwrap();
    hears_and_is_helped(&prompts, call, "recording-failed").await;
    service.disk().free();
    let (call, session) = ring(&service, service.caller()).await;
    answer(&call, "1").await;
    next_prompt_sounds(&call).await;
    call.press("3").await.unwrap();
    call.wait_for_completed_marks(7).await.unwrap();
    call.hang_up().await.unwrap();
    call.outcome().await;
    let events = service.closed_of(&session).await;
    assert!(events.iter().any(|event| event["type"] == "turn.sealed"), "calls are recorded again: {events:?}");
    service.terminate();
    service.ended().await;
    let said = verified(&service);
    assert!(said.contains("the ledger could not be written to the session's end") && said.contains("0 open"), "{said}");
    service.start_again();
    verified(&service);
}

#[tokio::test]
async fn a_start_on_a_disk_that_cannot_be_written_says_so() {
    if !Disk::can_be_made() {
        return;
    }
    let mut service = patient().on_disk_of(4096).start();
    let (call, session) = recorded(&service).await;
    call.hang_up().await.unwrap();
    call.outcome().await;
    service.closed().await;
    let sealed = service.sealed_turns();
    service.terminate();
    service.ended().await;
    service.disk().make_read_only(true);
    let said = service.does_not_start_again();
    assert!(said.contains("Read-only file system") && said.contains("data"), "{said}");
    service.disk().make_read_only(false);
    service.start_again();
    assert_eq!((service.sealed_turns(), opened(&service, &session)), (sealed.clone(), sealed.len()));
}

/// Nobody may write in the folder any more, or its owner may again.
fn may_be_written(folder: &Path, may: bool) {
    for file in files_below(folder) {
        std::fs::set_permissions(file, PermissionsExt::from_mode(if may { 0o600 } else { 0o400 })).unwrap();
    }
    for name in ["ledger/sessions", "ledger/open", "ledger", "recordings", ""] {
        let folder = folder.join(name);
        std::fs::set_permissions(folder, PermissionsExt::from_mode(if may { 0o700 } else { 0o500 })).unwrap();
    }
}

#[tokio::test]
async fn a_disk_that_becomes_read_only_in_a_call_ends_recording_and_not_the_call() {
    let prompts = Prompts::of_the_webshop().await;
    let mut service = patient().start();
    if rustix::process::geteuid().is_root() {
        // Permissions bind root only without these capabilities.
        service.terminate();
        service.ended().await;
        service.is_started_under(&[
            "setpriv",
            "--bounding-set=-dac_override,-dac_read_search",
            "--inh-caps=-dac_override,-dac_read_search",
        ]);
        service.start_again();
    }
    let (call, session) = recorded(&service).await;
    let sealed = service.sealed_turns();
    may_be_written(&service.data(), false);
    hears_and_is_helped(&prompts, call, "recording-failed").await;
    let next = service.caller().desk(TALKS).ring().await.unwrap();
    hears_and_is_helped(&prompts, next, "recording-failed").await;
    assert_eq!(service.complaints(UNWRITTEN).len(), 1, "{:#?}", service.complaints(""));
    may_be_written(&service.data(), true);
    service.terminate();
    service.ended().await;
    service.start_again();
    assert_eq!((service.sealed_turns(), opened(&service, &session)), (sealed.clone(), sealed.len()));
    let said = verified(&service);
    assert!(said.contains("the ledger could not be written to the session's end"), "{said}");
}
