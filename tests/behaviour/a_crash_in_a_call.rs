//! A server that is killed in the middle of a kept turn: what was sealed opens, what was not is nowhere, the account says what happened,
//! and the caller reaches a person.

use std::time::Duration;

use crate::korean::{agree_by_key, line, opened, spoken};
use crate::phone::Element;
use crate::service::{Service, files_below};
use crate::traces::{Said, is_sound};

/// Asks the server what comes next, as the phone system does when a stream has ended.
async fn asked_what_is_next(service: &Service, connect: &Element, call_sid: &str) -> String {
    let action = connect.attribute("action").expect("the stream has an address for its end");
    let path = url::Url::parse(&service.base).unwrap().join(action).unwrap();
    let form = [
        ("CallSid", call_sid),
        ("AccountSid", "AC1"),
        ("From", "+12025550123"),
        ("To", "+12025550199"),
        ("CallStatus", "in-progress"),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = crate::service::http().post(path).header("content-type", "application/x-www-form-urlencoded").body(body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_a_kept_turn_leaves_what_was_sealed_and_nothing_else() {
    let Some(plan) = line() else { return };
    let mut service = plan.start();
    let phrase = spoken("보라색 기린이 부엌에서 바이올린을 켭니다").await;
    let call = service.caller().ring().await.unwrap();
    let call_sid = call.call_sid().to_owned();
    agree_by_key(&call).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    call.press("1").await.unwrap();
    service.wait_for_event("turn.sealed", |_| true).await;
    // Into the next turn, which is held in memory as long as it goes on.
    tokio::time::sleep(Duration::from_secs(1)).await;
    call.begin_to_say(phrase.clone()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let sealed = service.sealed_turns().len();
    service.kill();

    let said = Said::new(&phrase, &[]);
    let nothing = |service: &Service| {
        let traces = said.traces(&files_below(service.folder.path()));
        assert!(traces.is_empty(), "{traces:?}");
        let turns = opened(service, "service-quality");
        assert_eq!(turns.len(), sealed, "what was sealed opens");
        assert!(turns.iter().all(|turn| is_sound(&turn.agent) && said.forms_in(&turn.caller).is_empty()));
    };
    assert!(sealed > 0);
    nothing(&service);

    let outcome = call.outcome().await;
    let connect = outcome.verbs_named("Connect")[0].clone();
    service.start_again();
    nothing(&service);
    let session = service.sessions().remove(0);
    let events = service.events();
    assert_eq!(events.last().unwrap()["type"], "session.lost");
    let verified = service.tool(&["ledger", "verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    let listed = service.tool(&["recordings", "list", "--json"]);
    assert!(listed.status.success());
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let listed = listed.as_array().unwrap().iter().find(|recorded| recorded["id"] == session.as_str()).expect("it is listed");
    assert_eq!(listed["outcome"], "lost");
    assert_eq!(listed["turns"].as_array().unwrap().len(), sealed);

    let document = asked_what_is_next(&service, &connect, &call_sid).await;
    assert!(document.contains("<Enqueue"), "a caller whose session was lost is passed to a person: {document}");
}
