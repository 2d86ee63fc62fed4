//! `candor keys`: the keys that recordings and call-back numbers are sealed to, and the key that signs the ledger's checkpoints.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::terminal::{Exit, print, print_json, refuse};
use crate::consent::Purpose;
use crate::handover::desk::{KeyError, NewDeskKey, make_key};
use crate::ledger::{self, LedgerKey};
use crate::recording::{self, NewKey, RecordingError};

/// Where private keys are written unless told otherwise.
const PRIVATE_FOLDER: &str = "candor-private-keys";

/// `candor keys …`
#[derive(Debug, Args)]
pub struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a pair of keys for each purpose, and the ledger's signing key where it is missing
    New {
        /// A purpose; may be given several times. Without one: every purpose of the dialogs that has no key yet
        #[arg(long = "purpose", value_name = "PURPOSE", value_parser = Purpose::new)]
        purposes: Vec<Purpose>,
        /// The folder for the private keys
        #[arg(long, value_name = "FOLDER", default_value = PRIVATE_FOLDER)]
        out: PathBuf,
    },
    /// Make the desk's pair of keys, for the numbers of callers who want to be called back
    Desk {
        /// The folder for the private key
        #[arg(long, value_name = "FOLDER", default_value = PRIVATE_FOLDER)]
        out: PathBuf,
    },
    /// Show which purposes have a public key
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// Runs `candor keys`. `announced` are the purposes of the dialogs.
pub fn run(
    keys: &Keys,
    recording: &recording::Settings,
    ledger: &ledger::Settings,
    announced: &[Purpose],
) -> miette::Result<ExitCode> {
    match &keys.command {
        Command::New { purposes, out } => Ok(new(purposes, out, recording, ledger, announced)),
        Command::Desk { out } => Ok(desk(out, recording)),
        Command::List { json } => list(*json, recording, announced),
    }
}

fn new(
    purposes: &[Purpose],
    out: &Path,
    recording: &recording::Settings,
    ledger: &ledger::Settings,
    announced: &[Purpose],
) -> ExitCode {
    let mut wanted = purposes.to_vec();
    if wanted.is_empty() {
        let missing = |purpose: &&Purpose| !recording::public_key_file(&recording.keys, purpose).exists();
        wanted.extend(announced.iter().filter(missing).cloned());
    }
    wanted.sort();
    wanted.dedup();
    match LedgerKey::load_or_make(ledger) {
        Ok((_, true)) => print(&format!("Made the ledger's signing key in {}.\n", ledger.keys.display())),
        Ok((_, false)) => {}
        Err(error) => return refuse(&error, Exit::DoesNot),
    }
    if wanted.is_empty() {
        print("Every purpose of the dialogs has a key. For another one: candor keys new --purpose PURPOSE\n");
        return Exit::Holds.into();
    }
    let mut private = false;
    for purpose in &wanted {
        match recording::make_key(&recording.keys, out, purpose) {
            Ok(NewKey { public, private: file, .. }) => {
                let (public, file) = (public.display(), file.display());
                print(&format!("Made a key for {purpose}: public {public}, private {file}\n"));
                private = true;
            }
            Err(error @ RecordingError::KeyExists(_)) => return refuse(&error, Exit::CalledWrongly),
            Err(error) => return refuse(&error, Exit::DoesNot),
        }
    }
    if private {
        print(&format!(
            "\nMove {} off this machine, to where the people who may listen keep their keys, and make a copy.\n\
             The server never needs it. Whoever has a private key can open every recording for its purpose;\n\
             when it is lost, nobody can.\n",
            out.display()
        ));
    }
    Exit::Holds.into()
}

fn desk(out: &Path, recording: &recording::Settings) -> ExitCode {
    match make_key(&recording.keys, out) {
        Ok(NewDeskKey { id, public, private }) => {
            let (public, private) = (public.display(), private.display());
            print(&format!(
                "Made the desk's key {id}: public {public}, private {private}\n\n\
                 Give {private} to the colleagues who call back, and keep a copy in a safe; then delete it here. They open it in the\n\
                 desk's page, which never sends it. The server seals numbers to the public half and cannot read them; without\n\
                 the private half nobody can. Restart the server: from then on callers can leave a number.\n"
            ));
            Exit::Holds.into()
        }
        Err(error @ KeyError::Exists(_)) => refuse(&error, Exit::CalledWrongly),
        Err(error) => refuse(&error, Exit::DoesNot),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Listed {
    purpose: Purpose,
    announced: bool,
    public_key: Option<String>,
}

fn list(json: bool, recording: &recording::Settings, announced: &[Purpose]) -> miette::Result<ExitCode> {
    let keys = match recording::public_keys(&recording.keys) {
        Ok(keys) => keys,
        Err(error) => return Ok(refuse(&error, Exit::DoesNot)),
    };
    let is_announced = |purpose: &Purpose| announced.contains(purpose);
    let mut listed: Vec<Listed> = keys
        .into_iter()
        .map(|(purpose, key)| Listed { announced: is_announced(&purpose), purpose, public_key: Some(key) })
        .collect();
    let without: Vec<_> = announced.iter().filter(|purpose| listed.iter().all(|key| key.purpose != **purpose)).collect();
    let holds = without.is_empty();
    let without = without.into_iter().map(|purpose| Listed { purpose: purpose.clone(), announced: true, public_key: None });
    listed.extend(without.collect::<Vec<_>>());
    if json {
        print_json(&listed)?;
    } else {
        print(&in_words(&listed));
    }
    Ok(if holds { Exit::Holds } else { Exit::DoesNot }.into())
}

fn in_words(listed: &[Listed]) -> String {
    if listed.is_empty() {
        return "There are no keys. Make one with `candor keys new --purpose PURPOSE`.\n".to_owned();
    }
    let line = |key: &Listed| match &key.public_key {
        Some(public) if key.announced => format!("{:<24} {public}\n", key.purpose.as_str()),
        Some(public) => format!("{:<24} {public} (no dialog records for it)\n", key.purpose.as_str()),
        None => format!("{:<24} no key: candor keys new --purpose {}\n", key.purpose.as_str(), key.purpose),
    };
    listed.iter().map(line).collect()
}
