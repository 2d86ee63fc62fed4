//! A page that holds what was measured, between two lines of its own: what it says there is what the command wrote, and the text around it is its author's.

use std::fs;
use std::path::{Path, PathBuf};

/// Between these lines of a page everything is replaced.
const BEGIN: &str = "<!-- candor bench hearing: from here on it was written by the command -->";
const END: &str = "<!-- candor bench hearing: to here -->";

/// A page that takes tables.
pub struct Page {
    path: PathBuf,
}

impl Page {
    /// The page at a path.
    ///
    /// # Errors
    /// Why it cannot take a table, and what to do.
    pub fn open(path: &Path) -> Result<Page, String> {
        let page = Page { path: path.to_owned() };
        page.around().map(|_| page)
    }

    /// What stands before its tables and behind them, each with its line.
    fn around(&self) -> Result<(String, String), String> {
        let path = self.path.display();
        let text = fs::read_to_string(&self.path).map_err(|error| format!("{path}: {error}"))?;
        let begin = text.find(BEGIN).map(|at| at + BEGIN.len());
        let end = begin.and_then(|begin| text[begin..].find(END).map(|end| begin + end));
        let (Some(begin), Some(end)) = (begin, end) else {
            return Err(format!("{path}: write these two lines where the tables are to be:\n{BEGIN}\n{END}"));
        };
        Ok((text[..begin].to_owned(), text[end..].to_owned()))
    }

    /// Puts tables in the place of those that are there; as a whole, or not at all.
    ///
    /// # Errors
    /// The page cannot be read any more, or not be written.
    pub fn write(&self, tables: &str) -> Result<(), String> {
        // It may have been edited while it was measured.
        let (before, after) = self.around()?;
        let mut new = self.path.as_os_str().to_owned();
        new.push(".new");
        let written =
            fs::write(&new, format!("{before}\n\n{}\n\n{after}", tables.trim())).and_then(|()| fs::rename(&new, &self.path));
        written.map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_lines_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.md");
        fs::write(&path, format!("# Before\n\n{BEGIN}\nan old table\n{END}\n\nbehind\n")).unwrap();
        let page = Page::open(&path).unwrap();
        fs::write(&path, fs::read_to_string(&path).unwrap().replace("behind", "edited meanwhile")).unwrap();
        page.write("| a table |\n").unwrap();
        page.write("| a newer table |\n").unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("# Before\n\n{BEGIN}\n\n| a newer table |\n\n{END}\n\nedited meanwhile\n"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_page_without_the_lines_is_told_before_anything_is_measured() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.md");
        assert!(Page::open(&path).err().unwrap().contains("page.md"));
        for text in ["# Nothing", BEGIN, &format!("{END}\n{BEGIN}\n")] {
            fs::write(&path, text).unwrap();
            assert!(Page::open(&path).err().unwrap().contains("write these two lines"), "{text}");
        }
    }
}
