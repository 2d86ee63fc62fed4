use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, oneshot};

use super::connections::{self, Door};
use super::desk::Reception;
use super::guard::Guard;
use super::library::{self, Loaded, Problems};
use super::tls::{self, Certificate, Renewal, TlsError};
use super::{App, Config, counts, routes};
use crate::audio::Codec;
use crate::consent::Purpose;
use crate::dialog::Dialog;
use crate::dialog::prompt::{Hearing, Line, Slots};
use crate::handover;
use crate::handover::TargetKind;
use crate::handover::desk::{self, CallBacks, Desk};
use crate::ledger::{self, Ledger, LedgerError};
use crate::recording::{self, RecordingError, Recordings};
use crate::session::{Calls, Control, Parity, Services, prompt_key};
use crate::speech::stt::{LoadNote, Recognisers};
use crate::speech::{PreparationError, PromptCache, PromptText};
use crate::transport::twilio::signature::Gate;
use crate::transport::twilio::token::Tokens;
use crate::transport::twilio::{self, PublicAddress};
use crate::transport::webrtc;

/// How long a stream may take from the webhook to its token.
const STREAM_TOKEN: Duration = Duration::from_secs(60);
/// How long sessions may take to write the end of their ledgers when the server stops.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// How long the routes stay after the last call, for a phone system that asks where its callers go.
const GRACE: Duration = Duration::from_secs(3);
/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long a whisper is kept for a colleague who has not answered yet.
const WHISPER_TOKEN: Duration = Duration::from_secs(3600);

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A dialog that may not speak.
    #[error("{0}")]
    Dialog(Box<Problems>),
    /// The folder of dialogs.
    #[error("dialogs.folder {}: {error}", .folder.display())]
    Dialogs {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        error: io::Error,
    },
    /// Settings that do not hold together.
    #[error("{0}")]
    Settings(String),
    /// Keys, index or folders of recordings.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A prompt that cannot be rendered.
    #[error(transparent)]
    Prompt(#[from] PreparationError),
    /// A folder that cannot be made.
    #[error("{}: {error}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        error: io::Error,
    },
    /// The address.
    #[error("cannot listen on {0}: {1}; server.listen names another address or port")]
    Listen(SocketAddr, io::Error),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The port of browsers' calls.
    #[error(transparent)]
    WebRtc(#[from] webrtc::BindError),
}

/// What is being got ready.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A step has begun.
    Step(&'a str),
    /// So many of so many prompts are ready.
    Prompts(usize, usize),
}

/// Everything that calls need, ready.
pub struct Server {
    app: Arc<App>,
    listener: TcpListener,
    door: Door,
    renewal: Option<Renewal>,
    stop_limit: Duration,
    ledger: ledger::Settings,
}

/// All dialogs of the configuration, checked.
fn load_dialogs(config: &Config, targets: &handover::Targets) -> Result<Vec<Loaded>, StartError> {
    let folder = &config.dialogs.folder;
    let files = library::dialogs_in(folder).map_err(|error| StartError::Dialogs { folder: folder.clone(), error })?;
    let names: Vec<String> = targets.names().map(str::to_owned).collect();
    files.iter().map(|file| library::load(file, &config.prompts.folder, Some(&names)).map_err(StartError::Dialog)).collect()
}

/// Every line of a dialog that is the same for every caller.
fn fixed_lines(loaded: &Loaded) -> Vec<Line> {
    let dialog = &loaded.dialog;
    let purposes: Vec<Purpose> = loaded.purposes().collect();
    let mut lines = Vec::new();
    for language in dialog.file.languages.iter().map(|l| &l.value) {
        for (id, message) in dialog.texts.messages(language) {
            let helper = id.starts_with("purpose-") || id.starts_with("spoken-");
            let counts = message.variables.contains("place");
            if !message.spoken || helper || counts || dialog.texts.has_slots(language, id) {
                continue;
            }
            let about: Vec<Option<Purpose>> = if message.variables.contains("purpose") || message.variables.contains("days") {
                purposes.iter().cloned().map(Some).collect()
            } else {
                vec![None]
            };
            for purpose in about {
                for hearing in [Hearing::Voice, Hearing::Keys] {
                    let (id, language, purpose) = (id.to_owned(), language.clone(), purpose.clone());
                    lines.push(Line { id, language, hearing, purpose, slots: false, place: None });
                }
            }
        }
    }
    lines
}

