//! The dialogs in `tests/dialogs/check/`: each is refused exactly where it says so, and holds where it does not. The pages of the rules show
//! pieces of them.
//!
//! A line that breaks a rule says so in a comment: `# refused: RULE`, or `# warned:` or `# noted:` as the rule has it; in a text file the
//! comment stands on the line before. `# refused elsewhere: RULE FILE` is for a file that holds no comments. Texts of the engine are replaced
//! by `engine/NAME.LANGUAGE.ftl` for the dialog of that name. The rules are taken from their list, so that none is forgotten.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use candor::cli::check::page;
use candor::dialog::check::{Configured, Keeper, Level, RULES, built_in};
use candor::dialog::prompt::{Line, Slots};
use candor::server::library::{self, Loaded, Phonemes, Problems};
use tempfile::TempDir;

use crate::service::project;

/// A rule, and the file and line where it is broken.
type Broken = (String, String, usize);

pub fn folder() -> PathBuf {
    project("tests/dialogs/check")
}

pub fn targets() -> Vec<String> {
    vec!["service-desk".into()]
}

/// The names of `[lookups]` that the dialogs here may use.
fn lookups() -> Vec<String> {
    ["orders_api", "orders_token", "people_api"].map(str::to_owned).into()
}

/// A fixture with the texts that are its own.
pub struct Fixture {
    pub dialog: PathBuf,
    pub prompts: PathBuf,
    _composed: Option<TempDir>,
}

impl Fixture {
    pub fn named(name: &str) -> Fixture {
        Fixture::of(folder().join(name))
    }

    fn of(dialog: PathBuf) -> Fixture {
        let stem = dialog.file_stem().unwrap().to_str().unwrap().to_owned();
        let patches = patches(&stem);
        if patches.is_empty() {
            return Fixture { dialog, prompts: folder().join("prompts"), _composed: None };
        }
        let composed = tempfile::tempdir().unwrap();
        for language in fs::read_dir(folder().join("prompts")).unwrap().map(|entry| entry.unwrap()) {
            let to = composed.path().join(language.file_name());
            fs::create_dir(&to).unwrap();
            for file in fs::read_dir(language.path()).unwrap().map(|entry| entry.unwrap()) {
                fs::copy(file.path(), to.join(file.file_name())).unwrap();
            }
        }
        for (language, patch) in patches {
            let engine = composed.path().join(&language).join("candor.ftl");
            fs::write(engine, replaced(&language, &fs::read_to_string(patch).unwrap())).unwrap();
        }
        Fixture { dialog, prompts: composed.path().to_owned(), _composed: Some(composed) }
    }

    /// Everything that is found: as it was written, and, where that holds, as it is spoken.
    pub fn check(&self) -> Result<Loaded, Box<Problems>> {
        let loaded = {
            let (targets, lookups) = (targets(), lookups());
            // The fixtures of one rule alone are about a server with such a recogniser.
            let about_it =
                self.dialog.file_name().is_some_and(|name| name.to_string_lossy().starts_with("recogniser-keeps-audio"));
            let keepers = Vec::from_iter(about_it.then(|| Keeper { language: "en".into(), name: "a_cloud".into() }));
            let configured = Configured { targets: Some(&targets), lookups: Some(&lookups), keepers: &keepers };
            library::load_for(&self.dialog, &self.prompts, configured)?
        };
        // No voice: phrases are compared by their letters, and a letter takes as long as it takes a calm voice on average.
        let duration = |loaded: &Loaded, line: &Line| {
            let text = loaded.dialog.texts.text(&loaded.dialog.file, line, &Slots::default()).ok()?;
            Some(Duration::from_millis(65) * u32::try_from(text.chars().count()).unwrap())
        };
        loaded.check_spoken(&Phonemes::default(), duration).map(|()| loaded)
    }

    fn announced(&self) -> BTreeSet<Broken> {
        let text = fs::read_to_string(&self.dialog).unwrap();
        let name =
            text.lines().find_map(|line| line.strip_prefix("dialog: ")).unwrap().split('#').next().unwrap().trim().to_owned();
        let mut announced = announced(&self.dialog, &self.dialog.display().to_string(), false);
        let parts = text.lines().filter_map(|line| line.trim().split_once(": parts/")?.1.split(' ').next());
        for part in parts.map(|part| folder().join("parts").join(part)).filter(|part| part.is_file()) {
            announced.extend(self::announced(&part, &part.display().to_string(), false));
        }
        for language in ["nl", "en", "ko", "fr"] {
            let texts = self.prompts.join(language).join(format!("{name}.ftl"));
            if texts.exists() {
                announced.extend(self::announced(&texts, &texts.display().to_string(), true));
            }
        }
        for (language, patch) in patches(self.dialog.file_stem().unwrap().to_str().unwrap()) {
            announced.extend(self::announced(&patch, &format!("{language}/candor.ftl"), true));
        }
        announced
    }
}

