//! What a caller of any telephone can count on, tried over each phone system; `docs/telephony.md` has the table. `UPDATE_EXPECTED=1` writes it anew.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::audiosocket_phone::{by_audiosocket, port};
use crate::by_key::{
    Prompts, QUESTION, RECORDING, answer, assert_clean, assert_log, by_key, next_prompt_sounds, opening,
    opening_hours_and_goodbye, order_is_looked_up, outline, ring, then,
};
use crate::phone::{Asterisk, AudioSocket, Caller, Desk, EndedBy, Happening, MarkAnswers, MarkReturn, Outcome, Speaks};
use crate::service::{Plan, Service, of_type, project, settings_with};

const GIVEN: [&str; 3] = ["answer given by 1", "consent requested to given", "recorder started"];
const FINISHED_RECORDED: [&str; 3] = ["recorder stopped ended", "consent given to expired", "closed finished, 3 sealed"];
const TALKS: Desk = Desk::Answers { after: Duration::from_millis(300), talks: Duration::from_millis(100) };
const PASSWORD: &str = "a password of the dialplan's";

/// A phone system that brings calls.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Telephone {
    Twilio,
    /// A recent Asterisk that speaks JSON and knows marks.
    AsteriskJson,
    /// The first Asterisk that had the channel: plain text, no marks. Its leg waits for an answer.
    AsteriskText,
    /// An Asterisk without that channel: bare packets, and nothing is reported. What was heard, our own clock says.
    AudioSocket,
}

impl Telephone {
    fn is_asterisk(self) -> bool {
        self != Telephone::Twilio
    }

    /// A server for its calls, with one target in its own way.
    fn plan(self) -> Plan {
        match self {
            Telephone::Twilio => by_key(),
            Telephone::AudioSocket => by_audiosocket(true).with("ASTERISK__PASSWORD", PASSWORD),
            _ => by_key().settings(&settings_with("queue = \"support\"")).with("ASTERISK__PASSWORD", PASSWORD),
        }
    }

    async fn caller(self, service: &Service) -> Caller {
        self.caller_with(service, PASSWORD).await
    }

    async fn caller_with(self, service: &Service, password: &str) -> Caller {
        let password = Some(("asterisk".to_owned(), password.to_owned()));
        let (speaks, answers) = match self {
            Telephone::Twilio => return service.caller(),
            Telephone::AsteriskJson => (Speaks::Json, true),
            Telephone::AsteriskText => (Speaks::PlainTextWithoutMarks, false),
            Telephone::AudioSocket => {
                let known = Prompts::of_the_webshop().await.sounds().into();
                let audiosocket = Some(AudioSocket { address: port(service), known });
                return service.caller().by_asterisk(Asterisk { password, audiosocket, ..Asterisk::default() });
            }
        };
        service.caller().by_asterisk(Asterisk { speaks, answers, password, ..Asterisk::default() })
    }

    /// How the ledger says that a line was heard.
    fn heard(self, line: &str) -> String {
        let evidence = if self == Telephone::AudioSocket { "paced" } else { "peer" };
        format!("{line} heard {evidence}")
    }

    /// The outline of an opening that was heard to the end of the question.
    fn opening(self) -> Vec<String> {
        let said = |line: String| line.strip_suffix(" heard peer").map(|line| self.heard(line)).unwrap_or(line);
        opening("nl").into_iter().map(said).collect()
    }

