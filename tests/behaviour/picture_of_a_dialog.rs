//! `candor graph` draws a dialog that a person can read: everything that is in it, nothing on top of anything else, and what consent
//! changes told by more than colour.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use candor::dialog::check::Configured;
use candor::dialog::picture::{Drawing, draw};
use candor::server::library::{self, Readable};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::service::project;

/// A rectangle: left, upper, right, lower.
type Area = [f64; 4];

/// What a picture shows, as its file says.
#[derive(Default)]
struct Picture {
    size: [f64; 2],
    states: Vec<String>,
    cards: Vec<Area>,
    labels: Vec<(String, Area)>,
    /// Classes, and places on the way.
    lines: Vec<(String, Vec<[f64; 2]>)>,
    texts: String,
    description: String,
    style: String,
}

fn attribute(element: &BytesStart, name: &str) -> Option<String> {
    let value = element.attributes().map(Result::unwrap).find(|attribute| attribute.key.as_ref() == name)?;
    Some(value.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap().into_owned())
}

fn numbers(text: &str) -> Vec<f64> {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).filter_map(|number| number.parse().ok()).collect()
}

/// Points along a path of `M`, `L` and `C`.
fn along(path: &str, [dx, dy]: [f64; 2]) -> Vec<[f64; 2]> {
    let mut points: Vec<[f64; 2]> = Vec::new();
    for piece in path.split(['M', 'L']) {
        for (at, piece) in piece.split('C').enumerate() {
            let values = numbers(piece);
            match (at, values.as_slice()) {
                (0, [x, y]) => {
                    if let Some([bx, by]) = points.last().copied() {
                        points.extend((1..20).map(|n| f64::from(n) / 20.0).map(|t| [bx + (x - bx) * t, by + (y - by) * t]));
                    }
                    points.push([*x, *y]);
                }
                (_, [ax, ay, cx, cy, x, y]) => {
                    let [bx, by] = *points.last().unwrap();
                    points.extend((1..=20).map(|n| f64::from(n) / 20.0).map(|t| {
                        let u = 1.0 - t;
                        let of = |b: f64, a: f64, c: f64, e: f64| {
                            u * u * u * b + 3.0 * u * u * t * a + 3.0 * u * t * t * c + t * t * t * e
                        };
                        [of(bx, *ax, *cx, *x), of(by, *ay, *cy, *y)]
                    }));
                }
                _ => {}
            }
        }
    }
    points.into_iter().map(|[x, y]| [x + dx, y + dy]).collect()
}

impl Picture {
    /// Reads a picture; whatever is no XML fails the test.
    fn read(svg: &str) -> Picture {
        let mut reader = Reader::from_str(svg);
        let mut picture = Picture::default();
        // The elements around, each with where it is moved to, and what the next rectangle in it is.
        let mut around: Vec<(String, [f64; 2])> = Vec::new();
        let mut waiting: Option<(bool, String)> = None;
        loop {
            let event = reader.read_event().unwrap();
            let (element, empty) = match &event {
                Event::Start(element) => (element, false),
                Event::Empty(element) => (element, true),
                Event::End(_) => {
                    around.pop();
                    continue;
                }
                Event::Text(text) => {
                    picture.add_text(&around, text);
                    continue;
                }
                Event::GeneralRef(reference) => {
                    let name: &str = reference;
                    let sign = quick_xml::escape::unescape(&format!("&{name};")).unwrap().into_owned();
                    picture.add_text(&around, &sign);
                    continue;
                }
                Event::Eof => break,
                _ => continue,
            };
            let name = element.name().as_ref().to_owned();
            let class = attribute(element, "class").unwrap_or_default();
            let [x, y] = around.last().map_or([0.0; 2], |(_, at)| *at);
            let moved = attribute(element, "transform").filter(|_| name == "g").map(|moved| numbers(&moved)).unwrap_or_default();
            let at = [x + moved.first().unwrap_or(&0.0), y + moved.get(1).unwrap_or(&0.0)];
            match name.as_str() {
                "svg" => {
                    assert_eq!(attribute(element, "role").as_deref(), Some("img"));
                    let sides = numbers(&attribute(element, "viewBox").unwrap());
                    picture.size = [sides[2], sides[3]];
                }
                "g" if class.starts_with("card") => {
                    picture.states.extend(attribute(element, "data-state"));
                    waiting = Some((true, String::new()));
                }
                "g" if class.starts_with("label") => {
                    waiting = Some((false, attribute(element, "data-words").unwrap_or_default()));
                }
                "rect" => {
                    if let Some((card, words)) = waiting.take() {
                        let [width, height] =
                            ["width", "height"].map(|side| attribute(element, side).unwrap().parse::<f64>().unwrap());
                        let area = [at[0], at[1], at[0] + width, at[1] + height];
                        if card { picture.cards.push(area) } else { picture.labels.push((words, area)) }
                    }
                }
                "path" if class.starts_with("tie") && attribute(element, "data-from").is_some() => {
                    picture.lines.push((class, along(&attribute(element, "d").unwrap(), at)));
                }
                _ => {}
            }
            if !empty {
                around.push((name, at));
            }
        }
        assert!(around.is_empty(), "every element is closed");
        picture
    }

