use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{Message, WebSocket};
use futures_util::stream::SplitStream;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Interval, MissedTickBehavior, interval, interval_at, timeout};
use uuid::Uuid;

use super::Lines;
use super::message::{CallState, ErrorCode, FromPage, Refusal, ToPage};
use super::writer::{WAITING, write};
use crate::handover::desk::{Reach, Seat};
use crate::session::{Control, ConversationEnd, DeskEnd, DeskNews, ReturnLeg};

/// How long a page may take to sign in.
const SIGN_IN: Duration = Duration::from_secs(10);
/// How often a page is asked whether it is there.
const PING: Duration = Duration::from_secs(10);
/// How long a page may say nothing, answers to that included.
const SILENT: Duration = Duration::from_secs(30);
/// How many messages a page may send within [`PING`]. Nobody presses that fast.
const MESSAGES: u32 = 200;
/// How long the way of the colleague's sound may take to be agreed upon.
const ANSWER: Duration = Duration::from_secs(10);
/// How many pieces of news of a call may wait. A call has a few.
const NEWS: usize = 16;
/// How long the last words to a page may take.
const CLOSE: Duration = Duration::from_secs(5);

/// A page's connection, from its token to its end. The place among those that sign in is free as soon as it has.
pub(super) async fn serve<L: Lines>(mut socket: WebSocket, lines: Arc<L>, address: IpAddr, place: OwnedSemaphorePermit) {
    let seat = match sign_in(&mut socket, &*lines, address).await {
        Ok(seat) => {
            drop(place);
            Arc::new(seat)
        }
        Err(refusal) => {
            metrics::counter!("candor_desk_sign_ins_total", "result" => refusal.map_or("gone", Refusal::as_str)).increment(1);
            if let Some(reason) = refusal {
                let _ = timeout(CLOSE, socket.send(text(&ToPage::Refused { reason }))).await;
                let _ = timeout(CLOSE, socket.close()).await;
            }
            return;
        }
    };
    metrics::counter!("candor_desk_sign_ins_total", "result" => "signed-in").increment(1);
    tracing::info!(colleague = seat.name(), "a colleague has signed in at the desk");
    let (sink, mut stream) = socket.split();
    let (say, said) = mpsc::channel(WAITING);
    let mut writing = std::pin::pin!(write(sink, said, seat.clone()));
    let mut page = Page { lines, seat, say, call: None };
    page.welcome();
    let end = tokio::select! {
        biased;
        () = &mut writing => End::Gone,
        end = page.follow(&mut stream) => end,
    };
    tracing::info!(colleague = page.seat.name(), ?end, "a colleague has left the desk");
    if end == End::SignedOut {
        page.seat.sign_out();
    }
    page.lose_call().await;
    if let End::Refused(reason) = end {
        page.say(&ToPage::Refused { reason });
    }
    drop(page);
    if end != End::Gone {
        let _ = timeout(CLOSE, writing).await;
    }
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The colleague signed out.
    SignedOut,
    /// The page is gone, or does not read.
    Gone,
    /// We end it.
    Refused(Refusal),
}

/// The first message: a token. An error without a refusal is a page that is gone.
async fn sign_in<L: Lines>(socket: &mut WebSocket, lines: &L, address: IpAddr) -> Result<Seat, Option<Refusal>> {
    let first = async {
        loop {
            match socket.recv().await {
                Some(Ok(Message::Text(text))) => return Ok(FromPage::read(&text)),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_))) => return Err(Some(Refusal::Token)),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(None),
            }
        }
    };
    let first = timeout(SIGN_IN, first).await.map_err(|_| Some(Refusal::Time))??;
    let Ok(FromPage::SignIn { token }) = first else { return Err(Some(Refusal::Token)) };
    let attempts = &lines.reception().attempts;
    if !attempts.may_try(address, Instant::now()) {
        return Err(Some(Refusal::Limit));
    }
    lines.desk().sign_in(token.expose()).ok_or_else(|| {
        attempts.was_wrong(address, Instant::now());
        tracing::warn!("somebody tried to sign in at the desk with a token that nobody has");
        Some(Refusal::Token)
    })
}

/// A colleague who is signed in, on their page.
struct Page<L> {
    lines: Arc<L>,
    seat: Arc<Seat>,
    say: mpsc::Sender<Message>,
    call: Option<Call>,
}

