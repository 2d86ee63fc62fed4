//! Cargo inside a test: it finds what was built for these tests and builds nothing twice.

use std::process::Command;

/// `cargo build` with the features and the profile that these tests were built with. `None`: there is no cargo.
pub fn build() -> Option<Command> {
    let Some(cargo) = std::env::var_os("CARGO") else {
        eprintln!("skipped: this test was not started by cargo, and it needs one");
        return None;
    };
    let mut build = Command::new(cargo);
    build.args(["build", "--offline", "--no-default-features", "--features", &features().join(",")]);
    if !cfg!(debug_assertions) {
        build.arg("--release");
    }
    // What cargo has told this test about its own package is not for that one: a build script that looks at it (ring's does) would run anew, and with
    // it everything that stands on it, also in the next build.
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "OUT_DIR"].iter().any(|told| name.to_string_lossy().starts_with(told)) {
            build.env_remove(name);
        }
    }
    Some(build)
}

/// The features that these tests were built with.
fn features() -> Vec<&'static str> {
    let all = [
        ("default", cfg!(feature = "default")),
        ("vosk", cfg!(feature = "vosk")),
        ("whisper", cfg!(feature = "whisper")),
        ("aloud", cfg!(feature = "aloud")),
    ];
    all.into_iter().filter_map(|(name, on)| on.then_some(name)).collect()
}
