//! What a caller says without a grant is nowhere: a phrase that nobody else says is spoken in calls, and then looked for everywhere.
//!
//! The search is shown to work in two ways: a phrase said in a kept turn is found, in that turn alone; and with the gate broken on
//! purpose, the phrase that must not be there is found.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::by_key::next_prompt_sounds;
use crate::cargo;
use crate::hears_korean::{korean, understood};
use crate::korean::{agree_by_key, line, opened, question_heard, spoken};
use crate::phone::Call;
use crate::service::{Plan, Service, files_below, of_type, project};
use crate::traces::Said;

/// A purple elephant plays the cello in the cellar.
pub const CANARY: &str = "보라색 코끼리가 지하실에서 첼로를 켭니다";
/// A green whale counts umbrellas on the roof.
pub const KEPT: &str = "초록색 고래가 옥상에서 우산을 셉니다";
pub const PURPOSE: &str = "service-quality";

/// A server that keeps all of its things in one folder, rendered prompts included, and tells its log everything.
pub fn server() -> Option<Plan> {
    Some(line()?.with("PROMPTS__RENDERED", "data/rendered").with("LOG__LEVEL", "trace"))
}

/// A phrase with its words.
pub async fn canary(phrase: &str) -> Said {
    Said::new(&spoken(phrase).await, &words(phrase).await)
}

/// The words of a phrase, and those that the recogniser makes of it, which may be quite others. What the agent says as well is left out.
pub async fn words(phrase: &str) -> Vec<String> {
    let recogniser = korean().await.expect("the model is here");
    let heard = understood(&recogniser, "ko+f2", phrase).await.text.clone();
    let prompts: String =
        files_below(&project("tests/prompts")).iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let words = phrase.split(' ').chain(heard.split(' ')).filter(|word| word.chars().count() > 1 && !prompts.contains(word));
    let mut texts: Vec<String> = words.map(str::to_owned).collect();
    texts.extend([phrase.to_owned(), phrase.replace(' ', "")]);
    if heard.contains(' ') {
        texts.extend([heard.clone(), heard.replace(' ', "")]);
    }
    texts
}

/// The machine's folders for passing things, and what was in them.
pub struct Passing(BTreeSet<PathBuf>);

impl Passing {
    pub fn before() -> Passing {
        Passing(entries().into_iter().collect())
    }

    /// The files that have appeared, in a new folder as well. Other tests have folders of their own, which begin with a dot.
    pub fn new_files(&self) -> Vec<PathBuf> {
        let hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let new = entries().into_iter().filter(|path| !self.0.contains(path) && !hidden(path));
        new.flat_map(|path| if path.is_dir() { in_folder(&path) } else { vec![path] }).filter(|path| path.is_file()).collect()
    }
}

fn entries() -> Vec<PathBuf> {
    ["/tmp", "/var/tmp", "/dev/shm"].iter().flat_map(|folder| in_folder(Path::new(folder))).collect()
}

