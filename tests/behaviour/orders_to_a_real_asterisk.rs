//! Orders to a real Asterisk beside a call's sound, by AMI and by ARI: what arrives, where callers go, what Asterisk's recorder writes and when. Calls come
//! in as deploy/asterisk has it; where Candor's agent would be, the test is.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use candor::consent::Purpose;
use candor::pbx::{CallRef, Control, ControlSettings, PbxError, RecorderFor, RecorderSettings, Recording, Variables};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::asterisk::agent::{Agent, Leg};
use crate::asterisk::{By, PASSWORD, Pbx, Telephone, sound};

const NUMBER: &str = "+31201234567";
const SOON: Duration = Duration::from_secs(30);

/// An Asterisk that finds the test's agent; nothing, and why, where there is no Asterisk.
async fn start() -> Option<(Agent, Pbx)> {
    let agent = Agent::start().await;
    let pbx = Pbx::start(&agent.places()).await?;
    Some((agent, pbx))
}

/// By AMI, as a user of manager.conf.
fn by_ami(pbx: &Pbx, username: &str) -> Value {
    json!({"via": "ami", "address": format!("127.0.0.1:{}", pbx.ports.manager), "username": username, "secret": PASSWORD})
}

fn by_ari(pbx: &Pbx) -> Value {
    json!({"via": "ari", "address": format!("http://127.0.0.1:{}", pbx.ports.http), "username": "candor", "secret": PASSWORD})
}

fn with(mut settings: Value, key: &str, value: impl Into<Value>) -> Value {
    settings[key] = value.into();
    settings
}

/// Control that is connected.
async fn control(settings: Value) -> Control {
    let control = unconnected(settings);
    let connected = async {
        while control.is_connected() != Some(true) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, connected).await.expect("Asterisk takes orders");
    control
}

fn unconnected(settings: Value) -> Control {
    // Machines with much to do.
    let settings = with(settings, "time_limit", "10s");
    let settings: ControlSettings = serde_json::from_value(settings).unwrap();
    Control::start(settings.check(&RecorderSettings::default()).unwrap()).unwrap()
}

/// A caller who is with the agent.
async fn called<'a>(agent: &Agent, pbx: &'a Pbx, by: By) -> (Telephone<'a>, Leg, CallRef) {
    let telephone = pbx.call(by, NUMBER).await;
    let leg = agent.leg(&telephone.id).await;
    let call = CallRef::new(&telephone.id).unwrap();
    (telephone, leg, call)
}

/// What travels with a caller to the queue of deploy/asterisk.
fn to_the_queue() -> Variables {
    let mut variables = Variables::default();
    for (name, value) in [
        ("CANDOR_NEXT", "queue"),
        ("CANDOR_QUEUE", "support"),
        ("CANDOR_REASON", "asked"),
        ("CANDOR_CONSENT_service-quality", "refused"),
        ("CANDOR_SLOT_note", "Zoë said: \"yes, ${EXTEN}\"; \\ 100%"),
    ] {
        variables.push(name, value);
    }
    variables
}

/// Three seconds of something that never repeats, in μ-law.
fn noise(seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        audio_codec_algorithms::encode_ulaw((state >> 16) as i16 / 4)
    };
    (0..24_000).map(|_| next()).collect()
}

async fn is_handed_over(pbx: &Pbx, telephone: &Telephone<'_>, leg: &Leg) {
    telephone.is_queued().await;
    leg.is_closed().await;
    let colleague = pbx.answered(telephone).await;
    for (name, value) in [
        ("CANDOR_REASON", "asked"),
        ("CANDOR_CONSENT_service_quality", "refused"),
        ("CANDOR_SLOT_note", "Zoë said: \"yes, ${EXTEN}\"; \\ 100%"),
    ] {
        assert_eq!(pbx.manager.variable(&colleague, name).await, value, "the colleague's {name}");
        assert_eq!(telephone.variable(name).await, value, "the caller's {name}");
    }
    assert!(telephone.is_open(), "they talk");
}