    fn add_text(&mut self, around: &[(String, [f64; 2])], text: &str) {
        let place = match around.last().map(|(name, _)| name.as_str()) {
            Some("style") => &mut self.style,
            Some("desc") => &mut self.description,
            _ => &mut self.texts,
        };
        place.push_str(text);
    }

    /// Nothing lies on anything else, nothing is outside the picture, and no line goes through a card or another line's label.
    fn is_legible(&self) {
        let over = |a: &Area, b: &Area| a[0] < b[2] - 0.5 && b[0] < a[2] - 0.5 && a[1] < b[3] - 0.5 && b[1] < a[3] - 0.5;
        for (at, card) in self.cards.iter().enumerate() {
            let other = self.cards.iter().skip(at + 1).find(|other| over(card, other));
            assert_eq!(other, None, "lies on {card:?}");
        }
        for (at, (words, label)) in self.labels.iter().enumerate() {
            let [width, height] = self.size;
            assert!(label[0] >= 0.0 && label[1] >= 0.0 && label[2] <= width && label[3] <= height, "{words} is outside");
            assert!(!self.cards.iter().any(|card| over(card, label)), "{words} lies on a card");
            let other = self.labels.iter().skip(at + 1).find(|(_, other)| over(label, other));
            assert_eq!(other, None, "lies on {words}");
        }
        for (class, line) in &self.lines {
            let (first, last) = (line.first().unwrap(), line.last().unwrap());
            let touches = |card: &&Area, [x, y]: &[f64; 2]| {
                (card[0] - 1.0..=card[2] + 1.0).contains(x) && (card[1] - 1.0..=card[3] + 1.0).contains(y)
            };
            for card in self.cards.iter().filter(|card| !touches(card, first) && !touches(card, last)) {
                let inside = |[x, y]: &&[f64; 2]| {
                    (card[0] + 1.0..=card[2] - 1.0).contains(x) && (card[1] + 1.0..=card[3] - 1.0).contains(y)
                };
                assert_eq!(line.iter().find(inside), None, "a line ({class}) goes through the card {card:?}");
            }
        }
    }
}

fn read(dialog: &Path, prompts: &Path) -> Readable {
    library::read(dialog, prompts, Configured::default()).unwrap_or_else(|problems| panic!("{problems}"))
}

fn drawn(readable: &Readable, language: &str) -> String {
    draw(&Drawing {
        dialog: &readable.dialog,
        texts: readable.texts.as_ref(),
        language,
        version: &readable.version,
        file_name: readable.file_name(),
        problems: readable.problems(),
    })
}

fn shipped() -> Vec<Readable> {
    let files = library::dialogs_in(&project("dialogs")).unwrap();
    files.iter().map(|file| read(file, &project("prompts"))).collect()
}

