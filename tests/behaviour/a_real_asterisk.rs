//! Calls through a real Asterisk, with the files of deploy/asterisk as an engineer copies them.

use std::time::Duration;

use crate::asterisk::{By, PASSWORD, Pbx, Places};

/// Where nobody listens.
const NOBODY: &str = "127.0.0.1:1";
const NUMBER: &str = "+31201234567";

const BOTH: [By; 2] = [By::WebSocket, By::AudioSocket];

fn nobody() -> Places {
    Places { http: NOBODY.to_owned(), audio_socket: NOBODY.to_owned(), password: PASSWORD }
}

#[tokio::test]
async fn asterisk_takes_the_files_as_they_are() {
    let Some(pbx) = Pbx::start(&nobody()).await else { return };
    for module in ["chan_websocket", "chan_audiosocket", "func_curl", "app_queue", "app_dial", "pbx_config"] {
        let shown = pbx.console(&format!("module show like {module}"));
        assert!(shown.contains("Running"), "{module}: {shown}");
    }
    for context in
        ["candor", "candor-audiosocket", "candor-call", "candor-next", "candor-answered", "candor-outcome", "candor-ask"]
    {
        let shown = pbx.console(&format!("dialplan show {context}"));
        assert!(shown.contains("pbx_config"), "{context}: {shown}");
    }
    assert!(pbx.console("queue show support").contains("support has 0 calls"), "{}", pbx.console("queue show support"));
    assert!(pbx.console("manager show user candor").contains("candor"));
    assert!(pbx.console("ari show user candor").contains("candor"));
    for file in ["extensions_candor", "websocket_client", "queues_candor", "manager_candor", "ari_candor", "http_candor"] {
        let named = |line: &&str| line.contains(file) && (line.contains("ERROR") || line.contains("WARNING"));
        assert_eq!(pbx.log().lines().filter(named).collect::<Vec<_>>(), Vec::<&str>::new());
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
