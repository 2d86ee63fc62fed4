//! What is edited is served to new calls, calls in progress go on with what they began with, and what does not hold is refused and named.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use candor::server::library;
use serde_json::Value;
use tempfile::TempDir;

use crate::by_key::{Prompts, QUESTION, answer, next_prompt_sounds, opening_hours_and_goodbye, ring, with_keys_alone};
use crate::http::{count, get};
use crate::phone::Call;
use crate::service::{Plan, Service, files_below, of_type, project};

/// The sample dialog in folders of its own, to be edited.
struct Workshop {
    folder: TempDir,
}

impl Workshop {
    fn new() -> Workshop {
        let folder = tempfile::tempdir().unwrap();
        for part in ["dialogs", "prompts"] {
            let from = project(part);
            // One dialog alone: then it is the default.
            for file in files_below(&from).into_iter().filter(|file| !file.ends_with("municipality.yaml")) {
                let to = folder.path().join(part).join(file.strip_prefix(&from).unwrap());
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(&file, &to).unwrap();
            }
        }
        Workshop { folder }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn plan(&self) -> Plan {
        with_keys_alone(Plan::of(self.path("dialogs"), self.path("prompts")))
    }

    fn edited(&self, file: &str, from: &str, to: &str) -> String {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "{file} holds no {from}");
        text.replacen(from, to, 1)
    }

    /// Writes beside the file and renames, as most editors do.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = self.edited(file, from, to);
        let beside = self.path(&format!("{file}~"));
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, self.path(file)).unwrap();
    }

    /// The version of the dialog as it is on disk.
    fn version(&self) -> String {
        library::load(&self.path("dialogs/webshop.yaml"), &self.path("prompts"), None).unwrap().dialog.version
    }

    /// Every prompt as it is on disk.
    async fn prompts(&self) -> Prompts {
        Prompts::of(&self.path("dialogs/webshop.yaml"), &self.path("prompts")).await
    }
}

