//! Finds the recogniser library, `libvosk.so`, for linking and for running.

use std::env;
use std::path::PathBuf;

const OWN_FOLDER: &str = "VOSK_LIB_DIR";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    embed_pages();
    if env::var_os("CARGO_FEATURE_VOSK").is_none() {
        return;
    }
    for variable in [OWN_FOLDER, "CANDOR_CACHE", "XDG_CACHE_HOME", "HOME"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let Some(folder) = library_folder() else {
        println!(
            "cargo::error=none of {OWN_FOLDER}, CANDOR_CACHE, XDG_CACHE_HOME and HOME is set: set {OWN_FOLDER} to the folder with libvosk.so, or build with --no-default-features --features whisper"
        );
        return;
    };
    let library = folder.join("libvosk.so");
    println!("cargo::rerun-if-changed={}", library.display());
    if !library.is_file() {
        println!(
            "cargo::error=the recogniser library is not at {}: run `make setup`, or set {OWN_FOLDER} to the folder with libvosk.so, or build with --no-default-features --features whisper (then Whisper alone hears callers)",
            library.display()
        );
        return;
    }
    println!("cargo::rustc-link-search=native={}", folder.display());
    // Every binary, example and test finds the library where it was linked, without LD_LIBRARY_PATH.
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", folder.display());
}

/// A release build holds the pages, also a file that was not there when it was last built. Others read them where they lie.
fn embed_pages() {
    if env::var_os("PROFILE").is_some_and(|profile| profile == "release") {
        for folder in ["examples/browser", "web/desk"] {
            println!("cargo::rerun-if-changed={folder}");
        }
    }
}

/// The folder named by `VOSK_LIB_DIR`, else the one in the cache that `make setup` fills.
fn library_folder() -> Option<PathBuf> {
    let folder = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    folder(OWN_FOLDER).or_else(|| {
        folder("CANDOR_CACHE")
            .or_else(|| folder("XDG_CACHE_HOME").map(|cache| cache.join("candor")))
            .or_else(|| folder("HOME").map(|home| home.join(".cache/candor")))
            .map(|cache| cache.join("vosk"))
    })
}
