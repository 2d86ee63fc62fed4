//! The house has floors: a room imports only from floors below its own, and on the third floor from no neighbour's inside.

use std::collections::BTreeSet;

use crate::service::{files_below, project};

/// Rooms by floor, from the ground up. `main.rs` and `lib.rs` stand outside.
const FLOORS: [&[&str]; 6] = [
    &["audio", "consent"],
    &["dialog"],
    &["ledger", "lookup", "transport", "handover", "pbx", "recording", "speech"],
    &["session", "rehearsal"],
    &["server"],
    &["cli"],
];

/// What the third floor's rooms may use of each other: the ledger is where recording writes down what it did, and the transports carry
/// out handovers by the contract of that room, as the orders to a PBX do, whose settings are a part of Asterisk's.
const NEIGHBOURS: [(&str, &str); 4] =
    [("recording", "ledger"), ("transport", "handover"), ("transport", "pbx"), ("pbx", "handover")];

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The rooms that a file's code names after `crate::`.
fn imports(code: &str) -> BTreeSet<String> {
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = lines.collect::<Vec<_>>().join("\n");
    let mut rooms = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let grouped = after.strip_prefix('{').map(|group| group.split('}').next().unwrap_or_default());
        let names = grouped.map_or_else(|| vec![after], |group| group.split(',').map(str::trim).collect());
        for name in names {
            rooms.insert(name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    rooms
}

#[test]
fn a_room_imports_only_from_floors_below() {
    let source = project("src");
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for file in files_below(&source).into_iter().filter(|file| file.extension().is_some_and(|e| e == "rs")) {
        let path = file.strip_prefix(&source).unwrap();
        let Some(room) = path.parent().and_then(|p| p.iter().next()).and_then(|room| room.to_str()) else { continue };
        let floor = floor_of(room).unwrap_or_else(|| panic!("{room} is on no floor: give it one here and in ARCHITECTURE.md"));
        seen.insert(room.to_owned());
        for other in imports(&std::fs::read_to_string(&file).unwrap()) {
            let Some(below) = floor_of(&other) else { continue };
            let neighbour = NEIGHBOURS.contains(&(room, other.as_str()));
            if other != room && below >= floor && !neighbour {
                wrong.push(format!("{} imports crate::{other}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let all: BTreeSet<String> = FLOORS.iter().flat_map(|rooms| rooms.iter().map(|room| (*room).to_owned())).collect();
    assert_eq!(seen, all);
}

#[test]
fn the_pure_rooms_have_no_clock_no_task_and_no_io() {
    let forbidden =
        ["std::fs", "std::net", "std::thread", "std::time::Instant", "SystemTime", "tokio", "rand::", "println!", "tracing::"];
    for room in ["consent", "dialog", "audio"] {
        for file in files_below(&project("src").join(room)).into_iter().filter(|file| file.extension().is_some_and(|e| e == "rs"))
        {
            let code = std::fs::read_to_string(&file).unwrap();
            let code = code.split("#[cfg(test)]").next().unwrap();
            for word in forbidden {
                assert!(!code.contains(word), "{} uses {word}", file.display());
            }
        }
    }
}
