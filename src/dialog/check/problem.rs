//! What a check finds: a rule that is broken, where, and what to write instead.

use serde_saphyr::{Location, Spanned};

use super::rules::{Level, rule};
use crate::dialog::file::Part;

/// A stretch of a source file, in bytes. A length of zero means the word that begins there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// From the beginning of the file.
    pub offset: usize,
    /// How long.
    pub length: usize,
}

impl Span {
    /// Where something of a dialog file stands; the beginning of the file for what was not written in it.
    pub fn of(location: &Location) -> Span {
        let span = location.span();
        let bytes = |value: Option<u64>| value.and_then(|v| usize::try_from(v).ok()).unwrap_or(0);
        Span { offset: bytes(span.byte_offset()), length: bytes(span.byte_len()) }
    }
}

/// A place in a source file, with what to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, as an author would recognise it.
    pub file: String,
    /// Where in it.
    pub span: Span,
    /// A few words that stand beside the caret.
    pub label: String,
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which rule, in lower case with hyphens: `unknown-state`.
    pub rule: &'static str,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Where the author has to change something.
    pub place: Place,
    /// What to write instead.
    pub help: String,
    /// Other places that belong to it.
    pub related: Vec<Place>,
}

impl Problem {
    /// What it means for the dialog.
    pub fn level(&self) -> Level {
        rule(self.rule).map_or(Level::Error, |rule| rule.level)
    }

    /// With another place that belongs to it.
    #[must_use]
    pub fn with(mut self, place: Place) -> Problem {
        self.related.push(place);
        self
    }
}

/// Collects problems in a dialog and its sub-dialogs: knows the names of their files, so that the rules need not.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// The dialog file.
    dialog: &'a str,
    /// The file that is being looked at: the dialog's, or a sub-dialog's.
    file: String,
    pub(super) problems: Vec<Problem>,
}

impl<'a> Found<'a> {
    pub(super) fn new(dialog: &'a str) -> Found<'a> {
        Found { dialog, file: dialog.to_owned(), problems: Vec::new() }
    }

    /// From here on it is this sub-dialog's file that is looked at, or the dialog's own.
    pub(super) fn enter(&mut self, part: Option<&Part>) {
        part.map_or(self.dialog, |part| &part.file_name).clone_into(&mut self.file);
    }

    /// A place in the file that is being looked at.
    pub(super) fn place(&self, location: &Location, label: impl Into<String>) -> Place {
        Place { file: self.file.clone(), span: Span::of(location), label: label.into() }
    }

    /// A place in the file of a sub-dialog, or in the dialog's own.
    pub(super) fn place_in(&self, part: Option<&Part>, location: &Location, label: impl Into<String>) -> Place {
        let file = part.map_or(self.dialog, |part| &part.file_name).to_owned();
        Place { file, span: Span::of(location), label: label.into() }
    }

    /// A problem at something that was written in the file that is being looked at.
    pub(super) fn at<T>(
        &mut self,
        rule: &'static str,
        at: &Spanned<T>,
        label: &str,
        message: String,
        help: String,
    ) -> &mut Problem {
        let place = self.place(&at.referenced, label);
        self.add(Problem { rule, message, place, help, related: Vec::new() })
    }

    /// Any problem; gives it back for more to be said.
    pub(super) fn add(&mut self, problem: Problem) -> &mut Problem {
        self.problems.push(problem);
        let last = self.problems.len() - 1;
        &mut self.problems[last]
    }
}

/// The candidate that `name` was probably meant to be.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.chars().count())
        .min()
        .map(|(_, candidate)| candidate)
}

/// "Write `x`, or …": the nearest known name when there is one, and what is allowed.
pub(crate) fn suggestion(name: &str, kind: &str, candidates: &[&str]) -> String {
    let list = listed(candidates);
    match nearest(name, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? {kind}: {list}"),
        None => format!("{kind}: {list}"),
    }
}

/// Names one after the other; a long list is cut.
pub(crate) fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    let mut list: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        return "none".into();
    }
    if names.len() > SHOWN {
        list.push(format!("and {} more", names.len() - SHOWN));
    }
    list.join(", ")
}
