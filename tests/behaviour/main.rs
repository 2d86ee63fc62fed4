//! All tests of behaviour, one file each, in one program.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../examples/caller/phone/mod.rs"]
mod phone;

mod by_key;
mod korean;
mod service;
mod stored;
mod traces;
mod twilio_peer;

mod a_crash_in_a_call;
mod a_crash_loses_nothing_sealed;
mod an_independent_caller;
mod any_call;
mod calls_by_key;
mod calls_by_voice;
mod dialog_check;
mod exit_status_says_whether_it_holds;
mod floors;
mod handover_ends_somehow;
mod hanging_up;
mod hears_korean;
mod hears_where_people_speak;
mod ledger_is_written;
mod ledger_tampering;
mod must_not_compile;
mod recording_sealing;
mod recordings_access;
mod retention_ends;
mod signed_requests_only;
mod speaks_prompts;
mod stopping;
mod survives_a_failing_recogniser;
mod the_canary;
mod twilio_handover;
mod twilio_limits;
mod twilio_messages;
mod twilio_signatures;
mod withdrawal;
mod withdrawal_erases;