#[tokio::test]
async fn by_ami_a_caller_in_dial_goes_to_the_queue_with_what_the_colleague_may_know() {
    let Some((agent, pbx)) = start().await else { return };
    pbx.colleague("talks").await;
    let control = control(by_ami(&pbx, "candor")).await;
    let (telephone, leg, call) = called(&agent, &pbx, By::WebSocket).await;
    // In the middle of what the agent says.
    leg.say(&noise(1));
    telephone.hears_something().await;
    control.joined(&call).await.unwrap();
    control.hand_over(&call, &to_the_queue()).await.unwrap();
    is_handed_over(&pbx, &telephone, &leg).await;
    assert!(!agent.was_asked(&telephone.id), "the dialplan had nothing to ask");
    assert_eq!(pbx.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn by_ami_a_place_that_is_not_there_costs_the_caller_nothing() {
    let Some((agent, pbx)) = start().await else { return };
    pbx.colleague("rings").await;
    let control = control(with(by_ami(&pbx, "candor"), "context", "nowhere")).await;
    let (telephone, leg, call) = called(&agent, &pbx, By::WebSocket).await;
    assert_eq!(control.hand_over(&call, &to_the_queue()).await, Err(PbxError::NoSuchPlace));
    sleep(Duration::from_millis(300)).await;
    assert!(leg.is_open() && telephone.is_open(), "nothing has happened to them");
    assert_eq!(telephone.variable("CANDOR_REASON").await, "asked", "but they have the variables");
    agent.answers("next=queue&queue=support");
    leg.close();
    assert_eq!(agent.asked(&telephone.id).await["status"], "ANSWER");
    telephone.is_queued().await;
    let gone = CallRef::new("1.1").unwrap();
    assert_eq!(control.hand_over(&gone, &to_the_queue()).await, Err(PbxError::NoSuchChannel));
}

#[tokio::test]
async fn by_ami_encrypted_it_is_the_same() {
    let Some((agent, pbx)) = start().await else { return };
    pbx.colleague("talks").await;
    let address = format!("tls://localhost:{}", pbx.ports.manager_tls);
    let certificate = pbx.file("etc/certificate.pem");
    let settings = with(with(by_ami(&pbx, "candor"), "address", address), "certificate", certificate.to_str().unwrap());
    let control = control(settings).await;
    let (telephone, leg, call) = called(&agent, &pbx, By::WebSocket).await;
    control.hand_over(&call, &to_the_queue()).await.unwrap();
    is_handed_over(&pbx, &telephone, &leg).await;
}

#[tokio::test]
async fn a_wrong_secret_and_a_stranger_certificate_are_no_connection() {
    let Some((_, pbx)) = start().await else { return };
    let wrong = [
        with(by_ami(&pbx, "candor"), "secret", "not the secret of the tests"),
        with(by_ami(&pbx, "candor"), "address", format!("127.0.0.1:{}", pbx.ports.http)),
        with(by_ami(&pbx, "candor"), "address", format!("tls://localhost:{}", pbx.ports.manager_tls)),
        with(by_ari(&pbx), "secret", "not the secret of the tests"),
        with(by_ari(&pbx), "address", format!("http://127.0.0.1:{}/elsewhere", pbx.ports.http)),
        with(by_ari(&pbx), "address", format!("https://localhost:{}", pbx.ports.https)),
    ];
    let controls: Vec<Control> = wrong.into_iter().map(unconnected).collect();
    sleep(Duration::from_secs(2)).await;
    assert!(controls.iter().all(|control| control.is_connected() == Some(false)));
    let call = CallRef::new("1.1").unwrap();
    let begun = Instant::now();
    assert_eq!(controls[0].hand_over(&call, &to_the_queue()).await, Err(PbxError::Unreachable));
    assert!(begun.elapsed() < Duration::from_millis(500), "nobody waits for a connection");
}

fn size(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |file| file.len())
}

/// Waits until a file is longer than this.
async fn grows(file: &Path, beyond: u64) {
    let grown = async {
        while size(file) <= beyond {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, grown).await.unwrap_or_else(|_| panic!("{} does not grow beyond {beyond}", file.display()));
}

/// Starts the recorder and stops it again while the caller speaks, twice; gives the last recording and its file.
async fn records_between(
    control: &Control,
    pbx: &Pbx,
    telephone: &Telephone<'_>,
    call: &CallRef,
    folder: &str,
) -> (Recording, PathBuf) {
    let (session, purpose) = (Uuid::new_v4(), Purpose::new("service-quality").unwrap());
    telephone.say(sound::samples_of(&[noise(2), noise(3), noise(4), noise(5)].concat()));
    let mut last = None;
    for number in [1, 2] {
        let file = pbx.file(&format!("{folder}/{session}-{number}.wav"));
        assert!(!file.exists(), "nothing is written before");
        let recording = control.start_recorder(call, RecorderFor { session, purpose: &purpose, number }).await.unwrap();
        assert!(recording.file().ends_with(&format!("{session}-{number}.wav")));
        grows(&file, 8_000).await;
        control.stop_recorder(&recording).await.unwrap();
        // Closing writes the length into the head, which is a part of the file already.
        let stopped = size(&file);
        sleep(Duration::from_millis(700)).await;
        assert_eq!(size(&file), stopped, "nothing is written after");
        last = Some((recording, file));
    }
    last.unwrap()
}

#[tokio::test]
async fn by_ami_asterisks_recorder_writes_between_its_start_and_its_stop_and_never_else() {
    let Some((agent, pbx)) = start().await else { return };
    let control = control(by_ami(&pbx, "candor-records")).await;
    let (telephone, leg, call) = called(&agent, &pbx, By::WebSocket).await;
    let (recording, file) = records_between(&control, &pbx, &telephone, &call, "spool/monitor/candor").await;
    assert_eq!(control.erase_recording(&recording).await, Err(PbxError::NotPossible));
    assert!(file.exists(), "it is Asterisk's");

    // One that is forgotten is stopped as well.
    let purpose = Purpose::new("service-quality").unwrap();
    let forgotten =
        control.start_recorder(&call, RecorderFor { session: Uuid::nil(), purpose: &purpose, number: 1 }).await.unwrap();
    let file = pbx.file(&format!("spool/monitor/candor/{}-1.wav", Uuid::nil()));
    grows(&file, 0).await;
    drop(forgotten);
    stands_still(&file).await;
    assert!(leg.is_open() && telephone.is_open());
}

/// Waits until a file has not grown for most of a second.
async fn stands_still(file: &Path) {
    let still = async {
        loop {
            let before = size(file);
            sleep(Duration::from_millis(700)).await;
            if size(file) == before {
                return;
            }
        }
    };
    timeout(SOON, still).await.expect("it stops");
}

#[tokio::test]
async fn a_recorder_that_candor_cannot_stop_any_more_ends_with_the_agents_part() {
    let Some((agent, pbx)) = start().await else { return };
    pbx.colleague("talks").await;
    agent.answers("next=queue&queue=support");
    let control = control(by_ami(&pbx, "candor-records")).await;
    let (telephone, leg, call) = called(&agent, &pbx, By::WebSocket).await;
    telephone.say(sound::samples_of(&[noise(2), noise(3), noise(4)].concat()));
    let purpose = Purpose::new("service-quality").unwrap();
    let recording =
        control.start_recorder(&call, RecorderFor { session: Uuid::nil(), purpose: &purpose, number: 1 }).await.unwrap();
    let file = pbx.file(&format!("spool/monitor/candor/{}-1.wav", Uuid::nil()));
    grows(&file, 0).await;
    // As a process that is killed.
    std::mem::forget(recording);
    leg.close();
    telephone.is_queued().await;
    pbx.answered(&telephone).await;
    let ended = size(&file);
    sleep(Duration::from_millis(700)).await;
    assert_eq!(size(&file), ended, "the talk with the colleague is not recorded");
    assert_eq!(pbx.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn a_user_who_may_not_record_is_told_so() {
    let Some((agent, pbx)) = start().await else { return };
    let control = control(by_ami(&pbx, "candor")).await;
    let (_telephone, _leg, call) = called(&agent, &pbx, By::WebSocket).await;
    let purpose = Purpose::new("service-quality").unwrap();
    let refused = control.start_recorder(&call, RecorderFor { session: Uuid::nil(), purpose: &purpose, number: 1 }).await;
    assert_eq!(refused.unwrap_err(), PbxError::Refused { message: "Permission denied".into() });
    assert!(!pbx.file("spool/monitor/candor").exists());
}

#[tokio::test]
async fn by_ari_caller_and_agent_hear_each_other_and_the_agent_is_told_of_the_call() {
    let Some((agent, pbx)) = start().await else { return };
    let control = control(by_ari(&pbx)).await;
    let (telephone, leg, call) = called(&agent, &pbx, By::Stasis).await;
    assert_eq!((leg.query["from"].as_str(), leg.query["to"].as_str()), ("+31612345678", NUMBER));
    assert_eq!(leg.query["channel"], telephone.channel);
    control.joined(&call).await.unwrap();
    let (said, answered) = (noise(6), sound::samples_of(&noise(7)));
    leg.say(&said);
    telephone.hears("the agent", &sound::samples_of(&said)).await;
    telephone.say(answered.clone());
    let heard = async {
        loop {
            let found = sound::find(&sound::samples_of(&leg.heard()), &answered);
            if found.is_some_and(|found| found.is_whole()) {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(SOON, heard).await.expect("the agent hears the caller");
    telephone.press('5').await;
    let key = async {
        while !leg.texts.lock().unwrap().iter().any(|text| text.contains("DTMF_END") && text.contains("\"5\"")) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, key).await.expect("the agent is told of the key");
    telephone.hang_up().await;
    leg.is_closed().await;
    nothing_is_left(&pbx).await;
    assert_eq!(pbx.complaints(), Vec::<String>::new());
}

/// Waits until no bridge and no channel of the agent's is left.
async fn nothing_is_left(pbx: &Pbx) {
    let left = || format!("{}{}", pbx.console("bridge show all"), pbx.console("core show channels concise"));
    let empty = async {
        while left().contains("candor.") {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(SOON, empty).await.unwrap_or_else(|_| panic!("{}", left()));
}

#[tokio::test]
async fn by_ari_a_caller_goes_to_the_queue_with_what_the_colleague_may_know() {
    let Some((agent, pbx)) = start().await else { return };
    pbx.colleague("talks").await;
    let control = control(by_ari(&pbx)).await;
    let (telephone, leg, call) = called(&agent, &pbx, By::Stasis).await;
    control.joined(&call).await.unwrap();
    leg.say(&noise(8));
    telephone.hears_something().await;
    control.hand_over(&call, &to_the_queue()).await.unwrap();
    is_handed_over(&pbx, &telephone, &leg).await;
    nothing_is_left(&pbx).await;
    assert!(!agent.was_asked(&telephone.id), "the dialplan had nothing to ask");
    assert_eq!(control.hand_over(&call, &to_the_queue()).await, Err(PbxError::NoSuchChannel), "they are gone from here");
    assert_eq!(pbx.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn by_ari_encrypted_it_is_the_same() {
    let Some((agent, pbx)) = start().await else { return };
    pbx.colleague("talks").await;
    let address = format!("https://localhost:{}", pbx.ports.https);
    let certificate = pbx.file("etc/certificate.pem");
    let settings = with(with(by_ari(&pbx), "address", address), "certificate", certificate.to_str().unwrap());
    let control = control(settings).await;
    let (telephone, leg, call) = called(&agent, &pbx, By::Stasis).await;
    control.joined(&call).await.unwrap();
    control.hand_over(&call, &to_the_queue()).await.unwrap();
    is_handed_over(&pbx, &telephone, &leg).await;
}

#[tokio::test]
async fn by_ari_a_caller_whose_agent_leaves_goes_on_in_the_dialplan() {
    let Some((agent, pbx)) = start().await else { return };
    pbx.colleague("rings").await;
    let control = control(by_ari(&pbx)).await;
    agent.answers("next=queue&queue=support");
    let (telephone, leg, call) = called(&agent, &pbx, By::Stasis).await;
    control.joined(&call).await.unwrap();
    leg.close();
    assert_eq!(agent.asked(&telephone.id).await["status"], "ANSWER");
    telephone.is_queued().await;
    nothing_is_left(&pbx).await;
}

#[tokio::test]
async fn by_ari_a_caller_for_whom_there_is_no_agent_goes_on_in_the_dialplan() {
    let Some((agent, pbx)) = start().await else { return };
    pbx.colleague("rings").await;
    agent.answers("next=queue&queue=support");
    // Nobody has registered the application.
    let telephone = pbx.call(By::Stasis, NUMBER).await;
    assert_eq!(agent.asked(&telephone.id).await["status"], "CHANUNAVAIL");
    telephone.is_queued().await;
    // The agent takes no more calls.
    let _control = control(by_ari(&pbx)).await;
    agent.refuses();
    let telephone = pbx.call(By::Stasis, NUMBER).await;
    assert_eq!(agent.asked(&telephone.id).await["status"], "CONGESTION");
    telephone.is_queued().await;
    nothing_is_left(&pbx).await;
}

#[tokio::test]
async fn by_ari_a_place_that_is_not_there_costs_the_caller_nothing() {
    let Some((agent, pbx)) = start().await else { return };
    pbx.colleague("rings").await;
    let control = control(with(by_ari(&pbx), "context", "nowhere")).await;
    agent.answers("next=queue&queue=support");
    let (telephone, leg, call) = called(&agent, &pbx, By::Stasis).await;
    control.joined(&call).await.unwrap();
    assert_eq!(control.hand_over(&call, &to_the_queue()).await, Err(PbxError::NoSuchPlace));
    assert!(leg.is_open());
    leg.close();
    assert_eq!(agent.asked(&telephone.id).await["status"], "ANSWER");
    telephone.is_queued().await;
}

#[tokio::test]
async fn by_ari_who_was_left_alone_while_candor_was_away_goes_on_when_it_is_back() {
    let Some((agent, pbx)) = start().await else { return };
    pbx.colleague("rings").await;
    let first = control(by_ari(&pbx)).await;
    agent.answers("next=queue&queue=support");
    let (telephone, leg, call) = called(&agent, &pbx, By::Stasis).await;
    first.joined(&call).await.unwrap();
    // As a process that is killed: nobody hears that the leg has ended.
    drop(first);
    leg.close();
    leg.is_closed().await;
    sleep(Duration::from_millis(500)).await;
    assert!(!agent.was_asked(&telephone.id));
    let _second = control(by_ari(&pbx)).await;
    assert_eq!(agent.asked(&telephone.id).await["status"], "ANSWER");
    telephone.is_queued().await;
    nothing_is_left(&pbx).await;
}

#[tokio::test]
async fn by_ari_asterisks_recorder_writes_between_its_start_and_its_stop_and_its_file_can_be_erased() {
    let Some((agent, pbx)) = start().await else { return };
    let control = control(by_ari(&pbx)).await;
    let (telephone, leg, call) = called(&agent, &pbx, By::Stasis).await;
    control.joined(&call).await.unwrap();
    let (recording, file) = records_between(&control, &pbx, &telephone, &call, "spool/recording").await;
    assert!(file.exists());
    control.erase_recording(&recording).await.unwrap();
    assert!(!file.exists());
    assert!(leg.is_open() && telephone.is_open());
    assert_eq!(pbx.complaints(), Vec::<String>::new());
}
