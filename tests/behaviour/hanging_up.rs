//! A call may end at any moment: the session ends with it, in the ledger too, and nothing is kept that nobody agreed to.

use crate::by_key::{
    ANSWERED, AUTOMATED, QUESTION, RECORDING, assert_log, by_key, next_prompt_sounds, opening, outline, ring, then,
};
use crate::phone::{Call, EndedBy};
use crate::service::{Service, of_type};

/// Where in a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Point {
    Automated,
    Recording,
    Question,
    Window,
    AfterYes,
    Turn,
}

const POINTS: [Point; 6] = [Point::Automated, Point::Recording, Point::Question, Point::Window, Point::AfterYes, Point::Turn];

async fn reach(point: Point, call: &Call) {
    let yes = async || {
        call.wait_for_completed_marks(QUESTION).await.unwrap();
        call.press("1").await.unwrap();
    };
    match point {
        Point::Automated => call.wait_until_agent_speaks().await.unwrap(),
        Point::Recording => call.wait_for_completed_marks(AUTOMATED + 1).await.unwrap(),
        Point::Question => call.wait_for_completed_marks(RECORDING).await.unwrap(),
        Point::Window => call.wait_for_completed_marks(QUESTION).await.unwrap(),
        Point::AfterYes => yes().await,
        Point::Turn => {
            yes().await;
            call.wait_for_completed_marks(ANSWERED).await.unwrap();
        }
    }
    if point != Point::Window {
        next_prompt_sounds(call).await;
    }
}

/// What the ledger must say: what went before, what silence at this point means, what was cut, how it ended.
fn expected(point: Point, closed: &str) -> Vec<String> {
    let (so_far, cut) = match point {
        Point::Automated => (1, Some("nl disclosure-automated cut")),
        Point::Recording => (2, Some("nl disclosure-consent cut")),
        Point::Question => (4, Some("nl consent-question cut")),
        _ => (5, None),
    };
    let mut lines = opening("nl")[..so_far].to_vec();
    let given = [
        "answer given by 1",
        "consent requested to given",
        "recorder started",
        "recorder stopped ended",
        "consent given to expired",
    ];
    lines = match point {
        Point::Automated | Point::Recording => then(lines, &["answer hung-up by none", "consent unknown to refused"]),
        Point::Question | Point::Window => then(lines, &["answer hung-up by none", "consent requested to refused"]),
        Point::AfterYes | Point::Turn => then(lines, &given),
    };
    lines.extend(cut.map(str::to_owned));
    then(lines, &[&format!("closed {closed}, {} sealed", u8::from(point == Point::Turn))])
}

/// A call for each point at once, each ended there by `end`.
async fn end_everywhere(service: &Service, closed: &str, end: impl AsyncFn(&Call), by: EndedBy) -> Vec<String> {
    let mut calls = Vec::new();
    for point in POINTS {
        let (call, session) = ring(service, service.caller().told_of_hang_up()).await;
        calls.push((point, call, session));
    }
    let sids = calls.iter().map(|(_, call, _)| call.call_sid().to_owned()).collect();
    let ended = calls.into_iter().map(async |(point, call, session)| {
        reach(point, &call).await;
        end(&call).await;
        let outcome = call.outcome().await;
        assert_eq!((&outcome.violations, &outcome.ended_by), (&Vec::new(), &by), "{point:?}");
        (point, session)
    });
    for (point, session) in futures_util::future::join_all(ended).await {
        let events = service.closed_of(&session).await;
        assert_eq!(outline(&events), expected(point, closed), "{point:?}");
        let sealed = of_type(&events, "turn.sealed").len();
        assert_eq!(sealed, usize::from(point == Point::Turn), "{point:?}");
    }
    assert_eq!(service.sealed_turns().len(), 1, "only the turn that consent covered to its end");
    sids
}

#[tokio::test]
async fn hanging_up_anywhere_ends_the_session_and_is_no_consent() {
    let service = by_key().start();
    end_everywhere(&service, "caller-hung-up", async |call| call.hang_up().await.unwrap(), EndedBy::Caller).await;
    assert_log(&service, &[]);
}

#[tokio::test]
async fn a_lost_connection_ends_the_session_and_its_caller_reaches_a_person() {
    let service = by_key().start();
    let lost = async |call: &Call| call.drop_connection().await.unwrap();
    let sids = end_everywhere(&service, "connection-lost", lost, EndedBy::Dropped).await;
    for sid in sids {
        let form = format!("CallSid={sid}&CallStatus=in-progress&From=%2B12025550123&To=%2B12025550199");
        let client = crate::service::http().post(format!("{}/twilio/after", service.base)).body(form);
        let answer = client.header("Content-Type", "application/x-www-form-urlencoded").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let document = answer.text().await.unwrap();
        assert!(document.contains("<Enqueue ") && document.contains("workflowSid=\"WW"), "{document}");
        assert!(document.contains(r#""consent":{}"#), "{document}");
    }
    assert_log(&service, &["a caller whose session is gone is passed to a person"]);
}
