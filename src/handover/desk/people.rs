use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use zeroize::Zeroizing;

use super::call_backs::{CallBackError, CallBacks};
use super::queue::{Caller, Queue, Reach, SeatId, TicketId};
use super::seat::Seat;
use super::settings::Checked;
use super::ticket::{Ticket, Waiting};
use crate::handover::Request;
use crate::wall_clock::WallClock;

/// How often it is looked for colleagues who have forgotten to wrap up.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is looked for call-back requests whose term is over.
const SWEEP: Duration = Duration::from_secs(60 * 60);

/// Whether a caller who wants a colleague can be helped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staffing {
    /// Somebody is there who serves them, now or when they are free again.
    Staffed,
    /// Nobody is.
    Nobody,
    /// Somebody is, and as many wait as may.
    Full,
}

/// The desk. A clone is the same desk.
#[derive(Clone)]
pub struct Desk(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) settings: Checked,
    /// All that are spoken here now.
    pub(super) languages: ArcSwap<Vec<String>>,
    pub(super) call_backs: CallBacks,
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) callers: HashMap<TicketId, Waiter>,
    pub(super) seats: HashMap<SeatId, Sitter>,
    /// Seats of colleagues whose connection broke and who are expected back, with their names.
    lost: HashMap<SeatId, String>,
}

/// A caller with a ticket.
pub(super) struct Waiter {
    pub(super) request: Request,
    pub(super) since: Instant,
    pub(super) tell: watch::Sender<Waiting>,
    /// They are told next how it stands, also when they were told the same before.
    pub(super) again: bool,
}

/// A colleague who is signed in.
pub(super) struct Sitter {
    pub(super) name: String,
    /// Counts changes; gone when the seat is another's.
    pub(super) changes: watch::Sender<u64>,
    /// They forgot to wrap up, and are free without it.
    pub(super) freed: Arc<Notify>,
}

impl Desk {
    /// A desk for these settings. `languages` are all that are spoken here, BCP 47.
    pub fn new(settings: Checked, languages: Vec<String>, call_backs: CallBacks) -> Desk {
        let languages = ArcSwap::from_pointee(languages);
        Desk(Arc::new(Shared { settings, languages, call_backs, state: Mutex::default() }))
    }

    /// Other languages are spoken here from now on. Colleagues learn of them when they sign in next.
    pub fn speak(&self, languages: Vec<String>) {
        self.0.languages.store(Arc::new(languages));
    }

    /// The settings it was made for.
    pub fn settings(&self) -> &Checked {
        &self.0.settings
    }

    /// Whether somebody serves callers of `queue` in `language`. Opening hours are the target's, and looked at there.
    pub fn staffed(&self, queue: &str, language: &str) -> Staffing {
        let caller = Caller { queue: queue.to_owned(), language: language.to_owned(), priority: 0, since: Instant::now() };
        let state = self.0.lock();
        match state.queue.is_staffed(&caller) {
            false => Staffing::Nobody,
            true if state.queue.waiting() >= self.0.settings.most_waiting => Staffing::Full,
            true => Staffing::Staffed,
        }
    }

    /// A caller begins to wait for the desk that the request names. `None`: as many wait as may, which is counted. They have no place
    /// while nobody serves them; [`Desk::staffed`] tells beforehand.
    pub fn join(&self, request: Request, priority: i64) -> Option<Ticket> {
        let since = Instant::now();
        let (tell, waiting) = watch::channel(Waiting::Unstaffed);
        let ticket = self.0.change(|state| {
            if state.queue.waiting() >= self.0.settings.most_waiting {
                return None;
            }
            let (queue, language) = (request.target.clone(), request.language.clone());
            let ticket = state.queue.join(Caller { queue, language, priority, since });
            state.callers.insert(ticket, Waiter { request, since, tell, again: false });
            Some(ticket)
        });
        if ticket.is_none() {
            metrics::counter!("candor_desk_full_total").increment(1);
        }
        Some(Ticket::new(self.0.clone(), ticket?, since, waiting))
    }

    /// A colleague comes; whoever sat there under the same name is signed out. `None`: nobody has this token.
    ///
    /// Callers whom the earlier seat served go on being served until this one says whom it serves, or the time to come back is over.
    pub fn sign_in(&self, token: &str) -> Option<Seat> {
        let colleague = self.0.settings.colleagues.of_token(token)?;
        let ((changes, changed), freed) = (watch::channel(0), Arc::new(Notify::new()));
        let sitter = Sitter { name: colleague.name.clone(), changes, freed: freed.clone() };
        let id = self.0.change(|state| {
            let before = state.seats.iter().find(|(_, sitter)| sitter.name == colleague.name).map(|(seat, _)| *seat);
            if let Some(seat) = before {
                state.lose(seat, self.0.back_by());
            }
            let id = state.queue.sign_in(colleague.reach.clone());
            state.seats.insert(id, sitter);
            id
        });
        Some(Seat::new(self.0.clone(), id, colleague.name.clone(), colleague.reach.clone(), changed, freed))
    }

