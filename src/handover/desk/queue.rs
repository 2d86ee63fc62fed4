use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// A caller in the queue. Later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketId(u64);

/// A colleague who is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeatId(u64);

/// All that the order may depend on. What a caller chose about being recorded is not in it, so it cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Which desk they wait for.
    pub queue: String,
    /// What they speak, BCP 47.
    pub language: String,
    /// Higher goes first: that of the target, the same for all its callers.
    pub priority: i64,
    /// Since when they wait.
    pub since: Instant,
}

/// Queues × languages that a colleague serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    queues: Option<Vec<String>>,
    languages: Option<Vec<String>>,
}

impl Reach {
    /// These queues and languages; `None`: all.
    pub fn new(queues: Option<Vec<String>>, languages: Option<Vec<String>>) -> Reach {
        Reach { queues, languages }
    }

    /// Whether a queue is in it.
    pub fn has_queue(&self, queue: &str) -> bool {
        self.queues.as_ref().is_none_or(|queues| queues.iter().any(|own| own == queue))
    }

    /// Whether a language is in it: `nl` is also `nl-BE` (RFC 4647, basic filtering).
    pub fn has_language(&self, language: &str) -> bool {
        let within = |own: &String| {
            let (head, rest) = language.split_at_checked(own.len()).unwrap_or((language, ""));
            head.eq_ignore_ascii_case(own) && (rest.is_empty() || rest.starts_with('-'))
        };
        self.languages.as_ref().is_none_or(|languages| languages.iter().any(within))
    }

    /// Whether such a caller can be served.
    pub fn takes(&self, caller: &Caller) -> bool {
        self.has_queue(&caller.queue) && self.has_language(&caller.language)
    }
}

/// How many colleagues take callers at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Colleagues {
    /// Free.
    pub available: u32,
    /// With a caller, or after one.
    pub busy: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whereabouts {
    InLine,
    With(SeatId),
    /// A colleague has let go of them; whoever brought them says what next.
    Between,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    Free,
    With(TicketId),
    WrappingUp(Instant),
    /// Their connection broke; they are expected back until then.
    Lost(Instant),
}

#[derive(Debug)]
struct Seat {
    /// What they may serve.
    may: Reach,
    /// What they serve now; `None`: nothing.
    serves: Option<Reach>,
    doing: Doing,
}

impl Seat {
    fn takes(&self, caller: &Caller) -> bool {
        self.may.takes(caller) && self.serves.as_ref().is_some_and(|reach| reach.takes(caller))
    }
}

/// Sorts callers: by priority, then by how long they wait, then by who came first.
type Order = (Reverse<i64>, Instant, TicketId);

/// Who waits, and which colleagues are there. Pure: no clock, no task, no IO; moments are handed in.
///
/// A caller is in line, with one seat, or between the two; a seat has no caller or one. A caller leaves by [`Queue::leave`] alone, and
/// keeps their place by when they came: whoever is brought back to the line stands where they stood.
#[derive(Debug, Default)]
pub struct Queue {
    callers: BTreeMap<TicketId, (Caller, Whereabouts)>,
    line: BTreeSet<Order>,
    seats: BTreeMap<SeatId, Seat>,
    last: u64,
}

impl Queue {
    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// A caller comes, to the end of those of their priority.
    pub fn join(&mut self, caller: Caller) -> TicketId {
        let ticket = TicketId(self.number());
        self.line.insert((Reverse(caller.priority), caller.since, ticket));
        self.callers.insert(ticket, (caller, Whereabouts::InLine));
        ticket
    }

    /// The caller is gone, or their conversation with a colleague is over. Whoever had them wraps up from `now` on.
    pub fn leave(&mut self, ticket: TicketId, now: Instant) {
        let Some((caller, whereabouts)) = self.callers.remove(&ticket) else { return };
        self.line.remove(&(Reverse(caller.priority), caller.since, ticket));
        if let Whereabouts::With(seat) = whereabouts {
            self.set_doing(seat, Doing::WrappingUp(now));
        }
    }

    /// The caller waits again, at the place they had. Whoever had them wraps up. `false`: the ticket is not known.
    pub fn back_in_line(&mut self, ticket: TicketId, now: Instant) -> bool {
        let Some((caller, whereabouts)) = self.callers.get_mut(&ticket) else { return false };
        let before = std::mem::replace(whereabouts, Whereabouts::InLine);
        self.line.insert((Reverse(caller.priority), caller.since, ticket));
        if let Whereabouts::With(seat) = before {
            self.set_doing(seat, Doing::WrappingUp(now));
        }
        true
    }

    /// Takes back a [`Queue::take`] that came to nothing: the caller waits again at their place, and the colleague has nothing to wrap up.
    pub fn undo_take(&mut self, seat: SeatId, ticket: TicketId, now: Instant) {
        self.back_in_line(ticket, now);
        // Who is lost meanwhile stays lost.
        self.wrapped_up(seat);
    }

