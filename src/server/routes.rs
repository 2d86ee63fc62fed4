use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get, patch, post};

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::admission::{Admission, NoRoom, Phase};
use super::asterisk::Asterisk;
use super::audiosocket::AudioSocket;
use super::guard::{self, Guard};
use super::legs::Served;
use super::live::{Edition, Live};
use super::lobby::Lobby;
use super::settings::{DialogSettings, Route, RouteTransport};
use super::{asterisk, audiosocket, desk, health, pages, twilio, webrtc};
use crate::dialog::Dialog;
use crate::handover::Request;
use crate::session::Services;
use crate::transport::twilio::FORM_BYTES;
use crate::transport::twilio::signature::Gate;
use crate::transport::twilio::token::StreamClaim;
use crate::transport::webrtc::{Endpoint, SDP_BYTES};
use crate::transport::{Limits, Tokens};

/// What the routes share.
pub struct App {
    /// What sessions share.
    pub services: Arc<Services>,
    /// The dialogs that are served, with their sounds.
    pub live: Arc<Live>,
    pub(super) routes: Vec<Route>,
    pub(super) gate: Gate,
    pub(super) limits: Limits,
    pub(super) asterisk: Asterisk,
    /// Who comes over AudioSocket; absent: nobody.
    pub(super) audiosocket: Option<AudioSocket>,
    pub(super) streams: Tokens<StreamClaim>,
    pub(super) whispers: Tokens<Request>,
    /// Connections that may be open at once, those that have not started included.
    pub(super) connections: Arc<Semaphore>,
    /// Of those, the ones that have not started.
    pub(super) unstarted: Lobby,
    /// Where browsers call; absent: nowhere.
    pub(super) webrtc: Option<Arc<Endpoint>>,
    pub(super) admission: Admission,
    /// Calls that were answered and have not begun: browsers' and Asterisk's.
    pub(super) coming: TaskTracker,
    pub(super) reception: desk::Reception,
    pub(super) guard: Arc<Guard>,
}

impl App {
    /// What a call that begins now is served. One that is served looks once, and keeps to what it found.
    pub(super) fn edition(&self) -> Arc<Edition> {
        self.live.edition()
    }

    /// What a call is served that comes by this transport, whose number `called` knows. The language that the call brings is taken where the
    /// dialog speaks it (`nl` for `nl-BE` as well), else the route's.
    pub(super) fn route(&self, transport: RouteTransport, called: impl Fn(&str) -> bool, language: Option<&str>) -> Served {
        let may = |route: &&Route| route.transport.is_none_or(|only| only == transport) && called(&route.number);
        let route = self.routes.iter().find(may);
        let edition = self.edition();
        let script = route.and_then(|route| edition.script(&route.dialog)).unwrap_or(edition.default_script()).clone();
        let brought = language.and_then(|wanted| spoken(script.languages(), wanted));
        let language = brought.or_else(|| route.and_then(|route| route.language.clone()));
        Served { script, language }
    }

    /// Whether another call may begin; one that may has taken its opening. One that may not is counted, and told.
    pub(super) fn admit(&self) -> Result<(), NoRoom> {
        let admitted = self.admission.admit(self.room());
        admitted.inspect_err(|no_room| no_room.tell())
    }

    /// Whether there are fewer calls than there may be, and those who speak are heard.
    fn room(&self) -> Result<(), NoRoom> {
        let services = &self.services;
        if !services.calls.has_room() {
            return Err(NoRoom::Calls);
        }
        let patience = Duration::from_millis(services.speech.recognition.refuse_after_ms);
        if services.recognisers.behind().is_some_and(|behind| behind >= patience) { Err(NoRoom::Hearing) } else { Ok(()) }
    }

    /// Whether calls in progress have been told that the server stops.
    pub(super) fn is_stopping(&self) -> bool {
        self.admission.phase() == Phase::Stopping
    }

