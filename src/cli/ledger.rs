//! `candor ledger`: what happened in a session, and whether the ledger is what was written.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use uuid::Uuid;

use super::terminal::{Exit, print, print_json, refuse};
use crate::ledger::{self, Entry, Event, LedgerError, Report};

/// `candor ledger …`
#[derive(Debug, Args)]
pub struct Ledger {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what was said, asked, answered and done in a session
    Show {
        /// The session's id
        session: Uuid,
        /// As JSON, one array of entries as they stand in the file
        #[arg(long)]
        json: bool,
    },
    /// Check that nothing was edited, removed, reordered or cut off
    Verify {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// The head that an earlier verify printed: finds a checkpoint file that was cut off since
        #[arg(long, value_name = "HASH", value_parser = hash)]
        expect_head: Option<String>,
    },
}

fn hash(text: &str) -> Result<String, &'static str> {
    let is_hash = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("a head is 64 hexadecimal digits, as `candor ledger verify` prints it")
    }
}

/// Runs `candor ledger`.
pub fn run(ledger: &Ledger, settings: &ledger::Settings) -> miette::Result<ExitCode> {
    match &ledger.command {
        Command::Show { session, json } => show(*session, *json, settings),
        Command::Verify { json, expect_head } => verify(*json, expect_head.as_deref(), settings),
    }
}

fn show(session: Uuid, json: bool, settings: &ledger::Settings) -> miette::Result<ExitCode> {
    let entries = match ledger::read_session(settings, session) {
        Ok(entries) => entries,
        Err(error @ LedgerError::UnknownSession(_)) => return Ok(refuse(&error, Exit::CalledWrongly)),
        Err(error) => return Ok(refuse(&error, Exit::DoesNot)),
    };
    if json {
        print_json(&entries)?;
    } else {
        let lines: String = entries.iter().map(line).collect();
        print(&format!("session {session}\n\n{lines}\nWhether this is what was written: candor ledger verify\n"));
    }
    Ok(Exit::Holds.into())
}

fn verify(json: bool, expected_head: Option<&str>, settings: &ledger::Settings) -> miette::Result<ExitCode> {
    if !settings.folder.is_dir() {
        let reason = format!("there is no ledger in {}: is the storage folder the server's?", settings.folder.display());
        return Ok(refuse(&reason, Exit::CalledWrongly));
    }
    let report = match ledger::verify(settings, expected_head) {
        Ok(report) => report,
        Err(error) => return Ok(refuse(&error, Exit::DoesNot)),
    };
    if json {
        print_json(&report)?;
    } else {
        print(&report_in_words(&report));
    }
    Ok(if report.holds { Exit::Holds } else { Exit::DoesNot }.into())
}