    /// The caller speaks another language from here on.
    pub fn speaks(&mut self, ticket: TicketId, language: &str) {
        if let Some((caller, _)) = self.callers.get_mut(&ticket) {
            language.clone_into(&mut caller.language);
        }
    }

    /// A colleague is there who may serve this much. They serve nothing until they say so.
    pub fn sign_in(&mut self, may: Reach) -> SeatId {
        let seat = SeatId(self.number());
        self.seats.insert(seat, Seat { may, serves: None, doing: Doing::Free });
        seat
    }

    /// The colleague is gone, however. Gives the caller whom they had, who is between now.
    pub fn sign_out(&mut self, seat: SeatId) -> Option<TicketId> {
        match self.seats.remove(&seat)?.doing {
            Doing::With(ticket) => {
                self.set_between(ticket);
                Some(ticket)
            }
            Doing::Free | Doing::WrappingUp(_) | Doing::Lost(_) => None,
        }
    }

    /// The colleague's connection broke. Until `until` they are expected back: they take nobody, and whom they served counts as served, so
    /// that no place changes. The caller whom they had is between. `false`: they served nobody, and are gone.
    pub fn lose(&mut self, seat: SeatId, until: Instant) -> bool {
        let Some(lost) = self.seats.get_mut(&seat) else { return false };
        let had = match std::mem::replace(&mut lost.doing, Doing::Lost(until)) {
            Doing::With(ticket) => self.callers.get_mut(&ticket),
            Doing::Free | Doing::WrappingUp(_) => None,
            Doing::Lost(until) => {
                lost.doing = Doing::Lost(until);
                return true;
            }
        };
        if let Some((caller, whereabouts)) = had {
            *whereabouts = Whereabouts::Between;
            // Whoever has their caller in a break of service is expected back for them at least.
            let own = || Reach::new(Some(vec![caller.queue.clone()]), Some(vec![caller.language.clone()]));
            lost.serves.get_or_insert_with(own);
        }
        let expected = lost.serves.is_some();
        if !expected {
            self.seats.remove(&seat);
        }
        expected
    }

    /// Ends the seats of colleagues who have not come back by now, and gives them.
    pub fn end_lost(&mut self, now: Instant) -> Vec<SeatId> {
        let over = |seat: &Seat| matches!(seat.doing, Doing::Lost(until) if until <= now);
        let ended: Vec<SeatId> = self.seats.iter().filter(|(_, seat)| over(seat)).map(|(id, _)| *id).collect();
        ended.iter().for_each(|seat| drop(self.seats.remove(seat)));
        ended
    }

    /// What the colleague serves from now on, within what they may; `None`: nothing.
    pub fn serve(&mut self, seat: SeatId, reach: Option<Reach>) {
        if let Some(seat) = self.seats.get_mut(&seat) {
            seat.serves = reach;
        }
    }

    /// Whom [`Queue::take`] would give.
    pub fn next_for(&self, seat: SeatId) -> Option<TicketId> {
        let seat = self.seats.get(&seat).filter(|seat| seat.doing == Doing::Free)?;
        self.in_line().find(|(_, caller)| seat.takes(caller)).map(|(ticket, _)| ticket)
    }

    /// The first in line whom this colleague serves goes to them. `None`: nobody, or the colleague is not free.
    pub fn take(&mut self, seat: SeatId) -> Option<TicketId> {
        let ticket = self.next_for(seat)?;
        let (caller, whereabouts) = self.callers.get_mut(&ticket)?;
        *whereabouts = Whereabouts::With(seat);
        self.line.remove(&(Reverse(caller.priority), caller.since, ticket));
        self.set_doing(seat, Doing::With(ticket));
        Some(ticket)
    }

    /// The conversation is over for the colleague, who wraps up from `now` on. Their caller is between.
    pub fn finish(&mut self, seat: SeatId, now: Instant) {
        if let Some(Doing::With(ticket)) = self.seats.get(&seat).map(|seat| seat.doing) {
            self.set_between(ticket);
            self.set_doing(seat, Doing::WrappingUp(now));
        }
    }

    /// The colleague has said how it went and is free. `false`: there was nothing to wrap up.
    pub fn wrapped_up(&mut self, seat: SeatId) -> bool {
        let wrapping = self.seats.get(&seat).is_some_and(|seat| matches!(seat.doing, Doing::WrappingUp(_)));
        if wrapping {
            self.set_doing(seat, Doing::Free);
        }
        wrapping
    }

    /// Frees colleagues who have wrapped up for `limit` and longer, and gives them.
    pub fn free_forgotten(&mut self, now: Instant, limit: Duration) -> Vec<SeatId> {
        let mut freed = Vec::new();
        for (id, seat) in &mut self.seats {
            if matches!(seat.doing, Doing::WrappingUp(since) if now.saturating_duration_since(since) >= limit) {
                seat.doing = Doing::Free;
                freed.push(*id);
            }
        }
        freed
    }