    /// How many calls there are to see to their end: those whose caller is with a person or on the way to one included, and those that were
    /// announced and have not begun.
    pub(super) fn calls_left(&self) -> usize {
        let over_audiosocket = self.audiosocket.as_ref().map_or(0, AudioSocket::coming);
        let announced = |claim: &StreamClaim| matches!(claim, StreamClaim::Arrival { .. });
        self.services.calls.open() + self.streams.waiting(Instant::now(), announced) + self.coming.len() + over_audiosocket
    }
}

/// The language among these that is meant: the same, or the one of the same primary subtag (RFC 5646, section 2.2.1).
fn spoken<'a>(languages: impl Iterator<Item = &'a str>, wanted: &str) -> Option<String> {
    let primary = |tag: &str| tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    let languages: Vec<&str> = languages.collect();
    let same = languages.iter().find(|language| language.eq_ignore_ascii_case(wanted));
    let near = || languages.iter().find(|language| primary(language) == primary(wanted));
    same.or_else(near).map(|language| (*language).to_owned())
}

/// Which of the dialogs is that of calls that no route claims.
pub(super) fn default_dialog(dialogs: &[&Dialog], settings: &DialogSettings) -> Result<usize, String> {
    let names = || dialogs.iter().map(|d| d.file.dialog.value.as_str()).collect::<Vec<_>>().join(", ");
    for route in &settings.routes {
        let dialog = dialogs.iter().find(|dialog| dialog.file.dialog.value == route.dialog);
        let Some(dialog) = dialog else {
            return Err(format!("dialogs.routes: there is no dialog `{}`; there are: {}", route.dialog, names()));
        };
        let languages = &dialog.file.languages;
        if let Some(language) = route.language.as_ref().filter(|wanted| !languages.iter().any(|l| l.value == **wanted)) {
            return Err(format!("dialogs.routes: `{}` does not speak `{language}`", route.dialog));
        }
    }
    match (&settings.default, dialogs) {
        (Some(name), _) => {
            let found = dialogs.iter().position(|dialog| dialog.file.dialog.value == *name);
            found.ok_or_else(|| format!("dialogs.default: there is no dialog `{name}`; there are: {}", names()))
        }
        (None, [_]) => Ok(0),
        (None, []) => Err(format!("there is no dialog in {}; put one there, or set dialogs.folder", settings.folder.display())),
        (None, _) => Err(format!("there are several dialogs ({}): set dialogs.default to one of them", names())),
    }
}

/// A byte more than the longest form that is read, so that the refusal is ours.
const LARGEST_BODY: usize = FORM_BYTES + 1;

/// The longest offer, and as JSON, where every line end takes two bytes more.
const LARGEST_OFFER: usize = 2 * SDP_BYTES;

/// All routes.
pub(super) fn router(app: Arc<App>) -> Router {
    let guard = app.guard.clone();
    let router = Router::new()
        .merge(pages::routes())
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::counts))
        .route("/parity", get(desk::parity))
        .route("/desk/events", get(desk::events))
        .route("/asterisk", get(asterisk::stream))
        .route("/asterisk/after", post(asterisk::after))
        .route("/asterisk/audiosocket", post(audiosocket::announce))
        .route("/twilio", get(twilio::stream))
        .route("/twilio/voice", post(twilio::voice))
        .route("/twilio/after", post(twilio::after))
        .route("/twilio/wait", any(twilio::wait))
        .route("/twilio/whisper", any(twilio::whisper))
        .route("/webrtc", post(webrtc::offer).options(webrtc::options).layer(DefaultBodyLimit::max(LARGEST_OFFER)))
        .route(
            "/webrtc/{id}",
            patch(webrtc::patch)
                .delete(webrtc::hang_up)
                .options(webrtc::call_options)
                .layer(DefaultBodyLimit::max(LARGEST_OFFER)),
        )
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(app);
    guard::around(router, &guard)
}