/// The texts of the engine that a fixture replaces, with their languages.
fn patches(stem: &str) -> Vec<(String, PathBuf)> {
    let of = |language: &str| folder().join("engine").join(format!("{stem}.{language}.ftl"));
    let all = ["nl", "en", "fr"].map(|language| (language.to_owned(), of(language)));
    all.into_iter().filter(|(_, file)| file.is_file()).collect()
}

/// The engine's texts with some replaced. Those come first, so that their lines stay the same. A language that is not built in borrows English.
fn replaced(language: &str, patch: &str) -> String {
    let built_in = built_in(language).or_else(|| built_in("en")).unwrap().text;
    let id = |line: &str| line.split_once(" =").map(|(id, _)| id.to_owned()).filter(|id| !id.starts_with([' ', '#']));
    let replaced: BTreeSet<String> = patch.lines().filter_map(id).collect();
    let mut keep = true;
    let rest = built_in.lines().filter(|line| {
        if !line.is_empty() && !line.starts_with(' ') {
            keep = id(line).is_none_or(|id| !replaced.contains(&id));
        }
        keep
    });
    format!("{patch}\n{}\n", rest.collect::<Vec<_>>().join("\n"))
}

fn file_name(path: &str) -> String {
    let mut parts: Vec<&str> = path.trim_end_matches(" (built in)").rsplit('/').take(2).collect();
    parts.reverse();
    parts.join("/")
}

/// What the comments of a file say; `after`: about the line after the comment.
fn announced(path: &Path, called: &str, after: bool) -> BTreeSet<Broken> {
    let text = fs::read_to_string(path).unwrap();
    let mut all = BTreeSet::new();
    for (index, line) in text.lines().enumerate() {
        if let Some((_, elsewhere)) = line.split_once("# refused elsewhere: ") {
            let (rule, file) = elsewhere.split_once(' ').unwrap();
            all.insert((rule.to_owned(), file.to_owned(), 0));
        }
        for (word, level) in [("# refused: ", Level::Error), ("# warned: ", Level::Warning), ("# noted: ", Level::Note)] {
            let Some((_, rule)) = line.split_once(word) else { continue };
            let rule = rule.split_whitespace().next().unwrap();
            let known = RULES.iter().find(|known| known.name == rule).unwrap_or_else(|| panic!("there is no rule {rule}"));
            assert_eq!(known.level, level, "{rule} in {}", path.display());
            all.insert((rule.to_owned(), file_name(called), index + 1 + usize::from(after)));
        }
    }
    all
}

fn found(problems: &Problems) -> BTreeSet<Broken> {
    let places = problems.iter().zip(problems.positions());
    places
        .map(|(problem, at)| {
            let file = file_name(&problem.place.file);
            // Where nothing can be announced on a line, the file is enough.
            let holds_comments = !problem.place.file.ends_with(".wav") && !problem.place.file.ends_with("(built in)");
            let line = at.filter(|_| holds_comments).map_or(0, |(line, _)| line);
            (problem.rule.to_owned(), file, line)
        })
        // Many dialogs share these texts, and none uses all of them.
        .filter(|(rule, file, _)| {
            !(rule == "unused-prompt"
                && ["service", "steps", "identify", "broken"].iter().any(|shared| file.ends_with(&format!("/{shared}.ftl"))))
        })
        .collect()
}

pub fn fixtures() -> Vec<Fixture> {
    library::dialogs_in(&folder()).unwrap().into_iter().map(Fixture::of).collect()
}

