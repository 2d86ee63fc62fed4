//! Debian's Chromium with a profile of its own, led by chromedriver over WebDriver. The two share a pipe: when the driver goes, for
//! whatever reason, the browser goes with it.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::http::Method;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::page::Page;
use super::sound::Microphone;

/// What every browser of these tests is started with.
const SWITCHES: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--window-size=1280,900",
    "--remote-debugging-pipe",
    "--use-fake-device-for-media-stream",
];

/// How a browser is to be.
pub struct Browser {
    name: &'static str,
    languages: &'static str,
    microphone: Option<Microphone>,
    allowed: bool,
}

/// A person's browser, in English, on a desk, with a microphone that it may use and that is silent.
pub fn browser(name: &'static str) -> Browser {
    Browser { name, languages: "en-GB,en", microphone: None, allowed: true }
}

/// Whether there is a Chromium with its driver; if not, says so.
pub fn is_here() -> bool {
    let found = |program: &str| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    };
    let here = found("chromium") && found("chromedriver");
    if !here {
        eprintln!("skipped: no chromium or no chromedriver on this machine; `make setup` for tests installs Debian's packages");
    }
    here
}

impl Browser {
    /// Prefers these languages, most wanted first: `nl,en`.
    pub fn languages(mut self, languages: &'static str) -> Browser {
        self.languages = languages;
        self
    }

    /// Hears this through its microphone.
    pub fn microphone(mut self, microphone: Microphone) -> Browser {
        self.microphone = Some(microphone);
        self
    }

    /// Its person does not let pages use the microphone.
    pub fn denied(mut self) -> Browser {
        self.allowed = false;
        self
    }

    /// Starts it and opens an address.
    pub async fn open(self, address: &str) -> Page {
        let folder = tempfile::tempdir().unwrap();
        let microphone = self.microphone.unwrap_or_else(Microphone::silent);
        let sound = folder.path().join("microphone.wav");
        microphone.write(&sound);
        let driver = Driver::start(folder);
        let mut arguments: Vec<String> = SWITCHES.map(str::to_owned).into();
        arguments.push(format!("--user-data-dir={}", driver.folder.path().join("profile").display()));
        arguments.push(format!("--use-file-for-fake-audio-capture={}", sound.display()));
        arguments.push(format!("--accept-lang={}", self.languages));
        if self.allowed {
            arguments.push("--use-fake-ui-for-media-stream".to_owned());
        }
        let capabilities = json!({
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL" },
            "goog:chromeOptions": { "args": arguments, "prefs": { "intl.accept_languages": self.languages } },
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("an object was written") };
        let client = driver.connect(capabilities).await;
        let browser = client.capabilities().and_then(|all| all.get("goog:processID")).and_then(Value::as_i64).unwrap();
        let page = Page::new(self.name, client, driver, i32::try_from(browser).unwrap(), microphone);
        if !self.allowed {
            let denied = json!({ "permission": { "name": "microphone" }, "setting": "denied" });
            page.devtools("Browser.setPermission", denied).await;
        }
        page.watch().await;
        page.go_to(address).await;
        page
    }
}

/// A running chromedriver and everything that belongs to it. It is killed when this is dropped, and the browser ends with it.
pub struct Driver {
    process: Child,
    folder: TempDir,
    address: String,
}

impl Driver {
    fn start(folder: TempDir) -> Driver {
        let said = folder.path().join("chromedriver.log");
        let log = File::create(&said).unwrap();
        std::fs::create_dir(folder.path().join("tmp")).unwrap();
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        // Whatever it leaves behind goes with its folder.
        command.env("HOME", folder.path()).env("TMPDIR", folder.path().join("tmp"));
        for variable in ["XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
            command.env(variable, folder.path().join("home"));
        }
        let process = command.spawn().unwrap();
        let mut driver = Driver { process, folder, address: String::new() };
        let deadline = Instant::now() + Duration::from_secs(60);
        while driver.address.is_empty() {
            let log = std::fs::read_to_string(&said).unwrap();
            assert!(Instant::now() < deadline, "chromedriver does not start: {log}");
            let port = log.split("started successfully on port ").nth(1).and_then(|rest| rest.split_once('.'));
            match port {
                Some((port, _)) => driver.address = format!("http://127.0.0.1:{port}"),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        driver
    }

    async fn connect(&self, capabilities: Map<String, Value>) -> Client {
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        builder.connect(&self.address).await.expect("a browser")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A command of chromedriver that the standard does not have.
#[derive(Debug)]
pub struct Own {
    /// Where, below the session.
    pub path: &'static str,
    /// What it is told.
    pub body: Value,
}

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// Sends a signal to a browser and everything that it has started: a frozen one sends and answers nothing.
pub fn signal(browser: i32, signal: Signal) {
    for process in family(browser) {
        // One may have ended by itself meanwhile.
        let _ = Pid::from_raw(process).map(|process| kill_process(process, signal));
    }
}

/// A process and all that stem from it, by what the kernel says of each one's parent.
fn family(root: i32) -> BTreeSet<i32> {
    let parent = |process: &PathBuf| -> Option<(i32, i32)> {
        let id = process.file_name()?.to_str()?.parse().ok()?;
        let line = std::fs::read_to_string(process.join("stat")).ok()?;
        // The name stands in brackets and may hold anything; state and parent come after it.
        let parent = line.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        Some((id, parent))
    };
    let folders = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let processes: Vec<(i32, i32)> = folders.filter_map(|folder| parent(&folder)).collect();
    let mut family = BTreeSet::from([root]);
    loop {
        let before = family.len();
        family.extend(processes.iter().filter(|(_, parent)| family.contains(parent)).map(|(id, _)| *id).collect::<Vec<_>>());
        if family.len() == before {
            return family;
        }
    }
}