/// A dialog of one's own, with the engine's texts.
fn written(dialog: &str, texts: &str) -> Readable {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("nl")).unwrap();
    fs::write(folder.path().join("nl/own.ftl"), texts).unwrap();
    let head = "dialog: own\nlanguages: [nl]\nhandover: { to: desk }\n";
    fs::write(folder.path().join("own.yaml"), format!("{head}{dialog}")).unwrap();
    read(&folder.path().join("own.yaml"), folder.path())
}

const VOORBEELD: &str = "organisation: { name: Voorbeeld, privacy-notice: { url: \"https://voorbeeld.nl\", version: 1 } }\n";

#[test]
fn a_picture_shows_everything_that_is_in_the_dialog_and_can_be_read() {
    for readable in shipped() {
        for language in ["nl", "en"] {
            let picture = Picture::read(&drawn(&readable, language));
            picture.is_legible();
            let names: BTreeSet<String> = readable.dialog.every_state().map(|state| state.name.value.clone()).collect();
            assert_eq!(picture.states.iter().cloned().collect::<BTreeSet<_>>(), names);
            for (_, step) in readable.dialog.every_step() {
                if let candor::dialog::file::Step::Ask(ask) = &step.value {
                    for (option, _) in ask.options.iter() {
                        assert!(picture.texts.contains(&option.value), "{} is not shown", option.value);
                        assert!(picture.description.contains(&option.value), "{} is not told", option.value);
                    }
                }
            }
        }
    }
}

#[test]
fn the_opening_is_in_it_in_the_language_that_is_asked_for() {
    let webshop = read(&project("dialogs/webshop.yaml"), &project("prompts"));
    let [nl, en] = ["nl", "en"].map(|language| Picture::read(&drawn(&webshop, language)));
    for picture in [&nl, &en] {
        assert!(picture.texts.contains("The opening: said by the engine in every call"), "{}", picture.texts);
        assert!(picture.texts.contains("Question: service-quality"));
    }
    assert!(nl.description.contains("Opening, An automated system:\n- says: Goedendag, u spreekt met de digitale assistent"));
    assert!(en.description.contains("Opening, An automated system:\n- says: Hello, you are talking to the digital assistant"));
    let silent = Picture::read(&drawn(&written(&format!("{VOORBEELD}start: a\nstates:\n  a:\n    - end:\n"), ""), "nl"));
    assert!(silent.description.contains("- says: Van dit gesprek nemen we niets op."), "{}", silent.description);
    assert!(!silent.texts.contains("Question:"), "nothing is asked where nothing is recorded");
}

#[test]
fn what_consent_changes_has_a_colour_a_pattern_and_a_word() {
    let recorded = "recording:\n  - { purpose: service-quality, basis: consent, necessity: Tone., retention: 30 days }\n";
    let states = "start: a\nstates:\n  a:\n    - on-consent: { purpose: service-quality, given: b, otherwise: c }\n  b:\n    - end:\n  c:\n    - end:\n";
    let picture = Picture::read(&drawn(&written(&format!("{VOORBEELD}{recorded}{states}"), ""), "nl"));
    for (look, words) in [("given", "service-quality: given"), ("not-given", "service-quality: not given")] {
        let lines = picture.lines.iter().filter(|(class, _)| class == &format!("tie {look}"));
        // Three in the opening (the question, asked again, and on to the dialog) and one of the dialog's own.
        assert_eq!(lines.count(), 4, "{look}");
        assert!(picture.labels.iter().any(|(label, _)| label == words), "{words}: {:?}", picture.labels);
    }
    let rule = |look: &str| picture.style.lines().find(|line| line.starts_with(&format!(".tie.{look} "))).unwrap();
    assert!(rule("not-given").contains("stroke-dasharray") && !rule("given").contains("stroke-dasharray"));
    assert!(rule("given").contains("stroke: #") && rule("not-given").contains("stroke: #"));
}

#[test]
fn the_same_dialog_gives_the_same_picture() {
    for readable in shipped() {
        let first = drawn(&readable, "nl");
        assert!((0..4).all(|_| drawn(&readable, "nl") == first));
    }
}

