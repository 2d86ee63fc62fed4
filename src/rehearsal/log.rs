use zeroize::Zeroizing;

use crate::consent::SessionTime;
use crate::dialog::flow::Heard;
use crate::dialog::prompt::Line;

/// What happened in a call, in order.
#[derive(Debug, Default)]
pub struct Log(Vec<Entry>);

/// Something that happened.
#[derive(Debug)]
pub struct Entry {
    /// When it began.
    pub at: SessionTime,
    /// What it was.
    pub what: What,
}

/// What happened.
pub enum What {
    /// The agent said a line.
    Said {
        /// Which.
        line: Line,
        /// Its words; music has none.
        text: Zeroizing<String>,
        /// How it ended; `None` while it is being said.
        ended: Option<Heard>,
        /// It belongs to the dialog, not to the engine's own opening, commands and ways out.
        of_dialog: bool,
    },
    /// The caller did something: `presses 1`.
    Caller(Zeroizing<String>),
    /// What followed that nobody hears: consent, the recorder, the line for a person, a lookup.
    Told(String),
}

impl std::fmt::Debug for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            What::Said { line, ended, .. } => write!(f, "Said({}, {ended:?})", line.id),
            What::Caller(_) => f.write_str("Caller(_)"),
            What::Told(told) => write!(f, "Told({told})"),
        }
    }
}

impl Log {
    pub(super) fn add(&mut self, at: SessionTime, what: What) -> usize {
        self.0.push(Entry { at, what });
        self.0.len() - 1
    }

    /// The line of that number has ended.
    pub(super) fn line_ended(&mut self, number: usize, heard: Heard) {
        if let Some(Entry { what: What::Said { ended, .. }, .. }) = self.0.get_mut(number) {
            *ended = Some(heard);
        }
    }

    /// All of it.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// How often a prompt was begun.
    pub fn times_said(&self, prompt: &str) -> usize {
        self.0.iter().filter(|entry| matches!(&entry.what, What::Said { line, .. } if line.id == prompt)).count()
    }
}

impl Entry {
    /// The id of the line that is said here, unless it is music.
    pub fn line(&self) -> Option<&str> {
        match &self.what {
            What::Said { line, .. } if !line.is_music() => Some(&line.id),
            _ => None,
        }
    }
}
