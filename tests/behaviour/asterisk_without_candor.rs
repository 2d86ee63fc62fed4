//! The dialplan of deploy/asterisk where Candor is not there, says nothing or says something odd: callers reach a person, and what others gave is
//! never more than a value.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;

use crate::asked::{Asked, Reply, ok};
use crate::asterisk::{By, PASSWORD, Pbx, Places, candor};
use crate::http;

const NUMBER: &str = "+31201234567";
const BOTH: [By; 2] = [By::WebSocket, By::AudioSocket];

/// Where nobody listens.
fn nobody() -> Places {
    let nowhere = "127.0.0.1:1";
    Places { http: nowhere.to_owned(), audio_socket: nowhere.to_owned(), password: PASSWORD, orders: None }
}

/// Where somebody else listens for HTTP.
fn another(http: &str) -> Places {
    Places { http: http.to_owned(), ..nobody() }
}

#[tokio::test]
async fn asterisk_takes_the_files_as_they_are() {
    let Some(pbx) = Pbx::start(&nobody()).await else { return };
    for module in ["chan_websocket", "chan_audiosocket", "func_curl", "app_queue", "app_dial", "pbx_config"] {
        let shown = pbx.console(&format!("module show like {module}"));
        assert!(shown.contains("Running"), "{module}: {shown}");
    }
    let contexts =
        ["candor", "candor-audiosocket", "candor-call", "candor-next", "candor-answered", "candor-outcome", "candor-ask"];
    for context in contexts {
        let shown = pbx.console(&format!("dialplan show {context}"));
        assert!(shown.contains("pbx_config"), "{context}: {shown}");
    }
    for (shown, by) in [
        ("support has 0 calls", "queue show support"),
        ("candor", "manager show user candor"),
        ("candor", "ari show user candor"),
    ] {
        assert!(pbx.console(by).contains(shown), "{by}: {}", pbx.console(by));
    }
    for file in std::fs::read_dir(crate::service::project("deploy/asterisk")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let complaint = |line: &&str| line.contains(&name) && (line.contains("ERROR[") || line.contains("WARNING["));
        assert_eq!(pbx.log().lines().filter(complaint).collect::<Vec<_>>(), Vec::<&str>::new());
    }
    println!("Asterisk was there after {:?}", pbx.boot);
}

#[tokio::test]
async fn where_candor_is_not_there_a_caller_reaches_a_person() {
    let Some(pbx) = Pbx::start(&nobody()).await else { return };
    pbx.colleague("talks").await;
    for by in BOTH {
        let telephone = pbx.call(by, NUMBER).await;
        telephone.is_queued().await;
        let colleague = pbx.answered(&telephone).await;
        assert_eq!(pbx.manager.variable(&colleague, "CANDOR_REASON").await, "unreachable");
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(telephone.is_open(), "they talk");
        telephone.hang_up().await;
    }
    // That nobody listens there is all that was wrong.
    let complaints = pbx.complaints();
    assert!(complaints.iter().all(|line| line.contains("/healthz")), "{complaints:#?}");
}

#[tokio::test]
async fn where_somebody_listens_and_says_nothing_a_caller_reaches_a_person() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let Some(pbx) = Pbx::start(&another(&silent.local_addr().unwrap().to_string())).await else { return };
    pbx.colleague("rings").await;
    for by in BOTH {
        let (telephone, called) = (pbx.call(by, NUMBER).await, Instant::now());
        telephone.is_queued().await;
        assert!(called.elapsed() < Duration::from_secs(6), "{by:?}: {:?}", called.elapsed());
        assert_eq!(telephone.variable("CANDOR_REASON").await, "unreachable");
        telephone.hang_up().await;
    }
}

#[tokio::test]
async fn with_the_wrong_password_a_caller_reaches_a_person() {
    let Some((service, _)) = candor::start(candor::plan()).await else { return };
    let places = Places { password: "not-the-password-of-it", ..another(&http::address(&service)) };
    let Some(pbx) = Pbx::start(&places).await else { return };
    pbx.colleague("rings").await;
    for by in BOTH {
        let telephone = pbx.call(by, NUMBER).await;
        telephone.is_queued().await;
        assert_eq!(telephone.variable("CANDOR_REASON").await, "unreachable", "{by:?}");
        telephone.hang_up().await;
    }
    assert!(service.sessions().is_empty());
    assert_ne!(service.complaints("a request to an Asterisk route was refused"), Vec::<String>::new());
}

/// A server that is alive, takes no call, and says this of what comes next.
async fn saying(next: String) -> Asked {
    Asked::deciding(move |_, request| {
        let said = match request.line.split(' ').nth(1) {
            Some("/healthz") => "ok\n",
            Some("/asterisk/after") => &next,
            _ => "",
        };
        Reply::Raw(ok("text/plain", said))
    })
    .await
}

#[tokio::test]
async fn what_a_caller_gave_is_a_value_and_nothing_else() {
    const GIVEN: &str = r#"10:30, x "q" \back ${CANDOR_URL} $[1+1] 's )( ; | & = % + <b> é"#;
    let value = crate::asterisk::percent_encoded(GIVEN);
    let line = format!(
        "next=queue&queue=support&priority=5&session=s-1&reason=asked&slot_what-they_said={value}&consent_a.b=refused&slot_empty="
    );
    let said = saying(line).await;
    let Some(pbx) = Pbx::start(&another(said.address.trim_start_matches("http://"))).await else { return };
    pbx.colleague("talks").await;
    for by in BOTH {
        let telephone = pbx.call(by, NUMBER).await;
        let colleague = pbx.answered(&telephone).await;
        for channel in [&colleague, &telephone.channel] {
            assert_eq!(pbx.manager.variable(channel, "CANDOR_SLOT_what_they_said").await, GIVEN, "{by:?}");
            assert_eq!(pbx.manager.variable(channel, "CANDOR_CONSENT_a_b").await, "refused", "{by:?}");
            assert_eq!(pbx.manager.variable(channel, "CANDOR_SESSION").await, "s-1", "{by:?}");
        }
        telephone.hang_up().await;
    }
    // Nobody is told who calls.
    assert!(said.requests().iter().all(|request| !request.line.contains("31612345678") && !request.body.contains("31612345678")));
}

#[tokio::test]
async fn an_answer_that_is_not_candors_says_nothing() {
    for odd in ["<html><a href=\"x?next=hangup&url=1\">gone</a></html>", "", "next=", "next=h", "next=System", "\u{0}\u{1}"] {
        let said = saying(odd.to_owned()).await;
        let Some(pbx) = Pbx::start(&another(said.address.trim_start_matches("http://"))).await else { return };
        pbx.colleague("rings").await;
        let telephone = pbx.call(By::WebSocket, NUMBER).await;
        telephone.is_queued().await;
        assert_eq!(telephone.variable("CANDOR_REASON").await, "unreachable", "{odd:?}");
    }
}