    /// What a colleague is told, by the names that a dialplan has for it.
    fn told(self, outcome: &Outcome) -> BTreeMap<String, String> {
        if self.is_asterisk() {
            let [queue] = outcome.verbs_named("queue")[..] else { panic!("one queue: {:?}", outcome.verbs) };
            assert_eq!((queue.attribute("queue"), queue.attribute("target")), (Some("support"), Some("service-desk")));
            let known = |name: &str| !["next", "queue", "target", "priority"].contains(&name);
            return queue.attributes.iter().filter(|(name, _)| known(name)).cloned().collect();
        }
        let [_] = outcome.verbs_named("Enqueue")[..] else { panic!("one Enqueue: {:?}", outcome.verbs) };
        let task = &outcome.task.as_ref().expect("a task")["candor"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let mut told: BTreeMap<String, String> =
            ["session", "reason", "language"].map(|name| (name.to_owned(), text(&task[name]))).into();
        for (prefix, part) in [("consent", "consent"), ("slot", "slots")] {
            let values = task[part].as_object().unwrap().iter();
            told.extend(values.map(|(name, value)| (format!("{prefix}_{name}"), text(value))));
        }
        told
    }

    /// Whether nobody was asked to take the caller.
    fn passed_on_nobody(self, outcome: &Outcome) -> bool {
        outcome.verbs_named(if self.is_asterisk() { "queue" } else { "Enqueue" }).is_empty()
    }
}

async fn a_yes_keeps_every_turn_after_it(by: Telephone) {
    let service = by.plan().start();
    let (call, _) = ring(&service, by.caller(&service).await).await;
    answer(&call, "1").await;
    opening_hours_and_goodbye(&call).await;
    let outcome = call.outcome().await;
    assert_clean(&service, &outcome);
    assert_eq!(outcome.ended_by, EndedBy::Server);
    assert_eq!(outline(&service.closed().await), then(then(by.opening(), &GIVEN), &FINISHED_RECORDED));
    assert_eq!(service.sealed_turns().len(), 3);
    let said = ["disclosure-automated", "disclosure-consent", "consent-question", "consent-given", "we-are-open", "thank-you"];
    assert_eq!(Prompts::of_the_webshop().await.heard(&outcome.heard, "nl", &said), said);
}

async fn a_no_keeps_nothing_and_the_call_goes_on(by: Telephone) {
    let service = by.plan().start();
    let (call, _) = ring(&service, by.caller(&service).await).await;
    answer(&call, "2").await;
    opening_hours_and_goodbye(&call).await;
    let outcome = call.outcome().await;
    assert_clean(&service, &outcome);
    let end = ["answer refused by 2", "consent requested to refused", "closed finished, 0 sealed"];
    assert_eq!(outline(&service.closed().await), then(by.opening(), &end));
    assert!(service.sealed_turns().is_empty() && by.passed_on_nobody(&outcome));
    let said = ["consent-refused", "we-are-open", "thank-you"];
    assert_eq!(Prompts::of_the_webshop().await.heard(&outcome.heard, "nl", &said), said);
}

async fn silence_is_asked_once_more_and_is_a_no(by: Telephone) {
    let service = by.plan().start();
    let (call, _) = ring(&service, by.caller(&service).await).await;
    // The question again, and the no.
    call.wait_for_completed_marks(QUESTION + 2).await.unwrap();
    opening_hours_and_goodbye(&call).await;
    let outcome = call.outcome().await;
    assert_clean(&service, &outcome);
    let asked_again = by.heard("nl consent-reask");
    let end = [
        "answer silence by none",
        &asked_again,
        "answer silence by none",
        "consent requested to refused",
        "closed finished, 0 sealed",
    ];
    assert_eq!(outline(&service.closed().await), then(by.opening(), &end));
}

async fn a_key_in_a_prompt_cuts_it(by: Telephone) {
    let service = by.plan().start();
    let (call, _) = ring(&service, by.caller(&service).await).await;
    call.wait_for_completed_marks(RECORDING - 1).await.unwrap();
    next_prompt_sounds(&call).await;
    call.press("2").await.unwrap();
    call.wait_for_completed_marks(RECORDING).await.unwrap();
    opening_hours_and_goodbye(&call).await;
    let outcome = call.outcome().await;
    assert_clean(&service, &outcome);
    let story = outline(&service.closed().await);
    assert!(story.contains(&"nl disclosure-consent cut".to_owned()), "{story:?}");
    let cut: Vec<Duration> = outcome
        .events
        .iter()
        .filter_map(|event| match event.what {
            Happening::Cleared(dropped) => Some(dropped),
            _ => None,
        })
        .collect();
    // Nothing is sent ahead over AudioSocket, so there is nothing to throw away.
    let sent_ahead = by != Telephone::AudioSocket;
    assert!(!sent_ahead || cut.iter().any(|dropped| !dropped.is_zero()), "{cut:?}");
    // A server that has sent the whole prompt ahead has its mark taken back; it never counts as heard.
    assert!(outcome.marks.iter().all(|mark| mark.returned.is_some_and(|(_, why)| why != MarkReturn::AtOnce)));
    let prompts = Prompts::of_the_webshop().await;
    assert!(prompts.heard(&outcome.heard, "nl", &["disclosure-consent"]).is_empty());
    assert_eq!(prompts.heard(&outcome.heard, "nl", &["consent-refused"]).len(), 1);
}

async fn a_caller_who_sends_no_sound_is_served(by: Telephone) {
    let service = by.plan().start();
    let (call, _) = ring(&service, by.caller(&service).await.no_frames()).await;
    answer(&call, "1").await;
    opening_hours_and_goodbye(&call).await;
    let outcome = call.outcome().await;
    assert_clean(&service, &outcome);
    assert_eq!(outline(&service.closed().await), then(then(by.opening(), &GIVEN), &FINISHED_RECORDED));
}

async fn who_consents_and_who_refuses_reach_a_person_alike(by: Telephone) {
    let service = by.plan().start();
    let mut told = Vec::new();
    for (key, state) in [("1", "given"), ("2", "refused")] {
        let (call, session) = ring(&service, by.caller(&service).await.desk(TALKS)).await;
        answer(&call, key).await;
        order_is_looked_up(&call).await;
        let outcome = call.outcome().await;
        assert_eq!((&outcome.violations, &outcome.ended_by), (&Vec::new(), &EndedBy::Server));
        let story = outline(&service.closed_of(&session).await);
        assert!(story.contains(&"handover result answered".to_owned()), "{story:?}");
        let mut attributes = by.told(&outcome);
        assert_eq!(attributes.remove("session"), Some(session));
        assert_eq!(attributes.remove("consent_service-quality").as_deref(), Some(state));
        assert_eq!(attributes.get("slot_order_number").map(String::as_str), Some("123456"));
        told.push(attributes);
    }
    assert_eq!(told[0], told[1]);
    // There is no web shop, so a colleague looks the order up.
    assert_log(&service, &["a lookup failed"]);
}

async fn whom_nobody_answers_comes_back_to_the_same_session(by: Telephone) {
    let service = by.plan().start();
    let nobody = Desk::Nobody { after: Duration::from_millis(300) };
    for (desk, result) in [(nobody, "no-answer"), (Desk::Full, "queue-full"), (Desk::Broken, "failed")] {
        let (call, session) = ring(&service, by.caller(&service).await.desk(desk)).await;
        answer(&call, "1").await;
        next_prompt_sounds(&call).await;
        call.press("0").await.unwrap();
        call.wait_for_event(|what| matches!(what, Happening::Desk(_))).await.unwrap();
        // That nobody is there, then the menu.
        let heard = call.prompts_heard();
        call.wait_for_completed_marks(heard + 1).await.unwrap();
        opening_hours_and_goodbye(&call).await;
        assert_eq!(call.stream_sids().len(), 2);
        assert_clean(&service, &call.outcome().await);
        let end = [
            "handover asked",
            "recorder stopped handover",
            "consent given to expired",
            &format!("handover result {result}"),
            "closed finished, 1 sealed",
        ];
        assert_eq!(outline(&service.closed_of(&session).await), then(then(by.opening(), &GIVEN), &end));
    }
    assert_eq!(service.sessions().len(), 3);
}

async fn who_hangs_up_ends_the_session(by: Telephone) {
    let service = by.plan().start();
    for broken in [false, true] {
        let (call, session) = ring(&service, by.caller(&service).await).await;
        answer(&call, "1").await;
        next_prompt_sounds(&call).await;
        let closed = if broken {
            call.drop_connection().await.unwrap();
            "closed connection-lost, 0 sealed"
        } else {
            call.hang_up().await.unwrap();
            "closed caller-hung-up, 0 sealed"
        };
        assert_clean(&service, &call.outcome().await);
        let story = outline(&service.closed_of(&session).await);
        let ends = |line: &String| line.split(',').next() == closed.split(',').next();
        assert!(story.last().is_some_and(ends), "{story:?}");
        assert!(story.contains(&"recorder stopped ended".to_owned()), "{story:?}");
    }
}

/// Longer than any pause between two prompts of the opening.
const THE_MENU_IS_OVER: Duration = Duration::from_secs(5);

/// A server that waits at the menu until the test presses something.
fn patient(by: Telephone) -> Plan {
    by.plan().with("SESSION__NO_INPUT_MS", "60000")
}

async fn whose_marks_never_come_back_is_not_recorded(by: Telephone) {
    // Where nothing ever is, that is so by default.
    let plan = patient(by).with("SESSION__EVIDENCE_MS", "1000").with("SESSION__PACED_CAN_GRANT", "false");
    let service = plan.start();
    let (call, session) = ring(&service, by.caller(&service).await.mark_answers(MarkAnswers::Never).desk(TALKS)).await;
    call.wait_until_agent_silent(THE_MENU_IS_OVER).await.unwrap();
    call.press("0").await.unwrap();
    let outcome = call.outcome().await;
    assert_eq!(by.told(&outcome)["reason"], "asked");
    let events = service.closed_of(&session).await;
    assert!(of_type(&events, "recorder.started").is_empty() && of_type(&events, "question").is_empty());
    assert!(service.sealed_turns().is_empty());
    let said = if by == Telephone::AudioSocket {
        "nobody reports what was played"
    } else {
        "the phone system does not report what it has played"
    };
    assert_log(&service, &[said]);
}

async fn marks_that_come_back_at_once_prove_nothing(by: Telephone) {
    // Not in the table, either: nothing can be reported.
    if by == Telephone::AudioSocket {
        return;
    }
    let service = patient(by).start();
    let (call, session) = ring(&service, by.caller(&service).await.mark_answers(MarkAnswers::AtOnce).desk(TALKS)).await;
    call.wait_until_agent_silent(THE_MENU_IS_OVER).await.unwrap();
    call.press("0").await.unwrap();
    call.outcome().await;
    let events = service.closed_of(&session).await;
    assert!(of_type(&events, "recorder.started").is_empty() && of_type(&events, "question").is_empty());
}

async fn whoever_finds_no_room_reaches_a_person(by: Telephone) {
    let service = by.plan().with("SESSION__MAX_CALLS", "0").start();
    let outcome = by.caller(&service).await.desk(TALKS).ring().await.unwrap().outcome().await;
    assert_eq!((&outcome.violations, &outcome.ended_by), (&Vec::new(), &EndedBy::Server));
    let told = by.told(&outcome);
    assert_eq!((told["reason"].as_str(), told["language"].as_str()), ("capacity", "nl"));
    assert!(service.sessions().is_empty());
    assert_log(&service, &["new calls find no room"]);
}

async fn a_server_that_stops_passes_its_callers_on(by: Telephone) {
    let mut service = by.plan().start();
    let (call, session) = ring(&service, by.caller(&service).await.desk(TALKS)).await;
    answer(&call, "1").await;
    next_prompt_sounds(&call).await;
    service.terminate();
    let outcome = call.outcome().await;
    assert_eq!((&outcome.violations, &outcome.ended_by), (&Vec::new(), &EndedBy::Server));
    assert_eq!(by.told(&outcome)["reason"], "shutdown");
    assert!(service.ended().await.success());
    let end = [
        "handover shutdown",
        "recorder stopped handover",
        "consent given to expired",
        "handover result answered",
        "closed handed-over, 1 sealed",
    ];
    assert_eq!(outline(&service.closed_of(&session).await), then(then(by.opening(), &GIVEN), &end));
}

async fn whoever_shows_no_secret_is_turned_away(by: Telephone) {
    let plan = match by {
        Telephone::Twilio => {
            by.plan().with("TWILIO__PUBLIC_ADDRESS", "https://bot.example.com").with("TWILIO__AUTH_TOKEN", "of-an-account")
        }
        _ => by.plan(),
    };
    let service = plan.start();
    if by.is_asterisk() {
        let outcome = by.caller_with(&service, "another password of its").await.ring().await.unwrap().outcome().await;
        let asked = |place: &str| outcome.events.iter().any(|event| event.what == Happening::Asked(place.to_owned(), 401));
        let place = if by == Telephone::AudioSocket { "/asterisk/audiosocket" } else { "/asterisk" };
        assert!(asked(place) && asked("/asterisk/after"), "{:?}", outcome.events);
    } else {
        let refused = by.caller(&service).await.public_address("https://bot.example.com").auth_token("of another").ring().await;
        assert!(refused.is_err_and(|error| error.to_string().contains("403")));
    }
    assert!(service.sessions().is_empty());
}

/// Hands the list of behaviours to another macro.
macro_rules! behaviours {
    ($then:ident $($arguments:tt)*) => {
        $then! {
            [$($arguments)*]
            a_yes_keeps_every_turn_after_it: "A yes by key keeps every turn after it; the opening is not in it",
            a_no_keeps_nothing_and_the_call_goes_on: "A no keeps nothing, and the call goes on the same",
            silence_is_asked_once_more_and_is_a_no: "Silence at the question is asked once more, and then is a no",
            a_key_in_a_prompt_cuts_it: "A key in a prompt cuts it at once; what was thrown away does not count as heard",
            a_caller_who_sends_no_sound_is_served: "A caller whose telephone sends no sound is served and timed the same",
            who_consents_and_who_refuses_reach_a_person_alike: "Who consents and who refuses reach the same person; reason, consent and slots go along",
            whom_nobody_answers_comes_back_to_the_same_session: "Whom nobody answers (no answer, full, failed) comes back to the same session",
            who_hangs_up_ends_the_session: "Who hangs up, or whose connection breaks, ends the session; recording stops",
            whose_marks_never_come_back_is_not_recorded: "Where nothing is reported as played, nothing is recorded, and the caller is served",
            marks_that_come_back_at_once_prove_nothing: "What is reported before it can have been played proves nothing",
            whoever_finds_no_room_reaches_a_person: "Whoever finds no room reaches a person, with the reason `capacity`",
            a_server_that_stops_passes_its_callers_on: "A server that stops passes its callers to a person, and says why",
            whoever_shows_no_secret_is_turned_away: "Whoever shows no secret, or a wrong one, is turned away before anything begins",
        }
    };
}

macro_rules! tests_over {
    ([$module:ident $telephone:ident] $($name:ident: $words:literal,)*) => {
        mod $module {
            use super::Telephone;
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(Telephone::$telephone).await;
                }
            )*
        }
    };
}

