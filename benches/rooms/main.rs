//! What the parts of a call cost by themselves, room by room: `cargo bench --bench rooms`, or `cargo bench --bench rooms -- vad` for one.
//!
//! Times are of one core. What is measured with sound gives its rate too: how many seconds of sound go through in a second. docs/performance.md
//! says what they add up to in a call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod audio;
mod dialog;
mod speech;
mod stored;

/// What the tests of ledger and recording share.
#[allow(dead_code)]
#[path = "../../tests/behaviour/stored.rs"]
mod storage;

use criterion::{criterion_group, criterion_main};

criterion_group!(rooms, audio::benches, speech::benches, stored::benches, dialog::benches);
criterion_main!(rooms);
