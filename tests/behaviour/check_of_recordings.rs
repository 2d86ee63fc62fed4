//! A recording of a prompt says what its text says: by the words beside it, or else by the times of the files.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use candor::server::library;
use tempfile::TempDir;

use crate::service::project;

/// A dialog with one prompt that is recorded, all of whose files are equally old.
struct Recorded {
    folder: TempDir,
}

impl Recorded {
    fn new() -> Recorded {
        let folder = tempfile::tempdir().unwrap();
        let recorded = Recorded { folder };
        fs::create_dir(recorded.at("nl")).unwrap();
        let dialog = "dialog: small\nlanguages: [nl]\norganisation: { name: V, privacy-notice: { url: \"https://v.nl\", version: 1 } }\n\
                      handover: { to: desk }\nstart: a\nstates:\n  a:\n    - end: bye\n";
        fs::write(recorded.at("small.yaml"), dialog).unwrap();
        recorded.says("Dank u wel, en tot { $organisation }.");
        fs::copy(project("tests/dialogs/check/prompts/nl/fixed.wav"), recorded.at("nl/bye.wav")).unwrap();
        recorded.written("nl/bye.wav", Duration::ZERO);
        recorded
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn says(&self, text: &str) {
        fs::write(self.at("nl/small.ftl"), format!("bye = {text}\n")).unwrap();
        self.written("nl/small.ftl", Duration::ZERO);
    }

    /// Sets when a file was written: so long after noon.
    fn written(&self, name: &str, after: Duration) {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        File::options().write(true).open(self.at(name)).unwrap().set_modified(noon + after).unwrap();
    }

    fn refused(&self) -> Vec<(String, String)> {
        match library::load(&self.at("small.yaml"), self.folder.path(), None) {
            Ok(loaded) => {
                assert_eq!(loaded.recorded.len(), 1);
                Vec::new()
            }
            Err(problems) => problems.iter().map(|problem| (problem.rule.to_owned(), problem.help.clone())).collect(),
        }
    }
}

#[test]
fn a_recording_older_than_its_text_is_refused_until_somebody_has_listened() {
    let recorded = Recorded::new();
    recorded.written("nl/small.ftl", Duration::from_secs(3600));
    let refused = recorded.refused();
    assert_eq!(refused.len(), 1, "{refused:?}");
    let (rule, help) = &refused[0];
    assert!(rule == "recording-outdated" && help.contains("touch ") && help.contains("bye.txt"), "{rule}: {help}");
    recorded.written("nl/bye.wav", Duration::from_secs(3601));
    assert_eq!(recorded.refused(), []);
}

#[test]
fn the_files_of_a_checkout_are_equally_old() {
    let recorded = Recorded::new();
    recorded.written("nl/small.ftl", Duration::from_secs(60));
    assert_eq!(recorded.refused(), []);
    recorded.written("nl/small.ftl", Duration::from_secs(61));
    assert_eq!(recorded.refused().len(), 1);
}

#[test]
fn where_the_words_stand_beside_it_times_play_no_part() {
    let recorded = Recorded::new();
    fs::write(recorded.at("nl/bye.txt"), "Dank u wel en tot V\n").unwrap();
    recorded.written("nl/small.ftl", Duration::from_secs(3600));
    assert_eq!(recorded.refused(), []);
    recorded.says("Dank u wel, en tot ziens bij { $organisation }.");
    recorded.written("nl/bye.wav", Duration::from_secs(7200));
    let refused = recorded.refused();
    assert!(refused.len() == 1 && refused[0].0 == "recording-outdated" && refused[0].1.contains("record "), "{refused:?}");
}