/// The call that a colleague has.
struct Call {
    session: Uuid,
    news: mpsc::Receiver<DeskNews>,
    connected: bool,
    held: bool,
    muted: bool,
    interrupted: bool,
}

impl Call {
    fn state(&self) -> CallState {
        match self {
            Call { interrupted: true, .. } => CallState::Interrupted,
            Call { held: true, .. } => CallState::Hold,
            Call { muted: true, .. } => CallState::Muted,
            _ => CallState::Talking,
        }
    }
}

impl<L: Lines> Page<L> {
    /// Says something. A page that has taken nothing for so long that dozens of messages wait is given up with the next ping.
    fn say(&self, message: &ToPage<'_>) {
        self.send(text(message));
    }

    fn send(&self, message: Message) {
        if self.say.try_send(message).is_err() {
            metrics::counter!("candor_desk_messages_dropped_total").increment(1);
        }
    }

    fn refuse(&self, code: ErrorCode, message: &str) {
        self.say(&ToPage::Error { code, message });
    }

    fn welcome(&self) {
        self.say(&ToPage::SignedIn {
            name: self.seat.name(),
            queues: self.seat.queues(),
            languages: self.seat.languages(),
            ice_servers: self.lines.ice_servers(),
            call_backs: self.seat.takes_call_backs(),
        });
    }

