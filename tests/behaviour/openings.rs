//! So many calls may begin in a second, whichever way they come in. Whoever is one too many gets what their platform understands, and the
//! calls that are going on notice nothing.

use serde_json::Value;

use crate::by_key::{answer, by_key, next_prompt_sounds, ring};
use crate::http::{Answer, count, get, post};
use crate::phone::Desk;
use crate::service::{Plan, Service};

fn few() -> Plan {
    by_key().with("SERVER__LIMITS__OPENINGS_PER_SECOND", "2").with("SESSION__CONSENT_WINDOW_MS", "60000")
}

pub async fn announce(service: &Service, call: usize) -> Answer {
    let form = "application/x-www-form-urlencoded";
    post("/twilio/voice", &format!("CallSid=CA{call}")).with("Content-Type", form).send(service).await
}

fn reason(answer: &Answer) -> Value {
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    let told: Value = serde_json::from_str(&answer.body).unwrap();
    let seconds = answer.header("Retry-After").unwrap();
    assert_eq!((answer.status, told["retryAfter"].to_string().as_str()), (503, seconds));
    assert!(told["message"].as_str().unwrap().contains("try again"), "{told}");
    told["reason"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rush_of_calls_is_let_in_up_to_the_limit_and_the_others_reach_a_person() {
    let service = few().start();
    let (call, _) = ring(&service, service.caller()).await;
    next_prompt_sounds(&call).await;
    let rush: Vec<_> = (0..40).map(|number| announce(&service, number)).collect();
    let answers = futures_util::future::join_all(rush).await;
    let with = |verb: &str| answers.iter().filter(|answer| answer.status == 200 && answer.body.contains(verb)).count();
    let (connected, passed_on) = (with("<Connect"), with("<Enqueue"));
    assert_eq!(connected + passed_on, 40);
    // One of the two that may begin at once may be the call that is going on.
    assert!((1..20).contains(&connected), "{connected} of forty at once");
    assert_eq!(count(&service, "candor_calls_without_room_total{reason=\"openings\"}").await, passed_on as f64);

    // A browser's offer counts among them: the rush is still on.
    let mut told = Value::Null;
    for number in 0..20 {
        announce(&service, 100 + number).await;
        let answer = post("/webrtc", "v=0").with("Content-Type", "application/sdp").send(&service).await;
        if answer.status == 503 {
            told = reason(&answer);
            break;
        }
    }
    assert_eq!(told, "openings");

    // Who is in a call goes on, and when the rush is over the next one is let in.
    answer(&call, "2").await;
    call.hang_up().await.unwrap();
    call.outcome().await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let desk = Desk::Nobody { after: std::time::Duration::from_millis(50) };
    let (next, _) = ring(&service, service.caller().desk(desk)).await;
    next.hang_up().await.unwrap();
    next.outcome().await;
    assert_eq!(get("/readyz").send(&service).await.status, 200);
}

#[tokio::test]
async fn a_browser_that_finds_no_room_is_told_why() {
    let service = by_key().with("SESSION__MAX_CALLS", "0").start();
    let browser = post("/webrtc", "v=0").with("Content-Type", "application/sdp").send(&service).await;
    assert_eq!(reason(&browser), "calls");
}
