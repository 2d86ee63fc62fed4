use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::admission::Admission;
use super::audiosocket::AudioSocket;
use super::connections::Door;
use super::desk::Reception;
use super::entrance::Entrance;
use super::library::{self, Loaded, Problems};
use super::live::{Changes, Editor, Live, Shelf, Studio};
use super::lobby::Lobby;
use super::run::Server;
use super::tls::TlsError;
use super::{App, Config, counts, routes};
use crate::consent::Purpose;
use crate::dialog::Dialog;
use crate::handover;
use crate::handover::TargetKind;
use crate::handover::desk::{self, CallBacks, Desk};
use crate::ledger::{self, Ledger, LedgerError};
use crate::lookup;
use crate::recording::{self, RecordingError, Recordings, TurnMemory};
use crate::session::{Calls, Parity, Services};
use crate::speech::PreparationError;
use crate::speech::stt::{LoadNote, Recognisers};
use crate::transport::{Tokens, asterisk, twilio, webrtc};

/// How long a stream may take from the webhook to its token.
const STREAM_TOKEN: Duration = Duration::from_secs(60);
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
    /// The address of AudioSocket.
    #[error("cannot listen on {0}: {1}; asterisk.audiosocket.listen names another address or port")]
    AudioSocket(SocketAddr, io::Error),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The system does not let the process listen for SIGHUP.
    #[error("SIGHUP cannot be heard: {0}")]
    Signal(io::Error),
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

/// All dialogs of the configuration, checked.
fn load_dialogs(config: &Config, targets: &handover::Targets) -> Result<Vec<Loaded>, StartError> {
    let folder = &config.dialogs.folder;
    let files = library::dialogs_in(folder).map_err(|error| StartError::Dialogs { folder: folder.clone(), error })?;
    let shelf = Shelf::new(config, targets);
    files.iter().map(|file| shelf.load(file).map_err(StartError::Dialog)).collect()
}

