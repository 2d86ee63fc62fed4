//! Where the author's lines come from.

use std::io::{self, BufRead, Write};

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

/// Lines that are typed.
pub(super) trait Lines {
    /// The next line; `None` after the last.
    fn next(&mut self, out: &mut dyn Write) -> io::Result<Option<String>>;
}

/// What stands before a line.
const PROMPT: &str = "> ";

/// A terminal, with line editing and what was typed before (the arrow up). Nothing of it is kept after the conversation.
pub(super) struct Typed(DefaultEditor);

impl Typed {
    pub(super) fn new() -> rustyline::Result<Typed> {
        DefaultEditor::new().map(Typed)
    }
}

impl Lines for Typed {
    fn next(&mut self, out: &mut dyn Write) -> io::Result<Option<String>> {
        out.flush()?;
        match self.0.readline(PROMPT) {
            Ok(line) => {
                let _ = self.0.add_history_entry(line.as_str());
                Ok(Some(line))
            }
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => Ok(None),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

/// A pipe or a file; each line is shown as if it were typed.
pub(super) struct Piped<R>(R);

impl<R: BufRead> Piped<R> {
    pub(super) fn new(input: R) -> Piped<R> {
        Piped(input)
    }
}

impl<R: BufRead> Lines for Piped<R> {
    fn next(&mut self, out: &mut dyn Write) -> io::Result<Option<String>> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end_matches(['\n', '\r']).to_owned();
        writeln!(out, "{PROMPT}{line}")?;
        Ok(Some(line))
    }
}
