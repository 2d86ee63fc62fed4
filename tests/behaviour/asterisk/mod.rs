//! A real Asterisk for a test: the program that scripts/asterisk.sh fetches, with the files of deploy/asterisk as they are (but for ports and the
//! password), telephones that call it and colleagues who take calls. No root, nothing outside a temporary folder.

pub mod agent;
pub mod candor;
mod configuration;
pub mod manager;
mod sip;
pub mod sound;
mod telephone;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

pub use configuration::{PASSWORD, Places, Ports};
use manager::Manager;
use telephone::Line;
pub use telephone::Telephone;

/// How long Asterisk may take to boot: a second, on a machine that has nothing else to do.
const BOOT: Duration = Duration::from_secs(40);

/// The way from Asterisk to Candor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    WebSocket,
    AudioSocket,
    /// In a Stasis application, by ARI.
    Stasis,
}

impl By {
    /// The context of the dialplan where such calls begin.
    pub fn context(self) -> &'static str {
        match self {
            By::WebSocket => "candor",
            By::AudioSocket => "candor-audiosocket",
            By::Stasis => "candor-ari",
        }
    }
}

/// A running Asterisk. It is killed when this is dropped.
pub struct Pbx {
    pub manager: Manager,
    folder: TempDir,
    program: PathBuf,
    process: Child,
    sip_port: u16,
    /// Where its manager interface and its HTTP server listen, encrypted ones included.
    pub ports: Ports,
    /// How long it took until calls could come.
    pub boot: Duration,
    /// The telephones that are connected, by the UUID that they call themselves.
    lines: watch::Receiver<HashMap<String, Line>>,
    _telephones: oneshot::Sender<()>,
}

