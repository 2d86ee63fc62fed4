//! A server that is told to stop cuts nobody off, and one that is full lets nobody wait: both pass callers to a person.

use std::time::Duration;

use crate::by_key::{Prompts, answer, assert_log, by_key, next_prompt_sounds, opening, outline, ring, then};
use crate::phone::{Desk, EndedBy, Outcome};
use crate::service::of_type;

const TALKS: Desk = Desk::Answers { after: Duration::from_millis(300), talks: Duration::from_millis(100) };
const NO_ROOM: &str = "new calls find no room";

#[tokio::test]
async fn a_signal_to_read_again_drops_nobody() {
    let service = by_key().start();
    let (call, session) = ring(&service, service.caller()).await;
    next_prompt_sounds(&call).await;
    service.hang_up();
    tokio::time::sleep(Duration::from_millis(500)).await;
    answer(&call, "1").await;
    call.hang_up().await.unwrap();
    let story = outline(&service.closed_of(&session).await);
    assert!(story.contains(&"answer given by 1".to_owned()), "{story:?}");
}

/// Why the caller was passed on, as the desk was told.
fn reason(outcome: &Outcome) -> &str {
    outcome.task.as_ref().expect("a task")["candor"]["reason"].as_str().unwrap()
}

#[tokio::test]
async fn calls_in_progress_hear_that_the_server_stops_and_reach_a_person() {
    let mut service = by_key().start();
    let (turn, turn_session) = ring(&service, service.caller().desk(TALKS)).await;
    answer(&turn, "1").await;
    next_prompt_sounds(&turn).await;
    let (fresh, fresh_session) = ring(&service, service.caller().desk(TALKS)).await;
    next_prompt_sounds(&fresh).await;

    service.terminate();
    let stops = |service: &crate::service::Service| service.log().contains("stopping: no new calls");
    while !stops(&service) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Both calls are still being told, so the routes are still there.
    let late = service.caller().desk(TALKS).ring().await.unwrap().outcome().await;
    assert_eq!((late.violations.clone(), late.verbs_named("Connect").len()), (vec![], 0));
    assert_eq!(late.verbs_named("Enqueue").len(), 1, "{:?}", late.verbs);

    let prompts = Prompts::of_the_webshop().await;
    for outcome in [turn.outcome().await, fresh.outcome().await] {
        assert_eq!((&outcome.violations, &outcome.ended_by), (&Vec::new(), &EndedBy::Server));
        assert!(outcome.heard.contains_audio(&prompts.sound("nl", "shutdown")));
        assert_eq!(reason(&outcome), "shutdown");
    }
    let ended = service.ended().await;
    assert!(ended.success(), "{ended}\n{}", service.log());
    let given = ["answer given by 1", "consent requested to given", "recorder started"];
    let end = [
        "handover shutdown",
        "recorder stopped handover",
        "consent given to expired",
        "handover result answered",
        "closed handed-over, 1 sealed",
    ];
    assert_eq!(outline(&service.closed_of(&turn_session).await), then(then(opening("nl"), &given), &end));
    let events = service.closed_of(&fresh_session).await;
    let story = outline(&events);
    assert!(of_type(&events, "recorder.started").is_empty() && story.contains(&"handover shutdown".to_owned()), "{story:?}");
    assert_eq!(story.last().unwrap(), "closed handed-over, 0 sealed");
    assert_eq!(service.sealed_turns().len(), 1, "the turn that was running when the server was told");
    assert_log(&service, &[NO_ROOM]);
}

#[tokio::test]
async fn with_nobody_at_the_desk_callers_are_told_and_the_server_ends_all_the_same() {
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).yesterday().unwrap().strftime("%a").to_string();
    let plan = by_key().with("HANDOVER__TARGETS__SERVICE-DESK__HOURS", &format!("{} 09:00-10:00", day.to_lowercase()));
    let mut service = plan.with("HANDOVER__TARGETS__SERVICE-DESK__TIME_ZONE", "UTC").start();
    let (call, session) = ring(&service, service.caller()).await;
    answer(&call, "2").await;
    next_prompt_sounds(&call).await;
    service.terminate();
    let outcome = call.outcome().await;
    assert_eq!((&outcome.violations, &outcome.ended_by), (&Vec::new(), &EndedBy::Server));
    let prompts = Prompts::of_the_webshop().await;
    assert!(outcome.heard.contains_audio(&prompts.sound("nl", "shutdown-nobody")));
    assert!(service.ended().await.success());
    let end = ["answer refused by 2", "consent requested to refused", "handover result closed", "closed shutdown, 0 sealed"];
    assert_eq!(outline(&service.closed_of(&session).await), then(opening("nl"), &end));
    assert_log(&service, &[]);
}

#[tokio::test]
async fn a_call_beyond_the_limit_goes_straight_to_a_person() {
    let service = by_key().with("SESSION__MAX_CALLS", "1").start();
    let (first, session) = ring(&service, service.caller().desk(TALKS)).await;
    let second = service.caller().desk(TALKS).ring().await.unwrap().outcome().await;
    assert_eq!((&second.violations, &second.ended_by), (&Vec::new(), &EndedBy::Server));
    let verbs: Vec<&str> = second.verbs.iter().map(|verb| verb.name.as_str()).collect();
    assert_eq!(verbs, ["Enqueue", "Hangup"]);
    assert_eq!(reason(&second), "capacity");
    let alone = Desk::Nobody { after: Duration::from_millis(100) };
    let third = service.caller().desk(alone).ring().await.unwrap().outcome().await;
    let verbs: Vec<&str> = third.verbs.iter().map(|verb| verb.name.as_str()).collect();
    assert_eq!((third.violations, verbs), (vec![], vec!["Enqueue", "Say", "Hangup"]), "somebody says so, at the least");
    assert_eq!(service.sessions(), std::slice::from_ref(&session), "neither of them was a session");

    // The first caller notices nothing of it, and makes room.
    first.press("0").await.unwrap();
    let outcome = first.outcome().await;
    assert_eq!(outcome.violations, Vec::<String>::new());
    assert_eq!(outline(&service.closed_of(&session).await).last().unwrap(), "closed handed-over, 0 sealed");
    let (next, _) = ring(&service, service.caller()).await;
    next.hang_up().await.unwrap();
    next.outcome().await;
    assert_log(&service, &[NO_ROOM]);
}