fn report_in_words(report: &Report) -> String {
    let Report { sessions, open, deleted, entries, checkpoints, head, .. } = report;
    let mut text = String::new();
    for fault in &report.faults {
        text += &format!("{fault}\n");
    }
    for note in &report.notes {
        text += &format!("note: {}: {}\n", note.chain, note.text);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text += &match report.faults.len() {
        0 => "The ledger holds".to_owned(),
        1 => "The ledger does NOT hold: 1 fault".to_owned(),
        faults => format!("The ledger does NOT hold: {faults} faults"),
    };
    text += &format!(
        ". {sessions} sessions ({open} open, {deleted} more deleted at the end of their term), {entries} entries, {checkpoints} checkpoints.\n\
         head {head}\n"
    );
    if report.faults.is_empty() {
        text += &format!("Keep this head elsewhere; next time: candor ledger verify --expect-head {head}\n");
    }
    text
}

/// One entry in words, with the time in the call where the entry has one.
fn line(entry: &Entry) -> String {
    let (place, words) = in_words(&entry.event);
    let place = place.map_or_else(String::new, |ms| format!("{}:{:02}.{}", ms / 60_000, ms / 1000 % 60, ms % 1000 / 100));
    let at = entry.at.get(..19).unwrap_or(&entry.at).replace('T', " ");
    format!("{at}Z  {place:>8}  {words}\n")
}

fn in_words(event: &Event) -> (Option<u64>, String) {
    match event {
        Event::SessionOpened { transport, dialog, language, privacy_notice, software, .. } => {
            let words =
                format!("session opened: {transport}, dialog {dialog} in {language}, notice {privacy_notice}, candor {software}");
            (Some(0), words)
        }
        Event::Disclosure(prompted) => (Some(prompted.ended_ms), said("disclosure", prompted)),
        Event::Question { purpose, prompted } => (Some(prompted.ended_ms), said(&format!("question for {purpose}"), prompted)),
        Event::Answer { purpose, outcome, method, key, grammar_entry, confidence_percent, at_ms } => {
            let key = key.map(|key| format!(" {key}")).unwrap_or_default();
            let entry = grammar_entry.as_ref().map(|entry| format!(", by {entry}")).unwrap_or_default();
            let confidence = confidence_percent.map(|percent| format!(", confidence {percent} %")).unwrap_or_default();
            (Some(*at_ms), format!("answer for {purpose}: {outcome} ({method}{key}{entry}{confidence})"))
        }
        Event::Consent { purpose, basis, from, to, at_ms } => (Some(*at_ms), format!("{purpose} ({basis}): {from} -> {to}")),
        Event::RecorderStarted { purposes, at_ms } => (Some(*at_ms), format!("recorder started for {}", purposes.join(", "))),
        Event::RecorderStopped { reason, at_ms, turn_dropped } => {
            let dropped = if *turn_dropped { "; the running turn was dropped" } else { "" };
            (Some(*at_ms), format!("recorder stopped: {reason}{dropped}"))
        }
        Event::PbxRecorder { order, reason, purpose, file, answer, at_ms, answered_ms } => {
            let file = file.as_ref().map_or(String::new(), |file| format!(" {file}"));
            let took = answered_ms.saturating_sub(*at_ms);
            (
                Some(*at_ms),
                format!("phone system's recorder told to {order} for {purpose} ({reason}):{file} {answer}, after {took} ms"),
            )
        }
        Event::TurnSealed { turn, part, sha256, bytes, purposes, ended_ms, .. } => {
            let part = if *part > 1 { format!(" part {part}") } else { String::new() };
            let until: Vec<_> = purposes.iter().map(|(purpose, until)| format!("{purpose} until {}", day(until))).collect();
            let (until, hash) = (until.join(", "), sha256.get(..12).unwrap_or(sha256));
            (Some(*ended_ms), format!("turn {turn}{part} sealed: {bytes} bytes, {until}, sha256 {hash}…"))
        }
        Event::TurnLost { turn, reason } => (None, format!("turn {turn} lost: {reason}")),
        Event::WrapsDeleted { purpose, reason, wraps, turns, held } => {
            let held = if *held > 0 { format!("; {held} kept by a hold") } else { String::new() };
            (None, format!("deleted for {purpose} ({reason}): {wraps} wraps, {turns} turns{held}"))
        }
        Event::HandoverRequested { target, reason, priority, at_ms } => {
            (Some(*at_ms), format!("handover to {target} requested ({reason}), priority {priority}"))
        }
        Event::HandoverResult { target, result, at_ms } => (Some(*at_ms), format!("handover to {target}: {result}")),
        Event::SessionClosed { outcome, turns_sealed, at_ms } => {
            (Some(*at_ms), format!("session closed: {outcome}, {turns_sealed} turns sealed"))
        }
        Event::SessionLost {} => (None, "session lost: the server stopped in it".to_owned()),
        Event::SessionUnwritten { entries } => (
            None,
            format!(
                "the ledger could not be written to the end of the session: {entries} entries are missing, nothing was recorded in that time"
            ),
        ),
        Event::LedgerRepaired { bytes_cut } => {
            (None, format!("an unfinished line of {bytes_cut} bytes was cut off after a crash"))
        }
        Event::Access { action, session, outcome, actor, reason, .. } => {
            let session = session.as_deref().unwrap_or("all sessions");
            let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            (None, format!("{action} {session} by {actor}, {outcome}{reason}"))
        }
        other => (None, other.name()),
    }
}

fn said(what: &str, prompted: &ledger::Prompted) -> String {
    let ledger::Prompted { prompt, language, text_sha256, audio_ms, outcome, evidence, .. } = prompted;
    let evidence = evidence.as_ref().map(|grade| format!(" (evidence: {grade})")).unwrap_or_default();
    let (hash, seconds) = (text_sha256.get(..12).unwrap_or(text_sha256), *audio_ms as f64 / 1000.0);
    format!("{what}: {prompt} in {language}, {seconds:.1} s, {outcome}{evidence}, text sha256 {hash}…")
}

fn day(at: &str) -> &str {
    at.get(..10).unwrap_or(at)
}