/// Gets everything ready; only what could go wrong later is left.
///
/// # Errors
/// [`StartError`] says what stops the start and what to do.
pub async fn prepare(config: &Config, progress: impl FnMut(Progress<'_>)) -> Result<Server, StartError> {
    prepare_with(config, None, progress).await
}

/// The same with these recognisers in the place of the models that the configuration names.
///
/// # Errors
/// As [`prepare`].
pub async fn prepare_with(
    config: &Config,
    recognisers: Option<Recognisers>,
    mut progress: impl FnMut(Progress<'_>),
) -> Result<Server, StartError> {
    counts::start_counting();
    if !(0.0..=1.0).contains(&config.session.consent_confidence) {
        let wrong = config.session.consent_confidence;
        return Err(StartError::Settings(format!(
            "session.consent_confidence is {wrong}: write a number from 0 to 1, such as 0.85"
        )));
    }
    if !(0.0..=60.0).contains(&config.session.consent_above_noise_db) {
        let wrong = config.session.consent_above_noise_db;
        return Err(StartError::Settings(format!(
            "session.consent_above_noise_db is {wrong}: write a number from 0 to 60, such as 12"
        )));
    }
    let entrance = Entrance::open(config).await?;
    config.speech.check().map_err(|error| StartError::Settings(error.to_string()))?;
    config.lookups.check().map_err(|error| StartError::Settings(error.to_string()))?;
    let lookups = lookup::Client::new(config.lookups.clone(), config.session.max_lookups);
    let lookups = Arc::new(lookups.map_err(|error| StartError::Settings(error.to_string()))?);
    progress(Progress::Step("checking dialogs"));
    let changes = Changes::of(&[&config.dialogs.folder, &config.prompts.folder]).map_err(StartError::Signal)?;
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
    let studio = Studio::new(config, &targets, recordings.clone(), lookups.clone());
    let first = studio.first_edition(dialogs, default_dialog, &config.speech, &mut progress).await?;

    progress(Progress::Step("loading recognisers"));
    let languages: Vec<String> = first.languages().into_iter().map(str::to_owned).collect();
    let (recognisers, notes) = match recognisers {
        Some(given) => (given, Vec::new()),
        None => Recognisers::load(&config.speech, &languages).await,
    };
    for note in &notes {
        tell(note);
    }
    warn_of_unknown_words(first.scripts().map(|script| &*script.dialog), &recognisers);

    let desk = open_desk(config, &targets, languages)?;
    warn_of_ways(&targets, entrance.gate.is_this_machine_alone(), entrance.asterisk.is_this_machine_alone());
    let most = config.session.max_calls;
    let webrtc = open_for_browsers(&config.webrtc, most).await?;
    let services = Arc::new(Services {
        recognisers,
        speech: config.speech.clone(),
        ledger: Arc::new(ledger),
        recordings,
        turn_memory: TurnMemory::of(config.session.turn_memory_mb.get().saturating_mul(1 << 20)),
        targets,
        desk,
        lookups,
        parity: Parity::new(Timestamp::now()),
        settings: config.session.clone(),
        calls: Calls::new(most),
    });
    let reception = Reception::new(services.desk.settings());
    let live = Arc::new(Live::new(first));
    let editor = Editor { live: live.clone(), services: services.clone(), studio, changes };
    let app = Arc::new(App {
        services,
        live,
        routes: config.dialogs.routes.clone(),
        gate: entrance.gate,
        limits: config.twilio.limits.clone(),
        audiosocket: entrance.audiosocket.is_some().then(|| AudioSocket::new(entrance.asterisk.limits(), most)),
        asterisk: entrance.asterisk,
        streams: Tokens::new(most * 2 + 16, STREAM_TOKEN),
        whispers: Tokens::new(most * 2 + 16, WHISPER_TOKEN),
        connections: Arc::new(Semaphore::new(most * 2 + 16)),
        unstarted: Lobby::of(most + 8),
        webrtc,
        admission: Admission::new(config.server.limits.openings_per_second),
        coming: TaskTracker::new(),
        reception,
        guard: entrance.guard.clone(),
    });
    let listen = config.server.listen;
    let listener = entrance.socket.listen(BACKLOG).map_err(|error| StartError::Listen(listen, error))?;
    let audiosocket = entrance.audiosocket.map(|socket| socket.listen(BACKLOG)).transpose();
    let audiosocket = audiosocket.map_err(|error| StartError::AudioSocket(config.asterisk.audiosocket.listen, error))?;
    let (certificate, renewal) = entrance.tls.unzip();
    let door = Door::new(&config.server.limits, entrance.guard, certificate);
    let drain_limit = Duration::from_secs(config.session.drain_seconds);
    let stop_limit = Duration::from_secs(config.session.stop_seconds);
    Ok(Server { app, listener, audiosocket, door, renewal, editor, drain_limit, stop_limit, ledger: ledger_settings })
}

/// What the phone systems that are in use cannot do for a target.
fn warn_of_ways(targets: &handover::Targets, twilio_is_local: bool, asterisk_is_local: bool) {
    // Where nothing is configured either may be tried on this machine, and Twilio's is what a simulated telephone speaks.
    let (by_twilio, by_asterisk) = (!twilio_is_local || asterisk_is_local, !asterisk_is_local);
    for target in targets.iter().filter(|target| by_twilio && !twilio::handover::carries_attributes(target)) {
        tracing::warn!(
            target = target.name,
            "a plain queue of Twilio's carries no attributes: use a workflow, a number or a SIP address if colleagues are to see why a caller comes"
        );
    }
    for target in targets.iter().filter(|target| by_asterisk && !asterisk::next::reaches(target)) {
        tracing::warn!(
            target = target.name,
            "a workflow is Twilio's and cannot be reached from Asterisk, whose callers go where the dialplan sends them: name a queue, a number or a SIP address for them"
        );
    }
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

fn tell(note: &LoadNote) {
    if note.is_a_lack() {
        tracing::warn!("{note}");
    } else {
        tracing::info!("{note}");
    }
}

/// Words that an engine can never hear are named once, so that an author can choose others.
pub(super) fn warn_of_unknown_words<'a>(dialogs: impl IntoIterator<Item = &'a Dialog>, recognisers: &Recognisers) {
    for dialog in dialogs {
        for language in dialog.file.languages.iter().map(|l| &l.value) {
            let Some(recogniser) = recognisers.get(language) else { continue };
            let phrases: Vec<String> = dialog.texts.messages(language).flat_map(|(_, m)| m.hear.clone()).collect();
            let unknown = recogniser.unknown_words(&phrases);
            if !unknown.is_empty() {
                let (dialog, words) = (&dialog.file.dialog.value, unknown.join(", "));
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
