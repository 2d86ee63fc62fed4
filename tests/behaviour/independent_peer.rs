//! Callers by WebRTC that share no line with this project: aiortc in a process of its own (`tests/webrtc_peer`), told what to do and telling
//! what happens.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{Mutex, watch};

use crate::service::project;

/// How long anything may take: an opening that is said four times because of the network, on a machine with much to do.
const SOON: Duration = Duration::from_secs(90);

/// A process of callers. It is killed when this is dropped.
pub struct Peer {
    process: Child,
    commands: Mutex<ChildStdin>,
    told: watch::Receiver<Vec<Value>>,
}

/// One call of a peer.
#[derive(Clone)]
pub struct PeerCall {
    peer: Arc<Peer>,
    name: String,
}

impl Peer {
    /// A peer of the server at this address; nothing, and why, where aiortc is not installed.
    pub async fn of(base: &str) -> Option<Arc<Peer>> {
        let Some(python) = std::env::var_os("WEBRTC_PEER_PYTHON") else {
            eprintln!("skipped: WEBRTC_PEER_PYTHON does not name a Python with aiortc (scripts/setup.sh test installs one)");
            return None;
        };
        let mut command = Command::new(python);
        command.arg("-B").arg(project("tests/webrtc_peer")).arg(base);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = match command.spawn() {
            Ok(process) => process,
            Err(error) => {
                eprintln!("skipped: no Python with aiortc (scripts/setup.sh test installs one): {error}");
                return None;
            }
        };
        let (commands, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
        let mut complaints = process.stderr.take().unwrap();
        let (tell, mut told) = watch::channel(Vec::new());
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let event: Value = serde_json::from_str(&line).expect("JSON on standard output");
                tell.send_modify(|events| events.push(event));
            }
        });
        if told.wait_for(|events| !events.is_empty()).await.is_ok() {
            // What it complains of is shown with a test that fails.
            tokio::spawn(async move {
                let mut lines = BufReader::new(complaints).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    eprintln!("peer: {line}");
                }
            });
            return Some(Arc::new(Peer { process, commands: Mutex::new(commands), told }));
        }
        let mut complaint = String::new();
        complaints.read_to_string(&mut complaint).await.unwrap();
        assert!(complaint.contains("No module named 'ai"), "the peer does not start: {complaint}");
        eprintln!("skipped: this Python has no aiortc (scripts/setup.sh test installs it)");
        None
    }

    /// Calls, and waits until it is connected and the data channel is open.
    pub async fn call(self: &Arc<Self>, name: &str) -> PeerCall {
        self.call_with(name, json!({})).await
    }

    /// The same with what else the command can hold.
    pub async fn call_with(self: &Arc<Self>, name: &str, more: Value) -> PeerCall {
        let call = self.try_call(name, more).await;
        let answered = call.event("answered", |_| true).await;
        assert_eq!(answered["status"], 201, "{answered:#}");
        call.event("connection", |event| event["state"] == "connected").await;
        call.event("channel", |event| event["state"] == "open").await;
        call
    }

    /// Offers, and waits for nothing.
    pub async fn try_call(self: &Arc<Self>, name: &str, more: Value) -> PeerCall {
        let call = PeerCall { peer: self.clone(), name: name.to_owned() };
        call.command("call", more).await;
        call
    }

    /// Ends the process as if its machine had lost its current.
    pub fn kill(&self) {
        self.signal("KILL");
    }

    /// Stops it where it is.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let process = self.process.id().expect("it runs").to_string();
        assert!(std::process::Command::new("kill").args([&format!("-{name}"), &process]).status().unwrap().success());
    }
}

impl PeerCall {
    async fn command(&self, what: &str, more: Value) {
        let mut command = json!({ "do": what, "call": self.name });
        command.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut line = command.to_string();
        line.push('\n');
        self.peer.commands.lock().await.write_all(line.as_bytes()).await.unwrap();
    }

    /// What has happened in this call so far.
    pub fn events(&self) -> Vec<Value> {
        self.peer.told.borrow().iter().filter(|event| event["call"] == self.name).cloned().collect()
    }

    /// The first event of this name that is `wanted`; it may have happened already.
    pub async fn event(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.nth(1, name, wanted).await
    }

    /// The `number`th (from 1) such event.
    async fn nth(&self, number: usize, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let find = |events: &[&Value]| {
            events.iter().filter(|event| event["event"] == name && wanted(event)).nth(number - 1).map(|event| (*event).clone())
        };
        self.until(&format!("{name} number {number}"), find).await
    }

    /// Waits until something can be found in what has happened in this call.
    pub async fn until<T>(&self, what: &str, find: impl Fn(&[&Value]) -> Option<T>) -> T {
        let mut found = None;
        let mut told = self.peer.told.clone();
        let waited = told.wait_for(|events| {
            let ours: Vec<&Value> = events.iter().filter(|event| event["call"] == self.name).collect();
            if let Some(why) = ours.iter().find(|event| event["event"] == "failed") {
                panic!("the peer could not do it: {why}");
            }
            found = find(&ours);
            found.is_some()
        });
        if !matches!(tokio::time::timeout(SOON, waited).await, Ok(Ok(_))) {
            panic!("no {what} from the peer in call {:?}: {:#?}", self.name, self.events());
        }
        found.unwrap()
    }