#[test]
fn every_dialog_is_refused_exactly_where_it_says_so() {
    let mut wrong = String::new();
    for fixture in fixtures() {
        let expected = fixture.announced();
        let (found, shown) = match fixture.check() {
            Ok(loaded) => (found(&loaded.remarks), loaded.remarks.render(false)),
            Err(problems) => (found(&problems), problems.render(false)),
        };
        if found != expected {
            let (missing, too_many) = (expected.difference(&found), found.difference(&expected));
            let differences = format!("missing {:?}\ntoo many {:?}", missing.collect::<Vec<_>>(), too_many.collect::<Vec<_>>());
            wrong += &format!("{}\n{differences}\n{shown}\n", fixture.dialog.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_rule_is_broken_by_a_dialog_and_kept_by_another() {
    let broken: BTreeSet<String> = fixtures().iter().flat_map(Fixture::announced).map(|(rule, _, _)| rule).collect();
    for rule in RULES {
        assert!(broken.contains(rule.name), "no dialog breaks {}", rule.name);
        let kept = Fixture::named(&format!("{}.keeps.yaml", rule.name));
        assert!(kept.dialog.is_file(), "no dialog {} keeps it", kept.dialog.display());
        assert_eq!(kept.announced(), BTreeSet::new(), "{} breaks something", kept.dialog.display());
    }
}

#[test]
fn every_refusal_shows_a_line_a_caret_and_what_to_write() {
    for fixture in fixtures() {
        let Err(problems) = fixture.check() else { continue };
        let shown = problems.render(false);
        assert!(shown.contains("help: "), "{shown}");
        for problem in problems.iter().filter(|problem| problem.rule != "file-not-readable") {
            assert!(!problem.help.is_empty() && !problem.place.label.is_empty(), "{shown}");
            assert!(shown.contains(&format!("candor check --explain {}", problem.rule)), "{shown}");
        }
        // Every problem has a frame with its place and a line under the source.
        let carets = shown.lines().filter(|line| line.contains(['┬', '▲', '▶'])).count();
        let with_place = problems.positions().flatten().count();
        assert!(carets >= with_place, "{shown}");
    }
}

/// The pieces of code under a heading of a page.
fn pieces(page: &str, heading: &str) -> Vec<Vec<String>> {
    let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap_or_default();
    let blocks = section.split("\n```").skip(1).step_by(2);
    blocks.map(|block| block.lines().skip(1).map(|line| line.trim().to_owned()).collect()).collect()
}

/// The lines of every file that belongs to the fixtures, or of those that `which` lets through.
fn sources(which: impl Fn(&Path) -> bool) -> Vec<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![folder()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml" || ending == "ftl") && which(&path) {
                let text = fs::read_to_string(path).unwrap();
                files.push(text.lines().map(|line| line.trim().to_owned()).collect());
            }
        }
    }
    files
}

#[test]
fn every_rule_has_a_page_whose_examples_are_fixtures() {
    let index = fs::read_to_string(project("docs/checks/README.md")).unwrap();
    for rule in RULES {
        let name = rule.name;
        let page = page(name).unwrap_or_else(|| panic!("there is no page docs/checks/{name}.md"));
        assert!(page.starts_with(&format!("# {name}\n")), "{name}");
        let level = rule.level.as_str();
        let capital = |text: &str| text[..1].to_uppercase() + &text[1..];
        assert!(
            page.contains(&format!("\n{}. *{}:* ", capital(rule.holds), capital(level))),
            "{name} says something else than its rule"
        );
        for heading in ["What is refused", "Why"] {
            let section = page.split("\n## ").find(|section| section.starts_with(heading)).unwrap_or_default();
            assert!(section.len() > heading.len() + 20, "{name}: {heading}");
        }
        let is_text = |path: &Path| path.extension().is_some_and(|ending| ending == "ftl");
        let stem = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let in_a_part = |path: &Path| path.parent().is_some_and(|folder| folder.ends_with("parts"));
        let breaks =
            sources(|path| is_text(path) || in_a_part(path) || (stem(path).starts_with(name) && !stem(path).contains(".keeps.")));
        let keeps = sources(|path| is_text(path) || in_a_part(path) || stem(path) == format!("{name}.keeps.yaml"));
        for (heading, sources) in [("An example that breaks it", breaks), ("The same, mended", keeps)] {
            let pieces = pieces(&page, heading);
            assert!(!pieces.is_empty(), "{name} has no code under `{heading}`");
            for piece in pieces {
                let is_there = sources.iter().any(|source| source.windows(piece.len()).any(|lines| lines == piece));
                assert!(is_there, "docs/checks/{name}.md, {heading}: no fixture has\n{}", piece.join("\n"));
            }
        }
        let row = format!("| [{name}]({name}.md) | {} | {level} |", rule.holds);
        assert!(index.contains(&row), "docs/checks/README.md lacks {row}");
    }
    let pages = fs::read_dir(project("docs/checks")).unwrap().count();
    assert_eq!(pages, RULES.len() + 1, "a page in docs/checks/ has no rule");
}