    /// Whether call-back requests can be left: there is a key to seal them to.
    pub fn takes_call_backs(&self) -> bool {
        self.0.call_backs.can_be_left()
    }

    /// Keeps a request to be called back by `queue`, the number sealed; it is on disk when this is done.
    ///
    /// # Errors
    /// Nothing was kept: the caller has to be told.
    pub async fn leave_number(&self, queue: &str, language: &str, number: Zeroizing<String>) -> Result<(), CallBackError> {
        self.0.call_backs.leave(queue, language, number, Timestamp::now()).await.map(|_| ())
    }

    /// The call-back requests.
    pub fn call_backs(&self) -> &CallBacks {
        &self.0.call_backs
    }

    /// Frees colleagues who forgot to wrap up, ends the seats of those who did not come back, and deletes call-back requests whose term is
    /// over, until `stop` comes.
    pub async fn keep_until(&self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut clock = WallClock::watch_silently();
        let (mut look, mut sweep) = (tokio::time::interval(LOOK), tokio::time::interval(SWEEP));
        loop {
            tokio::select! {
                () = &mut stop => return,
                _ = look.tick() => self.look(Instant::now()),
                _ = sweep.tick() => {
                    if let Some(now) = clock.steady() {
                        self.0.call_backs.sweep(now).await;
                    }
                }
            }
        }
    }

    /// Frees colleagues who have not said for too long how their last call went, and stops expecting those who did not come back.
    pub(super) fn look(&self, now: Instant) {
        let mut state = self.0.lock();
        let ended = state.queue.end_lost(now);
        ended.iter().for_each(|seat| drop(state.lost.remove(seat)));
        let freed = self.0.settings.wrap_up.map(|limit| state.queue.free_forgotten(now, limit)).unwrap_or_default();
        for sitter in freed.iter().filter_map(|seat| state.seats.get(seat)) {
            metrics::counter!("candor_desk_wrap_ups_total", "outcome" => "forgotten").increment(1);
            sitter.freed.notify_one();
        }
        if !(freed.is_empty() && ended.is_empty()) {
            state.settle();
        }
    }
}

impl Shared {
    /// Does something to the desk and tells everybody whom it concerns.
    pub(super) fn change<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let done = act(&mut state);
        state.settle();
        done
    }

    /// Until when a colleague whose connection breaks now is expected back; `None`: they are not.
    pub(super) fn back_by(&self) -> Option<Instant> {
        (!self.settings.returns.is_zero()).then(|| Instant::now() + self.settings.returns)
    }

    /// Held for a look or a change in memory, never across a wait.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The colleague goes, and says so: nobody is to wait for them.
    pub(super) fn sign_out(&mut self, seat: SeatId) {
        self.queue.sign_out(seat);
        if let Some(sitter) = self.seats.remove(&seat) {
            self.end_earlier(&sitter.name);
        }
    }

    /// The colleague is gone without a word.
    pub(super) fn lose(&mut self, seat: SeatId, until: Option<Instant>) {
        let Some(until) = until else { return self.sign_out(seat) };
        let Some(sitter) = self.seats.remove(&seat) else { return };
        if self.queue.lose(seat, until) {
            self.lost.insert(seat, sitter.name);
        }
    }

    /// What a colleague serves. Their first word of a service ends what is left of an earlier seat; that a page which has just come is not
    /// available is none.
    pub(super) fn serve(&mut self, seat: SeatId, reach: Option<Reach>) {
        let Some(sitter) = self.seats.get(&seat) else { return };
        if reach.is_some() {
            let name = sitter.name.clone();
            self.end_earlier(&name);
        }
        self.queue.serve(seat, reach);
    }

    /// Ends the seats that a colleague has lost: they are back.
    fn end_earlier(&mut self, name: &str) {
        let queue = &mut self.queue;
        self.lost.retain(|seat, lost| {
            let theirs = lost == name;
            if theirs {
                queue.sign_out(*seat);
            }
            !theirs
        });
    }

    /// Tells callers their places and colleagues that something has changed. Channels keep the newest alone, so nobody is waited for.
    fn settle(&mut self) {
        for (ticket, place) in self.queue.places() {
            let now = place.map_or(Waiting::Unstaffed, Waiting::Place);
            if let Some(waiter) = self.callers.get_mut(&ticket) {
                let again = std::mem::take(&mut waiter.again);
                waiter.tell.send_if_modified(|told| std::mem::replace(told, now) != now || again);
            }
        }
        for sitter in self.seats.values() {
            sitter.changes.send_modify(|count| *count = count.wrapping_add(1));
        }
        let colleagues = self.queue.colleagues();
        metrics::gauge!("candor_desk_waiting").set(self.queue.waiting() as f64);
        metrics::gauge!("candor_desk_colleagues", "state" => "available").set(f64::from(colleagues.available));
        metrics::gauge!("candor_desk_colleagues", "state" => "busy").set(f64::from(colleagues.busy));
    }
}
