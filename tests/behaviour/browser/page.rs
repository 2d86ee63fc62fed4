//! A page in a browser, as its person uses it: reads, presses, types, speaks, listens.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use base64::Engine as _;
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;
use fantoccini::{Client, Locator};
use rustix::process::Signal;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::chromium::{self, Driver, Own};
use super::sound::{Microphone, Moment, share_of_sound};

/// How long a page may take for anything that is not waiting for a person.
const PATIENCE: Duration = Duration::from_secs(30);

/// A watched page. Its browser ends when this is dropped.
pub struct Page {
    name: &'static str,
    client: Client,
    _driver: Driver,
    browser: i32,
    microphone: Microphone,
}

/// A line that the page has shown: which, in which state, with which words, from when on (milliseconds of the epoch).
#[derive(Clone, Debug, Deserialize, PartialEq)]
pub struct Shown {
    pub at: f64,
    pub line: String,
    pub state: String,
    pub text: String,
}

impl Page {
    pub(super) fn new(name: &'static str, client: Client, driver: Driver, browser: i32, microphone: Microphone) -> Page {
        Page { name, client, _driver: driver, browser, microphone }
    }

    /// Has every document watched from its first moment.
    pub(super) async fn watch(&self) {
        let slots = self.microphone.slots();
        let chosen = format!("window.watched.phrases = {slots}; window.watched.encoded = {};", self.microphone.is_traced());
        let source = format!("{}\n{chosen}", include_str!("watch.js"));
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    }