#[test]
fn names_that_are_no_names_stay_text() {
    let name = "<script>&\"'";
    let dialog = format!(
        "organisation: {{ name: '{}', privacy-notice: {{ url: x, version: 1 }} }}\nstart: \"{quoted}\"\nstates:\n  \"{quoted}\":\n    - ask:\n        prompt: p\n        options: {{ \"{quoted}\": {{ press: 1, go: \"{quoted}\" }} }}\n",
        "<b>A & B</b>",
        quoted = name.replace('"', "\\\"")
    );
    let svg = drawn(&written(&dialog, "p = <i> & { $hearing }\n"), "nl");
    let picture = Picture::read(&svg);
    assert_eq!(picture.states, [name]);
    assert!(picture.texts.contains("<b>A & B</b>") && picture.texts.contains("<i> &"), "{}", picture.texts);
    assert!(!svg.contains("<script>") && !svg.contains("<b>"));
}

#[test]
fn two_hundred_states_fit_too() {
    let mut states = String::from("start: s0\nstates:\n");
    for at in 0..199 {
        let back = if at % 7 == 4 { format!(", c: {{ press: 3, go: s{} }}", at - 3) } else { String::new() };
        states += &format!(
            "  s{at}:\n    - ask:\n        prompt: p\n        options: {{ a: {{ press: 1, go: s{} }}, b: {{ press: 2, go: s{} }}{back} }}\n",
            at + 1,
            (at + 2).min(199)
        );
    }
    states += "  s199:\n    - end:\n";
    let picture = Picture::read(&drawn(&written(&format!("{VOORBEELD}{states}"), "p = Hallo.\n"), "nl"));
    assert_eq!(picture.states.len(), 200);
    picture.is_legible();
}

#[test]
fn the_pictures_in_the_docs_are_what_the_command_draws() {
    for readable in shipped() {
        let name = &readable.dialog.dialog.value;
        let kept = fs::read_to_string(project(&format!("docs/pictures/{name}.svg"))).unwrap_or_default();
        // The file's name is as it is given, and stands in no picture of a dialog without problems.
        assert!(
            kept == drawn(&readable, "nl"),
            "docs/pictures/{name}.svg is an earlier picture: look at the new one and keep it, with\n  \
             candor graph dialogs/{name}.yaml --out docs/pictures/{name}.svg"
        );
    }
}

fn candor(arguments: &[&str]) -> (i32, String, String) {
    let mut candor = Command::new(env!("CARGO_BIN_EXE_candor"));
    let Output { status, stdout, stderr } = candor.current_dir(project("")).arg("graph").args(arguments).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn the_command_says_by_its_status_how_it_went() {
    let (status, picture, told) = candor(&["dialogs/webshop.yaml", "--language", "en"]);
    assert_eq!((status, told.as_str()), (0, ""));
    assert!(Picture::read(&picture).description.contains("How can I help you?"));

    let broken = "tests/dialogs/check/refusing-caller-cannot-reach.yaml";
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("broken.svg");
    let (status, _, told) = candor(&[broken, "--prompts", "tests/dialogs/check/prompts", "--out", out.to_str().unwrap()]);
    assert!(status == 1 && told.contains("does not pass its check and is drawn as it is"), "{told}");
    let picture = Picture::read(&fs::read_to_string(&out).unwrap());
    assert!(picture.texts.contains("This dialog does not pass its check: 1 problem"), "{}", picture.texts);
    assert!(picture.description.contains("(refusing-caller-cannot-reach)"), "the state where it breaks is marked");

    let (status, _, told) = candor(&["dialogs/webshop.yaml", "--language", "fr"]);
    assert!(status == 2 && told.contains("its languages: nl, en"), "{told}");
    let (status, _, told) = candor(&["dialogs/none.yaml"]);
    assert!(status == 2 && told.contains("there is no file dialogs/none.yaml"), "{told}");
    let (status, _, told) = candor(&["README.md"]);
    assert!(status == 1 && told.contains("cannot be drawn"), "{told}");
}
