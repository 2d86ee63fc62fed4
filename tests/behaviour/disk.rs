//! A disk of its own for a server: a small one, in a mount namespace that a process holds as long as the test lasts. Nothing of it is
//! seen elsewhere on this machine, and nothing is left.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub struct Disk {
    holder: Child,
    place: PathBuf,
}

/// Whoever is not root becomes it in a namespace of their own, where that is allowed.
fn namespace() -> Vec<&'static str> {
    if rustix::process::geteuid().is_root() {
        vec!["unshare", "--mount"]
    } else {
        vec!["unshare", "--user", "--map-root-user", "--mount"]
    }
}

impl Disk {
    /// Whether this machine lets a test have one; says so where not.
    pub fn can_be_made() -> bool {
        let words = namespace();
        let tried = Command::new(words[0]).args(&words[1..]).args(["mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
        let can = tried.is_ok_and(|tried| tried.status.success());
        if !can {
            eprintln!("skipped: this machine gives tests no disk of their own (unshare, mount)");
        }
        can
    }

    /// So large, at this place.
    pub fn of(place: &Path, kilobytes: u32) -> Disk {
        std::fs::create_dir_all(place).unwrap();
        let words = namespace();
        let script = format!("mount -t tmpfs -o size={kilobytes}k,mode=700 tmpfs \"$0\" && echo held && exec sleep 600");
        let mut holder = Command::new(words[0]);
        holder.args(&words[1..]).args(["sh", "-c", &script]).arg(place).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut holder = holder.spawn().unwrap();
        let said = BufReader::new(holder.stdout.take().unwrap()).lines().next();
        assert_eq!(said.unwrap().unwrap(), "held");
        Disk { holder, place: place.to_owned() }
    }

    /// The command by which another is run where the disk is.
    pub fn enter(&self) -> Vec<String> {
        let holder = self.holder.id().to_string();
        let mut words = vec!["nsenter", "--target", &holder, "--mount"];
        if !rustix::process::geteuid().is_root() {
            words.extend(["--user", "--preserve-credentials"]);
        }
        words.push("--");
        words.into_iter().map(str::to_owned).collect()
    }

    /// A path on it, for those who are not where it is.
    pub fn seen_from_here(&self, path: &Path) -> PathBuf {
        Path::new("/proc").join(self.holder.id().to_string()).join("root").join(path.strip_prefix("/").unwrap())
    }

    fn filler(&self) -> PathBuf {
        self.seen_from_here(&self.place).join("filler")
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        let mut file = std::fs::File::options().create(true).append(true).open(self.filler()).unwrap();
        let written = loop {
            if let Err(error) = file.write_all(&[0; 512]) {
                break error;
            }
        };
        assert_eq!(written.kind(), ErrorKind::StorageFull, "{written}");
    }

    /// Gives the space back that `fill` took.
    pub fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }

    /// Nothing can be written to it any more. Only while no file of it is open for writing.
    pub fn make_read_only(&self, read_only: bool) {
        let words = self.enter();
        let options = if read_only { "remount,ro" } else { "remount,rw" };
        let done = Command::new(&words[0]).args(&words[1..]).args(["mount", "-o", options]).arg(&self.place).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