impl Drop for Pbx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Pbx {
    /// Starts an Asterisk that finds Candor at these places; nothing, and why, where there is no Asterisk.
    pub async fn start(candor: &Places) -> Option<Pbx> {
        let Some(installed) =
            std::env::var_os("ASTERISK").map(PathBuf::from).filter(|folder| folder.join("version.txt").exists())
        else {
            eprintln!("skipped: ASTERISK does not name a folder with Asterisk (scripts/setup.sh test fetches one)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let (telephones, lines, telephones_end) = telephone_exchange();
        let ports = configuration::write(folder.path(), &installed, candor, &telephones);
        let program = installed.join("asterisk");
        let began = Instant::now();
        let mut process = Command::new(&program);
        process.arg("-C").arg(folder.path().join("etc/asterisk.conf")).arg("-f").stdin(Stdio::null());
        let said = std::fs::File::create(folder.path().join("said")).unwrap();
        process.stdout(said.try_clone().unwrap()).stderr(said);
        let mut process = process.spawn().unwrap();
        let manager = loop {
            if let Some(manager) = Manager::sign_in(ports.manager, "tests", "of-the-tests").await {
                break manager;
            }
            let ended = process.try_wait().unwrap();
            assert!(ended.is_none() && began.elapsed() < BOOT, "Asterisk does not boot: {ended:?}\n{}", log_in(folder.path()));
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let boot = began.elapsed();
        Some(Pbx { manager, folder, program, process, sip_port: ports.sip, ports, boot, lines, _telephones: telephones_end })
    }

    /// What Asterisk has logged.
    pub fn log(&self) -> String {
        log_in(self.folder.path())
    }

    /// A file in Asterisk's folder.
    pub fn file(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// The warnings and errors of calls; a telephone that hangs up is none.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.log();
        let calls = log.lines().filter(|line| line.contains("][C-") && !line.contains("@telephones"));
        calls.filter(|line| line.contains("WARNING[") || line.contains("ERROR[")).map(str::to_owned).collect()
    }

    /// What a command of Asterisk's console prints.
    pub fn console(&self, command: &str) -> String {
        let mut console = Command::new(&self.program);
        let output = console.arg("-C").arg(self.folder.path().join("etc/asterisk.conf")).args(["-rx", command]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The sound that Asterisk has recorded of what a telephone heard, whose call is over.
    pub async fn recorded(&self, telephone: &Telephone<'_>) -> Vec<i16> {
        let other = telephone.id.replace("call-", "telephone-");
        self.manager.event("Hangup", |message| message.is("Uniqueid", &other)).await;
        let file = self.folder.path().join("heard").join(format!("{}.wav", telephone.recording));
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            // The length is written last.
            let samples: Vec<i16> = hound::WavReader::open(&file).unwrap().into_samples().filter_map(Result::ok).collect();
            if !samples.is_empty() {
                return samples;
            }
            assert!(Instant::now() < deadline, "nothing is recorded in {}", file.display());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Calls a number, and waits until the telephone is connected and the dialplan has begun.
    pub async fn call(&self, by: By, number: &str) -> Telephone<'_> {
        let recording = uuid();
        let id = format!("call-{}", &recording[..8]);
        let channel = format!("Local/{recording}@telephones/n");
        let other = format!("telephone-{}", &recording[..8]);
        let fields = [
            ("Channel", channel.as_str()),
            ("ChannelId", &id),
            ("OtherChannelId", &other),
            ("Context", by.context()),
            ("Exten", number),
            ("Priority", "1"),
            ("CallerID", "<+31612345678>"),
            ("Codecs", "ulaw"),
            ("Async", "true"),
        ];
        self.manager.action("Originate", &fields).await;
        let mut lines = self.lines.clone();
        let connected = tokio::time::timeout(Duration::from_secs(30), lines.wait_for(|lines| lines.contains_key(&recording)));
        let line = connected.await.unwrap_or_else(|_| panic!("the telephone is not connected\n{}", self.log())).unwrap()
            [&recording]
            .clone();
        let channel = self.manager.event("Newchannel", |message| message.is("Uniqueid", &id)).await;
        let channel = channel.get("Channel").expect("a channel has a name").to_owned();
        Telephone::new(self, id, recording, channel, line)
    }

    /// Puts a colleague into the queue of deploy/asterisk: `talks`, `talks-briefly` or `rings`.
    pub async fn colleague(&self, what: &str) {
        let interface = format!("Local/{what}@colleagues/n");
        self.manager.action("QueueAdd", &[("Queue", "support"), ("Interface", &interface)]).await;
    }

    /// Waits until a colleague talks with this caller, and gives the colleague's channel.
    pub async fn answered(&self, telephone: &Telephone<'_>) -> String {
        let wanted = |message: &manager::Message| message.is("Uniqueid", &telephone.id);
        let event = self.manager.event("AgentConnect", wanted).await;
        event.get("DestChannel").expect("a colleague has a channel").to_owned()
    }
}

/// The folder of the installed Asterisk; nothing, and why, where there is none.
fn installed() -> Option<PathBuf> {
    let folder = std::env::var_os("ASTERISK").map(PathBuf::from).filter(|folder| folder.join("version.txt").exists());
    if folder.is_none() {
        eprintln!("skipped: ASTERISK does not name a folder with Asterisk (scripts/setup.sh test fetches one)");
    }
    folder
}

/// Takes the connections of telephones, at the address that it gives. In a thread of its own, for as long as the last part is kept: telephones keep
/// real time, whatever a test looks for in what they have heard.
fn telephone_exchange() -> (String, watch::Receiver<HashMap<String, Line>>, oneshot::Sender<()>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    listener.set_nonblocking(true).unwrap();
    let (tell, lines) = watch::channel(HashMap::new());
    let (end, ended) = oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            tokio::select! {
                () = answer(listener, tell) => {}
                _ = ended => {}
            }
        });
    });
    (address, lines, end)
}

async fn answer(listener: TcpListener, tell: watch::Sender<HashMap<String, Line>>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut head = [0; 19];
        if stream.read_exact(&mut head).await.is_ok() && head[..3] == [0x01, 0x00, 0x10] {
            let hex = hex::encode(&head[3..]);
            let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
            tell.send_modify(|lines| {
                lines.insert(uuid, Line::of(stream));
            });
        }
    }
}

/// As it stands in a form: every byte but letters and digits.
pub fn percent_encoded(text: &str) -> String {
    let byte = |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(byte).collect()
}

fn uuid() -> String {
    let hex = hex::encode(rand::random::<[u8; 16]>());
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

fn log_in(folder: &Path) -> String {
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_default();
    format!("{}{}", read("said"), read("log/full.log"))
}