fn prompt_texts(dialogs: &[Loaded]) -> Result<Vec<PromptText>, StartError> {
    let mut texts = Vec::new();
    for loaded in dialogs {
        for line in fixed_lines(loaded) {
            let text = loaded.dialog.texts.text(&loaded.dialog.file, &line, &Slots::default());
            let text = text.map_err(|error| StartError::Settings(error.to_string()))?.to_string();
            let recorded = loaded.recorded.get(&(line.language.clone(), line.id.clone())).cloned();
            let id = prompt_key(&loaded.dialog.file.dialog.value, &line);
            texts.push(PromptText { id, language: line.language, text, source: recorded.into() });
        }
    }
    Ok(texts)
}

/// How calls are carried: every prompt is ready for each.
const CODECS: [Codec; 2] = [Codec::Ulaw, Codec::Opus];

/// Renders every fixed prompt of the dialogs and the hold music, for which there may be a file in `prompts`, as far as `folder` does not
/// have it.
async fn render(
    dialogs: &[Loaded],
    prompts: &Path,
    folder: &Path,
    speech: &crate::speech::Settings,
    mut progress: impl FnMut(Progress<'_>),
) -> Result<PromptCache, StartError> {
    let mut texts = prompt_texts(dialogs)?;
    texts.push(PromptText::hold_music(Some(prompts.join("hold-music.wav")).filter(|file| file.is_file())));
    let (all, mut done) = (texts.len(), 0);
    let prompts = PromptCache::prepare(folder, &speech.espeak, &CODECS, texts, |_| {
        done += 1;
        progress(Progress::Prompts(done, all));
    });
    Ok(prompts.await?)
}

/// Gets everything ready; only what could go wrong later is left.
///
/// # Errors
/// [`StartError`] says what stops the start and what to do.
pub async fn prepare(config: &Config, mut progress: impl FnMut(Progress<'_>)) -> Result<Server, StartError> {
    counts::start_counting();
    if !(0.0..=1.0).contains(&config.session.consent_confidence) {
        let wrong = config.session.consent_confidence;
        return Err(StartError::Settings(format!(
            "session.consent_confidence is {wrong}: write a number from 0 to 1, such as 0.85"
        )));
    }
    let entrance = Entrance::open(config).await?;
    progress(Progress::Step("checking dialogs"));
    let targets = config.handover.check().map_err(|error| StartError::Settings(error.to_string()))?;
    let dialogs = load_dialogs(config, &targets)?;
    let served: Vec<&Dialog> = dialogs.iter().map(|loaded| &loaded.dialog).collect();
    let default_dialog = routes::default_dialog(&served, &config.dialogs).map_err(StartError::Settings)?;
    let folder = &config.storage.folder;
    std::fs::create_dir_all(folder).map_err(|error| StartError::Folder { folder: folder.clone(), error })?;

    progress(Progress::Step("opening the ledger"));
    let ledger_settings = ledger_settings(config);
    let ledger = Ledger::open(&ledger_settings)?;
    for session in ledger.lost() {
        tracing::warn!(%session, "this session was open when the server last stopped: what was not sealed is lost, and its ledger says so");
    }
    let purposes: BTreeSet<Purpose> = dialogs.iter().flat_map(Loaded::purposes).collect();
    let purposes: Vec<Purpose> = purposes.into_iter().collect();
    let recordings = Recordings::open(&recording::Settings::in_storage(folder), &ledger_settings, &purposes).await?;

    progress(Progress::Step("rendering prompts"));
    let rendered = config.prompts.rendered.clone().unwrap_or_else(|| folder.join("prompts"));
    let prompts = render(&dialogs, &config.prompts.folder, &rendered, &config.speech, &mut progress).await?;
    for loaded in &dialogs {
        let name = &loaded.dialog.file.dialog.value;
        // The longest form counts: what fits a limit must fit it on every leg.
        let length = |_: &Loaded, line: &Line| {
            let key = prompt_key(name, line);
            CODECS.iter().filter_map(|codec| Some(prompts.get(*codec, &line.language, &key)?.duration)).max()
        };
        loaded.measure(length).map_err(StartError::Dialog)?;
    }

    progress(Progress::Step("loading recognisers"));
    let languages: BTreeSet<String> =
        dialogs.iter().flat_map(|l| l.dialog.file.languages.iter().map(|l| l.value.clone())).collect();
    let languages: Vec<String> = languages.into_iter().collect();
    let (recognisers, notes) = Recognisers::load(&config.speech, &languages).await;
    for note in &notes {
        tell(note);
    }
    warn_of_unknown_words(&dialogs, &recognisers);

    let desk = open_desk(config, &targets, languages)?;
    for target in targets.iter().filter(|target| !twilio::handover::carries_attributes(target)) {
        tracing::warn!(
            target = target.name,
            "a plain queue carries no attributes: use a workflow, a number or a SIP address if colleagues are to see why a caller comes"
        );
    }
    let dialogs: Vec<_> = dialogs.into_iter().map(|loaded| Arc::new(loaded.dialog)).collect();
    let default_dialog = dialogs[default_dialog].clone();
    let most = config.session.max_calls;
    let webrtc = open_for_browsers(&config.webrtc, most).await?;
    let services = Arc::new(Services {
        prompts,
        recognisers,
        speech: config.speech.clone(),
        ledger: Arc::new(ledger),
        recordings,
        targets,
        desk,
        parity: Parity::new(Timestamp::now()),
        settings: config.session.clone(),
        calls: Calls::new(most),
    });
    let reception = Reception::new(services.desk.settings());
    let app = Arc::new(App {
        services,
        dialogs,
        default_dialog,
        routes: config.dialogs.routes.clone(),
        gate: entrance.gate,
        limits: config.twilio.limits.clone(),
        streams: Tokens::new(most * 2 + 16, STREAM_TOKEN),
        whispers: Tokens::new(most * 2 + 16, WHISPER_TOKEN),
        connections: Arc::new(Semaphore::new(most * 2 + 16)),
        webrtc,
        stopping: AtomicBool::new(false),
        reception,
        guard: entrance.guard.clone(),
    });
    let listen = config.server.listen;
    let listener = entrance.socket.listen(BACKLOG).map_err(|error| StartError::Listen(listen, error))?;
    let (certificate, renewal) = entrance.tls.unzip();
    let door = Door::new(&config.server.limits, entrance.guard, certificate);
    let stop_limit = Duration::from_secs(config.session.stop_seconds);
    Ok(Server { app, listener, door, renewal, stop_limit, ledger: ledger_settings })
}

/// What callers come in by, got before the long work: a port that is taken or a certificate that does not fit is told at once. Nobody
/// can connect yet.
struct Entrance {
    socket: TcpSocket,
    gate: Gate,
    guard: Arc<Guard>,
    tls: Option<(Certificate, Renewal)>,
}

impl Entrance {
    async fn open(config: &Config) -> Result<Entrance, StartError> {
        let server = &config.server;
        let listen = server.listen;
        let (socket, listening) = bind(listen).map_err(|error| StartError::Listen(listen, error))?;
        // A call holds one connection, one that goes to a person and comes back two, and somebody has to get in besides.
        let (least, connections) = (config.session.max_calls * 2 + 32, server.limits.connections.get());
        if connections < least {
            return Err(StartError::Settings(format!(
                "server.limits.connections is {connections}: with session.max_calls {} it has to be {least} or more",
                config.session.max_calls
            )));
        }
        let tls = match &server.tls {
            Some(settings) => Some(tls::open(settings).await?),
            None => None,
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = PublicAddress::parse(&format!("{scheme}://{}", loopback(listening)));
        let address = address.map_err(|error| StartError::Settings(format!("server.listen {error}")))?;
        let gate = Gate::new(&config.twilio, &address).map_err(|error| StartError::Settings(error.to_string()))?;
        if gate.is_this_machine_alone() {
            tracing::warn!("twilio: no auth token is set, so calls are taken from this machine alone");
        }
        let others: Vec<&str> = config.twilio.public_address.as_deref().into_iter().collect();
        let guard = Guard::new(server, listening, &others).map_err(StartError::Settings)?;
        if tls.is_none() && !listening.ip().is_loopback() && guard.proxies.is_empty() {
            tracing::warn!(
                address = %listening,
                "plain HTTP on an address that others reach: browsers give no microphone to its pages. Set server.tls, or put a proxy with TLS before it and name it in server.trusted_proxies"
            );
        }
        Ok(Entrance { socket, gate, guard: Arc::new(guard), tls })
    }
}

/// Takes the port and does not listen yet.
fn bind(address: SocketAddr) -> io::Result<(TcpSocket, SocketAddr)> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A port whose last connections are still being closed is free.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let bound = socket.local_addr()?;
    Ok((socket, bound))
}

/// The desk, and a word on what is missing for it where callers are sent there.
fn open_desk(config: &Config, targets: &handover::Targets, languages: Vec<String>) -> Result<Desk, StartError> {
    let settings = config.desk.check(targets).map_err(|error| StartError::Settings(error.to_string()))?;
    let storage = &config.storage.folder;
    let call_backs = CallBacks::open(&storage.join("keys"), &storage.join(desk::IN_STORAGE), settings.call_back_term);
    let call_backs = call_backs.map_err(|error| StartError::Settings(error.to_string()))?;
    if targets.iter().any(|target| target.kind == TargetKind::Desk) {
        if settings.colleagues() == 0 {
            tracing::warn!("callers are sent to the desk, and nobody can sign in there: write desk.colleagues.NAME with a token");
        }
        if !call_backs.can_be_left() {
            tracing::warn!("call-backs are not offered: there is no key to seal numbers to; `candor keys desk` makes one");
        }
    }
    Ok(Desk::new(settings, languages, call_backs))
}

/// The port of browsers' calls, unless they are switched off.
async fn open_for_browsers(settings: &webrtc::Settings, most: usize) -> Result<Option<Arc<webrtc::Endpoint>>, StartError> {
    if !settings.enabled {
        return Ok(None);
    }
    // A caller who comes back by a new connection has two for a moment, and so has a colleague between two callers.
    let endpoint = webrtc::Endpoint::bind(settings, most * 2 + 16, most + 16).await?;
    tracing::info!(address = %endpoint.address(), "browsers' calls: UDP and TCP");
    Ok(Some(endpoint))
}

/// Where the ledger lies and how long it is kept.
pub fn ledger_settings(config: &Config) -> ledger::Settings {
    let mut settings = ledger::Settings::in_storage(&config.storage.folder);
    settings.term = config.storage.ledger_days.map(|days| Duration::from_secs(u64::from(days) * 24 * 3600));
    settings
}

/// The address under which this machine reaches a listener on all of its addresses.
fn loopback(listening: SocketAddr) -> SocketAddr {
    if listening.ip().is_unspecified() { SocketAddr::from(([127, 0, 0, 1], listening.port())) } else { listening }
}

fn tell(note: &LoadNote) {
    if note.keys_only() {
        tracing::warn!("{note}");
    } else {
        tracing::info!("{note}");
    }
}

/// Words that an engine can never hear are named once, so that an author can choose others.
fn warn_of_unknown_words(dialogs: &[Loaded], recognisers: &Recognisers) {
    for loaded in dialogs {
        for language in loaded.dialog.file.languages.iter().map(|l| &l.value) {
            let Some(recogniser) = recognisers.get(language) else { continue };
            let phrases: Vec<String> = loaded.dialog.texts.messages(language).flat_map(|(_, m)| m.hear.clone()).collect();
            let unknown = recogniser.unknown_words(&phrases);
            if !unknown.is_empty() {
                let (dialog, words) = (&loaded.dialog.file.dialog.value, unknown.join(", "));
                tracing::warn!(
                    dialog,
                    language,
                    words,
                    "words of the dialog's phrases that the recogniser does not know and will never hear"
                );
            }
        }
    }
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What its routes share.
    pub fn app(&self) -> Arc<App> {
        self.app.clone()
    }

    /// Serves until `stop`; then takes no new call, passes those in progress to a person, and ends when they are gone.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) {
        let Server { app, listener, door, renewal, stop_limit, ledger } = self;
        let services = app.services.clone();
        let (stop_sweeping, sweeping_stops) = oneshot::channel::<()>();
        let sweep = tokio::spawn(recording::sweep_until(
            services.recordings.settings().clone(),
            ledger,
            services.recordings.index().clone(),
            async move {
                let _ = sweeping_stops.await;
            },
        ));
        let (stop_keeping, keeping_stops) = oneshot::channel::<()>();
        let desk = services.desk.clone();
        let keep = tokio::spawn(async move {
            let stopped = async {
                let _ = keeping_stops.await;
            };
            desk.keep_until(stopped).await;
        });
        let renewal = renewal.map(|renewal| tokio::spawn(renewal.keep()));
        let router = routes::router(app.clone());
        let emptied = {
            let app = app.clone();
            async move {
                stop.await;
                empty(&app, stop_limit).await;
            }
        };
        let (emptied_at, is_empty) = oneshot::channel::<()>();
        let emptied = async move {
            emptied.await;
            let _ = emptied_at.send(());
        };
        // A request that never ends does not keep the process.
        let at_the_latest = async move {
            let _ = is_empty.await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        tokio::select! {
            () = connections::serve(listener, router, door, emptied) => {}
            () = at_the_latest => {}
        }
        if let Some(renewal) = renewal {
            renewal.abort();
        }
        let _ = stop_sweeping.send(());
        let _ = stop_keeping.send(());
        let _ = tokio::time::timeout(LAST_WORDS, async { tokio::join!(sweep, keep) }).await;
    }
}

/// Tells every call that the server stops, and waits until the callers are with a person or gone. The routes go on meanwhile: a phone system
/// still has to ask where its caller goes.
async fn empty(app: &App, limit: Duration) {
    app.stopping.store(true, Ordering::SeqCst);
    let calls = &app.services.calls;
    tracing::info!(calls = calls.talking(), "stopping: no new calls; calls in progress are passed to a person");
    for handle in calls.handles() {
        handle.tell(Control::Stop).await;
    }
    let deadline = tokio::time::Instant::now() + limit;
    while calls.talking() > 0 && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    if calls.talking() > 0 {
        tracing::error!(
            calls = calls.talking(),
            "calls were still talking when the time to stop was over: their callers are passed to a person now"
        );
        for handle in calls.talking_handles() {
            handle.tell(Control::GiveUp).await;
        }
        tokio::time::sleep(GRACE).await;
    }
    // The phone system asks where its callers go a moment after their streams have closed.
    // … and tells what became of them a while later: as long as there is time, that is heard too.
    let grace = deadline.max(tokio::time::Instant::now() + GRACE);
    while calls.open() > 0 && tokio::time::Instant::now() < grace {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for handle in calls.handles() {
        handle.tell(Control::GiveUp).await;
    }
    if tokio::time::timeout(LAST_WORDS, calls.all_closed()).await.is_err() {
        tracing::error!("sessions could not be closed in time; the next start marks them as lost");
    }
}