    /// Sends a command of the browser's own protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.client.issue_cmd(Own { path: "goog/cdp/execute", body }).await.unwrap()
    }

    pub async fn go_to(&self, address: &str) {
        self.client.goto(address).await.unwrap();
    }

    /// What a script gives: its body, with `return`.
    pub async fn run<T: DeserializeOwned>(&self, script: &str) -> T {
        let value =
            self.client.execute(script, Vec::new()).await.unwrap_or_else(|error| panic!("{}: {script}: {error}", self.name));
        serde_json::from_value(value).unwrap()
    }

    /// What the promise that an expression makes comes to.
    pub async fn promise(&self, expression: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; ({expression}).then(done, (e) => done({{ failed: String(e) }}));"
        );
        let value = self.client.execute_async(&script, Vec::new()).await.unwrap();
        assert!(value.get("failed").is_none(), "{}: {value}", self.name);
        value
    }

    /// Waits until an expression of the page is true.
    pub async fn wait(&self, what: &str, expression: &str) {
        self.wait_for(what, expression, PATIENCE).await;
    }

    /// The same with another limit.
    pub async fn wait_for(&self, what: &str, expression: &str, limit: Duration) {
        let script = format!("return Boolean({expression});");
        let deadline = Instant::now() + limit;
        while !self.run::<bool>(&script).await {
            if Instant::now() > deadline {
                self.picture("in-vain").await;
                panic!("{}: no {what}.\n{}", self.name, self.account().await);
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// Waits until the state line of this page (`#state`, `#call`) is in this state.
    pub async fn wait_for_state(&self, line: &str, state: &str) {
        self.wait(&format!("{line} {state}"), &format!("document.querySelector('{line}').dataset.state === '{state}'")).await;
    }

    /// Waits until the captions hold these words of the agent.
    pub async fn wait_to_read(&self, words: &str) {
        let captions = format!("document.querySelector('#captions').textContent.includes('{words}')");
        self.wait(&format!("caption {words:?}"), &captions).await;
    }

    /// How many elements of the page match a selector.
    pub async fn count(&self, selector: &str) -> u64 {
        self.run(&format!("return document.querySelectorAll('{selector}').length;")).await
    }

    /// What the page has to tell when something is missing: its words, its lines so far, its complaints.
    async fn account(&self) -> String {
        let words: String = self.run("return document.body.innerText;").await;
        let shown: Vec<Shown> = self.run("return window.watched.shown;").await;
        let lines: Vec<String> = shown.iter().map(|s| format!("{:.0} #{} [{}] {}", s.at, s.line, s.state, s.text)).collect();
        format!("It shows:\n{words}\nIt has shown:\n{}\nThe console: {:#?}", lines.join("\n"), self.console().await)
    }

    /// Clicks, as soon as the element can be clicked.
    pub async fn click(&self, css: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let clicked = match self.client.find(Locator::Css(css)).await {
                Ok(element) if element.is_enabled().await.unwrap_or(false) => element.click().await,
                Ok(_) => Err(fantoccini::error::CmdError::NotJson("it is disabled".to_owned())),
                Err(error) => Err(error),
            };
            let Err(error) = clicked else { return };
            if Instant::now() > deadline {
                self.picture("not-clicked").await;
                panic!("{}: {css} cannot be clicked: {error}\n{}", self.name, self.account().await);
            }
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
    }

    /// Types into an element.
    pub async fn type_into(&self, css: &str, text: &str) {
        self.client.find(Locator::Css(css)).await.unwrap().send_keys(text).await.unwrap();
    }

    /// Presses a key of the keyboard, wherever the focus is.
    pub async fn press(&self, key: Key) {
        self.press_character(char::from(key)).await;
    }

    /// The same for a character.
    pub async fn press_character(&self, key: char) {
        let keys = KeyActions::new("keyboard".to_owned());
        let pressed = keys.then(KeyAction::Down { value: key }).then(KeyAction::Up { value: key });
        self.client.perform_actions(pressed).await.unwrap();
    }

    /// Moves the focus with Tab alone until it is on an element, and presses Enter there.
    pub async fn reach_and_press(&self, css: &str) {
        for _ in 0..80 {
            if self.run::<bool>(&format!("return document.activeElement?.matches('{css}') ?? false;")).await {
                self.press(Key::Enter).await;
                return;
            }
            self.press(Key::Tab).await;
        }
        panic!("{}: {css} cannot be reached with the keyboard.\n{}", self.name, self.account().await);
    }

    /// The words of an element as they are shown.
    pub async fn text(&self, css: &str) -> String {
        self.run(&format!("return document.querySelector('{css}')?.innerText?.trim() ?? '';")).await
    }

    /// Whether an element is there and can be seen.
    pub async fn shows(&self, css: &str) -> bool {
        self.run(&format!("return document.querySelector('{css}')?.checkVisibility() ?? false;")).await
    }

    /// Every line of this id (`state`, `recording-state`, …) that was shown, in order.
    pub async fn shown(&self, line: &str) -> Vec<Shown> {
        let shown: Vec<Shown> = self.run("return window.watched.shown;").await;
        shown.into_iter().filter(|shown| shown.line == line).collect()
    }

    /// Every text that the page has ever shown, and every message in either direction.
    pub async fn everything(&self) -> String {
        let everything: Vec<String> =
            self.run("return [...window.watched.texts, ...window.watched.messages.map((one) => one.text)];").await;
        everything.join("\n")
    }

    /// Says a phrase of its microphone, and comes back when it has been said: from when to when, in milliseconds of the epoch.
    pub async fn say(&self, phrase: &str) -> (f64, f64) {
        let slot = self.microphone.slot_of(phrase);
        let length = self.microphone.slot_length();
        let span: Value = self.run(&format!("return window.watched.say({slot}, {length});")).await;
        let (from, to) = (span["from"].as_f64().unwrap(), span["to"].as_f64().unwrap());
        tokio::time::sleep(Duration::from_millis((to - now()).max(0.0) as u64)).await;
        (from, to)
    }

    /// The encoded packets with sound that its microphone has sent between two moments; for a traced microphone.
    pub async fn packets(&self, from: f64, to: f64) -> Vec<Vec<u8>> {
        let wanted = format!("window.watched.packets.filter((one) => one.at >= {from} && one.at <= {to}).map((one) => one.hex)");
        let packets: Vec<String> = self.run(&format!("return {wanted};")).await;
        packets.iter().map(|packet| hex::decode(packet).unwrap()).collect()
    }

    /// What comes in during the next while.
    pub async fn listen(&self, length: Duration) -> Vec<Moment> {
        let from = now();
        tokio::time::sleep(length).await;
        self.heard_since(from).await
    }

    /// What has come in since a moment.
    pub async fn heard_since(&self, from: f64) -> Vec<Moment> {
        self.run(&format!("return window.watched.heard.filter((moment) => moment.at >= {from});")).await
    }

    /// Waits until this much of what comes in within a second is as wanted.
    pub async fn wait_to_hear(&self, what: &str, share: impl Fn(&[Moment]) -> f64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let heard = self.listen(Duration::from_secs(1)).await;
            if share(&heard) > 0.6 {
                return;
            }
            let sample: Vec<_> = heard.iter().step_by(5).map(|m| (m.hz, (m.level * 1_000.0).round() / 1_000.0)).collect();
            assert!(Instant::now() < deadline, "{}: {what} is not heard, but {sample:?}\n{}", self.name, self.account().await);
        }
    }

    /// Waits until the agent has said what it had to say.
    pub async fn wait_for_quiet(&self) {
        let deadline = Instant::now() + PATIENCE;
        while share_of_sound(&self.listen(Duration::from_millis(1_200)).await) > 0.0 {
            assert!(Instant::now() < deadline, "{}: the agent speaks on.\n{}", self.name, self.account().await);
        }
    }

    /// Stops the browser with everything of it, so that nothing goes out and nothing is answered, for as long as asked.
    pub async fn freeze(&self, length: Duration) {
        chromium::signal(self.browser, Signal::STOP);
        tokio::time::sleep(length).await;
        chromium::signal(self.browser, Signal::CONT);
    }

    /// Kills the browser in the middle of everything.
    pub fn die(self) {
        chromium::signal(self.browser, Signal::KILL);
    }

    /// Closes the tab, as a person does who has had enough.
    pub async fn close(self) {
        self.client.close_window().await.unwrap();
    }

    /// Takes a picture of the window and keeps it with the artefacts.
    pub async fn picture(&self, name: &str) {
        self.settle().await;
        let Ok(picture) = self.client.screenshot().await else { return };
        self.keep(name, &picture);
    }

    /// Brings what moves or changes its colour to its end, to be judged as it is then.
    pub async fn settle(&self) {
        let each = "try { motion.finish(); } catch { motion.cancel(); }";
        self.run::<()>(&format!("for (const motion of document.getAnimations()) {{ {each} }}")).await;
    }

    /// Takes a picture of the whole page, however long.
    pub async fn whole_picture(&self, name: &str) {
        self.settle().await;
        let answer = self.devtools("Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
        let picture = base64::prelude::BASE64_STANDARD.decode(answer["data"].as_str().unwrap()).unwrap();
        self.keep(name, &picture);
    }

    fn keep(&self, name: &str, picture: &[u8]) {
        let folder = artefacts();
        std::fs::create_dir_all(&folder).unwrap();
        // Tests run side by side: the thread bears the test's name.
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("test").rsplit("::").next().unwrap().to_owned();
        std::fs::write(folder.join(format!("{test}-{}-{name}.png", self.name)), picture).unwrap();
    }

    /// Prefers dark or light colours from now on.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Is a phone of this size, held upright, with fingers.
    pub async fn be_a_phone(&self, width: u32, height: u32) {
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 2, "mobile": true });
        self.devtools("Emulation.setDeviceMetricsOverride", screen).await;
        self.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": true })).await;
    }

    /// What the console has collected since it was last asked, errors and warnings alone.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.client.issue_cmd(Own { path: "se/log", body: json!({ "type": "browser" }) }).await.unwrap();
        let serious = |entry: &&Value| entry["level"] == "SEVERE" || entry["level"] == "WARNING";
        let text =
            |entry: &Value| format!("{}: {}", entry["level"].as_str().unwrap_or(""), entry["message"].as_str().unwrap_or(""));
        entries.as_array().unwrap().iter().filter(serious).map(text).collect()
    }

    /// Nothing went wrong in the page and nothing broke its content security policy, but for what is expected.
    pub async fn assert_no_complaints(&self, expected: &[&str]) {
        let complaints = self.console().await;
        let surprise = |line: &&String| !expected.iter().any(|known| line.contains(known));
        let surprises: Vec<_> = complaints.iter().filter(surprise).collect();
        assert!(surprises.is_empty(), "{}: {surprises:#?}", self.name);
    }
}

/// Milliseconds of the epoch, as the pages count.
pub fn now() -> f64 {
    jiff::Timestamp::now().as_millisecond() as f64
}

/// Where pictures are kept.
fn artefacts() -> PathBuf {
    let beside_the_target = || PathBuf::from(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("screenshots");
    std::env::var_os("CANDOR_TEST_ARTEFACTS").map_or_else(beside_the_target, PathBuf::from)
}
