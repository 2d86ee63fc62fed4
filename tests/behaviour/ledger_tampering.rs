//! Whatever is changed in a ledger afterwards is found, and named by chain and line.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use candor::ledger::{self, Access, FaultKind, Ledger, LedgerKey, Report, Settings, append_access};
use proptest::prelude::*;
use sha2::Digest;
use uuid::Uuid;

use crate::stored::{Storage, closed, consent, opened};

/// A ledger with two closed sessions and two accesses, whose files stay as they are.
struct Original {
    storage: Storage,
    head: String,
    first: Uuid,
}

fn original() -> &'static Original {
    static ORIGINAL: OnceLock<Original> = OnceLock::new();
    ORIGINAL.get_or_init(|| {
        let storage = Storage::new();
        let ledger = Ledger::open(&storage.ledger).unwrap();
        let sessions = [ledger.session(Uuid::new_v4()), ledger.session(Uuid::new_v4())];
        for event in [opened(), consent("requested"), consent("given"), consent("withdrawn"), closed(0)] {
            for session in &sessions {
                session.append(event.clone()).unwrap();
            }
        }
        ledger.close();
        for action in ["list", "show"] {
            let (actor, outcome) = ("tester".to_owned(), "done".to_owned());
            append_access(&storage.ledger, Access { action, session: None, purpose: None, reason: None, actor, outcome })
                .unwrap();
        }
        let report = storage.verify();
        assert!(report.holds && report.notes.is_empty(), "{report:?}");
        Original { head: report.head, first: sessions[0].id(), storage }
    })
}

/// A copy of the original to be tampered with.
struct Copy {
    settings: Settings,
    _folder: tempfile::TempDir,
}

impl Copy {
    fn new() -> Copy {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::in_storage(folder.path());
        let from = &original().storage.ledger;
        for (from, to) in [(&from.folder, &settings.folder), (&from.keys, &settings.keys)] {
            copy(from, to);
        }
        Copy { settings, _folder: folder }
    }

    fn verify(&self) -> Report {
        ledger::verify(&self.settings, None).unwrap()
    }

