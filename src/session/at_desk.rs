//! A caller in the line for the desk, and with a colleague from it.

use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, sleep_until};

use super::call::{Call, Work};
use super::conversation::{Conversation, ConversationEnd, DeskEnd, DeskNews};
use super::departure;
use crate::consent::Change;
use crate::dialog::flow::{Departure, Event, HandoverEnd, Number, SessionOutcome};
use crate::handover::desk::{Ticket, Waiting};
use crate::handover::{Outcome, Request};
use crate::transport::{Inbound, Leg, Notice, Outbound, PersonState};

/// How long a colleague who has taken a caller may take until both can hear each other.
const CONNECTING: Duration = Duration::from_secs(15);

/// What a session has to do with the desk.
#[derive(Default)]
pub(super) struct AtDesk {
    /// The caller's place in the line; kept while a colleague has them, for coming back to it.
    ticket: Option<Ticket>,
    /// What colleagues see of the caller.
    request: Option<Request>,
    /// A colleague has taken the caller, and the session has seen it.
    taken: bool,
    conversation: Option<Conversation>,
    /// Nothing comes from the caller: they are gone, perhaps for the moment.
    absent: bool,
    /// How long the caller may wait for a colleague; `None`: as long as they like.
    limit: Option<Duration>,
    /// Until when they wait. A colleague who takes them and never comes on the line costs them time of it, a conversation does not.
    waits_until: Option<Instant>,
    /// Until when the colleague who has taken them has to be on the line.
    connects_until: Option<Instant>,
}

/// What happens at the desk.
pub(super) enum DeskEvent {
    /// To the caller's place in the line.
    Line(Waiting),
    /// On the colleague's leg.
    Colleague(Option<Inbound>),
    /// Nothing, for too long.
    Overdue,
}

impl AtDesk {
    /// What happens next; nothing is lost when it is not waited for to the end.
    pub(super) async fn next(&mut self) -> DeskEvent {
        let until = self.overdue_at();
        let AtDesk { ticket, conversation, .. } = self;
        let line = async {
            match ticket {
                Some(ticket) => ticket.changed().await,
                None => std::future::pending().await,
            }
        };
        let colleague = async {
            match conversation {
                Some(conversation) => conversation.next().await,
                None => std::future::pending().await,
            }
        };
        let overdue = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            change = line => DeskEvent::Line(change),
            inbound = colleague => DeskEvent::Colleague(inbound),
            () = overdue => DeskEvent::Overdue,
        }
    }

    /// When waiting, or connecting, has lasted too long.
    fn overdue_at(&self) -> Option<Instant> {
        match self.taken {
            _ if self.hears() => None,
            true => self.connects_until,
            false => self.waits_until,
        }
    }

    /// Nobody has the caller any more: they wait.
    fn waits_again(&mut self) {
        (self.taken, self.connects_until) = (false, None);
    }

    /// Whether what the caller says goes to a colleague.
    pub(super) fn hears(&self) -> bool {
        self.conversation.as_ref().is_some_and(|conversation| conversation.connected)
    }

    pub(super) fn hear_caller(&mut self, frame: Option<&[u8]>) {
        if let Some(conversation) = &mut self.conversation {
            conversation.hear_caller(frame);
        }
    }

    pub(super) fn mute(&mut self, on: bool) {
        if let Some(conversation) = &mut self.conversation {
            conversation.mute(on);
        }
    }

    /// The conversation ends, and the place in the line with it.
    pub(super) fn end(&mut self, end: ConversationEnd) {
        if let Some(conversation) = self.conversation.take() {
            conversation.end(end);
        }
        *self = AtDesk { absent: self.absent, ..AtDesk::default() };
    }
}

impl Call {
    /// The caller waits for a colleague. The recorder has stopped, and the ears are closed: nothing of the waiting is for us.
    pub(super) fn queue(&mut self, departure: Departure) {
        let target = self.target_name().to_owned();
        let request = departure::request(self.session, &target, departure);
        let settings = self.services.targets.get(&target);
        let (priority, limit) = settings.map_or((0, None), |target| (target.priority, target.time_limit));
        self.ears = None;
        self.ears_closed = true;
        match self.services.desk.join(request.clone(), priority) {
            Some(ticket) => {
                let (ticket, request) = (Some(ticket), Some(request));
                let waits_until = limit.map(|limit| Instant::now() + limit);
                let absent = self.at_desk.absent;
                self.at_desk = AtDesk { ticket, request, absent, limit, waits_until, ..AtDesk::default() };
            }
            None => self.events.push_back(Event::NobodyTakes(HandoverEnd::QueueFull)),
        }
    }

