//! With an account's secret, nothing without its signature is answered, a stream needs the one-time token of its own call, and a peer
//! that does what no phone system does loses its call alone.

use std::time::Duration;

use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{connect_async, tungstenite};

use crate::by_key::{answer, assert_clean, assert_log, by_key, opening, opening_hours_and_goodbye, outline, ring, then};
use crate::phone::{Caller, Desk, EndedBy, Happening, Outcome, PhoneError, SigningKey};
use crate::service::{Plan, Service};

const PUBLIC: &str = "https://bot.example.com";
const TOKEN: &str = "the-token-of-the-account";
const REFUSED: &str = "a request to a Twilio route was refused";
const CLOSED: &str = "a stream of a phone system was closed";
const RESCUED: &str = "a caller whose session is gone is passed to a person";

fn signed() -> Plan {
    let plan = by_key().with("TWILIO__PUBLIC_ADDRESS", PUBLIC).with("TWILIO__AUTH_TOKEN", TOKEN);
    plan.with("TWILIO__SHARED_KEYS__K1", "a-shared-key")
}

fn caller(service: &Service) -> Caller {
    let desk = Desk::Answers { after: Duration::from_millis(300), talks: Duration::from_millis(100) };
    service.caller().public_address(PUBLIC).desk(desk)
}

fn by_token() -> SigningKey {
    SigningKey::AuthToken(TOKEN.to_owned())
}

#[tokio::test]
async fn what_the_account_has_signed_is_answered() {
    let service = signed().start();
    for caller in [caller(&service).auth_token(TOKEN), caller(&service).shared_key("k1", "a-shared-key")] {
        let (call, session) = ring(&service, caller).await;
        call.wait_until_agent_speaks().await.unwrap();
        call.press("0").await.unwrap();
        let outcome = call.outcome().await;
        assert_clean(&service, &outcome);
        assert_eq!(outcome.ended_by, EndedBy::Server);
        assert_eq!(outline(&service.closed_of(&session).await).last().unwrap(), "closed handed-over, 0 sealed");
    }
}

#[tokio::test]
async fn a_call_that_is_not_signed_or_wrongly_is_refused() {
    let service = signed().start();
    let wrong = [
        caller(&service),
        caller(&service).auth_token("another-token"),
        caller(&service).shared_key("k1", "another-key"),
        caller(&service).shared_key("k2", "a-shared-key"),
        // Signed over the address where the request arrives instead of the one where the account sent it.
        service.caller().auth_token(TOKEN),
    ];
    for caller in wrong {
        let refused = caller.ring().await.err().expect("refused");
        assert!(matches!(refused, PhoneError::Refused { status: 403, .. }), "{refused}");
    }
    assert!(service.sessions().is_empty());
    assert_log(&service, &[REFUSED]);
}

