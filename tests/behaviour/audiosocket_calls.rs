//! Whole calls over AudioSocket, answered by key, and what becomes of their callers whatever becomes of the server.

use std::time::Duration;

use crate::audiosocket_phone::{End, Phone, after, announce, ask, by_audiosocket, port};
use crate::by_key::{PURPOSE, Prompts, assert_log, outline, then};
use crate::http::{count, post};
use crate::service::{Service, of_type};

const CALL: &str = "pbx-1795307787.1";
/// What a server says that takes such calls without letting them grant.
const UNPROVEN: &str = "session.paced_can_grant";
/// What every server says whose only way to a person is a queue, for Twilio may call as well.
const PLAIN_QUEUE: &str = "a plain queue of Twilio's carries no attributes";
const GIVEN: [&str; 3] = ["answer given by 1", "consent requested to given", "recorder started"];

/// The outline of an opening that was heard to the end of the question, as far as our own clock tells.
fn opening() -> Vec<String> {
    let lines = [
        "opened nl",
        "nl disclosure-automated heard paced",
        "nl disclosure-consent heard paced",
        "consent unknown to requested",
        "nl consent-question heard paced",
    ];
    lines.map(str::to_owned).to_vec()
}

/// The server knows the end of a line some ticks after it was heard.
const KNOWN: Duration = Duration::from_millis(500);

/// Hears a prompt to its end.
async fn hears(phone: &Phone, prompts: &Prompts, id: &str) {
    phone.wait_until_heard(0, id, &prompts.sound("nl", id)).await;
}

/// Hears a prompt, and waits until the server knows it.
async fn has_heard(phone: &Phone, prompts: &Prompts, id: &str) {
    hears(phone, prompts, id).await;
    tokio::time::sleep(KNOWN).await;
}

/// From the answer to the question about recording to the end by the shortest way that has turns.
async fn opening_hours_and_goodbye(phone: &mut Phone, prompts: &Prompts) {
    tokio::time::sleep(Duration::from_millis(500)).await;
    phone.press("3").await;
    has_heard(phone, prompts, "we-are-open").await;
    phone.press("2").await;
    hears(phone, prompts, "thank-you").await;
    assert_eq!(phone.end().await, End::Orderly);
}

async fn next(service: &Service, call: &str, what: &str) -> String {
    after(service, call, what).await.remove("next").unwrap_or_default()
}

#[tokio::test]
async fn a_yes_keeps_every_turn_where_what_was_paced_counts() {
    let (service, prompts) = (by_audiosocket(true).start(), Prompts::of_the_webshop().await);
    let mut phone = Phone::ring(&service, CALL).await;
    has_heard(&phone, &prompts, "consent-question").await;
    phone.press("1").await;
    has_heard(&phone, &prompts, "consent-given").await;
    // Too short for a word: the ears pass it over, the recording does not.
    phone.say(&[3000; 480]).await;
    opening_hours_and_goodbye(&mut phone, &prompts).await;
    assert_eq!(next(&service, CALL, "status=ANSWER").await, "hangup");
    let events = service.closed().await;
    let end = ["recorder stopped ended", "consent given to expired", "closed finished, 3 sealed"];
    assert_eq!(outline(&events), then(then(opening(), &GIVEN), &end));
    assert_eq!(of_type(&events, "session.opened")[0]["transport"], "audiosocket");
    assert_log(&service, &[PLAIN_QUEUE]);

    let (out, key) = (service.folder.path().join("export"), service.private_key(PURPOSE));
    let (session, out_text) = (service.sessions().remove(0), out.to_str().unwrap().to_owned());
    let key = key.to_str().unwrap();
    let arguments =
        ["recordings", "export", &session, "--key", key, "--purpose", PURPOSE, "--reason", "a test", "--out", &out_text];
    let exported = service.tool(&arguments);
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let files = crate::service::files_below(&out);
    let file = files.iter().find(|file| file.extension().is_some_and(|ending| ending == "wav")).expect("an exported WAV");
    let samples: Vec<i16> = hound::WavReader::open(file).unwrap().into_samples().map(Result::unwrap).collect();
    let said = audio_codec_algorithms::decode_ulaw(audio_codec_algorithms::encode_ulaw(3000));
    assert_eq!(samples.iter().step_by(2).filter(|sample| **sample == said).count(), 480, "the caller's side");
}

#[tokio::test]
async fn a_no_keeps_nothing_and_the_call_goes_on() {
    let (service, prompts) = (by_audiosocket(true).start(), Prompts::of_the_webshop().await);
    let mut phone = Phone::ring(&service, CALL).await;
    has_heard(&phone, &prompts, "consent-question").await;
    phone.press("2").await;
    hears(&phone, &prompts, "consent-refused").await;
    opening_hours_and_goodbye(&mut phone, &prompts).await;
    let story = outline(&service.closed().await);
    let end = ["answer refused by 2", "consent requested to refused", "closed finished, 0 sealed"];
    assert_eq!(story, then(opening(), &end));
    assert!(service.sealed_turns().is_empty());
}

