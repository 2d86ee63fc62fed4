//! `candor recordings`: list, show, export, erase, hold, release, reindex. Each use is in the chain of accesses before anything is shown.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use uuid::Uuid;

use super::terminal::{Exit, actor, print, print_json, refuse};
use crate::consent::Purpose;
use crate::ledger;
use crate::recording::{self, Archive, Erased, RecordedSession, RecordedTurn, RecordingError, Reindexed};

/// `candor recordings …`
#[derive(Debug, Args)]
pub struct Recordings {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the sessions, the newest first, with how much is kept of each
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what is kept of a session, for which purposes and until when
    Show {
        /// The session's id
        session: Uuid,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Open what is kept of a session, here and with a private key, into a WAV file
    Export {
        /// The session's id
        session: Uuid,
        /// The file of the purpose's private key
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// For which purpose it is opened
        #[arg(long, value_parser = Purpose::new)]
        purpose: Purpose,
        /// Why it is opened; written into the ledger
        #[arg(long, value_name = "TEXT", value_parser = not_blank)]
        reason: String,
        /// The folder to write to
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
    },
    /// Erase what is kept of a session; there is no way back
    Erase {
        /// The session's id
        session: Uuid,
        /// Why; written into the ledger
        #[arg(long, value_name = "TEXT", value_parser = not_blank)]
        reason: String,
        /// Only for this purpose
        #[arg(long, value_parser = Purpose::new)]
        purpose: Option<Purpose>,
    },
    /// Keep a session from being deleted, for a case
    Hold {
        /// The session's id
        session: Uuid,
        /// The case, as you name it; no name of a person
        #[arg(long, value_name = "REF", value_parser = not_blank)]
        case: String,
        /// Why; written into the ledger
        #[arg(long, value_name = "TEXT", value_parser = not_blank)]
        reason: String,
        /// The day on which the hold must be looked at again, such as 2027-03-01
        #[arg(long, value_name = "DATE")]
        review: Date,
    },
    /// End the holds on a session; what only they kept is deleted
    Release {
        /// The session's id
        session: Uuid,
        /// Only the hold for this case
        #[arg(long, value_name = "REF")]
        case: Option<String>,
    },
    /// Make a damaged or missing index anew, from the ledger and the sealed files; the server must not run
    Reindex,
}

fn not_blank(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    if text.is_empty() { Err("say it in a few words") } else { Ok(text.to_owned()) }
}

/// Runs `candor recordings`.
pub async fn run(
    recordings: &Recordings,
    recording: &recording::Settings,
    ledger: &ledger::Settings,
) -> miette::Result<ExitCode> {
    if let Command::Reindex = recordings.command {
        return Ok(reindex(recording, ledger).await);
    }
    if !recording.index.exists() {
        let index = recording.index.display();
        let reason = format!("there are no recordings here: {index} does not exist; is the storage folder the server's?");
        return Ok(refuse(&reason, Exit::CalledWrongly));
    }
    let archive = match Archive::open(recording, ledger, actor()).await {
        Ok(archive) => archive,
        Err(error) => return Ok(refuse(&error, Exit::DoesNot)),
    };
    match done(&recordings.command, &archive).await? {
        Ok(()) => Ok(Exit::Holds.into()),
        Err(error) => {
            let exit = exit_of(&error);
            Ok(refuse(&error, exit))
        }
    }
}

fn exit_of(error: &RecordingError) -> Exit {
    match error {
        RecordingError::UnknownSession(_)
        | RecordingError::NotAPrivateKey(_)
        | RecordingError::ExportExists(_)
        | RecordingError::NotHeld(_) => Exit::CalledWrongly,
        _ => Exit::DoesNot,
    }
}

async fn done(command: &Command, archive: &Archive) -> miette::Result<Result<(), RecordingError>> {
    match command {
        Command::List { json } => match archive.list().await {
            Ok(sessions) if *json => print_json(&sessions)?,
            Ok(sessions) => print(&list_in_words(&sessions)),
            Err(error) => return Ok(Err(error)),
        },
        Command::Show { session, json } => match archive.show(*session).await {
            Ok(session) if *json => print_json(&session)?,
            Ok(session) => print(&session_in_words(&session)),
            Err(error) => return Ok(Err(error)),
        },
        other => return Ok(changed(other, archive).await),
    }
    Ok(Ok(()))
}

async fn reindex(recording: &recording::Settings, ledger: &ledger::Settings) -> ExitCode {
    if !recording.folder.is_dir() {
        let folder = recording.folder.display();
        let reason = format!("there are no recordings here: {folder} does not exist; is the storage folder the server's?");
        return refuse(&reason, Exit::CalledWrongly);
    }
    let Reindexed { sessions, turns, holds, strangers, old } = match recording::reindex(recording, ledger, actor()).await {
        Ok(done) => done,
        Err(error) => return refuse(&error, Exit::DoesNot),
    };
    let old = old.map(|old| format!(" The old index is {}.", old.display())).unwrap_or_default();
    print(&format!("The index holds {turns} turns of {sessions} sessions again.{old}\n"));
    if holds > 0 {
        print(&format!("Holds that stand: {holds}. Their days of review are lost: they are due today.\n"));
    }
    for stranger in &strangers {
        print(&format!("no ledger names {}: no retention ends it; delete it, or restore its ledger\n", stranger.display()));
    }
    if strangers.is_empty() { Exit::Holds.into() } else { Exit::DoesNot.into() }
}

async fn changed(command: &Command, archive: &Archive) -> Result<(), RecordingError> {
    match command {
        Command::List { .. } | Command::Show { .. } | Command::Reindex => {}
        Command::Export { session, key, purpose, reason, out } => {
            let export = archive.export(*session, key, purpose, reason, out).await?;
            let [audio, manifest] = export.write(out)?;
            let (turns, audio, manifest) = (export.manifest.turns.len(), audio.display(), manifest.display());
            print(&format!(
                "Opened {turns} turns of session {session} for {purpose}:\n  {audio}\n  {manifest}\n\
                 This is written in the ledger. Delete the copy when the reason is gone.\n"
            ));
        }
        Command::Erase { session, reason, purpose } => {
            let Erased { wraps, turns, .. } = archive.erase(*session, purpose.as_ref(), reason).await?;
            print(&format!("Erased {turns} turns of session {session} ({wraps} wraps). The ledger says so.\n"));
        }
        Command::Hold { session, case, reason, review } => {
            let hold = archive.hold(*session, case, reason, *review).await?;
            print(&format!("Session {session} is under a hold: {hold}.\n"));
        }
        Command::Release { session, case } => {
            let Erased { wraps, turns, .. } = archive.release(*session, case.as_deref()).await?;
            print(&format!("Session {session} is released.\n"));
            if wraps > 0 {
                print(&format!("Deleted {turns} turns ({wraps} wraps) that only the hold had kept.\n"));
            }
        }
    }
    Ok(())
}

fn list_in_words(sessions: &[RecordedSession]) -> String {
    if sessions.is_empty() {
        return "There are no sessions.\n".to_owned();
    }
    let mut text =
        format!("{:<36}  {:<20}  {:<16}  {:>5}  {:<16}  kept for\n", "session", "opened", "dialog", "turns", "outcome");
    for session in sessions {
        let mut purposes: Vec<_> = session.turns.iter().flat_map(|turn| &turn.wraps).map(|wrap| wrap.purpose.as_str()).collect();
        purposes.sort_unstable();
        purposes.dedup();
        let kept = if purposes.is_empty() { "nothing is kept".to_owned() } else { purposes.join(", ") };
        let hold = if session.holds.is_empty() { "" } else { " (under a hold)" };
        let (id, opened, dialog) = (session.id, short(&session.opened_at), &session.dialog);
        let outcome = session.outcome.as_deref().unwrap_or("goes on");
        text += &format!("{id}  {opened:<20}  {dialog:<16}  {:>5}  {outcome:<16}  {kept}{hold}\n", session.turns.len());
    }
    text
}

fn session_in_words(session: &RecordedSession) -> String {
    let RecordedSession { id, dialog, dialog_version, language, opened_at, closed_at, outcome, turns, holds } = session;
    let opened = short(opened_at);
    let end = match (closed_at, outcome) {
        (Some(at), Some(outcome)) => format!("ended {} ({outcome})", short(at)),
        _ => "goes on".to_owned(),
    };
    let version = dialog_version.get(..12).unwrap_or(dialog_version);
    let mut text =
        format!("session  {id}\ndialog   {dialog}, version {version}, in {language}\ntime     opened {opened}, {end}\n");
    for hold in holds {
        text += &format!("hold     {hold}: {}\n", hold.reason);
    }
    if turns.is_empty() {
        return text + "turns    nothing is kept\n";
    }
    text += &format!("turns    {}\n", turns.len());
    text + &turns.iter().map(turn_in_words).collect::<String>()
}

fn turn_in_words(turn: &RecordedTurn) -> String {
    let RecordedTurn { ordinal, part, began_ms, ended_ms, bytes, wraps, .. } = turn;
    let part = if *part > 1 { format!(", part {part}") } else { String::new() };
    let time = |ms: u64| format!("{}:{:02}.{}", ms / 60_000, ms / 1000 % 60, ms % 1000 / 100);
    let mut text =
        format!("  turn {ordinal}{part}, {} to {} of the call, {bytes} bytes sealed\n", time(*began_ms), time(*ended_ms));
    for wrap in wraps {
        let until = short(&wrap.until);
        text += &match wrap.ending.as_deref() {
            None => format!("    for {} until {until}\n", wrap.purpose),
            Some(why) => format!("    for {}: to be deleted ({why}), kept by the hold alone\n", wrap.purpose),
        };
    }
    text
}

/// A moment without its milliseconds.
fn short(at: &str) -> String {
    at.get(..19).map_or_else(|| at.to_owned(), |at| format!("{}Z", at.replace('T', " ")))
}
