//! A page that holds what was measured, between two lines of its own: what it says there is what the command wrote, and the text around it is its author's.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Between these lines of a page everything is replaced.
const BEGIN: &str = "<!-- candor bench hearing: from here on it was written by the command -->";
const END: &str = "<!-- candor bench hearing: to here -->";

/// A page that takes tables.
pub struct Page {
    path: PathBuf,
    /// The new page, until it takes the place of the old one.
    new: PathBuf,
}

impl Page {
    /// The page at a path.
    ///
    /// # Errors
    /// Why it cannot take a table, and what to do.
    pub fn open(path: &Path) -> Result<Page, String> {
        // A link stays one.
        let path = fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut new = path.clone().into_os_string();
        new.push(".new");
        let page = Page { path, new: new.into() };
        page.around()?;
        // Whether it can be written is better known now than after hours of measuring.
        page.begin().and_then(|_| fs::remove_file(&page.new)).map_err(|error| page.unwritten(&error))?;
        Ok(page)
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

    fn begin(&self) -> io::Result<File> {
        let permissions = fs::metadata(&self.path)?.permissions();
        if permissions.readonly() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let file = File::create_new(&self.new)?;
        file.set_permissions(permissions)?;
        Ok(file)
    }

    fn unwritten(&self, error: &io::Error) -> String {
        match error.kind() {
            io::ErrorKind::AlreadyExists => format!("{}: it is left of another measurement; remove it", self.new.display()),
            _ => format!("{}: {error}", self.path.display()),
        }
    }

    /// Puts tables in the place of those that are there; as a whole, or not at all.
    ///
    /// # Errors
    /// The page cannot be read any more, or not be written.
    pub fn write(&self, tables: &str) -> Result<(), String> {
        // It may have been edited while it was measured.
        let (before, after) = self.around()?;
        let mut file = self.begin().map_err(|error| self.unwritten(&error))?;
        let written = file.write_all(format!("{before}\n\n{}\n\n{after}", tables.trim()).as_bytes());
        written.and_then(|()| fs::rename(&self.new, &self.path)).map_err(|error| {
            let _ = fs::remove_file(&self.new);
            self.unwritten(&error)
        })
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
    fn a_link_stays_a_link_and_a_page_keeps_who_may_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("page.md"), folder.path().join("link.md"));
        fs::write(&path, format!("{BEGIN}\n{END}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        Page::open(&link).unwrap().write("| a table |").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink() && fs::read_to_string(&path).unwrap().contains("a table"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(folder.path().join("page.md.new"), "").unwrap();
        assert!(Page::open(&link).err().unwrap().contains("page.md.new: it is left of another measurement"));
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