#[tokio::test]
async fn by_default_nothing_is_granted_on_a_clock_of_our_own() {
    let (service, prompts) = (by_audiosocket(false).start(), Prompts::of_the_webshop().await);
    let mut phone = Phone::ring(&service, CALL).await;
    hears(&phone, &prompts, "disclosure-automated").await;
    phone.press("1").await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    phone.press("1").await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    opening_hours_and_goodbye(&mut phone, &prompts).await;
    let events = service.closed().await;
    let story = outline(&events);
    assert!(of_type(&events, "recorder.started").is_empty(), "{story:#?}");
    assert!(story.iter().all(|line| !line.ends_with("to given")), "{story:#?}");
    assert_eq!(story.last().unwrap(), "closed finished, 0 sealed");
    assert!(service.sealed_turns().is_empty());
    assert_log(&service, &[PLAIN_QUEUE, UNPROVEN]);
}

#[tokio::test]
async fn who_wants_a_person_is_given_back_and_comes_back_to_the_same_session_when_nobody_answers() {
    let (service, prompts) = (by_audiosocket(true).start(), Prompts::of_the_webshop().await);
    let mut phone = Phone::ring(&service, CALL).await;
    hears(&phone, &prompts, "disclosure-automated").await;
    // A call that has the agent on the line is no other call.
    let twice = ask(&service, "/asterisk/audiosocket", &format!("call={CALL}")).await;
    assert_eq!(twice.status, 409, "{}", twice.body);
    phone.press("0").await;
    assert_eq!(phone.end().await, End::Orderly);
    let told = after(&service, CALL, "status=ANSWER").await;
    let of = |name: &str| told.get(name).map(String::as_str);
    assert_eq!(
        (of("next"), of("queue"), of("reason"), of("language")),
        (Some("queue"), Some("support"), Some("asked"), Some("nl"))
    );
    assert_eq!(next(&service, CALL, "outcome=no-answer").await, "agent");
    let phone = Phone::ring(&service, CALL).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    phone.hang_up().await;
    let story = outline(&service.closed().await);
    assert!(story.contains(&"handover result no-answer".to_owned()), "{story:#?}");
    assert_eq!(story.last().unwrap(), "closed caller-hung-up, 0 sealed", "one session from the first word to the last");
    assert_log(&service, &[PLAIN_QUEUE, "this call has the agent on the line already"]);
}

#[tokio::test]
async fn a_colleague_who_answers_ends_the_session() {
    let (service, prompts) = (by_audiosocket(true).start(), Prompts::of_the_webshop().await);
    let mut phone = Phone::ring(&service, CALL).await;
    hears(&phone, &prompts, "disclosure-automated").await;
    phone.press("0").await;
    assert_eq!(phone.end().await, End::Orderly);
    assert_eq!(next(&service, CALL, "status=ANSWER").await, "queue");
    assert_eq!(next(&service, CALL, "outcome=answered").await, "hangup");
    assert_eq!(outline(&service.closed().await).last().unwrap(), "closed handed-over, 0 sealed");
}

#[tokio::test]
async fn who_hangs_up_has_hung_up() {
    let (service, prompts) = (by_audiosocket(true).start(), Prompts::of_the_webshop().await);
    let phone = Phone::ring(&service, CALL).await;
    hears(&phone, &prompts, "disclosure-automated").await;
    phone.hang_up().await;
    assert_eq!(outline(&service.closed().await).last().unwrap(), "closed caller-hung-up, 0 sealed");
}

#[tokio::test]
async fn a_server_that_stops_tells_its_callers_and_gives_every_one_back() {
    let (mut service, prompts) = (by_audiosocket(true).start(), Prompts::of_the_webshop().await);
    let mut talking = Phone::ring(&service, CALL).await;
    has_heard(&talking, &prompts, "consent-question").await;
    talking.press("1").await;
    has_heard(&talking, &prompts, "consent-given").await;
    let mut fresh = Phone::ring(&service, "2").await;
    // One that has said nothing yet.
    let mut stranger = crate::audiosocket_peer::Peer::connect(port(&service)).await;
    service.terminate();
    for (phone, call) in [(&mut talking, CALL), (&mut fresh, "2")] {
        hears(phone, &prompts, "shutdown").await;
        assert_eq!(phone.end().await, End::Orderly);
        let told = after(&service, call, "status=ANSWER").await;
        assert_eq!((told["next"].as_str(), told["reason"].as_str()), ("queue", "shutdown"));
        assert_eq!(next(&service, call, "outcome=answered").await, "hangup");
    }
    assert_eq!(stranger.until_the_end().await, []);
    drop(stranger);
    assert!(service.ended().await.success(), "{}", service.log());
    assert_eq!(service.sealed_turns().len(), 1, "the turn that was running when the server was told");
}

