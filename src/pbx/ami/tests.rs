//! A manager as a real one never is: silent, broken, of another kind. What a real one does is in `tests/behaviour/orders_to_a_real_asterisk.rs`.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use crate::consent::Purpose;
use crate::pbx::{CallRef, Control, ControlSettings, PbxError, RecorderFor, RecorderSettings, Variables};

const SECRET: &str = "a secret of tests only";
const LONG: Duration = Duration::from_secs(10);

/// One connection of Candor's.
struct Peer {
    lines: tokio::io::Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
}

impl Peer {
    async fn accept(listener: &TcpListener) -> Peer {
        let (socket, _): (TcpStream, _) = timeout(LONG, listener.accept()).await.expect("it connects").unwrap();
        let (read, write) = socket.into_split();
        Peer { lines: BufReader::new(read).lines(), write }
    }

    async fn say(&mut self, text: &str) {
        self.write.write_all(text.replace('\n', "\r\n").as_bytes()).await.unwrap();
    }

    /// The next action's lines; none when the connection is over.
    async fn hear(&mut self) -> Vec<String> {
        let mut action = Vec::new();
        while let Some(line) = timeout(LONG, self.lines.next_line()).await.expect("it says something").unwrap_or_default() {
            if line.is_empty() {
                break;
            }
            action.push(line);
        }
        action
    }

    /// Answers the next action with these lines; gives the action.
    async fn answer(&mut self, lines: &str) -> Vec<String> {
        let action = self.hear().await;
        let id = field(&action, "ActionID");
        self.say(&format!("Response: Success\nActionID: {id}\n{lines}\n")).await;
        action
    }

    async fn refuse(&mut self, words: &str) -> Vec<String> {
        let action = self.hear().await;
        let id = field(&action, "ActionID");
        self.say(&format!("Response: Error\nActionID: {id}\nMessage: {words}\n\n")).await;
        action
    }

    /// Greets and lets in.
    async fn let_in(listener: &TcpListener) -> Peer {
        let mut peer = Peer::accept(listener).await;
        peer.say("Asterisk Call Manager/11.0.0\n").await;
        peer.answer("Challenge: 42\n").await;
        peer.answer("Message: Authentication accepted\n").await;
        peer
    }
}

fn field<'a>(action: &'a [String], key: &str) -> &'a str {
    action.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).unwrap_or_default()
}

