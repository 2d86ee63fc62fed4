//! A whole measurement, small and short: the real server, a few callers, and what is made of them.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use serde_json::Value;

/// This program as it is built beside its tests, with these arguments: what it printed as JSON, and whether all callers were helped.
fn load(arguments: &[&str]) -> (Value, bool) {
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples/load");
    assert!(program.is_file(), "build it first: cargo build --bin candor --example load");
    let output = Command::new(program).args(arguments).arg("--json").output().unwrap();
    let printed = serde_json::from_slice(&output.stdout);
    (printed.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr))), output.status.success())
}

#[test]
fn three_callers_talk_press_and_are_helped_and_a_fourth_is_passed_on() {
    let arguments = ["--calls", "4", "--room", "3", "--seconds", "6", "--rate", "400", "--talk", "0.6", "--says", "1,1,1"];
    let (report, helped) = load(&arguments);
    assert!(helped, "{report:#}");
    let row = &report["rows"][0];
    let number = |name: &str| row[name].as_u64().unwrap();
    assert_eq!((number("goodbye") + number("person"), number("passed_on")), (3, 1), "{row:#}");
    assert!(number("frames") > 1000, "{row:#}");
    assert!(number("turns_sealed") >= 1, "who said yes was recorded: {row:#}");
    assert!(row["cleared_by_key"]["count"].as_u64().unwrap() >= 1, "{row:#}");
    assert!(row["after_answers"]["count"].as_u64().unwrap() >= 1, "{row:#}");
    assert!(row["cpu"].as_f64().unwrap() > 0.0 && row["memory"].as_f64().unwrap() > 1.0, "{row:#}");
}

#[test]
fn an_echo_sends_everything_back() {
    let (report, _) = load(&["--calls", "5", "--echo", "--seconds", "1"]);
    let row = &report["rows"][0];
    // Fifty a second of each, or nearly: a busy machine may be late with the last.
    assert!(row["round_trip"]["count"].as_u64().unwrap() >= 200, "{row:#}");
    assert_eq!(row["lost"].as_u64(), Some(0), "{row:#}");
}