    fn session(&self) -> PathBuf {
        self.settings.session_file(original().first)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let mut lines: Vec<String> = fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

/// The kinds and lines of what was found in one chain.
fn found(report: &Report, chain: &str) -> Vec<(FaultKind, Option<u64>)> {
    assert_eq!(report.holds, report.faults.is_empty());
    report.faults.iter().filter(|fault| fault.chain == chain).map(|fault| (fault.kind, fault.line)).collect()
}

fn found_in_session(copy: &Copy) -> Vec<(FaultKind, Option<u64>)> {
    found(&copy.verify(), &original().first.to_string())
}

#[test]
fn an_untouched_copy_holds() {
    let report = Copy::new().verify();
    assert!(report.holds, "{report:?}");
    assert_eq!((report.sessions, report.head.as_str()), (2, original().head.as_str()));
}

#[test]
fn an_edited_line_is_named() {
    let copy = Copy::new();
    change(&copy.session(), |lines| lines[2] = lines[2].replace("given", "taken"));
    assert_eq!(found_in_session(&copy), [(FaultKind::Edited, Some(3))]);
}

#[test]
fn a_removed_line_is_named() {
    let copy = Copy::new();
    change(&copy.session(), |lines| drop(lines.remove(1)));
    let found = found_in_session(&copy);
    assert!(found.contains(&(FaultKind::Removed, Some(2))), "{found:?}");
}

#[test]
fn a_forged_number_of_an_entry_is_named_and_costs_no_time() {
    let copy = Copy::new();
    let forged = |line: &str| {
        let mut entry: serde_json::Value = serde_json::from_str(line).unwrap();
        entry["seq"] = 9_000_000_000_000_000u64.into();
        entry.as_object_mut().unwrap().remove("hash");
        let hash = hex::encode(sha2::Sha256::digest(serde_json_canonicalizer::to_vec(&entry).unwrap()));
        entry["hash"] = hash.into();
        serde_json_canonicalizer::to_string(&entry).unwrap()
    };
    change(&copy.session(), |lines| lines[2] = forged(&lines[2]));
    let found = found_in_session(&copy);
    assert_eq!(found.first(), Some(&(FaultKind::Removed, Some(3))), "{found:?}");
}

#[test]
fn lines_in_another_order_are_named() {
    let copy = Copy::new();
    change(&copy.session(), |lines| lines.swap(1, 2));
    assert_eq!(found_in_session(&copy), [(FaultKind::Reordered, Some(2)), (FaultKind::Reordered, Some(3))]);
}

#[test]
fn a_chain_cut_off_at_its_end_is_named() {
    let copy = Copy::new();
    change(&copy.session(), |lines| lines.truncate(3));
    assert_eq!(found_in_session(&copy), [(FaultKind::Truncated, Some(3))]);
    fs::write(copy.session(), "").unwrap();
    assert_eq!(found_in_session(&copy), [(FaultKind::Truncated, Some(0))]);
}

#[test]
fn a_chain_that_is_gone_is_named() {
    let copy = Copy::new();
    fs::remove_file(copy.session()).unwrap();
    assert_eq!(found_in_session(&copy), [(FaultKind::Missing, None)]);
}

#[test]
fn a_chain_in_the_place_of_another_is_named() {
    let copy = Copy::new();
    let other = ledger::list(&copy.settings).unwrap().into_iter().find(|id| *id != original().first).unwrap();
    fs::copy(copy.settings.session_file(other), copy.session()).unwrap();
    let found = found_in_session(&copy);
    assert!(found.contains(&(FaultKind::Misplaced, Some(1))), "{found:?}");
}

#[test]
fn a_chain_written_anew_with_right_hashes_is_not_what_was_signed() {
    let copy = Copy::new();
    // Another ledger's key and server write a whole session under this id, without a refusal in it.
    let forger = Storage::new();
    let ledger = Ledger::open(&forger.ledger).unwrap();
    let session = ledger.session(original().first);
    for event in [opened(), consent("requested"), consent("given"), consent("given"), closed(0)] {
        session.append(event).unwrap();
    }
    ledger.close();
    fs::copy(forger.ledger.session_file(original().first), copy.session()).unwrap();
    let found = found_in_session(&copy);
    assert_eq!(found.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [FaultKind::Edited]);

    // And signs it, with a key that is not ours.
    change(&copy.settings.checkpoint_file(), |lines| lines.clear());
    fs::copy(forger.ledger.checkpoint_file(), copy.settings.checkpoint_file()).unwrap();
    let report = copy.verify();
    assert_eq!(found_kind(&report, "checkpoints"), Some(FaultKind::UnknownKey));
    assert!(report.faults.iter().any(|fault| fault.kind == FaultKind::Unproven), "{report:?}");
}

fn found_kind(report: &Report, chain: &str) -> Option<FaultKind> {
    found(report, chain).first().map(|(kind, _)| *kind)
}

#[test]
fn checkpoints_that_were_edited_removed_reordered_or_signed_by_another_are_named() {
    let changed = |with: fn(&mut Vec<String>)| {
        let copy = Copy::new();
        change(&copy.settings.checkpoint_file(), with);
        found(&copy.verify(), "checkpoints")
    };
    assert_eq!(changed(|lines| lines[1] = lines[1].replace("closed", "progress")), [(FaultKind::Edited, Some(2))]);
    assert_eq!(changed(|lines| drop(lines.remove(0))), [(FaultKind::Removed, Some(1))]);
    assert_eq!(changed(|lines| lines.swap(0, 1))[0], (FaultKind::Reordered, Some(1)));
    let resigned = changed(|lines| {
        // The signature of the next line under this one.
        let signature = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["signature"].clone();
        let (own, other) = (signature(&lines[0]), signature(&lines[1]));
        lines[0] = lines[0].replace(own.as_str().unwrap(), other.as_str().unwrap());
    });
    assert_eq!(resigned, [(FaultKind::BadSignature, Some(1))]);
}

#[test]
fn a_key_that_is_not_ours_is_named() {
    let copy = Copy::new();
    fs::write(copy.settings.keys.join("ledger.pub"), "").unwrap();
    let found = found(&copy.verify(), "checkpoints");
    assert!(!found.is_empty() && found.iter().all(|(kind, _)| *kind == FaultKind::UnknownKey), "{found:?}");
}

#[test]
fn an_older_key_stays_known_when_a_new_one_signs() {
    let copy = Copy::new();
    fs::remove_file(copy.settings.keys.join("ledger.key")).unwrap();
    let (key, made) = LedgerKey::load_or_make(&copy.settings).unwrap();
    assert!(made);
    let (actor, outcome) = ("tester".to_owned(), "done".to_owned());
    append_access(&copy.settings, Access { action: "list", session: None, purpose: None, reason: None, actor, outcome }).unwrap();
    assert!(fs::read_to_string(copy.settings.checkpoint_file()).unwrap().contains(&key.public()));
    let report = copy.verify();
    assert!(report.holds, "{report:?}");
}

#[test]
fn a_checkpoint_file_cut_off_together_with_its_chains_is_found_by_a_head_kept_elsewhere() {
    let copy = Copy::new();
    change(&copy.settings.checkpoint_file(), |lines| drop(lines.pop()));
    change(&copy.settings.access_file(), |lines| drop(lines.pop()));
    assert!(copy.verify().holds, "nothing inside shows it");
    let report = ledger::verify(&copy.settings, Some(&original().head)).unwrap();
    assert_eq!(found(&report, "checkpoints"), [(FaultKind::HeadNotFound, None)]);
}

#[derive(Clone, Debug)]
enum Tampering {
    Edit(usize, usize, u8),
    Remove(usize),
    Swap(usize, usize),
    Repeat(usize),
    Truncate(usize),
    Delete,
}

fn tampering() -> impl Strategy<Value = Tampering> {
    prop_oneof![
        (any::<usize>(), any::<usize>(), 1u8..128).prop_map(|(line, at, by)| Tampering::Edit(line, at, by)),
        any::<usize>().prop_map(Tampering::Remove),
        (any::<usize>(), 1usize..1000).prop_map(|(line, by)| Tampering::Swap(line, by)),
        any::<usize>().prop_map(Tampering::Repeat),
        any::<usize>().prop_map(Tampering::Truncate),
        Just(Tampering::Delete),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_single_change_to_any_file_is_found(which in 0usize..4, tampering in tampering()) {
        let copy = Copy::new();
        let mut files: Vec<PathBuf> =
            ledger::list(&copy.settings).unwrap().into_iter().map(|id| copy.settings.session_file(id)).collect();
        files.extend([copy.settings.access_file(), copy.settings.checkpoint_file()]);
        let path = &files[which];
        let before = fs::read(path).unwrap();
        match tampering {
            Tampering::Delete => fs::remove_file(path).unwrap(),
            Tampering::Edit(line, at, by) => {
                // Any bit of any byte, line feeds too.
                let mut bytes = before.clone();
                let place = line.wrapping_add(at) % bytes.len();
                bytes[place] ^= by;
                fs::write(path, bytes).unwrap();
            }
            _ => change(path, |lines| {
                let count = lines.len();
                match tampering {
                    Tampering::Remove(line) => drop(lines.remove(line % count)),
                    Tampering::Swap(line, by) => lines.swap(line % count, (line % count + 1 + by % (count - 1)) % count),
                    Tampering::Repeat(line) => lines.insert(line % count, lines[line % count].clone()),
                    Tampering::Truncate(left) => lines.truncate(left % count),
                    Tampering::Edit(..) | Tampering::Delete => unreachable!("handled above"),
                }
            }),
        }
        let after = fs::read(path).unwrap_or_default();
        prop_assume!(after != before);
        // A last line without its line feed says the same.
        prop_assume!(after.get(..before.len() - 1) != before.get(..before.len() - 1) || after.len() < before.len() - 1);
        let report = ledger::verify(&copy.settings, Some(&original().head)).unwrap();
        prop_assert!(!report.holds, "not found");
        prop_assert!(report.faults.iter().all(|fault| !fault.explanation.is_empty()));
    }
}