behaviours!(tests_over twilio Twilio);
behaviours!(tests_over asterisk_json AsteriskJson);
behaviours!(tests_over asterisk_text AsteriskText);
behaviours!(tests_over audiosocket AudioSocket);

macro_rules! listed {
    ([] $($name:ident: $words:literal,)*) => {
        [$(($words, stringify!($name)),)*]
    };
}

/// The columns of the table, and the module whose tests fill it.
const TELEPHONES: [(&str, &str); 4] = [
    ("[Twilio](telephony/twilio.md)", "twilio"),
    ("[Asterisk](telephony/asterisk.md), JSON", "asterisk_json"),
    ("Asterisk before 22.8, plain text", "asterisk_text"),
    ("Asterisk over [AudioSocket](telephony/audiosocket.md)", "audiosocket"),
];

/// What a column has nothing to show for.
const NOT_OF: [(&str, &str); 1] = [("audiosocket", "marks_that_come_back_at_once_prove_nothing")];

const BEFORE: &str = "# Telephones

Every phone system brings the same calls: what a caller can count on does not depend on how they come in. Each cell of this table is a call that is made in the
tests, by a simulated telephone against a running server (`tests/behaviour/any_telephone.rs`), and the table is written by them.

";

const AFTER: &str = "
Over AudioSocket nothing is reported as played. By default no yes counts there; with `session.paced_can_grant` it does, and so it is in its column, but for the row about what is not reported.

Not in the table, because their tests are their own: what a message may hold and cost (`twilio_messages`, `twilio_limits`, `asterisk_messages`,
`asterisk_limits`, `audiosocket_sound`, `audiosocket_endings`), and calls from browsers ([telephony/webrtc.md](telephony/webrtc.md)).

How another phone system is added: [adding-a-transport.md](adding-a-transport.md).
";

#[test]
fn the_table_of_the_documentation_is_that_of_these_tests() {
    let rows = behaviours!(listed);
    let mut table =
        format!("| | {} |\n|{}\n", TELEPHONES.map(|(name, _)| name).join(" | "), " --- |".repeat(TELEPHONES.len() + 1));
    for (words, name) in rows {
        let cells = TELEPHONES.map(|(_, module)| if NOT_OF.contains(&(module, name)) { " – |" } else { " ✓ |" });
        table.push_str(&format!("| {words} |{}\n", cells.concat()));
    }
    let expected = format!("{BEFORE}{table}{AFTER}");
    let file = project("docs/telephony.md");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&file, &expected).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == expected, "docs/telephony.md is not what these tests are; UPDATE_EXPECTED=1 writes it anew");
}
