//! A real server for a test: the `candor` program with a storage folder of its own, its log in a file, and its own tools to look at
//! what it wrote.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::disk::Disk;
use crate::phone::Caller;

/// Where nobody listens: a port that only a privileged process could take.
const NO_SHOP: &str = "http://127.0.0.1:1";

/// How a server is started.
pub struct Plan {
    dialogs: PathBuf,
    prompts: PathBuf,
    environment: Vec<(String, String)>,
    /// Words per minute: tests listen faster than callers.
    rate: u32,
    /// The configuration file's text; without it, the project's own file.
    settings: Option<String>,
    program: PathBuf,
    port: Option<u16>,
    /// Whether the log goes to a pipe that nobody reads.
    unread: bool,
    /// How large the disk is that everything is kept on; absent: this machine's.
    disk_kb: Option<u32>,
}

/// A running server. It is killed when this is dropped.
pub struct Service {
    pub folder: TempDir,
    pub base: String,
    process: Child,
    environment: Vec<(String, String)>,
    settings: PathBuf,
    program: PathBuf,
    unread: bool,
    /// What it is started by: a command that becomes it.
    under: Vec<String>,
    disk: Option<Disk>,
    /// How much was logged before the last start, in bytes.
    logged: usize,
}

/// A client for HTTP.
pub fn http() -> reqwest::Client {
    crate::phone::http().build().unwrap()
}

/// The sample dialog, in Dutch and English.
pub fn webshop() -> Plan {
    Plan::of(project("dialogs"), project("prompts"))
}

/// A path in the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

impl Plan {
    /// A server for the dialogs and texts of these folders.
    pub fn of(dialogs: PathBuf, prompts: PathBuf) -> Plan {
        Plan {
            dialogs,
            prompts,
            environment: Vec::new(),
            rate: 260,
            settings: None,
            program: env!("CARGO_BIN_EXE_candor").into(),
            port: None,
            unread: false,
            disk_kb: None,
        }
    }