    /// Whether somebody serves such callers, now or when they are free again or back.
    pub fn is_staffed(&self, caller: &Caller) -> bool {
        self.seats.values().any(|seat| seat.takes(caller))
    }

    /// Whether a colleague has no caller and none to wrap up.
    pub fn is_free(&self, seat: SeatId) -> bool {
        self.seats.get(&seat).is_some_and(|seat| seat.doing == Doing::Free)
    }

    /// How many colleagues take callers.
    pub fn colleagues(&self) -> Colleagues {
        self.seats.values().fold(Colleagues::default(), |mut all, seat| {
            match seat.doing {
                Doing::Free => all.available += u32::from(seat.serves.is_some()),
                Doing::With(_) | Doing::WrappingUp(_) => all.busy += 1,
                Doing::Lost(_) => {}
            }
            all
        })
    }

    /// Who is in line, in order.
    pub fn in_line(&self) -> impl Iterator<Item = (TicketId, &Caller)> {
        self.line.iter().filter_map(|(_, _, ticket)| self.callers.get(ticket).map(|(caller, _)| (*ticket, caller)))
    }

    /// How many are in line.
    pub fn waiting(&self) -> usize {
        self.line.len()
    }

    /// Whether a colleague serves such callers now.
    pub fn serves(&self, seat: SeatId, caller: &Caller) -> bool {
        self.seats.get(&seat).is_some_and(|seat| seat.takes(caller))
    }

    /// Whether a colleague may serve such callers.
    pub fn may_serve(&self, seat: SeatId, queue: &str) -> bool {
        self.seats.get(&seat).is_some_and(|seat| seat.may.has_queue(queue))
    }

    /// The place of everybody in line, in order; `None` where nobody serves them.
    ///
    /// The place is 1 for the next, and else one more than the callers before them whom a colleague would take first: a colleague who serves
    /// them as well. So it is a promise. With whom is there now, and nobody comes of a higher priority, no more than that many go
    /// first; where several colleagues serve different queues, it can be fewer.
    pub fn places(&self) -> Vec<(TicketId, Option<u32>)> {
        // Callers of one queue and language are alike to every colleague, and there are few such kinds.
        let mut kinds: Vec<Kind<'_>> = Vec::new();
        let mut places = Vec::with_capacity(self.line.len());
        for (ticket, caller) in self.in_line() {
            let known =
                kinds.iter().position(|kind| kind.caller.queue == caller.queue && kind.caller.language == caller.language);
            let own = known.unwrap_or_else(|| {
                let seats = self.seats.iter().filter(|(_, seat)| seat.takes(caller)).map(|(id, _)| *id).collect();
                kinds.push(Kind { caller, seats, waiting: 0 });
                kinds.len() - 1
            });
            let seats = &kinds[own].seats;
            let before: u32 = kinds.iter().filter(|kind| !kind.seats.is_disjoint(seats)).map(|kind| kind.waiting).sum();
            places.push((ticket, (!seats.is_empty()).then_some(before + 1)));
            kinds[own].waiting += 1;
        }
        places
    }

    fn set_doing(&mut self, seat: SeatId, doing: Doing) {
        if let Some(seat) = self.seats.get_mut(&seat) {
            seat.doing = doing;
        }
    }

    fn set_between(&mut self, ticket: TicketId) {
        if let Some((_, whereabouts)) = self.callers.get_mut(&ticket) {
            *whereabouts = Whereabouts::Between;
        }
    }
}

/// Callers whom the same colleagues serve.
struct Kind<'a> {
    caller: &'a Caller,
    seats: BTreeSet<SeatId>,
    waiting: u32,
}

#[cfg(test)]
impl Queue {
    /// Whom a colleague has.
    pub(super) fn with(&self, seat: SeatId) -> Option<TicketId> {
        match self.seats.get(&seat)?.doing {
            Doing::With(ticket) => Some(ticket),
            Doing::Free | Doing::WrappingUp(_) | Doing::Lost(_) => None,
        }
    }

    /// Every rule that holds between any two calls.
    pub(super) fn check(&self) {
        for (ticket, (caller, whereabouts)) in &self.callers {
            let in_line = self.line.contains(&(Reverse(caller.priority), caller.since, *ticket));
            let with: Vec<_> =
                self.seats.iter().filter(|(_, seat)| seat.doing == Doing::With(*ticket)).map(|(id, _)| *id).collect();
            match whereabouts {
                Whereabouts::InLine => assert!(in_line && with.is_empty()),
                Whereabouts::With(seat) => assert!(!in_line && with == [*seat]),
                Whereabouts::Between => assert!(!in_line && with.is_empty()),
            }
        }
        assert!(self.line.iter().all(|(_, _, ticket)| self.callers.contains_key(ticket)));
        let theirs = self.seats.values().filter_map(|seat| match seat.doing {
            Doing::With(ticket) => Some(ticket),
            Doing::Free | Doing::WrappingUp(_) | Doing::Lost(_) => None,
        });
        theirs.for_each(|ticket| assert!(self.callers.contains_key(&ticket)));
    }
}
