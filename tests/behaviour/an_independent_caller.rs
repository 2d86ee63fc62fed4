//! A caller that shares no line with this project, streamdouble, finds nothing wrong with the server, and its yes reaches the ledger.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::by_key::{assert_log, by_key, opening, outline, then};
use crate::service::project;

#[tokio::test]
async fn a_caller_of_other_makers_finds_no_fault_and_gives_consent_by_key() {
    let Some(program) = std::env::var_os("STREAMDOUBLE").filter(|program| Path::new(program).exists()) else {
        eprintln!("skipped: STREAMDOUBLE does not name the program streamdouble (scripts/setup.sh test installs it)");
        return;
    };
    let python = Path::new(&program).with_file_name("python");
    // It takes a pause of a second and a half for the end of what the agent says.
    let service = by_key().with("SESSION__CONSENT_WINDOW_MS", "10000").with("SESSION__NO_INPUT_MS", "10000").start();
    let mut call = tokio::process::Command::new(python);
    call.arg(project("tests/independent_caller.py")).arg(&service.base).stdin(Stdio::null()).kill_on_drop(true);
    let output = call.output().await.unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON on standard output");
    for nothing in ["violations", "unknown-events", "failed-expectations", "warnings"] {
        assert_eq!(told[nothing], json!([]), "{nothing}: {told:#}");
    }
    assert_eq!((&told["violation-count"], &told["timed-out"]), (&json!(0), &json!(false)), "{told:#}");
    assert!(told["marks-received"].as_u64() >= Some(6) && told["marks-received"] == told["marks-echoed"], "{told:#}");
    assert!(told["audio-seconds"].as_f64() > Some(8.0), "{told:#}");

    let events = service.closed().await;
    let given = ["answer given by 1", "consent requested to given", "recorder started"];
    let end = ["recorder stopped ended", "consent given to expired", "closed caller-hung-up, 1 sealed"];
    assert_eq!(outline(&events), then(then(opening("nl"), &given), &end));
    assert_log(&service, &[]);
}