    /// A variable of the environment, by its whole name.
    pub fn variable(mut self, name: &str, value: &str) -> Plan {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Keeps everything on a disk of this size. Only where [`Disk::can_be_made`].
    pub fn on_disk_of(mut self, kilobytes: u32) -> Plan {
        self.disk_kb = Some(kilobytes);
        self
    }

    /// A setting: `session.max_calls` is written `SESSION__MAX_CALLS`.
    pub fn with(mut self, key: &str, value: &str) -> Plan {
        self.environment.push((format!("CANDOR_{key}"), value.to_owned()));
        self
    }

    /// A variable of the environment that is no setting.
    pub fn environment(mut self, name: &str, value: &str) -> Plan {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A configuration file of this text instead of the project's own: for what the environment cannot take away.
    pub fn settings(mut self, text: &str) -> Plan {
        self.settings = Some(text.to_owned());
        self
    }

    /// Another program than the one under test: one that was broken on purpose.
    pub fn program(mut self, program: PathBuf) -> Plan {
        self.program = program;
        self
    }

    /// Speaks at this many words per minute.
    pub fn rate(mut self, rate: u32) -> Plan {
        self.rate = rate;
        self
    }

    /// Makes keys, starts the server and waits until it is ready.
    pub fn start(self) -> Service {
        let folder = tempfile::tempdir().unwrap();
        self.start_in(folder)
    }

    /// The same, for a plan that has set its address to this port of all addresses.
    pub fn start_on(self, port: u16) -> Service {
        Plan { port: Some(port), ..self }.start()
    }

    /// The same, with a log that nobody reads.
    pub fn start_unread(self) -> Service {
        Plan { unread: true, ..self }.start()
    }

    /// Expects that the server does not start, and gives what it said.
    pub fn refused(self) -> String {
        let folder = tempfile::tempdir().unwrap();
        let mut service = self.spawn_in(folder);
        // What shows only when it is spoken shows after every prompt was rendered.
        let deadline = Instant::now() + Duration::from_secs(240);
        while service.process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it starts all the same:\n{}", service.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(!service.process.wait().unwrap().success());
        service.log()
    }

    fn start_in(self, folder: TempDir) -> Service {
        let mut service = self.spawn_in(folder);
        service.wait_until_ready();
        service
    }

    fn spawn_in(self, folder: TempDir) -> Service {
        let port = self.port.unwrap_or_else(free_port);
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let dialogs = if self.dialogs == project("dialogs") { only_the_web_shop(folder.path()) } else { self.dialogs };
        let mut environment = vec![
            ("CANDOR_SERVER__LISTEN".to_owned(), format!("127.0.0.1:{port}")),
            ("CANDOR_WEBRTC__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
            ("CANDOR_STORAGE__FOLDER".to_owned(), text(&folder.path().join("data"))),
            ("CANDOR_DIALOGS__FOLDER".to_owned(), text(&dialogs)),
            ("CANDOR_PROMPTS__FOLDER".to_owned(), text(&self.prompts)),
            // What the same words sound like is the same for every test.
            ("CANDOR_PROMPTS__RENDERED".to_owned(), text(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("rendered"))),
            ("CANDOR_SPEECH__ESPEAK__RATE".to_owned(), self.rate.to_string()),
            // Keys alone, whatever models this machine has, unless a test is about speech.
            ("CANDOR_SPEECH__MODELS".to_owned(), text(&folder.path().join("no-models"))),
            ("CANDOR_LOG__LEVEL".to_owned(), "trace".to_owned()),
            // Who is told to stop stops, unless a test is about draining.
            ("CANDOR_SESSION__DRAIN_SECONDS".to_owned(), "0".to_owned()),
            // No web shop, whatever runs on this machine, unless a test brings one.
            ("CANDOR_LOOKUPS__ORDERS_API".to_owned(), NO_SHOP.to_owned()),
            ("CANDOR_LOOKUPS__ORDERS_TOKEN".to_owned(), "of-no-shop".to_owned()),
            ("TMPDIR".to_owned(), text(&folder.path().join("tmp"))),
        ];
        environment.extend(self.environment);
        std::fs::create_dir_all(folder.path().join("tmp")).unwrap();
        let settings = folder.path().join("candor.toml");
        std::fs::write(&settings, self.settings.unwrap_or_else(telephone_settings)).unwrap();
        let disk = self.disk_kb.map(|kilobytes| Disk::of(&folder.path().join("data"), kilobytes));
        let under = disk.as_ref().map(Disk::enter).unwrap_or_default();
        // A plan whose settings do not hold is to be refused by the server, not here.
        let made = tool(
            &under,
            &self.program,
            &settings,
            &environment,
            &["keys", "new", "--out", &text(&folder.path().join("private"))],
        );
        let wrong = made.status.code() == Some(2);
        assert!(made.status.success() || wrong, "keys: {}", String::from_utf8_lossy(&made.stderr));
        let log = if self.unread { Stdio::piped() } else { log_of(folder.path()) };
        let process = spawn(&under, &self.program, &settings, &environment, folder.path(), log);
        let (base, program) = (format!("http://127.0.0.1:{port}"), self.program);
        Service { folder, base, process, environment, settings, program, unread: self.unread, under, disk, logged: 0 }
    }
}

/// A folder of dialogs with the web shop's alone: so that a server has the dialog that a test is about, and makes keys for no other.
fn only_the_web_shop(folder: &Path) -> PathBuf {
    let dialogs = folder.join("dialogs");
    std::fs::create_dir_all(&dialogs).unwrap();
    std::fs::copy(project("dialogs/webshop.yaml"), dialogs.join("webshop.yaml")).unwrap();
    dialogs
}

/// The sample settings, for whatever dialog there is.
pub fn sample_settings() -> String {
    let sample = std::fs::read_to_string(project("candor.toml")).unwrap();
    sample.lines().filter(|line| !line.starts_with("default = ")).collect::<Vec<_>>().join("\n")
}

/// The sample settings, with a queue of the phone system's in the place of our own desk, and for whatever dialog there is.
fn telephone_settings() -> String {
    settings_with("workflow = \"WW00000000000000000000000000000000\"")
}

/// The sample settings, with these keys of the only target in the place of our own desk.
pub fn settings_with(target: &str) -> String {
    let sample = sample_settings();
    let (before, line) = sample.split_once("\ndesk = true").expect("the sample hands over to the desk");
    let after = line.split_once('\n').map_or("", |(_, after)| after);
    format!("{before}\n{target}\n{after}")
}

impl Service {
    /// A caller of this server.
    pub fn caller(&self) -> Caller {
        Caller::builder(&self.base).limit(Duration::from_secs(170))
    }

    /// The process of the server.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }

    /// Where the server keeps everything.
    pub fn data(&self) -> PathBuf {
        let data = self.folder.path().join("data");
        self.disk.as_ref().map_or(data.clone(), |disk| disk.seen_from_here(&data))
    }

    /// The disk that everything is kept on, if it is one of its own.
    pub fn disk(&self) -> &Disk {
        self.disk.as_ref().expect("a plan with `on_disk_of`")
    }

    /// Starts the server by another command from now on.
    pub fn is_started_under(&mut self, command: &[&str]) {
        self.under = command.iter().map(|word| (*word).to_owned()).collect();
    }

    /// The private key of a purpose, which the server does not have.
    pub fn private_key(&self, purpose: &str) -> PathBuf {
        self.folder.path().join("private").join(format!("{purpose}.key"))
    }

    /// Runs `candor` beside the server, with its settings.
    pub fn tool(&self, arguments: &[&str]) -> Output {
        tool(&self.under, &self.program, &self.settings, &self.environment, arguments)
    }

    /// The sessions that have a ledger.
    pub fn sessions(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.data().join("ledger/sessions")) else { return Vec::new() };
        files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    }

    /// The events of the only session, in order, as they stand in its ledger.
    pub fn events(&self) -> Vec<Value> {
        let sessions = self.sessions();
        let [session] = sessions.as_slice() else { panic!("one session expected, found {sessions:?}") };
        self.events_of(session)
    }

    /// The events of a session, in order.
    pub fn events_of(&self, session: &str) -> Vec<Value> {
        let file = self.data().join(format!("ledger/sessions/{session}.jsonl"));
        let text = std::fs::read_to_string(file).unwrap();
        // A line that is being written just now is not there yet.
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let entries = whole.map(|line| serde_json::from_str::<Value>(line).unwrap());
        entries.map(|entry| entry["event"].clone()).collect()
    }

    /// Waits until the only session's ledger has an event of this type that `wanted` takes, and gives all events.
    pub async fn wait_for_event(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if self.sessions().len() == 1 {
                let events = self.events();
                if events.iter().any(|event| event["type"] == name && wanted(event)) {
                    return events;
                }
                assert!(Instant::now() < deadline, "no {name} in the ledger: {events:#?}");
            }
            assert!(Instant::now() < deadline, "no session with {name} in the ledger");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until the only session is closed, checks that the ledger verifies, and gives all events.
    pub async fn closed(&self) -> Vec<Value> {
        let events = self.wait_for_event("session.closed", |_| true).await;
        let verified = self.tool(&["ledger", "verify"]);
        assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
        events
    }

    /// The same for one session among several.
    pub async fn closed_of(&self, session: &str) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let events = self.events_of(session);
            if events.iter().any(|event| event["type"] == "session.closed") {
                let verified = self.tool(&["ledger", "verify"]);
                assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
                return events;
            }
            assert!(Instant::now() < deadline, "the session is not closed: {events:#?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The sealed turns of all sessions.
    pub fn sealed_turns(&self) -> Vec<PathBuf> {
        files_below(&self.data().join("recordings"))
            .into_iter()
            .filter(|file| file.extension().is_some_and(|e| e == "age"))
            .collect()
    }

    /// Asks the server to stop, as an operator would.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Asks the server to stop at once, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal("INT");
    }

    /// Asks the server to look at its certificate, dialogs and prompts again.
    pub fn hang_up(&self) {
        self.signal("HUP");
    }

    /// Kills the server in the middle of everything.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Waits until the process has ended by itself.
    pub async fn ended(&mut self) -> std::process::ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not stop:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Starts it again, in the same folder and with the same settings.
    pub fn start_again(&mut self) {
        self.logged = self.log().len();
        let log = log_of(self.folder.path());
        self.process = spawn(&self.under, &self.program, &self.settings, &self.environment, self.folder.path(), log);
        self.wait_until_ready();
    }

    /// Tries to start it again, and gives what it says when it does not start.
    pub fn does_not_start_again(&mut self) -> String {
        self.logged = self.log().len();
        let log = log_of(self.folder.path());
        self.process = spawn(&self.under, &self.program, &self.settings, &self.environment, self.folder.path(), log);
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.process.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it starts all the same:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(!self.process.wait().unwrap().success());
        self.log()[self.logged..].to_owned()
    }

    /// The warnings and errors in the log that hold this text.
    pub fn complaints(&self, text: &str) -> Vec<String> {
        let complaint = |line: &&str| (line.contains(" WARN ") || line.contains("ERROR")) && line.contains(text);
        self.log().lines().filter(complaint).map(str::to_owned).collect()
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.process.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(180);
        let address = self.base.trim_start_matches("http://").to_owned();
        // The log is written behind the server's back: once this line is there, so is what was logged before it.
        let told = |service: &Service| service.unread || service.log()[service.logged..].contains("ready for calls");
        while std::net::TcpStream::connect(&address).is_err() || !told(self) {
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < deadline, "the server does not start: {ended:?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// All files below a folder.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

/// The events of one type.
pub fn of_type<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == name).collect()
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs `program` by itself, or by a command that becomes it.
fn command(under: &[String], program: &Path, settings: &Path, environment: &[(String, String)]) -> Command {
    let mut command = match under {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    command.arg("--config").arg(settings);
    command.env_remove("RUST_LOG").envs(environment.iter().cloned()).stdin(Stdio::null());
    command
}

fn tool(under: &[String], program: &Path, settings: &Path, environment: &[(String, String)], arguments: &[&str]) -> Output {
    command(under, program, settings, environment).args(arguments).output().unwrap()
}

fn log_of(folder: &Path) -> Stdio {
    File::options().create(true).append(true).open(folder.join("server.log")).unwrap().into()
}

fn spawn(
    under: &[String],
    program: &Path,
    settings: &Path,
    environment: &[(String, String)],
    folder: &Path,
    log: Stdio,
) -> Child {
    // In its own folder: whatever it may leave where it works is found there.
    let mut command = command(under, program, settings, environment);
    command.current_dir(folder).arg("serve").stdout(log_of(folder)).stderr(log).spawn().unwrap()
}