fn to(listener: &TcpListener, time_limit: &str) -> Control {
    let address = listener.local_addr().unwrap().to_string();
    let settings = json!({"via": "ami", "address": address, "username": "candor", "secret": SECRET, "time_limit": time_limit});
    let settings: ControlSettings = serde_json::from_value(settings).unwrap();
    Control::start(settings.check(&RecorderSettings::default()).unwrap()).unwrap()
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

async fn connected(control: &Control) {
    let waited = timeout(LONG, async {
        while control.is_connected() != Some(true) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.expect("it is connected");
}

fn call() -> CallRef {
    CallRef::new("1795909069.1").unwrap()
}

fn variables(pairs: &[(&str, &str)]) -> Variables {
    let mut variables = Variables::default();
    pairs.iter().for_each(|(name, value)| variables.push(name, value));
    variables
}

fn recorder(purpose: &Purpose) -> RecorderFor<'_> {
    RecorderFor { session: Uuid::nil(), purpose, number: 1 }
}

#[tokio::test]
async fn the_secret_is_never_sent_and_no_events_are_asked_for() {
    let listener = listen().await;
    let control = to(&listener, "2s");
    let mut peer = Peer::accept(&listener).await;
    peer.say("Asterisk Call Manager/11.0.0\n").await;
    let challenge = peer.answer("Challenge: 168242371\n").await;
    assert_eq!((field(&challenge, "Action"), field(&challenge, "AuthType")), ("Challenge", "MD5"));
    let login = peer.answer("\n").await;
    assert_eq!((field(&login, "Action"), field(&login, "Username"), field(&login, "Events")), ("Login", "candor", "off"));
    // printf '168242371a secret of tests only' | md5sum
    assert_eq!(field(&login, "Key"), "d067e1f1abfb1c94c4011fa8c450242b");
    assert!(!login.iter().any(|line| line.contains(SECRET)));
    connected(&control).await;
}

#[tokio::test]
async fn answers_are_matched_to_orders_whatever_their_order_and_whatever_comes_between() {
    let listener = listen().await;
    let control = to(&listener, "2s");
    let mut peer = Peer::let_in(&listener).await;
    connected(&control).await;
    let call = call();
    let travelling = variables(&[("CANDOR_REASON", "asked"), ("CANDOR_SLOT_X", "a\r\nAction: Originate")]);
    let (handed, ()) = tokio::join!(control.hand_over(&call, &travelling), async {
        let (first, second) = (peer.hear().await, peer.hear().await);
        assert_eq!((field(&first, "Variable"), field(&first, "Value")), ("__CANDOR_REASON", "asked"));
        assert_eq!(field(&second, "Value"), "a  Action: Originate");
        peer.say("Event: FullyBooted\nStatus: Fully Booted\n\nResponse: Success\nActionID: candor-999\n\n").await;
        for action in [second, first] {
            peer.say(&format!("Response: Success\nActionID: {}\n\n", field(&action, "ActionID"))).await;
        }
        let question = peer.answer("Value: 1\n").await;
        assert_eq!(field(&question, "Variable"), "DIALPLAN_EXISTS(candor-handover,s,1)");
        let redirect = peer.answer("Message: Redirect successful\n").await;
        let place = ["Channel", "Context", "Exten", "Priority"].map(|key| field(&redirect, key));
        assert_eq!(place, ["1795909069.1", "candor-handover", "s", "1"]);
    });
    assert_eq!(handed, Ok(()));
}

#[tokio::test]
async fn nobody_is_sent_to_a_place_that_is_not_there() {
    let listener = listen().await;
    let control = to(&listener, "2s");
    let mut peer = Peer::let_in(&listener).await;
    connected(&control).await;
    for value in ["Value: 0\n", "Value: \n", ""] {
        let (call, none) = (call(), Variables::default());
        let (handed, _) = tokio::join!(control.hand_over(&call, &none), peer.answer(value));
        assert_eq!(handed, Err(PbxError::NoSuchPlace), "{value:?}");
    }
}

#[tokio::test]
async fn a_manager_that_does_not_answer_costs_the_time_limit_and_no_more() {
    let listener = listen().await;
    let control = to(&listener, "300ms");
    let mut peer = Peer::let_in(&listener).await;
    connected(&control).await;
    let begun = Instant::now();
    let variables = variables(&[("CANDOR_REASON", "asked")]);
    assert_eq!(control.hand_over(&call(), &variables).await, Err(PbxError::TimedOut));
    assert!((Duration::from_millis(250)..Duration::from_secs(2)).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    // Its answer, when it comes, is nobody's; the next order goes well.
    let late = peer.hear().await;
    peer.say(&format!("Response: Success\nActionID: {}\n\n", field(&late, "ActionID"))).await;
    let call = call();
    let (handed, ()) = tokio::join!(control.hand_over(&call, &variables), async {
        for lines in ["\n", "Value: 1\n", "\n"] {
            peer.answer(lines).await;
        }
    });
    assert_eq!(handed, Ok(()));
}

#[tokio::test]
async fn a_connection_that_breaks_fails_the_orders_on_it_at_once_and_is_made_again() {
    let listener = listen().await;
    let control = to(&listener, "5s");
    let mut peer = Peer::let_in(&listener).await;
    connected(&control).await;
    let begun = Instant::now();
    let (call, travelling) = (call(), variables(&[("CANDOR_REASON", "asked")]));
    let (handed, ()) = tokio::join!(control.hand_over(&call, &travelling), async {
        peer.hear().await;
        peer.say("Response: Succ").await;
        drop(peer);
    });
    assert_eq!(handed, Err(PbxError::Unreachable));
    assert_eq!(control.hand_over(&call, &travelling).await, Err(PbxError::Unreachable), "and nobody waits for the next");
    assert!(begun.elapsed() < Duration::from_secs(3));
    let _again = Peer::let_in(&listener).await;
    connected(&control).await;
}

#[tokio::test]
async fn another_program_is_told_nothing() {
    let listener = listen().await;
    let control = to(&listener, "2s");
    let mut peer = Peer::accept(&listener).await;
    peer.say("SSH-2.0-OpenSSH_9.2p1\n").await;
    assert_eq!(peer.hear().await, Vec::<String>::new(), "it hangs up without a word");
    assert_eq!(control.is_connected(), Some(false));
}

#[tokio::test]
async fn refusals_have_a_class_and_no_numbers() {
    let listener = listen().await;
    let control = to(&listener, "2s");
    let mut peer = Peer::let_in(&listener).await;
    connected(&control).await;
    let (call, travelling) = (call(), variables(&[("CANDOR_REASON", "asked")]));
    let refused = |message: &str| Err(PbxError::Refused { message: message.to_owned() });
    for (words, expected) in [
        ("No such channel", Err(PbxError::NoSuchChannel)),
        ("Channel does not exist: 1795909069.1", Err(PbxError::NoSuchChannel)),
        ("Permission denied", refused("Permission denied")),
        ("SIP/0612345678-1 will not", refused("SIP/##########-# will not")),
    ] {
        let (handed, _) = tokio::join!(control.hand_over(&call, &travelling), peer.refuse(words));
        assert_eq!(handed, expected);
    }
}

#[tokio::test]
async fn a_recorder_is_stopped_by_its_own_id_once() {
    let listener = listen().await;
    let control = to(&listener, "2s");
    let mut peer = Peer::let_in(&listener).await;
    connected(&control).await;
    let (call, purpose) = (call(), Purpose::new("service-quality").unwrap());
    let (recording, ()) = tokio::join!(control.start_recorder(&call, recorder(&purpose)), async {
        let cleared = peer.answer("\n").await;
        assert_eq!((field(&cleared, "Variable"), field(&cleared, "Value")), ("CANDOR_RECORDER", ""));
        let start = peer.answer("\n").await;
        assert_eq!(field(&start, "File"), "candor/00000000-0000-0000-0000-000000000000-1.wav");
        assert_eq!(field(&start, "Options"), "i(CANDOR_RECORDER)");
        assert!(!start.iter().any(|line| line.starts_with("Command")));
        // One that does not tell the id in its answer.
        peer.answer("Value: 0x7f3dc0004ec0\n").await;
    });
    let recording = recording.unwrap();
    let (stopped, stop) = tokio::join!(control.stop_recorder(&recording), peer.answer("\n"));
    assert_eq!(stopped, Ok(()));
    assert_eq!((field(&stop, "Action"), field(&stop, "MixMonitorID")), ("StopMixMonitor", "0x7f3dc0004ec0"));
    assert_eq!(control.stop_recorder(&recording).await, Ok(()), "it is stopped already, and nobody is asked");
    assert_eq!(control.erase_recording(&recording).await, Err(PbxError::NotPossible));
}

#[tokio::test]
async fn a_recorder_that_may_have_been_started_is_stopped() {
    let listener = listen().await;
    let control = to(&listener, "300ms");
    let mut peer = Peer::let_in(&listener).await;
    connected(&control).await;
    let (call, purpose) = (call(), Purpose::new("service-quality").unwrap());
    assert_eq!(control.start_recorder(&call, recorder(&purpose)).await.unwrap_err(), PbxError::TimedOut);
    for _ in 0..3 {
        peer.hear().await;
    }
    let question = peer.answer("Value: 0x7f3dc0004ec0\n").await;
    assert_eq!((field(&question, "Action"), field(&question, "Variable")), ("Getvar", "CANDOR_RECORDER"));
    let stop = peer.answer("\n").await;
    assert_eq!((field(&stop, "Action"), field(&stop, "MixMonitorID")), ("StopMixMonitor", "0x7f3dc0004ec0"));
}

#[tokio::test]
async fn a_recorder_that_could_not_be_stopped_is_stopped_when_that_is_possible_again() {
    let listener = listen().await;
    let control = to(&listener, "300ms");
    let mut peer = Peer::let_in(&listener).await;
    connected(&control).await;
    let (call, purpose) = (call(), Purpose::new("service-quality").unwrap());
    let (recording, ()) = tokio::join!(control.start_recorder(&call, recorder(&purpose)), async {
        for lines in ["\n", "MixMonitorID: 0x1\n", "Value: 0x1\n"] {
            peer.answer(lines).await;
        }
    });
    drop(peer);
    let stopped = control.stop_recorder(&recording.unwrap()).await;
    assert!(matches!(stopped, Err(PbxError::Unreachable | PbxError::TimedOut)), "{stopped:?}");
    let mut again = Peer::let_in(&listener).await;
    let stop = again.answer("\n").await;
    assert_eq!((field(&stop, "Action"), field(&stop, "MixMonitorID")), ("StopMixMonitor", "0x1"));
}

#[tokio::test]
async fn a_recording_that_is_forgotten_is_stopped() {
    let listener = listen().await;
    let control = to(&listener, "2s");
    let mut peer = Peer::let_in(&listener).await;
    connected(&control).await;
    let (call, purpose) = (call(), Purpose::new("service-quality").unwrap());
    let (recording, ()) = tokio::join!(control.start_recorder(&call, recorder(&purpose)), async {
        for lines in ["\n", "MixMonitorID: 0x1\n", "Value: 0x1\n"] {
            peer.answer(lines).await;
        }
    });
    drop(recording.unwrap());
    assert_eq!(field(&peer.answer("\n").await, "Action"), "StopMixMonitor");
}

#[tokio::test]
async fn a_recorder_for_whose_start_nobody_waits_any_more_is_stopped() {
    let listener = listen().await;
    let control = to(&listener, "2s");
    let mut peer = Peer::let_in(&listener).await;
    connected(&control).await;
    let (call, purpose) = (call(), Purpose::new("service-quality").unwrap());
    let abandoned = timeout(Duration::from_millis(50), control.start_recorder(&call, recorder(&purpose))).await;
    assert!(abandoned.is_err());
    for lines in ["\n", "MixMonitorID: 0x1\n", "Value: 0x1\n", "Value: 0x1\n"] {
        peer.answer(lines).await;
    }
    let stop = peer.answer("\n").await;
    assert_eq!((field(&stop, "Action"), field(&stop, "MixMonitorID")), ("StopMixMonitor", "0x1"));
}
