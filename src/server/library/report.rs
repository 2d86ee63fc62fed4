//! Problems with their sources: shown with the line, a caret and what to write instead, and where each begins and ends.

use std::fmt;
use std::sync::Arc;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use crate::dialog::check::{Level, Place, Problem, Span};
use crate::dialog::prompt::Source;

/// A place in a text as people and editors count: lines and characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character of the line.
    pub column: usize,
}

/// Everything that was found in one dialog. `Display` and `Debug` give one line for each problem; [`Problems::render`] (and any
/// `miette` handler) shows the places.
#[derive(Default)]
pub struct Problems {
    file_name: String,
    shown: Vec<Shown>,
    sources: Vec<Source>,
}

impl Problems {
    /// Problems of `file_name`, with the texts of the files that they stand in.
    pub fn new(file_name: &str, problems: Vec<Problem>, sources: &[Source]) -> Problems {
        let shown = problems.into_iter().map(|problem| Shown::new(problem, sources)).collect();
        Problems { file_name: file_name.to_owned(), shown, sources: sources.to_vec() }
    }

    /// How many, of whatever level.
    pub fn count(&self) -> usize {
        self.shown.len()
    }

    /// How many of one level.
    pub fn count_of(&self, level: Level) -> usize {
        self.iter().filter(|problem| problem.level() == level).count()
    }

    /// The problems themselves.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.shown.iter().map(|shown| &shown.problem)
    }

    /// Adds what else was found in the same dialog.
    pub fn append(&mut self, other: Problems) {
        self.shown.extend(other.shown);
    }

    /// Line and column of each problem, from 1; `None` where its file could not be read.
    pub fn positions(&self) -> impl Iterator<Item = Option<(usize, usize)>> {
        self.shown.iter().map(Shown::position)
    }

    /// Where a place begins, and the first character behind it; `None` where its file could not be read.
    pub fn stretch(&self, place: &Place) -> Option<(Position, Position)> {
        let text = self.sources.iter().find(|source| source.name == place.file)?.text.as_str();
        let (begin, length) = within(text, place.span);
        Some((position(text, begin), position(text, begin + length)))
    }

    /// Into the log: a line for each, with the place and the rule.
    pub fn log(&self) {
        for shown in &self.shown {
            let Problem { rule, message, place, help, .. } = &shown.problem;
            let line = shown.position().map_or(0, |(line, _)| line);
            match shown.problem.level() {
                Level::Error => tracing::error!(rule, file = place.file, line, help, "{message}"),
                Level::Warning => tracing::warn!(rule, file = place.file, line, help, "{message}"),
                Level::Note => tracing::info!(rule, file = place.file, line, help, "{message}"),
            }
        }
    }

    /// For people: every problem with its line, a caret and what to write instead.
    pub fn render(&self, colour: bool) -> String {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(110).with_context_lines(1).with_links(false);
        let mut text = String::new();
        for shown in &self.shown {
            if handler.render_report(&mut text, shown).is_err() {
                text.push_str(&format!("{shown}\n"));
            }
            text.push('\n');
        }
        text
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.shown.len() == 1 { "" } else { "s" };
        let usable = if self.count_of(Level::Error) > 0 { "cannot be used" } else { "can be used" };
        write!(f, "{} {usable}: {} problem{plural}", self.file_name, self.shown.len())?;
        for shown in &self.shown {
            let file = &shown.problem.place.file;
            match shown.position() {
                Some((line, column)) => write!(f, "\n  {file}:{line}:{column}: ")?,
                None => write!(f, "\n  {file}: ")?,
            }
            write!(f, "{} ({})", shown.problem.message, shown.problem.rule)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Problems {}

impl Diagnostic for Problems {
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        Some(Box::new(self.shown.iter().map(|shown| shown as &dyn Diagnostic)))
    }
}

/// A problem with the text of its file.
#[derive(Debug)]
struct Shown {
    problem: Problem,
    source: Option<NamedSource<Arc<str>>>,
    labels: Vec<LabeledSpan>,
    elsewhere: Vec<Elsewhere>,
}

impl Shown {
    fn new(problem: Problem, sources: &[Source]) -> Shown {
        let text = |file: &str| sources.iter().find(|source| source.name == file).map(|source| source.text.as_str());
        let named = |file: &str| text(file).map(|text| NamedSource::new(file, Arc::from(text)));
        let place = &problem.place;
        let (here, there): (Vec<&Place>, Vec<&Place>) = problem.related.iter().partition(|related| related.file == place.file);
        let labels = text(&place.file).map(|text| {
            let primary = LabeledSpan::new_primary_with_span(Some(place.label.clone()), within(text, place.span));
            let others =
                here.iter().map(|related| LabeledSpan::new_with_span(Some(related.label.clone()), within(text, related.span)));
            std::iter::once(primary).chain(others).collect()
        });
        let elsewhere = there.into_iter().filter_map(|related| {
            let span = within(text(&related.file)?, related.span);
            let label = LabeledSpan::new_primary_with_span(Some(related.label.clone()), span);
            Some(Elsewhere { source: named(&related.file)?, label })
        });
        let elsewhere = elsewhere.collect();
        Shown { source: named(&place.file), labels: labels.unwrap_or_default(), elsewhere, problem }
    }

    fn position(&self) -> Option<(usize, usize)> {
        let text = self.source.as_ref()?.inner();
        let Position { line, column } = position(text, within(text, self.problem.place.span).0);
        Some((line, column))
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Shown {}

impl Diagnostic for Shown {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.problem.rule))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.problem.level() {
            Level::Error => miette::Severity::Error,
            Level::Warning => miette::Severity::Warning,
            Level::Note => miette::Severity::Advice,
        })
    }

    fn url<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(format!("why: candor check --explain {}", self.problem.rule)))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.problem.help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty()).then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = LabeledSpan>>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        (!self.elsewhere.is_empty()).then(|| {
            Box::new(self.elsewhere.iter().map(|e| e as &dyn Diagnostic)) as Box<dyn Iterator<Item = &'a dyn Diagnostic>>
        })
    }
}

/// A place in another file that belongs to a problem.
#[derive(Debug)]
struct Elsewhere {
    source: NamedSource<Arc<str>>,
    label: LabeledSpan,
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this belongs to it")
    }
}

impl std::error::Error for Elsewhere {}

impl Diagnostic for Elsewhere {
    fn severity(&self) -> Option<miette::Severity> {
        Some(miette::Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(self.label.clone())))
    }
}

/// Where the byte `at` is.
fn position(text: &str, at: usize) -> Position {
    let before = &text[..boundary(text, at.min(text.len()))];
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Position { line: before.matches('\n').count() + 1, column }
}

/// The span inside `text`, on whole characters; one without a length becomes the word that begins there.
fn within(text: &str, span: Span) -> (usize, usize) {
    let begin = boundary(text, span.offset.min(text.len()));
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    let rest = &text[begin..];
    let length = match span.length {
        0 => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
        length => boundary(text, (begin + length).min(text.len())) - begin,
    };
    match (length, rest.chars().next()) {
        (0, Some(c)) if c != '\n' => (begin, c.len_utf8()),
        // The end of a line or of the file: the caret goes under what stands last.
        (0, _) => {
            text[..begin].char_indices().rev().find(|(_, c)| !c.is_whitespace()).map_or((0, 0), |(at, c)| (at, c.len_utf8()))
        }
        _ => (begin, length),
    }
}

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
