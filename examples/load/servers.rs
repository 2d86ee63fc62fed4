//! The servers that are measured, each a process of its own with folders of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::telephone::Ears;
use crate::{Common, Failure};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Candor; how it hears says which dialog it has. It speaks so many words a minute.
    Candor { ears: Ears, rate: u32 },
    /// The bare echo of WebSockets.
    Echo,
    /// The bare echo of browsers' calls.
    BrowserEcho,
}

/// A running server. It ends with this.
pub struct Server {
    pub address: String,
    process: Child,
    folder: TempDir,
}

/// How long a server may take to render its prompts.
const STARTING: Duration = Duration::from_secs(300);

impl Server {
    /// Starts it, with room for so many calls, and waits until it is ready.
    pub async fn start(kind: Kind, room: usize, common: &Common) -> Result<Server, Failure> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let listen = format!("127.0.0.1:{port}");
        let program = match kind {
            Kind::Candor { ears: Ears::Vad | Ears::Vosk, .. } => candor()?,
            _ => std::env::current_exe()?,
        };
        let mut command = match common.cores {
            Some((core, _)) => {
                let mut command = Command::new("taskset");
                command.arg("--cpu-list").arg(core.to_string()).arg(&program);
                command
            }
            None => Command::new(&program),
        };
        match kind {
            Kind::Candor { ears, rate } => {
                configure(&mut command, folder.path(), &listen, room, ears)?;
                command.env("CANDOR_SPEECH__ESPEAK__RATE", rate.to_string());
                match ears {
                    Ears::Vad | Ears::Vosk => command.arg("serve"),
                    Ears::StandIn => command.args(["serve", "stand-in", "--listen", &listen]),
                };
            }
            Kind::Echo => {
                command.args(["serve", "echo", "--listen", &listen]);
            }
            Kind::BrowserEcho => {
                command.args(["serve", "browser-echo", "--listen", &listen]);
            }
        }
        let log = std::fs::File::create(folder.path().join("server.log"))?;
        let process = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut server = Server { address: format!("http://{listen}"), process, folder };
        let deadline = Instant::now() + STARTING;
        while reqwest::get(format!("{}/readyz", server.address)).await.is_err() {
            if server.process.try_wait()?.is_some() || Instant::now() > deadline {
                return Err(format!("the server did not start:\n{}", server.log()).into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(server)
    }

    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// How many turns it has sealed.
    pub fn sealed_turns(&self) -> usize {
        files_below(&self.folder.path().join("data/recordings"))
            .iter()
            .filter(|file| file.extension().is_some_and(|e| e == "age"))
            .count()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("server.log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// `candor` of the same build.
fn candor() -> Result<PathBuf, Failure> {
    let program = beside()?.join("candor");
    if program.is_file() {
        return Ok(program);
    }
    Err(format!("there is no {}: build candor with the same profile first", program.display()).into())
}

/// The folder of the build: this program lies in `examples/` of it, as a test in `deps/`.
fn beside() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?;
    Ok(program.ancestors().nth(2).ok_or("this program lies nowhere")?.to_owned())
}

/// Settings of a server with keys made for it. Prompts rendered once are there for the next.
fn configure(command: &mut Command, folder: &Path, listen: &str, room: usize, ears: Ears) -> Result<(), Failure> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (dialogs, default, prompts) = match ears {
        Ears::Vad => ("dialogs", "webshop", "prompts"),
        Ears::StandIn | Ears::Vosk => ("tests/dialogs/korean", "korean", "tests/prompts"),
    };
    let settings = folder.join("candor.toml");
    std::fs::write(&settings, telephone_settings(project)?)?;
    let text = |path: PathBuf| path.display().to_string();
    let mut environment = vec![
        ("SERVER__LISTEN", listen.to_owned()),
        // A port of its own for sound, whatever else runs here.
        ("WEBRTC__LISTEN", "127.0.0.1:0".to_owned()),
        ("STORAGE__FOLDER", text(folder.join("data"))),
        ("DIALOGS__FOLDER", text(project.join(dialogs))),
        ("DIALOGS__DEFAULT", default.to_owned()),
        ("PROMPTS__FOLDER", text(project.join(prompts))),
        ("PROMPTS__RENDERED", text(beside()?.join("load-prompts"))),
        ("SESSION__MAX_CALLS", room.to_string()),
        // Callers who only listen for a while are not asked whether they are there.
        ("SESSION__NO_INPUT_MS", "60000".to_owned()),
        ("SERVER__LIMITS__CONNECTIONS", (room * 4 + 256).to_string()),
        ("SERVER__LIMITS__CONNECTIONS_PER_ADDRESS", (room * 4 + 256).to_string()),
        ("SERVER__LIMITS__OPENINGS_PER_SECOND", "1000".to_owned()),
        ("SERVER__LIMITS__CALLS_PER_MINUTE", "100000".to_owned()),
        ("SERVER__LIMITS__CALLS_PER_ADDRESS", "10000".to_owned()),
        ("SERVER__LIMITS__REQUESTS_PER_MINUTE", "100000".to_owned()),
    ];
    if ears != Ears::Vosk {
        environment.push(("SPEECH__MODELS", text(folder.join("no-models"))));
    }
    let environment: Vec<(String, String)> =
        environment.into_iter().map(|(key, value)| (format!("CANDOR_{key}"), value)).collect();
    let keys = Command::new(candor()?)
        .arg("--config")
        .arg(&settings)
        .envs(environment.iter().cloned())
        .args(["keys", "new", "--out"])
        .arg(folder.join("private"))
        .output()?;
    if !keys.status.success() {
        return Err(format!("no keys could be made: {}", String::from_utf8_lossy(&keys.stderr)).into());
    }
    command.envs(environment);
    match ears {
        Ears::StandIn => command.env(crate::stand_in::SETTINGS, &settings),
        Ears::Vad | Ears::Vosk => command.arg("--config").arg(&settings),
    };
    Ok(())
}

/// The sample settings, with a queue of the phone system's in the place of our own desk.
fn telephone_settings(project: &Path) -> Result<String, Failure> {
    let sample = std::fs::read_to_string(project.join("candor.toml"))?;
    let (before, line) = sample.split_once("\ndesk = true").ok_or("the sample settings do not hand over to the desk any more")?;
    let after = line.split_once('\n').map_or("", |(_, after)| after);
    Ok(format!("{before}\nworkflow = \"WW00000000000000000000000000000000\"\n{after}"))
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
