//! What must not happen does not compile: each program in `tests/must_not_compile` is refused, for the reason beside it. `UPDATE_EXPECTED=1` writes
//! the reasons anew.
//!
//! The compiler is given the library that these tests were built with, so that nothing is built for them.

use crate::cargo;
use crate::service::project;
use serde_json::Value;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn nobody_else_can_make_a_turn_that_may_be_kept() {
    let Some(library) = library() else { return };
    let mut programs: Vec<PathBuf> =
        std::fs::read_dir(project("tests/must_not_compile")).unwrap().map(|entry| entry.unwrap().path()).collect();
    programs.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    programs.sort();
    assert!(programs.len() >= 4, "a program is missing: {programs:?}");
    for program in programs {
        let reasons = refused(&program, &library);
        let expected = program.with_extension("stderr");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&expected, &reasons).unwrap();
        }
        let expected = std::fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(reasons, expected, "{} is not refused for its reason; empty: it compiles", program.display());
    }
}

/// Candor's library as cargo has built it for these tests. `None`: there is no cargo.
fn library() -> Option<PathBuf> {
    let mut build = cargo::build()?;
    build.current_dir(project(".")).args(["--locked", "--test", "behaviour", "--message-format", "json"]);
    let built = build.output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let libraries = messages(&built.stdout)
        .into_iter()
        .filter(|told| told["reason"] == "compiler-artifact" && told["target"]["name"] == "candor");
    let files = libraries.flat_map(|told| told["filenames"].as_array().cloned().unwrap_or_default());
    let mut files =
        files.filter_map(|file| file.as_str().map(PathBuf::from)).filter(|file| file.extension().is_some_and(|e| e == "rlib"));
    Some(files.next().expect("cargo did not say where the library is"))
}

/// Why the compiler refuses a program: each error with its code, and what is said of its places. Empty: it does not.
fn refused(program: &Path, library: &Path) -> String {
    let nothing = tempfile::tempdir().unwrap();
    let mut compiler = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    compiler
        .args(["--edition", "2024", "--crate-type", "bin", "--emit", "metadata", "--error-format", "json", "--out-dir"])
        .arg(nothing.path());
    compiler.arg("--extern").arg(format!("candor={}", library.display()));
    compiler.arg("-L").arg(format!("dependency={}", library.parent().unwrap().join("deps").display()));
    compiler.arg("-L").arg(format!("dependency={}", library.parent().unwrap().display()));
    let compiled = compiler.arg(program).output().unwrap();
    let mut reasons = String::new();
    for told in messages(&compiled.stderr).iter().filter(|told| told["level"] == "error") {
        let Some(code) = told["code"]["code"].as_str() else { continue };
        writeln!(reasons, "{code}: {}", told["message"].as_str().unwrap()).unwrap();
        for place in told["spans"].as_array().unwrap() {
            if let Some(label) = place["label"].as_str() {
                writeln!(reasons, "  line {}: {label}", place["line_start"]).unwrap();
            }
        }
    }
    assert_eq!(reasons.is_empty(), compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    reasons
}

fn messages(told: &[u8]) -> Vec<Value> {
    String::from_utf8_lossy(told).lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}