#[tokio::test]
async fn a_draining_server_waits_for_calls_that_were_announced_and_takes_no_others() {
    let (mut service, prompts) =
        (by_audiosocket(true).with("SESSION__DRAIN_SECONDS", "900").start(), Prompts::of_the_webshop().await);
    let uuid = announce(&service, CALL).await;
    service.terminate();
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !service.log().contains("draining: no new calls") {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let late = ask(&service, "/asterisk/audiosocket", "call=2").await;
    assert_eq!((late.status, late.header("Retry-After")), (503, Some("5")));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let phone = Phone::connect(port(&service), uuid).await;
    hears(&phone, &prompts, "disclosure-automated").await;
    phone.hang_up().await;
    assert!(service.ended().await.success(), "{}", service.log());
    assert_eq!(outline(&service.closed().await).last().unwrap(), "closed caller-hung-up, 0 sealed");
}

#[tokio::test]
async fn a_call_that_is_given_up_and_a_server_that_has_to_stop_reset_nobody() {
    // No time at all for those that talk.
    let plan = by_audiosocket(true).with("SESSION__STOP_SECONDS", "0");
    let (mut service, prompts) = (plan.start(), Prompts::of_the_webshop().await);
    let mut phone = Phone::ring(&service, CALL).await;
    hears(&phone, &prompts, "disclosure-automated").await;
    service.terminate();
    assert_eq!(phone.end().await, End::Orderly);
    let told = after(&service, CALL, "status=ANSWER").await;
    assert_eq!(told["next"], "queue", "somebody has to help them: {told:?}");
    assert!(service.ended().await.success(), "{}", service.log());
}

#[tokio::test]
async fn a_uuid_is_good_once_and_strangers_cost_nobody_anything() {
    let (service, prompts) = (by_audiosocket(true).start(), Prompts::of_the_webshop().await);
    let uuid = announce(&service, CALL).await;
    let phone = Phone::connect(port(&service), uuid).await;
    // Who has said it first has it.
    while phone.packets() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for name in [uuid, uuid::Uuid::new_v4()] {
        let mut other = Phone::connect(port(&service), name).await;
        assert_eq!(other.end().await, End::Orderly);
        assert_eq!(other.packets(), 0);
    }
    // More than there is room for, and nothing is ever said by them.
    let mut strangers = Vec::new();
    for _ in 0..200 {
        strangers.push(tokio::net::TcpStream::connect(port(&service)).await.unwrap());
    }
    hears(&phone, &prompts, "disclosure-automated").await;
    let refused = count(&service, "candor_audiosocket_connections_refused_total{limit=\"address\"}").await;
    assert!(refused >= 100.0, "{refused}");
    drop(strangers);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let next = Phone::ring(&service, "2").await;
    hears(&next, &prompts, "disclosure-automated").await;
    next.hang_up().await;
    phone.hang_up().await;
    assert_log(&service, &[PLAIN_QUEUE, "the UUID names no call", "beyond what there is room for"]);
}

#[tokio::test]
async fn a_caller_for_whom_there_is_no_room_goes_straight_to_a_person() {
    let service = by_audiosocket(true).with("SESSION__MAX_CALLS", "1").start();
    let phone = Phone::ring(&service, CALL).await;
    while count(&service, "candor_calls ").await < 1.0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let full = ask(&service, "/asterisk/audiosocket", "call=2").await;
    assert_eq!((full.status, full.header("Retry-After")), (503, Some("10")));
    let told = after(&service, "2", "status=CHANUNAVAIL").await;
    assert_eq!((told["next"].as_str(), told["reason"].as_str()), ("queue", "capacity"));
    phone.hang_up().await;
    service.closed().await;
}

#[tokio::test]
async fn only_who_shows_the_password_can_announce_a_call() {
    let service = by_audiosocket(true).with("ASTERISK__PASSWORD", "swordfish-for-tests").start();
    let without = ask(&service, "/asterisk/audiosocket", "call=1").await;
    assert_eq!(without.status, 401);
    let form = "application/x-www-form-urlencoded";
    let shown = |credentials: &str| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(credentials);
        post("/asterisk/audiosocket", "call=1").with("Content-Type", form).with("Authorization", &format!("Basic {text}"))
    };
    assert_eq!(shown("asterisk:sword").send(&service).await.status, 401);
    assert_eq!(shown("asterisk:swordfish-for-tests").send(&service).await.status, 200);
    assert_eq!(ask(&service, "/asterisk/audiosocket", "call=%24%7Bx%7D").await.status, 401, "who is asked before what");
}

#[tokio::test]
async fn what_cannot_be_is_said_at_the_start_or_in_the_answer() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = by_audiosocket(true).with("ASTERISK__AUDIOSOCKET__LISTEN", &address).refused();
    assert!(said.contains(&address) && said.contains("asterisk.audiosocket.listen"), "{said}");

    let off = by_audiosocket(true).with("ASTERISK__AUDIOSOCKET__ENABLED", "false").start();
    let answer = ask(&off, "/asterisk/audiosocket", "call=1").await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("asterisk.audiosocket.enabled"), "{}", answer.body);
}