    /// The first notice of this type that is `wanted`, with when it came: `notice`, and `at` in seconds of the peer's clock.
    pub async fn notice(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.event("notice", |event| event["notice"]["type"] == name && wanted(&event["notice"])).await
    }

    /// The notices of a type so far.
    pub fn notices(&self, name: &str) -> Vec<Value> {
        self.events().into_iter().filter(|event| event["notice"]["type"] == name).collect()
    }

    /// The id of the session that the server opened for this call.
    pub async fn session(&self) -> String {
        self.notice("hello", |_| true).await["notice"]["session"].as_str().unwrap().to_owned()
    }

    /// Waits until a line of this prompt has been said to its end, and this has been proved. Gives its notice and when that came.
    pub async fn heard_line(&self, prompt: &str) -> Value {
        let heard = |events: &[&Value]| {
            let lines = events.iter().filter(|event| is_saying(event, prompt));
            let said = |line: &Value| {
                let end = |event: &&&Value| event["notice"]["type"] == "said" && event["notice"]["line"] == *line;
                events.iter().find(end).is_some_and(|event| event["notice"]["outcome"] == "heard")
            };
            lines.map(|event| (*event).clone()).find(|event| said(&event["notice"]["line"]))
        };
        self.until(&format!("{prompt} that was heard"), heard).await
    }

    /// Waits until a line of this prompt is being said; gives its notice.
    pub async fn saying(&self, prompt: &str) -> Value {
        self.event("notice", |event| is_saying(event, prompt)).await
    }

    /// Waits until the consent question has been heard.
    pub async fn asked(&self) {
        self.heard_line("consent-question").await;
    }

    /// Sends a message of the page's.
    pub async fn send(&self, message: Value) {
        self.command("send", json!({ "message": message })).await;
    }

    /// Presses a button of the page.
    pub async fn button(&self, button: &str) {
        self.send(json!({ "type": "button", "button": button })).await;
    }

    /// Presses a key of the page's keypad.
    pub async fn key(&self, key: char) {
        self.send(json!({ "type": "key", "key": key })).await;
    }

    /// Presses keys as RFC 4733 events, and waits until they have been sent.
    pub async fn telephone_events(&self, digits: &str) {
        let before = self.count("pressed");
        self.command("keys", json!({ "digits": digits })).await;
        self.nth(before + 1, "pressed", |_| true).await;
    }

    /// Sounds a tone, and gives when it began and when it had been sent, in seconds of the peer's clock.
    pub async fn tone(&self, hz: u32, seconds: f64) -> (f64, f64) {
        let (began, ended) = self.speak("tone", json!({ "hz": hz, "seconds": seconds })).await;
        (began["at"].as_f64().unwrap(), ended["at"].as_f64().unwrap())
    }

    /// Says what is in a WAV file of one channel of 16 bits; gives the packets that carried it.
    pub async fn say_file(&self, file: &std::path::Path) -> Vec<Vec<u8>> {
        let (_, spoken) = self.speak("wav", json!({ "file": file.to_str().unwrap() })).await;
        let packets = spoken["packets"].as_array().unwrap().iter();
        packets.map(|packet| hex::decode(packet.as_str().unwrap()).unwrap()).collect()
    }

    async fn speak(&self, what: &str, more: Value) -> (Value, Value) {
        let before = self.count("spoken");
        self.command(what, more).await;
        let ended = self.nth(before + 1, "spoken", |_| true).await;
        (self.nth(before + 1, "speaking", |_| true).await, ended)
    }

    /// Measures what was heard between two moments of the peer's clock, or in the whole call.
    pub async fn measure(&self, between: Option<(f64, f64)>, tones: &[u32]) -> Value {
        let before = self.count("heard");
        let mut wish = json!({ "hz": tones });
        if let Some((from, to)) = between {
            wish["from"] = from.into();
            wish["to"] = to.into();
        }
        self.command("heard", wish).await;
        self.nth(before + 1, "heard", |_| true).await
    }

    /// How many packets from the server have not arrived, as the peer counts them.
    pub async fn packets_lost(&self) -> i64 {
        let before = self.count("stats");
        self.command("stats", json!({})).await;
        let stats = self.nth(before + 1, "stats", |_| true).await;
        let inbound = stats["stats"].as_array().unwrap().iter().find(|one| one["type"] == "inbound-rtp");
        inbound.unwrap_or_else(|| panic!("no inbound-rtp in {stats:#}"))["packetsLost"].as_i64().unwrap()
    }

    /// Hangs up: `close`, `delete` or `channel`.
    pub async fn hang_up(&self, by: &str) {
        self.command("hang-up", json!({ "by": by })).await;
    }

    /// Closes what is left of the call and lets go of it.
    pub async fn forget(&self) {
        self.command("forget", json!({})).await;
        self.event("forgotten", |_| true).await;
    }

    fn count(&self, name: &str) -> usize {
        self.events().iter().filter(|event| event["event"] == name).count()
    }
}

/// Whether a notice says that this prompt begins; one about a purpose may have its name after it.
fn is_saying(event: &Value, prompt: &str) -> bool {
    let id = event["notice"]["prompt"].as_str().unwrap_or_default();
    event["notice"]["type"] == "saying" && id.split('/').next() == Some(prompt)
}