    /// The colleague's connection broke: the caller is where they were in the line.
    pub(super) fn queue_again(&mut self) {
        if self.at_desk.hears() {
            // They had their colleague: this is another wait.
            self.at_desk.waits_until = self.at_desk.limit.map(|limit| Instant::now() + limit);
        }
        self.at_desk.waits_again();
        self.counting.waits_again();
        if let Some(conversation) = self.at_desk.conversation.take() {
            conversation.end(ConversationEnd::Lost);
        }
        match &mut self.at_desk.ticket {
            Some(ticket) => ticket.back_in_line(),
            None => self.events.push_back(Event::NobodyTakes(HandoverEnd::Failed)),
        }
    }

    /// The caller is in no line any more. A colleague who was on the way to them learns why.
    pub(super) fn unqueue(&mut self) {
        self.at_desk.end(ConversationEnd::WentBack);
    }

    pub(super) fn at_desk(&mut self, event: DeskEvent) {
        match event {
            DeskEvent::Line(change) => self.line_changed(change),
            DeskEvent::Colleague(inbound) => self.of_colleague(inbound),
            DeskEvent::Overdue => self.desk_overdue(),
        }
    }

    fn line_changed(&mut self, change: Waiting) {
        // Who is in line is with nobody: a take has been undone before its colleague had a leg here.
        if change != Waiting::Taken && self.at_desk.conversation.is_none() {
            self.at_desk.waits_again();
        }
        match change {
            Waiting::Place(place) => {
                self.show(Notice::Queue { place });
                self.take(Event::Place(place));
            }
            Waiting::Taken => self.taken(),
            Waiting::Unstaffed => self.nobody_takes(Outcome::NoAnswer),
        }
    }

    /// A colleague has taken the caller; their sound comes next.
    fn taken(&mut self) {
        if self.at_desk.conversation.is_some() {
            return;
        }
        // A take that was undone and the next one can come as one piece of news: who takes the caller has their own time.
        self.at_desk.connects_until = Some(Instant::now() + CONNECTING);
        if !std::mem::replace(&mut self.at_desk.taken, true) {
            self.show(Notice::Person { state: PersonState::Connecting });
        }
    }

    /// A colleague's leg, or the end of it, may be here before the word that they have taken the caller.
    fn look_whether_taken(&mut self) {
        if self.at_desk.ticket.as_ref().is_some_and(|ticket| ticket.now() == Waiting::Taken) {
            self.taken();
        }
    }

    /// The caller has changed their mind about a recording: colleagues who look at the line see it.
    pub(super) fn consent_at_desk(&mut self, change: &Change) {
        let AtDesk { ticket: Some(ticket), request: Some(request), .. } = &mut self.at_desk else { return };
        request.consent.insert(change.purpose.clone(), change.to);
        ticket.update(request.clone());
    }

    fn nobody_takes(&mut self, outcome: Outcome) {
        metrics::counter!("candor_handovers_total", "result" => outcome.as_str()).increment(1);
        self.take(Event::NobodyTakes(departure::handover_end(outcome)));
    }

    /// Waiting has lasted as long as it may, or a colleague who took the call never came on the line.
    fn desk_overdue(&mut self) {
        if self.at_desk.taken {
            self.at_desk.connects_until = None;
            tracing::warn!(session = %self.session, "a colleague took a call and never came on the line; the caller waits on");
            self.take(Event::ColleagueLost);
        } else {
            self.at_desk.waits_until = None;
            self.nobody_takes(Outcome::NoAnswer);
        }
    }

    /// The colleague's leg. Nobody hears anybody until sound comes on it.
    pub(super) fn colleague_comes(&mut self, leg: Leg, news: mpsc::Sender<DeskNews>) {
        let Some(conversation) = Conversation::new(leg, news, self.codec) else {
            tracing::error!(session = %self.session, "there is no memory to join a colleague to a caller");
            return;
        };
        self.look_whether_taken();
        if !self.at_desk.taken || self.at_desk.conversation.is_some() || self.leg.is_none() {
            let went_back = self.at_desk.ticket.is_none();
            return conversation.end(if went_back { ConversationEnd::WentBack } else { ConversationEnd::Failed });
        }
        self.at_desk.conversation = Some(conversation);
    }

    fn of_colleague(&mut self, inbound: Option<Inbound>) {
        match inbound {
            Some(Inbound::Audio(frame)) => self.colleague_speaks(Some(&frame)),
            Some(Inbound::Lost) => self.colleague_speaks(None),
            Some(Inbound::Lapsed) => self.colleague_interrupted(true),
            Some(Inbound::Resumed) => self.colleague_interrupted(false),
            Some(Inbound::HangUp | Inbound::Ended(_)) | None => self.colleague_leaves(DeskEnd::Lost),
            Some(_) => {}
        }
    }

    fn colleague_speaks(&mut self, frame: Option<&[u8]>) {
        self.connect();
        let (Some(conversation), Some(leg)) = (&mut self.at_desk.conversation, &self.leg) else { return };
        for frame in conversation.hear_colleague(frame) {
            if leg.outbound.try_send(Outbound::Audio(frame)).is_err() {
                metrics::counter!("candor_desk_frames_dropped_total", "to" => "caller").increment(1);
            }
        }
    }