async fn ready(service: &Service) -> Value {
    let answer = get("/readyz").send(service).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// Waits until `/readyz` is as wanted, and gives it.
async fn until(service: &Service, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let ready = ready(service).await;
        if wanted(&ready) {
            return ready;
        }
        assert!(Instant::now() < deadline, "{ready:#}\n{}", service.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until this version of the web shop's dialog is served.
async fn until_served(service: &Service, version: &str) -> Value {
    let webshop = |dialog: &Value| dialog["name"] == "webshop" && dialog["version"] == version;
    until(service, |ready| ready["dialogs"].as_array().unwrap().iter().any(webshop)).await
}

async fn until_counted(service: &Service, name: &str, wanted: f64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while count(service, name).await != wanted {
        assert!(Instant::now() < deadline, "{name} is {}", count(service, name).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn dialog_version(events: &[Value]) -> &str {
    of_type(events, "session.opened")[0]["dialog-version"].as_str().unwrap()
}

/// What the ledger says of how the consent question sounded, each time.
fn question_hashes(events: &[Value]) -> Vec<&str> {
    of_type(events, "question").iter().map(|question| question["audio-sha256"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_call_goes_on_with_what_it_began_with_and_the_next_gets_what_was_edited() {
    let workshop = Workshop::new();
    let (old, old_version) = (workshop.prompts().await, workshop.version());
    let service = workshop.plan().with("SESSION__NO_INPUT_MS", "120000").with("SESSION__CONSENT_WINDOW_MS", "60000").start();
    let (before, before_session) = ring(&service, service.caller()).await;
    answer(&before, "2").await;
    next_prompt_sounds(&before).await;

    // What a caller in the menu hears next is changed, and the question that they can have put again.
    workshop.edit("prompts/nl/candor.ftl", "Mag ik opnemen om", "Is het goed dat ik opneem om");
    workshop.edit("prompts/nl/webshop.ftl", "Bestellen kan dag en nacht.", "Bestellen kan altijd.");
    let new_version = workshop.version();
    until_served(&service, &new_version).await;
    assert_eq!(count(&service, "candor_dialog_versions").await, 2.0);

    let (after, after_session) = ring(&service, service.caller()).await;
    let new = workshop.prompts().await;
    let goes_on = async {
        before.press("*8").await.unwrap();
        let deadline = Instant::now() + Duration::from_secs(40);
        while of_type(&service.events_of(&before_session), "question").len() < 2 {
            assert!(Instant::now() < deadline, "the question is not put again");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let marks = before.prompts_heard();
        before.press("2").await.unwrap();
        before.wait_for_completed_marks(marks + 1).await.unwrap();
        hears_the_opening_hours(&before, &old).await;
    };
    let begins = async {
        answer(&after, "2").await;
        hears_the_opening_hours(&after, &new).await;
    };
    tokio::join!(goes_on, begins);
    let (before, after) = (before.outcome().await, after.outcome().await);
    let changed = ["consent-question", "we-are-open"];
    assert_eq!(old.heard(&before.heard, "nl", &changed), changed);
    assert_eq!(new.heard(&before.heard, "nl", &changed), [] as [&str; 0]);
    // A no may cut the question's last frames; which question it was, the ledger says below.
    assert_eq!(new.heard(&after.heard, "nl", &["we-are-open"]), ["we-are-open"]);
    assert_eq!(old.heard(&after.heard, "nl", &changed), [] as [&str; 0]);

    let before = service.closed_of(&before_session).await;
    let after = service.closed_of(&after_session).await;
    assert_eq!((dialog_version(&before), dialog_version(&after)), (old_version.as_str(), new_version.as_str()));
    let hash = |prompts: &Prompts| sha256(&prompts.sound("nl", "consent-question"));
    assert_eq!(question_hashes(&before), [hash(&old), hash(&old)]);
    assert_eq!(question_hashes(&after), [hash(&new)]);
    // Nobody needs the old one any more.
    until_counted(&service, "candor_dialog_versions", 1.0).await;
}

/// Asks for the opening hours in the menu, hears them as they are in `prompts`, and hangs up.
async fn hears_the_opening_hours(call: &Call, prompts: &Prompts) {
    next_prompt_sounds(call).await;
    call.press("3").await.unwrap();
    call.wait_until_heard(&prompts.sound("nl", "we-are-open")).await.unwrap();
    call.hang_up().await.unwrap();
}

fn sha256(ulaw: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(ulaw))
}

#[tokio::test]
async fn what_does_not_hold_is_refused_and_named_until_it_is_mended() {
    let workshop = Workshop::new();
    let version = workshop.version();
    let service = workshop.plan().start();
    assert_eq!(ready(&service).await["refused"], serde_json::json!([]));
    workshop.edit("dialogs/webshop.yaml", "go: order-number", "go: nowhere");
    let refused = until(&service, |ready| !ready["refused"].as_array().unwrap().is_empty()).await;
    assert_eq!((&refused["ready"], &refused["dialogs"][0]["version"]), (&Value::Bool(true), &Value::from(version.clone())));
    let entry = &refused["refused"][0];
    assert!(entry["file"].as_str().unwrap().ends_with("dialogs/webshop.yaml"), "{entry}");
    assert!(entry["message"].as_str().unwrap().contains("nowhere"), "{entry}");
    assert_eq!((&entry["rule"], &entry["line"]), (&Value::from("unknown-state"), &Value::from(line_of(&workshop, "nowhere"))));
    let since = entry["since"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();

    // A call gets what was good, and another change in the folder is no reason to say it again.
    let (call, session) = ring(&service, service.caller()).await;
    fs::write(workshop.path("dialogs/notes.txt"), "to do").unwrap();
    call.wait_for_completed_marks(QUESTION).await.unwrap();
    call.hang_up().await.unwrap();
    call.outcome().await;
    assert_eq!(dialog_version(&service.closed_of(&session).await), version);
    let told = |service: &Service| service.log().matches("what was changed is not served").count();
    assert_eq!(told(&service), 1, "{}", service.log());

    // Wrong in another way: said, and still refused since then.
    workshop.edit("dialogs/webshop.yaml", "go: nowhere", "go: elsewhere");
    let other = until(&service, |ready| ready["refused"][0]["message"].as_str().unwrap_or_default().contains("elsewhere")).await;
    assert_eq!(other["refused"][0]["since"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap(), since);
    assert_eq!((told(&service), count(&service, "candor_dialog_reloads_total{result=\"refused\"}").await), (2, 2.0));

    workshop.edit("dialogs/webshop.yaml", "go: elsewhere", "go: order-number");
    workshop.edit("prompts/nl/webshop.ftl", "Nog een fijne dag.", "Tot ziens.");
    until_served(&service, &workshop.version()).await;
    assert_eq!(ready(&service).await["refused"], serde_json::json!([]));
    assert_eq!(count(&service, "candor_dialog_reloads_total{result=\"taken\"}").await, 1.0);
}

fn line_of(workshop: &Workshop, word: &str) -> u64 {
    let text = fs::read_to_string(workshop.path("dialogs/webshop.yaml")).unwrap();
    text.lines().position(|line| line.contains(word)).unwrap() as u64 + 1
}

/// A recording of `seconds`, of a tone.
fn recording(seconds: u32) -> Vec<u8> {
    let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = std::io::Cursor::new(Vec::new());
    let mut wav = hound::WavWriter::new(&mut file, spec).unwrap();
    (0..seconds * 8_000).for_each(|at| wav.write_sample(((f64::from(at) * 0.35).sin() * 8_000.0) as i16).unwrap());
    wav.finalize().unwrap();
    file.into_inner()
}

#[tokio::test]
async fn a_recording_that_is_added_is_heard_and_one_that_is_still_being_copied_is_not_refused() {
    let workshop = Workshop::new();
    let old = workshop.prompts().await;
    let service = workshop.plan().start();
    let wav = recording(2);
    let file = workshop.path("prompts/nl/we-are-open.wav");
    let mut copy = fs::File::create(&file).unwrap();
    for piece in wav.chunks(wav.len() / 6) {
        copy.write_all(piece).unwrap();
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    drop(copy);
    until_served(&service, &workshop.version()).await;
    let (call, session) = ring(&service, service.caller()).await;
    answer(&call, "2").await;
    opening_hours_and_goodbye(&call).await;
    let heard = call.outcome().await.heard;
    assert_eq!(workshop.prompts().await.heard(&heard, "nl", &["we-are-open"]), ["we-are-open"]);
    assert_eq!(old.heard(&heard, "nl", &["we-are-open"]), [] as [&str; 0]);
    assert_eq!(dialog_version(&service.closed_of(&session).await), workshop.version());

    // One that is too long for the opening is refused like any other problem, and so is one that is no sound.
    for (name, bytes) in [("disclosure-automated", recording(20)), ("thank-you", b"no sound".to_vec())] {
        let file = workshop.path(&format!("prompts/nl/{name}.wav"));
        fs::write(&file, bytes).unwrap();
        until(&service, |ready| !ready["refused"].as_array().unwrap().is_empty()).await;
        fs::remove_file(&file).unwrap();
        until(&service, |ready| ready["refused"].as_array().unwrap().is_empty()).await;
    }
    assert_eq!(service.log().matches("what was changed is not served").count(), 2, "{}", service.log());
}

#[tokio::test]
async fn half_of_a_file_and_a_row_of_edits_flap_nothing() {
    let workshop = Workshop::new();
    let service = workshop.plan().start();
    // In pieces, into the file itself.
    let text = workshop.edited("dialogs/webshop.yaml", "tries: 2, then: goodbye", "tries: 3, then: goodbye");
    let mut file = fs::File::create(workshop.path("dialogs/webshop.yaml")).unwrap();
    for piece in text.as_bytes().chunks(text.len() / 5) {
        file.write_all(piece).unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(file);
    until_served(&service, &workshop.version()).await;
    // One change after the other, faster than they can be rendered.
    for number in 0..15 {
        let (from, to) = (format!("Nog een fijne {number}"), format!("Nog een fijne {}", number + 1));
        let from = if number == 0 { "Nog een fijne dag" } else { from.as_str() };
        workshop.edit("prompts/nl/webshop.ftl", from, &to);
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    until_served(&service, &workshop.version()).await;
    assert!(!service.log().contains("what was changed is not served"), "{}", service.log());
    let taken = count(&service, "candor_dialog_reloads_total{result=\"taken\"}").await;
    assert!((2.0..9.0).contains(&taken), "{taken}");
    // Nothing of them stays, and looking is no reason to look again.
    until_counted(&service, "candor_dialog_versions", 1.0).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let looks = count(&service, "candor_dialog_reloads_total").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(count(&service, "candor_dialog_reloads_total").await, looks);
}

#[tokio::test]
async fn dialogs_come_and_go_but_the_one_that_calls_are_sent_to() {
    let workshop = Workshop::new();
    let service = workshop.plan().with("DIALOGS__DEFAULT", "webshop").start();
    for language in ["nl", "en"] {
        let texts = workshop.path("prompts").join(language);
        fs::copy(texts.join("webshop.ftl"), texts.join("second.ftl")).unwrap();
    }
    let second = workshop.edited("dialogs/webshop.yaml", "dialog: webshop", "dialog: second");
    fs::write(workshop.path("dialogs/second.yaml"), second).unwrap();
    let names = |ready: &Value| {
        ready["dialogs"].as_array().unwrap().iter().map(|d| d["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    until(&service, |ready| names(ready) == ["second", "webshop"]).await;
    fs::remove_file(workshop.path("dialogs/second.yaml")).unwrap();
    until(&service, |ready| names(ready) == ["webshop"]).await;
    assert_eq!(count(&service, "candor_dialog_reloads_total{result=\"gone\"}").await, 1.0);

    let webshop = fs::read(workshop.path("dialogs/webshop.yaml")).unwrap();
    fs::remove_file(workshop.path("dialogs/webshop.yaml")).unwrap();
    let refused = until(&service, |ready| !ready["refused"].as_array().unwrap().is_empty()).await;
    assert_eq!(names(&refused), ["webshop"]);
    let (call, _) = ring(&service, service.caller()).await;
    next_prompt_sounds(&call).await;
    call.hang_up().await.unwrap();
    call.outcome().await;
    fs::write(workshop.path("dialogs/webshop.yaml"), webshop).unwrap();
    until(&service, |ready| ready["refused"].as_array().unwrap().is_empty()).await;
}

#[tokio::test]
async fn a_purpose_needs_its_key_and_a_language_its_recogniser() {
    let workshop = Workshop::new();
    let service = workshop.plan().start();
    let another = "recording:\n  - purpose: staff-training\n    basis: consent\n    necessity: New colleagues learn from real calls.\n    retention: 10 days\n";
    workshop.edit("dialogs/webshop.yaml", "recording:", another);
    let refused = until(&service, |ready| !ready["refused"].as_array().unwrap().is_empty()).await;
    let entry = &refused["refused"][0];
    assert_eq!(entry["rule"], "no-public-key");
    assert!(entry["message"].as_str().unwrap().contains("staff-training"), "{entry}");
    let made = service.tool(&[
        "keys",
        "new",
        "--purpose",
        "staff-training",
        "--out",
        service.folder.path().join("more").to_str().unwrap(),
    ]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // The folder of keys is not watched.
    service.hang_up();
    until_served(&service, &workshop.version()).await;
    let (call, session) = ring(&service, service.caller()).await;
    next_prompt_sounds(&call).await;
    call.hang_up().await.unwrap();
    call.outcome().await;
    assert_eq!(dialog_version(&service.closed_of(&session).await), workshop.version());

    let (from, to) = (workshop.path("prompts/en"), workshop.path("prompts/fr"));
    fs::create_dir(&to).unwrap();
    for file in ["candor.ftl", "webshop.ftl"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
    workshop.edit("dialogs/webshop.yaml", "languages: [nl, en]", "languages: [nl, en, fr]");
    let ready = until(&service, |ready| !ready["languages"]["fr"].is_null() || ready["refused"][0]["file"].is_string()).await;
    assert_eq!(ready["refused"], serde_json::json!([]));
    assert_eq!((&ready["languages"]["fr"], &ready["languages"]["nl"]), (&"keys-until-restart".into(), &"keys".into()));
    assert!(service.log().contains("a language that is new here"), "{}", service.log());
}

#[cfg(unix)]
#[tokio::test]
async fn where_changes_are_not_seen_a_signal_has_them_looked_for() {
    let workshop = Workshop::new();
    // The system tells nothing of a file that lies elsewhere.
    let elsewhere = workshop.path("elsewhere.yaml");
    fs::rename(workshop.path("dialogs/webshop.yaml"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, workshop.path("dialogs/webshop.yaml")).unwrap();
    let before = workshop.version();
    let service = workshop.plan().start();
    fs::write(&elsewhere, workshop.edited("elsewhere.yaml", "tries: 2, then: goodbye", "tries: 3, then: goodbye")).unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    until_served(&service, &before).await;
    service.hang_up();
    until_served(&service, &workshop.version()).await;
    assert!(service.log().contains("asked to look"), "{}", service.log());
}
