//! A call in lines for a terminal: who said or did what, and when.

use crate::consent::SessionTime;
use crate::dialog::flow::Heard;
use crate::rehearsal::{Entry, What};

/// How a conversation is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pen {
    pub(super) colour: bool,
}

impl Pen {
    /// An entry as a line, without its end; music is nothing to read.
    pub(super) fn line(self, entry: &Entry) -> Option<String> {
        let at = self.faint(&format!("{:>8}", clock(entry.at)));
        Some(match &entry.what {
            What::Said { line, .. } if line.is_music() => format!("{at}  agent   {}", self.faint("(music)")),
            What::Said { line, text, ended, .. } => {
                let fate = match ended {
                    Some(Heard::Cut) => " — broken off",
                    Some(Heard::Failed) => " — could not be said",
                    _ => "",
                };
                format!("{at}  agent   {}  {}", text.as_str(), self.faint(&format!("[{}]{fate}", line.id)))
            }
            What::Caller(did) => format!("{at}  {}  {}", self.bold("caller"), self.bold(did)),
            What::Told(told) => format!("{at}          {}", self.faint(&format!("· {told}"))),
        })
    }

    pub(super) fn faint(self, text: &str) -> String {
        self.styled("2", text)
    }

    pub(super) fn bold(self, text: &str) -> String {
        self.styled("1", text)
    }

    pub(super) fn good(self, text: &str) -> String {
        self.styled("32", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.styled("31", text)
    }

    fn styled(self, style: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{style}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Minutes, seconds and tenths.
pub(super) fn clock(at: SessionTime) -> String {
    let tenths = at.millis() / 100;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

/// Whether standard output is a terminal that may be coloured.
pub(super) fn coloured() -> bool {
    std::io::IsTerminal::is_terminal(&std::io::stdout()) && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