/// Asks for what comes after a stream, with these headers.
async fn after(service: &Service, headers: Vec<(&'static str, String)>) -> u16 {
    let form = "CallSid=CA11111111111111111111111111111111&CallStatus=in-progress";
    let request = crate::service::http().post(format!("{}/twilio/after", service.base)).body(form);
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    request.send().await.unwrap().status().as_u16()
}

/// Opens a stream with these headers; gives the status where it is refused.
async fn stream(service: &Service, headers: Vec<(&'static str, String)>) -> Option<u16> {
    let mut request = format!("{}/twilio", service.base.replace("http", "ws")).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(name, HeaderValue::from_str(&value).unwrap());
    }
    match connect_async(request).await {
        Ok(_) => None,
        Err(tungstenite::Error::Http(answer)) => Some(answer.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn streams_and_results_are_signed_as_well() {
    let service = signed().start();
    let parameters: Vec<(String, String)> = [("CallSid", "CA11111111111111111111111111111111"), ("CallStatus", "in-progress")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let address = format!("{PUBLIC}/twilio/after");
    assert_eq!(after(&service, by_token().headers(&address, &parameters)).await, 200);
    assert_eq!(after(&service, vec![]).await, 403);
    assert_eq!(after(&service, by_token().headers(&address, &parameters[..1])).await, 403, "another form");
    assert_eq!(after(&service, by_token().headers(&format!("{PUBLIC}/twilio/voice"), &parameters)).await, 403, "another place");

    let address = "wss://bot.example.com/twilio";
    assert_eq!(stream(&service, by_token().headers(address, &[])).await, None);
    assert_eq!(stream(&service, vec![]).await, Some(403));
    let other = SigningKey::AuthToken("another-token".to_owned());
    assert_eq!(stream(&service, other.headers(address, &[])).await, Some(403));
    assert_log(&service, &[REFUSED, RESCUED]);
}

/// Whether the server closed the first stream with this code.
fn closed_with(outcome: &Outcome, code: u16) -> bool {
    outcome.events.iter().any(|event| event.what == Happening::ServerClosed(Some(code)))
}

#[tokio::test]
async fn a_token_works_once_and_for_its_own_call() {
    let service = signed().start();
    let (call, session) = ring(&service, caller(&service).auth_token(TOKEN)).await;
    let parameters = call.stream_parameters();
    let [(name, used)] = parameters.as_slice() else { panic!("one parameter: {parameters:?}") };
    assert_eq!(name, "token");
    for token in [Some(used.clone()), Some("A".repeat(43)), Some(String::new()), None] {
        let caller = caller(&service).auth_token(TOKEN).replace_parameter("token", token);
        let outcome = caller.ring().await.unwrap().outcome().await;
        assert!(closed_with(&outcome, 1008), "{:?}", outcome.events);
        assert!(outcome.marks.is_empty() && outcome.largest_backlog.is_zero(), "nothing is said to it");
        assert_eq!(outcome.verbs_named("Enqueue").len(), 1, "whoever it was is still a caller, for a person");
    }
    // A token that nobody has used yet, in another call's stream.
    let stolen = ring_without_stream(&service).await;
    let thief = caller(&service).auth_token(TOKEN).replace_parameter("token", Some(stolen));
    assert!(closed_with(&thief.ring().await.unwrap().outcome().await, 1008));
    assert_eq!(service.sessions(), std::slice::from_ref(&session));
    call.hang_up().await.unwrap();
    assert_eq!(call.outcome().await.violations, Vec::<String>::new());
    assert_eq!(outline(&service.closed_of(&session).await).last().unwrap(), "closed caller-hung-up, 0 sealed");
    assert_log(&service, &[CLOSED, RESCUED]);
}

/// Announces a call and gives the token that its stream would have.
async fn ring_without_stream(service: &Service) -> String {
    let parameters = [("CallSid", "CA22222222222222222222222222222222"), ("CallStatus", "ringing"), ("To", "+12025550199")];
    let form: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let parameters: Vec<_> = parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let request = crate::service::http().post(format!("{}/twilio/voice", service.base)).body(form);
    let headers = by_token().headers(&format!("{PUBLIC}/twilio/voice"), &parameters);
    let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    let answer = request.header("Content-Type", "application/x-www-form-urlencoded").send().await.unwrap();
    let document = answer.text().await.unwrap();
    let (_, rest) = document.split_once(r#"name="token" value=""#).expect("a token");
    rest.split('"').next().unwrap().to_owned()
}

#[derive(Clone, Copy, Debug)]
enum Misdeed {
    Garbage,
    Binary,
    Oversized,
    Flood,
    SecondStart,
}

#[tokio::test]
async fn a_peer_that_breaks_the_protocol_loses_its_call_and_no_other() {
    let service = by_key().with("TWILIO__LIMITS__BURST", "200").start();
    let (good, good_session) = ring(&service, service.caller()).await;
    let misdeeds = [
        (Misdeed::Garbage, 1007),
        (Misdeed::Binary, 1003),
        (Misdeed::Oversized, 1009),
        (Misdeed::Flood, 1008),
        (Misdeed::SecondStart, 1008),
    ];
    let mut calls = Vec::new();
    for (misdeed, code) in misdeeds {
        calls.push((ring(&service, service.caller()).await, misdeed, code));
    }
    let bad = futures_util::future::join_all(calls.into_iter().map(async |((call, session), misdeed, code)| {
        call.wait_until_agent_speaks().await.unwrap();
        let ping = r#"{"event":"hello"}"#;
        match misdeed {
            Misdeed::Garbage => call.send_raw("{\"event\":").await.unwrap(),
            Misdeed::Binary => call.send_raw_binary(vec![0xff; 160]).await.unwrap(),
            Misdeed::Oversized => call.send_raw("x".repeat(70_000)).await.unwrap(),
            // The stream may be closed before all of it has gone out.
            Misdeed::Flood => {
                for _ in 0..2_000 {
                    if call.send_raw(ping).await.is_err() {
                        break;
                    }
                }
            }
            Misdeed::SecondStart => call.send_raw(r#"{"event":"connected","protocol":"Call","version":"1.0.0"}"#).await.unwrap(),
        }
        let outcome = call.outcome().await;
        // What lies unread when the server closes resets the connection, and the reset may overtake the closing.
        let reset = matches!(misdeed, Misdeed::Oversized | Misdeed::Flood)
            && outcome.violations.iter().any(|violation| violation.contains("the stream was lost"));
        assert!(closed_with(&outcome, code) || reset, "{misdeed:?}: {:?}", outcome.violations);
        assert_eq!(outcome.verbs_named("Enqueue").len(), 1, "{misdeed:?}: the caller still reaches a person");
        let story = outline(&service.closed_of(&session).await);
        assert_eq!(story.last().unwrap(), "closed peer-violation, 0 sealed", "{misdeed:?}");
    }));
    let well = async {
        answer(&good, "2").await;
        opening_hours_and_goodbye(&good).await;
        good.outcome().await
    };
    let (_, outcome) = tokio::join!(bad, well);
    assert_eq!((&outcome.violations, &outcome.ended_by), (&Vec::new(), &EndedBy::Server));
    let end = ["answer refused by 2", "consent requested to refused", "closed finished, 0 sealed"];
    assert_eq!(outline(&service.closed_of(&good_session).await), then(opening("nl"), &end));
    assert_log(&service, &[CLOSED, RESCUED]);
}
