use std::fs;
use std::path::{Path, PathBuf};

use crate::server::library;

/// A scenario file.
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// Where the scenarios of a folder of dialogs lie.
const TESTS: &str = "tests";

impl Found {
    /// A file that is named in this one.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        tidy(&self.path.parent().unwrap_or(Path::new("")).join(name))
    }

    fn read(path: &Path) -> Result<Option<Found>, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        Ok(is_of_scenarios(&text).then(|| Found { path: path.to_owned(), text }))
    }

    /// Whether these are scenarios of the dialog at `path`.
    fn is_of(&self, path: &Path) -> bool {
        let line = self.text.lines().find_map(|line| line.strip_prefix("dialog:"));
        let named = line.map(|rest| rest.split(" #").next().unwrap_or(rest).trim().trim_matches(['"', '\'']));
        let same = |named: &str| Some(fs::canonicalize(self.beside(named)).ok()? == fs::canonicalize(path).ok()?);
        named.and_then(same).unwrap_or_default()
    }
}

/// The scenario files that `paths` mean; without any, those of the configured dialogs.
pub(super) fn find(paths: &[PathBuf], dialogs: &Path) -> Result<Vec<Found>, String> {
    let paths = if paths.is_empty() { vec![dialogs.to_owned()] } else { paths.to_vec() };
    let mut files = Vec::new();
    for path in paths {
        let named = dialogs.join(&path).with_extension("yaml");
        if path.is_dir() {
            let mut found = of_folder(&path)?;
            found.extend(of_folder(&path.join(TESTS))?);
            if found.is_empty() {
                return Err(format!(
                    "there are no scenarios in {0} or {0}/{TESTS}; docs/scenarios.md says how to write one",
                    path.display()
                ));
            }
            files.extend(found);
        } else if path.is_file() {
            match Found::read(&path)? {
                Some(scenarios) => files.push(scenarios),
                None => files.extend(of_dialog(&path)?),
            }
        } else if named.is_file() {
            files.extend(of_dialog(&named)?);
        } else {
            return Err(format!("there is no file or folder {}, and no dialog {}", path.display(), named.display()));
        }
    }
    Ok(files)
}

fn of_folder(folder: &Path) -> Result<Vec<Found>, String> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let files = library::dialogs_in(folder).map_err(|error| format!("{} cannot be read: {error}", folder.display()))?;
    files.iter().filter_map(|file| Found::read(file).transpose()).collect()
}

fn of_dialog(dialog: &Path) -> Result<Vec<Found>, String> {
    let folder = dialog.parent().unwrap_or(Path::new("")).join(TESTS);
    let mut found = of_folder(&folder)?;
    found.retain(|scenarios| scenarios.is_of(dialog));
    if found.is_empty() {
        return Err(format!(
            "{} has no scenarios in {}; docs/scenarios.md says how to write one",
            dialog.display(),
            folder.display()
        ));
    }
    Ok(found)
}

fn is_of_scenarios(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("scenarios:"))
}

/// `dialogs/tests/../webshop.yaml` as `dialogs/webshop.yaml`.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir if tidy.file_name().is_some() => {
                tidy.pop();
            }
            part => tidy.push(part),
        }
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_beside_is_named_as_its_author_would() {
        let found = Found { path: "dialogs/tests/webshop.yaml".into(), text: String::new() };
        assert_eq!(found.beside("../webshop.yaml"), Path::new("dialogs/webshop.yaml"));
        let above = Found { path: "tests/webshop.yaml".into(), text: String::new() };
        assert_eq!(above.beside("../../webshop.yaml"), Path::new("../webshop.yaml"));
    }
}
