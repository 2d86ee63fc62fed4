//! A dialog as a picture (SVG) that a person would rather look at than read the file: the opening, the states with what is said in them,
//! every way between them, and what consent changes. Pure: a dialog and its texts in, a document out; the same in, the same out.
//!
//! [`plan`] says what stands in the picture ([`opening`], [`states`] with their [`steps`], [`troubles`]), [`face`] how large each thing is ([`measure`]), [`layout`] and
//! [`route`] where it stands, [`sheet`] and [`draw`] write it down. Nothing is told by colour alone: what consent changes has a pattern
//! and a word as well.

mod describe;
mod draw;
mod face;
mod layout;
mod measure;
mod opening;
mod plan;
mod route;
mod said;
mod sheet;
mod states;
mod steps;
mod troubles;

use super::check::Problem;
use super::file::DialogFile;
use super::prompt::Texts;
use crate::consent::Basis;
use crate::xml::Element;
use plan::Plan;
use said::Said;
use sheet::Head;

/// How many characters of a version are shown.
const VERSION: usize = 16;

/// What a picture is drawn from.
#[derive(Clone, Copy)]
pub struct Drawing<'a> {
    /// The dialog.
    pub dialog: &'a DialogFile,
    /// Its texts and the engine's; `None` where they could not be read: then the names of prompts stand for them.
    pub texts: Option<&'a Texts>,
    /// The language of what is said.
    pub language: &'a str,
    /// The dialog's version.
    pub version: &'a str,
    /// The dialog file's name, as its problems have it.
    pub file_name: &'a str,
    /// What its check found; the states where it did are marked.
    pub problems: &'a [Problem],
}

/// The picture: an SVG document.
pub fn draw(drawing: &Drawing) -> String {
    let said = Said { file: drawing.dialog, texts: drawing.texts, language: drawing.language };
    let mut plan = Plan::default();
    let states = states::plan(&mut plan, said);
    troubles::mark(&mut plan, said, &states.cards, drawing.file_name, drawing.problems);
    opening::plan(&mut plan, said, states.start);
    plan.cut_long_lines();
    let head = head(drawing);
    let placed = layout::place(&plan);
    let sheet = sheet::sheet(&head, &placed, draw::elements(&plan, &placed));
    document(&head, &plan, sheet)
}

fn document(head: &Head, plan: &Plan, sheet: sheet::Sheet) -> String {
    let (paper, across, down) = sheet::paper(&sheet);
    let words: Vec<String> = head.lines.iter().chain(&head.warnings).cloned().collect();
    let page = format!("@page {{ size: {paper}; margin: 0; }}\n");
    let style = page + &include_str!("style.css").replace("FONTS", measure::FONTS);
    let whole = layout::Area { x: 0.0, y: 0.0, width: sheet.width, height: sheet.height };
    Element::new("svg")
        .with("xmlns", "http://www.w3.org/2000/svg")
        .with("viewBox", format!("0 0 {} {}", sheet.width, sheet.height))
        .with("width", format!("{across}mm"))
        .with("height", format!("{down}mm"))
        .with("role", "img")
        .with("aria-labelledby", "title description")
        .child(Element::new("title").with("id", "title").text(format!("The dialog {}", head.title)))
        .child(Element::new("desc").with("id", "description").text(describe::in_words(plan, &words)))
        .child(Element::new("style").text(style))
        .child(draw::arrows())
        .child(draw::rectangle(&whole, 0.0).with("class", "behind"))
        .children(sheet.elements)
        .document_in_lines()
}

fn head(drawing: &Drawing) -> Head {
    let dialog = drawing.dialog;
    let languages: Vec<&str> = dialog.languages.iter().map(|language| language.value.as_str()).collect();
    let version: String = drawing.version.chars().take(VERSION).collect();
    let mut lines = vec![format!(
        "{} · languages: {}, shown in {} · version {version}",
        dialog.organisation.name.value,
        languages.join(", "),
        drawing.language
    )];
    for terms in dialog.recording.iter().filter_map(|recorded| recorded.value.terms()) {
        let basis = match terms.basis {
            Basis::Consent => "with the caller's consent",
            Basis::Contract => "for the contract",
            Basis::LegitimateInterest => "as a legitimate interest",
        };
        lines.push(format!(
            "Records for {} {basis}, kept for {} days: {}",
            terms.purpose,
            terms.retention.as_secs() / 86_400,
            terms.necessity
        ));
    }
    if dialog.recording.is_empty() {
        lines.push("Records nothing".into());
    }
    let warnings = match drawing.problems.len() {
        0 => Vec::new(),
        1 => vec!["This dialog does not pass its check: 1 problem".into()],
        count => vec![format!("This dialog does not pass its check: {count} problems")],
    };
    Head { title: dialog.dialog.value.clone(), lines, warnings }
}
