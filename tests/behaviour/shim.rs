//! What is put in the way of a server: see `shim.c`.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::service::Plan;

/// The shim, built, and the files by which it is told what to do.
pub struct Shim {
    folder: TempDir,
}

impl Shim {
    /// Builds it with the C compiler that the project needs anyway.
    pub fn build() -> Shim {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/behaviour/shim.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(folder.path().join("shim.so")).arg(source);
        let built = compiler.output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Shim { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts it into the server of this plan.
    pub fn put_into(&self, plan: Plan) -> Plan {
        let text = |name: &str| self.file(name).to_str().unwrap().to_owned();
        let plan = plan.variable("LD_PRELOAD", &text("shim.so"));
        plan.variable("TEST_CLOCK", &text("clock")).variable("TEST_ENGINE", &text("engine"))
    }

    /// The wall clock goes so many seconds wrong.
    pub fn move_clock(&self, seconds: i64) {
        std::fs::write(self.file("clock"), seconds.to_string()).unwrap();
    }

    /// The recogniser: `well`, `hang`, `die` or `slow`.
    pub fn engine(&self, mode: &str) {
        std::fs::write(self.file("engine"), mode).unwrap();
    }
}
