//! What the routes of phone systems share: a place for a stream that has not said yet whose it is, the beginning of its session, and what
//! becomes of a caller whose stream has closed or whom nobody has answered. Each phone system is told in its own words.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::response::{IntoResponse, Response};

use super::App;
use super::admission::NoRoom;
use super::lobby::Guest;
use crate::episode::Episodes;
use crate::handover::{Outcome, Reason, Request, Target};
use crate::session::{self, AfterStream, Arrival, Control, Handle, Script};
use crate::transport::{self, Leg};

/// Of all streams together.
static FAULTS: Episodes = Episodes::new();

/// Where a stream waits until it has started.
pub(super) struct Seat {
    started: AtomicBool,
    guest: Mutex<Option<Guest>>,
}

impl Seat {
    /// The stream has said whose it is, and stays.
    pub(super) fn leave(&self) {
        self.started.store(true, Ordering::SeqCst);
        drop(self.guest.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Accepts a phone system's stream and has `serve` run it to its end. `serve` has to call [`Seat::leave`] when the stream has started:
/// until then it may have to go for another one.
pub(super) fn accept<F, Serving>(app: &App, upgrade: WebSocketUpgrade, serve: F) -> Response
where
    F: FnOnce(WebSocket, Arc<Seat>) -> Serving + Send + 'static,
    Serving: Future<Output = ()> + Send,
{
    let Ok(connection) = app.connections.clone().try_acquire_owned() else {
        metrics::counter!("candor_connections_refused_total").increment(1);
        return NoRoom::Connections.into_response();
    };
    let (guest, full) = app.unstarted.enter();
    if full {
        metrics::counter!("candor_connections_evicted_total", "of" => "streams").increment(1);
        if let Some(times) = FAULTS.met("unstarted") {
            tracing::warn!(times, "streams that do not start fill their room: the oldest of them is closed for each new one");
        }
    }
    transport::bounded(upgrade).on_upgrade(move |socket| async move {
        let _connection = connection;
        let has_to_go = guest.has_to_go();
        let seat = Arc::new(Seat { started: AtomicBool::new(false), guest: Mutex::new(Some(guest)) });
        let mut serving = pin!(serve(socket, seat.clone()));
        tokio::select! {
            () = &mut serving => {}
            // Who has started in the meantime stays.
            () = has_to_go => if seat.started.load(Ordering::SeqCst) { serving.await },
        }
    })
}

/// What a call is served.
pub(super) struct Served {
    pub(super) script: Arc<Script>,
    /// The language that was chosen for the caller; absent: the dialog's first, and the others are offered.
    pub(super) language: Option<String>,
}

/// Gives a stream that has started its session.
pub(super) fn begin(app: &App, call: String, served: Served, leg: Leg) {
    let Served { script, language } = served;
    let language = language.filter(|language| script.languages().any(|spoken| spoken == language));
    let chosen = language.is_some();
    let language = language.unwrap_or_else(|| script.default_language());
    let arrival = Arrival { call, script, language, language_chosen: chosen };
    match session::start(app.services.clone(), arrival, leg) {
        // Announced before the stop, and here after it.
        Some(handle) if app.is_stopping() => {
            tokio::spawn(async move { handle.tell(Control::Stop).await });
        }
        Some(_) => {}
        // The leg is gone with this; the phone system asks what next, and the caller reaches a person.
        None => NoRoom::Calls.tell(),
    }
}

/// What a phone system is to do with a caller.
pub(super) enum Next {
    /// The dialog is over, or the caller has spoken with a person.
    HangUp,
    /// Nothing: the caller is gone.
    Nothing,
    /// Pass them on.
    HandOver(Request),
    /// Connect them with the agent again, who waits for them.
    Agent(Handle),
    /// Nobody can be reached; to be told in this language.
    Unavailable(String),
    /// Nothing is known of the call: the caller is to be helped by a person.
    Stranger,
}

/// The agent's stream has closed, or, with an `outcome`, a handover has ended: what next? `there`: whether the caller still is.
pub(super) async fn after(app: &App, call: &str, outcome: Option<Outcome>, there: bool) -> Next {
    if let Some(outcome) = outcome {
        let Some(handle) = app.services.calls.get(call) else {
            // The session is over or was lost with an earlier run of this server.
            let language = app.edition().default_script().default_language();
            return if outcome.comes_back() && there { Next::Unavailable(language) } else { Next::HangUp };
        };
        // Some dialplans tell of every caller who hangs up. Of one who has the agent on the line, the leg tells.
        if outcome == Outcome::CallerLeft && app.services.calls.waiting(call).is_none() {
            return Next::Nothing;
        }
        handle.tell(Control::HandoverEnded(outcome)).await;
        app.whispers.forget(|request| request.session == handle.session);
        return match (outcome.comes_back(), there) {
            (_, false) => Next::Nothing,
            (true, true) => Next::Agent(handle),
            (false, true) => Next::HangUp,
        };
    }
    let after = app.services.calls.after_stream(call);
    if !there {
        // Hung up between our end and the desk's beginning.
        if let AfterStream::HandOver(handle, _) = after {
            handle.tell(Control::HandoverEnded(Outcome::CallerLeft)).await;
        }
        return Next::Nothing;
    }
    match after {
        AfterStream::HangUp => Next::HangUp,
        AfterStream::HandOver(handle, request) => {
            handle.tell(Control::OnTheWay).await;
            Next::HandOver(*request)
        }
        AfterStream::Rescue => Next::Stranger,
    }
}

/// The way to a person for a caller whose session is gone. One that has not noticed yet that its stream is gone ends here.
pub(super) async fn rescue(app: &App, call: &str, script: &Script, language: Option<&str>) -> Next {
    metrics::counter!("candor_rescues_total").increment(1);
    tracing::warn!("a caller whose session is gone is passed to a person");
    if let Some(handle) = app.services.calls.get(call) {
        handle.tell(Control::GiveUp).await;
    }
    to_a_person(app, script, language, Reason::EngineFailed)
}

/// The way to a person for a caller who has no session: the dialog's own target, if somebody is there.
pub(super) fn to_a_person(app: &App, script: &Script, language: Option<&str>, reason: Reason) -> Next {
    let language = language.map_or_else(|| script.default_language(), str::to_owned);
    let name = &script.dialog.file.handover.value.to.value;
    match app.services.targets.get(name).filter(|target| target.is_open(jiff::Timestamp::now())) {
        Some(target) => Next::HandOver(Request { reason, ..Request::for_lack_of_room(&target.name, &language) }),
        None => Next::Unavailable(language),
    }
}

/// The target of a request, as long as the configuration has it.
pub(super) fn target_of<'a>(app: &'a App, request: &Request) -> Option<&'a Target> {
    app.services.targets.get(&request.target)
}