    /// Follows the page, the seat and the call until one of them ends it.
    async fn follow(&mut self, stream: &mut SplitStream<WebSocket>) -> End {
        let mut changes = self.seat.changes();
        let mut replaced = std::pin::pin!(async move { while changes.changed().await.is_ok() {} });
        let mut pings = interval(PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut relays = self.lines.ice_lifetime().map(halves);
        let seat = self.seat.clone();
        let (mut heard, mut messages) = (Instant::now(), 0);
        loop {
            tokio::select! {
                biased;
                () = &mut replaced => return End::Refused(Refusal::Elsewhere),
                news = next_news(&mut self.call) => self.news(news),
                () = seat.freed() => self.say(&ToPage::Freed),
                () = next_tick(&mut relays) => self.say(&ToPage::Ice { ice_servers: self.lines.ice_servers() }),
                _ = pings.tick() => {
                    if heard.elapsed() > SILENT || self.say.capacity() == 0 {
                        return End::Gone;
                    }
                    messages = 0;
                    self.send(Message::Ping(Vec::new().into()));
                }
                message = stream.next() => {
                    heard = Instant::now();
                    messages += 1;
                    if messages > MESSAGES {
                        return End::Refused(Refusal::Limit);
                    }
                    match message {
                        Some(Ok(Message::Text(text))) => match FromPage::read(&text) {
                            Ok(FromPage::SignOut {}) if self.call.is_none() => return End::SignedOut,
                            Ok(message) => self.act(message).await,
                            Err(error) => self.refuse(ErrorCode::BadMessage, &error.to_string()),
                        },
                        Some(Ok(Message::Binary(_))) => self.refuse(ErrorCode::BadMessage, "messages are text"),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
                    }
                }
            }
        }
    }

    async fn act(&mut self, message: FromPage) {
        match message {
            FromPage::SignIn { .. } => self.refuse(ErrorCode::SignedInAlready, "you are signed in already"),
            FromPage::Availability { available, queues, languages } => {
                self.seat.serve(available.then(|| Reach::new(Some(queues), Some(languages))));
            }
            FromPage::Take { sdp } => self.take(&sdp).await,
            FromPage::Hold { on } => self.in_call(Control::DeskHold(on), |call| call.held = on).await,
            FromPage::Mute { on } => self.in_call(Control::DeskMute(on), |call| call.muted = on).await,
            FromPage::HangUp {} => self.leave_call(DeskEnd::HungUp).await,
            FromPage::Return {} => self.leave_call(DeskEnd::Return).await,
            FromPage::WrapUp { outcome } => {
                if !self.seat.wrap_up(outcome) {
                    self.refuse(ErrorCode::NoCall, "there is no call to say that of");
                }
            }
            FromPage::CallBackDone { id } => match self.seat.call_back_done(id).await {
                Ok(true) => {}
                Ok(false) => self.refuse(ErrorCode::NoCallBack, "there is no such call-back request any more"),
                Err(error) => {
                    tracing::error!(%error, "a call-back request that is done could not be deleted");
                    let message =
                        "the call-back request could not be deleted; try again, and tell whoever looks after the server";
                    self.refuse(ErrorCode::CallBackNotDeleted, message);
                }
            },
            FromPage::SignOut {} => self.refuse(ErrorCode::EndCallFirst, "end the call first"),
        }
    }

    /// The next caller comes to this colleague.
    async fn take(&mut self, offer: &str) {
        if self.call.is_some() {
            return self.refuse(ErrorCode::InCall, "you have a call");
        }
        if !self.seat.is_free() {
            return self.refuse(ErrorCode::WrapUpFirst, "say first how the last call went");
        }
        let Some(taken) = self.seat.take() else { return self.say(&ToPage::NobodyWaiting) };
        // Until the session has the colleague's sound, whatever goes wrong gives the caller their place back.
        let answered = timeout(ANSWER, self.lines.answer(offer)).await;
        let (sdp, leg) = match answered.unwrap_or_else(|_| Err("your sound could not be connected in time".to_owned())) {
            Ok(answered) => answered,
            Err(why) => {
                metrics::counter!("candor_desk_takes_failed_total").increment(1);
                return self.refuse(ErrorCode::NoSound, &format!("{why}; the caller waits on at their place"));
            }
        };
        let session = taken.request.session;
        self.say(&ToPage::taken(&taken, &sdp));
        taken.handed_over();
        let (news, to_us) = mpsc::channel(NEWS);
        self.call = Some(Call { session, news: to_us, connected: false, held: false, muted: false, interrupted: false });
        if !self.lines.tell(session, Control::DeskLeg(ReturnLeg(leg), news)).await {
            // The session ended at this very moment, and it ends with its caller.
            self.news(Some(DeskNews::Ended(ConversationEnd::CallerLost)));
        }
    }

    /// Something that only makes sense while the two hear each other.
    async fn in_call(&mut self, control: Control, change: impl FnOnce(&mut Call)) {
        let Some(call) = self.call.as_mut().filter(|call| call.connected) else {
            return self.refuse(ErrorCode::NoHearing, "there is nobody whom you hear");
        };
        change(call);
        let (session, state) = (call.session, call.state());
        self.lines.tell(session, control).await;
        self.say(&ToPage::Call { state });
    }

    /// The session answers with the end of the conversation.
    async fn leave_call(&mut self, end: DeskEnd) {
        match &self.call {
            Some(call) => drop(self.lines.tell(call.session, Control::DeskEnd(end)).await),
            None => self.refuse(ErrorCode::NoCall, "there is no call"),
        }
    }

    /// The page is gone: so is the colleague, for their caller.
    async fn lose_call(&mut self) {
        if let Some(call) = self.call.take() {
            metrics::counter!("candor_desk_calls_lost_total").increment(1);
            self.lines.tell(call.session, Control::DeskEnd(DeskEnd::Lost)).await;
        }
    }

    /// `None`: the session is gone without a word.
    fn news(&mut self, news: Option<DeskNews>) {
        let Some(call) = &mut self.call else { return };
        match news.unwrap_or(DeskNews::Ended(ConversationEnd::Failed)) {
            DeskNews::Connected => {
                call.connected = true;
                self.say(&ToPage::Connected);
            }
            DeskNews::Interrupted(on) => {
                call.interrupted = on;
                let state = call.state();
                self.say(&ToPage::Call { state });
            }
            DeskNews::Ended(end) => {
                let talked = call.connected;
                self.call = None;
                self.seat.finish(talked);
                self.say(&ToPage::ended(end, talked));
            }
        }
    }
}

async fn next_news(call: &mut Option<Call>) -> Option<DeskNews> {
    match call {
        Some(call) => call.news.recv().await,
        None => std::future::pending().await,
    }
}

/// Twice in a lifetime: what is new is there long before the old one ends.
fn halves(lifetime: Duration) -> Interval {
    let half = (lifetime / 2).max(Duration::from_secs(1));
    let mut halves = interval_at(tokio::time::Instant::now() + half, half);
    halves.set_missed_tick_behavior(MissedTickBehavior::Delay);
    halves
}

async fn next_tick(interval: &mut Option<Interval>) {
    match interval {
        Some(interval) => drop(interval.tick().await),
        None => std::future::pending().await,
    }
}

fn text(message: &ToPage<'_>) -> Message {
    Message::Text(message.text().into())
}