    /// With the first sound of the colleague both hear each other.
    fn connect(&mut self) {
        let Some(conversation) = self.at_desk.conversation.as_mut().filter(|conversation| !conversation.connected) else {
            return;
        };
        conversation.connected = true;
        conversation.tell(DeskNews::Connected);
        if self.at_desk.absent {
            conversation.tell(DeskNews::Interrupted(true));
        } else {
            self.counting.reached(true);
        }
        self.at_desk.connects_until = None;
        self.take(Event::Connected);
        self.show(Notice::Person { state: PersonState::Talking });
    }

    /// The caller's connection is gone for the moment, or is back. Only who is there is with a colleague.
    pub(super) fn caller_interrupted(&mut self, on: bool) {
        self.at_desk.absent = on;
        let Some(conversation) = self.at_desk.conversation.as_ref().filter(|conversation| conversation.connected) else { return };
        conversation.tell(DeskNews::Interrupted(on));
        if !on {
            self.counting.reached(true);
        }
    }

    /// The caller is gone for good.
    pub(super) fn caller_leaves(&mut self, outcome: SessionOutcome) {
        self.count_the_unmet();
        self.at_desk.end(match outcome {
            SessionOutcome::CallerHungUp => ConversationEnd::Caller,
            SessionOutcome::ConnectionLost | SessionOutcome::PeerViolation => ConversationEnd::CallerLost,
            _ => ConversationEnd::Failed,
        });
    }

    /// A colleague who came to a caller who was not there, and leaves before they are back, is no answer.
    fn count_the_unmet(&mut self) {
        if self.at_desk.absent && self.at_desk.hears() {
            self.counting.reached(false);
        }
    }

    pub(super) fn hold(&mut self, on: bool) {
        let Some(conversation) = self.at_desk.conversation.as_mut().filter(|conversation| conversation.connected) else { return };
        conversation.held = on;
        self.silence_changed();
    }

    /// The caller hears music while they are held, and while the colleague's connection is interrupted.
    fn silence_changed(&mut self) {
        let silent = self.at_desk.conversation.as_ref().is_some_and(|conversation| conversation.held || conversation.interrupted);
        self.show_person();
        self.take(Event::Hold(silent));
    }

    /// Shows where the colleague is, if there is one.
    pub(super) fn show_person(&self) {
        let Some(conversation) = self.at_desk.conversation.as_ref().filter(|conversation| conversation.connected) else { return };
        let silent = conversation.held || conversation.interrupted;
        self.show(Notice::Person { state: if silent { PersonState::Hold } else { PersonState::Talking } });
    }

    fn colleague_interrupted(&mut self, on: bool) {
        let Some(conversation) = self.at_desk.conversation.as_mut().filter(|conversation| conversation.connected) else { return };
        conversation.interrupted = on;
        self.silence_changed();
    }

    pub(super) fn colleague_leaves(&mut self, end: DeskEnd) {
        self.look_whether_taken();
        let connected = self.at_desk.hears();
        if !connected && !self.at_desk.taken {
            return;
        }
        if connected {
            self.show(Notice::Person { state: PersonState::Gone });
        }
        match end {
            DeskEnd::Lost => self.take(Event::ColleagueLost),
            DeskEnd::HungUp | DeskEnd::Return if !connected => {
                if let Some(conversation) = self.at_desk.conversation.take() {
                    conversation.end(ConversationEnd::WaitsOn);
                }
                self.take(Event::ColleagueLost);
            }
            DeskEnd::HungUp => {
                self.count_the_unmet();
                metrics::counter!("candor_handovers_total", "result" => Outcome::Answered.as_str()).increment(1);
                self.at_desk.end(ConversationEnd::Colleague);
                self.take(Event::HandoverEnded(HandoverEnd::Answered));
            }
            DeskEnd::Return => {
                metrics::counter!("candor_handovers_total", "result" => Outcome::Answered.as_str()).increment(1);
                self.count_the_unmet();
                self.at_desk.end(ConversationEnd::Returned);
                self.take(Event::GivenBack);
            }
        }
    }

    /// A number is sealed and stored on another task; the flow hears whether that went well.
    pub(super) fn call_back(&mut self, attempt: u32, number: Number) {
        let (services, work, session) = (self.services.clone(), self.work.clone(), self.session);
        let (queue, language) = (self.target_name().to_owned(), self.flow.language().to_owned());
        let Number(number) = number;
        tokio::spawn(async move {
            let left = services.desk.leave_number(&queue, &language, number).await;
            if let Err(error) = &left {
                tracing::error!(%session, %error, "a request to be called back could not be stored; the caller is told");
            }
            let _ = work.send(Work::CallBackLeft { attempt, stored: left.is_ok() }).await;
        });
    }
}