fn in_folder(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// What is found of it in plain: below the server's own folder, and in new files of the machine's folders for passing things.
pub fn in_plain(service: &Service, said: &Said, before: &Passing) -> Vec<String> {
    let mut files = files_below(service.folder.path());
    files.extend(before.new_files());
    said.traces(&files).into_iter().map(|trace| format!("{} in {}", trace.form, trace.file.display())).collect()
}

/// What is found of it in the sealed turns, opened with the private key.
fn in_sealed(service: &Service, said: &Said) -> Vec<String> {
    let channels = opened(service, PURPOSE).into_iter().enumerate();
    let channels = channels.flat_map(|(turn, sound)| [(turn, "caller", sound.caller), (turn, "agent", sound.agent)]);
    let found = channels.flat_map(|(turn, channel, ulaw)| {
        said.forms_in(&ulaw).into_iter().map(move |form| format!("{form}, kept turn {turn}, channel of the {channel}"))
    });
    found.collect()
}

async fn leave(call: Call) {
    tokio::time::sleep(Duration::from_millis(300)).await;
    call.hang_up().await.unwrap();
    call.outcome().await;
}

/// Speaks before the question, after a refusal, and in the dialog.
async fn refuses(service: &Service, phrase: &[u8]) {
    let call = service.caller().ring().await.unwrap();
    call.wait_until_agent_speaks().await.unwrap();
    call.say_ulaw(phrase.to_vec()).await.unwrap();
    question_heard(&call).await;
    call.press("2").await.unwrap();
    call.say_ulaw(phrase.to_vec()).await.unwrap();
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    call.say_ulaw(phrase.to_vec()).await.unwrap();
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    leave(call).await;
}

/// Speaks before the question, agrees, speaks in the turn in the middle of which the consent is withdrawn, and after that.
async fn withdraws(service: &Service, phrase: &[u8]) {
    let call = service.caller().ring().await.unwrap();
    call.wait_until_agent_speaks().await.unwrap();
    call.say_ulaw(phrase.to_vec()).await.unwrap();
    agree_by_key(&call).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    call.begin_to_say(phrase.to_vec()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    call.press("*9").await.unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    call.say_ulaw(phrase.to_vec()).await.unwrap();
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    call.say_ulaw(phrase.to_vec()).await.unwrap();
    leave(call).await;
}

/// Speaks before the question, agrees, and says something else in a kept turn.
async fn agrees(service: &Service, phrase: &[u8], kept: &[u8]) {
    let call = service.caller().ring().await.unwrap();
    call.wait_until_agent_speaks().await.unwrap();
    call.say_ulaw(phrase.to_vec()).await.unwrap();
    agree_by_key(&call).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    call.say_ulaw(kept.to_vec()).await.unwrap();
    // When the agent speaks again it has understood what it could, and the turn is over.
    next_prompt_sounds(&call).await;
    leave(call).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_without_a_grant_is_nowhere_and_what_is_kept_is_in_sealed_turns_alone() {
    let Some(plan) = server() else { return };
    let before = Passing::before();
    let service = plan.start();
    let (phrase, kept) = (spoken(CANARY).await, spoken(KEPT).await);
    tokio::join!(refuses(&service, &phrase), withdraws(&service, &phrase), agrees(&service, &phrase, &kept));
    let (canary, control) = (canary(CANARY).await, canary(KEPT).await);
    let mut states = Vec::new();
    for session in service.sessions() {
        let events = service.closed_of(&session).await;
        states.push(of_type(&events, "consent").last().unwrap()["to"].as_str().unwrap().to_owned());
    }
    states.sort();
    assert_eq!(states.len(), 3, "{states:?}");
    assert!(states.contains(&"refused".to_owned()) && states.contains(&"withdrawn".to_owned()), "{states:?}");

    // While it runs, with everything that its database has not written back yet, and when it has ended.
    let mut service = service;
    assert_eq!(in_plain(&service, &canary, &before), [""; 0]);
    assert_eq!(in_plain(&service, &control, &before), [""; 0]);
    assert_eq!(in_sealed(&service, &canary), [""; 0]);
    let found = in_sealed(&service, &control);
    assert!(
        found.iter().any(|form| form.starts_with("μ-law,")) && found.iter().all(|form| form.ends_with("caller")),
        "{found:?}"
    );
    service.terminate();
    service.ended().await;
    assert_eq!(in_plain(&service, &canary, &before), [""; 0]);
    assert_eq!(in_plain(&service, &control, &before), [""; 0]);
}

/// What is taken out of the gate, and what stands there instead.
const BROKEN: [(&str, &str); 3] = [
    (
        "let TurnKind::Dialog { evidence_for } = kind else { return None };",
        "let evidence_for: &[Purpose] = if let TurnKind::Dialog { evidence_for } = kind { evidence_for } else { &[] };",
    ),
    ("let grant = e.grant.as_ref().filter(|grant| grant.since <= began)?;", "let grant = Grant { since: began, number: 1 };"),
    (
        "*purpose == entry.terms.purpose && live == Some(*number)",
        "*purpose == entry.terms.purpose && (live == Some(*number) || true)",
    ),
];

/// Builds a server whose gate lets everything through, from a copy of these sources and beside the real one. `None`: there is no cargo.
fn with_a_broken_gate() -> Option<PathBuf> {
    const NAME: &str = "candor-with-a-broken-gate";
    let mut build = cargo::build()?;
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (copy, target) = (temporary.join("broken-gate"), temporary.parent().unwrap());
    for part in ["src", "prompts", "docs/checks", "examples/browser", "web", "build.rs", "Cargo.toml", "Cargo.lock"] {
        copy_changed(&project(part), &copy.join(part));
    }
    // A package of its own name and program, so that nothing of the real one is replaced; and a test, so that its dependencies
    // are built with the very features that they have been built with already.
    let manifest = std::fs::read_to_string(project("Cargo.toml")).unwrap();
    let (head, rest) = manifest.split_once("[dependencies]").unwrap();
    let head = head.replace("name = \"candor\"", &format!("name = \"{NAME}\"")).replace("default-run = \"candor\"\n", "");
    let rest = rest.split("[[example]]").next().unwrap();
    let parts = format!(
        "[lib]\nname = \"candor\"\n[[bin]]\nname = \"{NAME}\"\npath = \"src/main.rs\"\n[[test]]\nname = \"broken-gate\"\npath = \"nothing.rs\"\n"
    );
    write_changed(&copy.join("Cargo.toml"), format!("{head}[dependencies]{rest}\n{parts}\n[workspace]\n"));
    let lock = std::fs::read_to_string(project("Cargo.lock")).unwrap();
    write_changed(&copy.join("Cargo.lock"), lock.replace("name = \"candor\"\n", &format!("name = \"{NAME}\"\n")));
    write_changed(&copy.join("nothing.rs"), "//! Nothing.\n");
    let gate = Path::new("src/consent/state.rs");
    let mut source = std::fs::read_to_string(project(gate.to_str().unwrap())).unwrap();
    for (sound, broken) in BROKEN {
        assert_eq!(source.matches(sound).count(), 1, "the gate has changed, and so must the way to break it: {sound}");
        source = source.replace(sound, broken);
    }
    write_changed(&copy.join(gate), &source);

    // Its dependencies are what they were; it alone is built, and sooner when it need not be fast.
    build.env("CARGO_PROFILE_DEV_OPT_LEVEL", "0");
    build.current_dir(&copy).env("CARGO_TARGET_DIR", target).args(["--test", "broken-gate", "--bin", NAME]);
    let built = build.output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(target.join(if cfg!(debug_assertions) { "debug" } else { "release" }).join(NAME))
}

/// Copies a file or a folder, leaving alone what has not changed so that it is not built anew. The gate is written by its own hand.
fn copy_changed(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in std::fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy_changed(&from.join(&name), &to.join(&name));
        }
    } else if !["state.rs", "Cargo.toml", "Cargo.lock"].iter().any(|name| from.ends_with(name)) {
        write_changed(to, std::fs::read(from).unwrap());
    }
}

fn write_changed(to: &Path, content: impl AsRef<[u8]>) {
    if std::fs::read(to).ok().as_deref() != Some(content.as_ref()) {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::write(to, content).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_canary_catches_a_broken_gate() {
    let Some(plan) = server() else { return };
    let Some(program) = with_a_broken_gate() else { return };
    let before = Passing::before();
    let service = plan.program(program).start();
    let phrase = spoken(CANARY).await;
    refuses(&service, &phrase).await;
    let session = service.sessions().remove(0);
    let events = service.closed_of(&session).await;
    assert_eq!(of_type(&events, "consent").last().unwrap()["to"], "refused");
    let found = in_sealed(&service, &Said::new(&phrase, &[]));
    assert!(found.iter().any(|form| form.starts_with("μ-law,")), "a broken gate was not noticed: {found:?}");
    // Even then nothing is in plain: what is kept is sealed, whoever may open it.
    assert_eq!(in_plain(&service, &Said::new(&phrase, &[CANARY.to_owned()]), &before), [""; 0]);
}
