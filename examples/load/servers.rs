//! The servers that are measured, each a process of its own with folders of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Failure;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// Candor with the sample dialog, callers answered by keys and buttons.
    Candor,
    /// The bare echo.
    Echo,
}

/// A running server. It ends with this.
pub struct Server {
    pub address: String,
    process: Child,
    folder: TempDir,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub async fn start(kind: Kind, calls: usize) -> Result<Server, Failure> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let listen = format!("127.0.0.1:{port}");
        let mut command = match kind {
            Kind::Candor => candor(folder.path(), &listen, calls)?,
            Kind::Echo => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["echo", "--listen", &listen]);
                command
            }
        };
        let log = std::fs::File::create(folder.path().join("server.log"))?;
        let process = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        let mut server = Server { address: format!("http://{listen}"), process, folder };
        let deadline = Instant::now() + Duration::from_secs(300);
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

/// `candor serve` of the same build, with keys made for it. Prompts rendered once are there for the next.
fn candor(folder: &Path, listen: &str, calls: usize) -> Result<Command, Failure> {
    let built = std::env::current_exe()?;
    let beside = built.ancestors().nth(2).ok_or("this program lies nowhere")?;
    let program = beside.join("candor");
    if !program.is_file() {
        return Err(format!("there is no {}: build candor with the same profile first", program.display()).into());
    }
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let command = || {
        let mut command = Command::new(&program);
        command.arg("--config").arg(project.join("candor.toml"));
        command.env("CANDOR_SERVER__LISTEN", listen).env("CANDOR_STORAGE__FOLDER", folder.join("data"));
        command.env("CANDOR_DIALOGS__FOLDER", project.join("dialogs")).env("CANDOR_PROMPTS__FOLDER", project.join("prompts"));
        command.env("CANDOR_PROMPTS__RENDERED", beside.join("load-prompts"));
        command.env("CANDOR_SPEECH__MODELS", folder.join("no-models"));
        command.env("CANDOR_SESSION__MAX_CALLS", (calls + 10).to_string()).env("CANDOR_SESSION__NO_INPUT_MS", "60000");
        command.env("CANDOR_SERVER__LIMITS__CALLS_PER_MINUTE", "100000").env("CANDOR_SERVER__LIMITS__CALLS_PER_ADDRESS", "1000");
        command.env("CANDOR_SERVER__LIMITS__REQUESTS_PER_MINUTE", "100000");
        // A port of its own for sound, whatever else runs here.
        command.env("CANDOR_WEBRTC__LISTEN", "127.0.0.1:0");
        command
    };
    let keys = command().args(["keys", "new", "--out"]).arg(folder.join("private")).output()?;
    if !keys.status.success() {
        return Err(format!("no keys could be made: {}", String::from_utf8_lossy(&keys.stderr)).into());
    }
    let mut serve = command();
    serve.arg("serve");
    Ok(serve)
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}
