//! Whole measurements, small and short: the real server, a few callers, and what is made of them.
#![allow(clippy::unwrap_used)]

use clap::Parser as _;
use serde_json::{Value, json};

use crate::{Arguments, echo, telephone};

fn arguments(written: &[&str]) -> Arguments {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Arguments::try_parse_from([&["load", "--json"], written].concat()).unwrap()
}

fn number(row: &Value, name: &str) -> u64 {
    row[name].as_u64().unwrap_or_else(|| panic!("{name} of {row:#}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_callers_talk_press_and_are_helped_and_a_fourth_is_passed_on() {
    let plan = arguments(&["--calls", "4", "--room", "3", "--seconds", "6", "--rate", "400", "--talk", "0.6", "--says", "1,1,1"]);
    let report = telephone::measured(&plan.telephone, &plan.common).await.unwrap();
    let row = &json!(report)["rows"][0];
    assert!(report.all_helped(), "{row:#}");
    assert_eq!((number(row, "goodbye") + number(row, "person"), number(row, "passed_on")), (3, 1), "{row:#}");
    assert!(number(row, "frames") > 1000, "{row:#}");
    assert!(number(row, "turns_sealed") >= 1, "who said yes was recorded: {row:#}");
    assert!(row["cleared_by_key"]["count"].as_u64().unwrap() >= 1, "{row:#}");
    assert!(row["after_answers"]["count"].as_u64().unwrap() >= 1, "{row:#}");
    assert!(row["cpu"].as_f64().unwrap() > 0.0 && row["memory"].as_f64().unwrap() > 1.0, "{row:#}");
}

/// The settings of the line that is heard by a recogniser. Which words it finds is another test's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_is_heard_by_the_recogniser_and_helped() {
    let written = ["--calls", "1", "--ears", "vosk", "--seconds", "6", "--rate", "400", "--talk", "0.6", "--says", "1,0,0"];
    let plan = arguments(&written);
    let report = telephone::measured(&plan.telephone, &plan.common).await.unwrap();
    let row = &json!(report)["rows"][0];
    assert!(report.all_helped(), "{row:#}");
    assert!(number(row, "turns_sealed") >= 1, "{row:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_sends_everything_back() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { echo::serve_on(listener).await.unwrap() });
    let plan = arguments(&["--calls", "5", "--echo", "--seconds", "1", "--server", &address]);
    let report = json!(echo::measured(&plan.common).await.unwrap());
    let row = &report["rows"][0];
    // Fifty a second of each, or nearly: a busy machine may be late with the last.
    assert!(row["round_trip"]["count"].as_u64().unwrap() >= 200, "{row:#}");
    assert_eq!(row["lost"].as_u64(), Some(0), "{row:#}");
}
