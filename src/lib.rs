//! Candor: a voice agent server for contact centres that tells every caller what it is and what it keeps, asks, goes on the same way
//! whatever the answer, keeps only the turns that were consented to, hands over to a person, and can prove all of it.
//!
//! The rooms, from the top of the house down; a room imports only from floors below it (`ARCHITECTURE.md` draws the map):
//!
//! | room | what it is for |
//! | --- | --- |
//! | [`cli`] | one file per subcommand |
//! | [`server`] | HTTP: the routes of transports, health, metrics; settings and start |
//! | [`rehearsal`] | a call at an author's desk: the real engine without sound, sockets or disk; scenarios |
//! | [`session`] | one live call: joins transport, ears, mouth, dialog, recorder, ledger and handover |
//! | [`transport`] | ways a call comes in, behind one contract |
//! | [`handover`] | where a caller can go |
//! | [`recording`] | turns that may be kept: sealed, stored, indexed, ended |
//! | [`speech`] | the agent's mouth and ears |
//! | [`lookup`] | what a dialog asks of services over HTTP |
//! | [`ledger`] | the account of what was said, asked, answered and done |
//! | [`dialog`] | pure: dialog files, their checks, their texts, and the state machine of a call |
//! | [`consent`] | pure: purposes, bases, answers, grants, and turns that may be kept |
//! | [`audio`] | frames, codecs, rates |
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod at_once;
pub mod audio;
pub mod cli;
pub mod consent;
pub mod dialog;
mod episode;
pub mod handover;
pub mod ledger;
pub mod lookup;
pub mod recording;
pub mod rehearsal;
#[cfg(test)]
mod replayed_corpus;
pub mod secret;
pub mod server;
pub mod session;
pub mod speech;
pub mod transport;
mod wall_clock;
mod xml;
