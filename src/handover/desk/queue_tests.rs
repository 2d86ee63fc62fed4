//! The queue against its rules, by examples and by whatever can happen in any order.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::queue::{Caller, Colleagues, Queue, Reach, SeatId, TicketId};

const QUEUES: [&str; 3] = ["service-desk", "returns", "complaints"];
const LANGUAGES: [&str; 2] = ["nl", "en"];

fn caller(start: Instant, queue: &str, language: &str, priority: i64, second: u64) -> Caller {
    Caller { queue: queue.into(), language: language.into(), priority, since: start + Duration::from_secs(second) }
}

fn reach(queues: &[&str], languages: &[&str]) -> Reach {
    let list = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect());
    Reach::new(list(queues), list(languages))
}

#[test]
fn a_language_is_also_its_regions() {
    let dutch = reach(&["q"], &["nl"]);
    assert!(dutch.has_language("nl") && dutch.has_language("nl-BE") && dutch.has_language("NL"));
    assert!(!dutch.has_language("nld") && !dutch.has_language("n") && !dutch.has_language("en"));
    assert!(!reach(&["q"], &["nl-BE"]).has_language("nl"));
}

#[test]
fn places_count_only_those_whom_a_colleague_of_theirs_would_take_first() {
    let (start, mut queue) = (Instant::now(), Queue::default());
    let first = queue.join(caller(start, "returns", "nl", 0, 0));
    let second = queue.join(caller(start, "service-desk", "nl", 0, 1));
    let third = queue.join(caller(start, "service-desk", "en", 0, 2));
    let seat = queue.sign_in(Reach::default());
    assert_eq!(queue.places(), [(first, None), (second, None), (third, None)], "nobody serves them yet");
    queue.serve(seat, Some(reach(&["service-desk"], &["nl", "en"])));
    assert_eq!(queue.places(), [(first, None), (second, Some(1)), (third, Some(2))]);
    queue.serve(seat, Some(Reach::default()));
    assert_eq!(queue.places(), [(first, Some(1)), (second, Some(2)), (third, Some(3))]);
    let urgent = queue.join(caller(start, "returns", "nl", 5, 3));
    assert_eq!(queue.places()[0], (urgent, Some(1)));
    assert_eq!(queue.take(seat), Some(urgent));
}

#[test]
fn nobody_serves_more_than_they_may() {
    let (start, mut queue) = (Instant::now(), Queue::default());
    let seat = queue.sign_in(reach(&["returns"], &["nl"]));
    queue.serve(seat, Some(Reach::default()));
    queue.join(caller(start, "service-desk", "nl", 0, 0));
    queue.join(caller(start, "returns", "en", 0, 1));
    assert_eq!(queue.take(seat), None);
    assert!(!queue.is_staffed(&caller(start, "service-desk", "nl", 0, 2)));
    assert!(queue.is_staffed(&caller(start, "returns", "nl", 0, 2)));
}

#[test]
fn a_colleague_is_busy_until_they_have_wrapped_up_or_forgotten_to() {
    let (start, mut queue) = (Instant::now(), Queue::default());
    let seat = queue.sign_in(Reach::default());
    queue.serve(seat, Some(Reach::default()));
    let first = queue.join(caller(start, "returns", "nl", 0, 0));
    queue.join(caller(start, "returns", "nl", 0, 1));
    assert_eq!(queue.take(seat), Some(first));
    assert_eq!(queue.take(seat), None, "with somebody");
    assert!(queue.is_staffed(&caller(start, "returns", "nl", 0, 2)) && !queue.is_free(seat));
    queue.leave(first, start);
    assert_eq!(queue.take(seat), None, "wrapping up");
    assert_eq!(queue.colleagues(), Colleagues { available: 0, busy: 1 });
    assert!(queue.free_forgotten(start + Duration::from_secs(59), Duration::from_secs(60)).is_empty());
    assert_eq!(queue.free_forgotten(start + Duration::from_secs(60), Duration::from_secs(60)), [seat]);
    assert_eq!(queue.colleagues(), Colleagues { available: 1, busy: 0 });
    assert!(queue.take(seat).is_some());
    assert!(!queue.wrapped_up(seat), "there is nothing to wrap up in a call");
}

#[test]
fn the_caller_of_a_seat_that_died_stands_where_they_stood() {
    let (start, mut queue) = (Instant::now(), Queue::default());
    let tickets: Vec<_> = (0..3).map(|second| queue.join(caller(start, "returns", "nl", 0, second))).collect();
    let seat = queue.sign_in(Reach::default());
    queue.serve(seat, Some(Reach::default()));
    assert_eq!(queue.take(seat), Some(tickets[0]));
    assert_eq!(queue.sign_out(seat), Some(tickets[0]));
    let other = queue.sign_in(Reach::default());
    queue.serve(other, Some(Reach::default()));
    assert_eq!(queue.next_for(other), Some(tickets[1]), "who is between is offered to nobody");
    assert!(queue.back_in_line(tickets[0], start));
    assert_eq!(queue.next_for(other), Some(tickets[0]));
}

#[test]
fn a_take_that_came_to_nothing_leaves_no_trace() {
    let (start, mut queue) = (Instant::now(), Queue::default());
    let ticket = queue.join(caller(start, "returns", "nl", 0, 0));
    let seat = queue.sign_in(Reach::default());
    queue.serve(seat, Some(Reach::default()));
    assert_eq!(queue.take(seat), Some(ticket));
    queue.undo_take(seat, ticket, start);
    assert_eq!((queue.next_for(seat), queue.colleagues().available), (Some(ticket), 1));
    assert_eq!(queue.take(seat), Some(ticket));
    queue.leave(ticket, start);
    queue.undo_take(seat, ticket, start);
    assert_eq!((queue.next_for(seat), queue.colleagues().available), (None, 1), "nor when the caller left meanwhile");
}

#[test]
fn a_colleague_whose_connection_broke_is_expected_back_and_no_place_changes_until_then() {
    let (start, mut queue) = (Instant::now(), Queue::default());
    let back_by = start + Duration::from_secs(15);
    let (first, second) = (queue.join(caller(start, "returns", "nl", 0, 0)), queue.join(caller(start, "returns", "nl", 0, 1)));
    let seat = queue.sign_in(Reach::default());
    queue.serve(seat, Some(Reach::default()));
    assert_eq!(queue.take(seat), Some(first));
    assert!(queue.lose(seat, back_by));
    assert!(queue.back_in_line(first, start));
    assert_eq!(queue.places(), [(first, Some(1)), (second, Some(2))]);
    assert!(queue.is_staffed(&caller(start, "returns", "nl", 0, 2)));
    assert_eq!((queue.colleagues(), queue.take(seat)), (Colleagues::default(), None), "who is not there takes nobody");
    assert!(queue.lose(seat, back_by + Duration::from_secs(15)), "lost once");
    assert!(queue.end_lost(back_by - Duration::from_secs(1)).is_empty());
    assert_eq!(queue.end_lost(back_by), [seat]);
    assert_eq!(queue.places(), [(first, None), (second, None)]);
}

#[test]
fn a_colleague_who_served_nobody_is_expected_back_for_the_caller_they_had_alone() {
    let (start, mut queue) = (Instant::now(), Queue::default());
    let seats = [queue.sign_in(Reach::default()), queue.sign_in(Reach::default())];
    let ticket = queue.join(caller(start, "returns", "nl", 0, 0));
    queue.serve(seats[0], Some(Reach::default()));
    assert_eq!(queue.take(seats[0]), Some(ticket));
    queue.serve(seats[0], None);
    assert!(queue.lose(seats[0], start) && !queue.lose(seats[1], start));
    queue.back_in_line(ticket, start);
    let other = queue.join(caller(start, "service-desk", "nl", 0, 1));
    assert_eq!(queue.places(), [(ticket, Some(1)), (other, None)]);
}

#[test]
fn a_take_that_is_undone_after_its_colleague_was_lost_brings_nobody_back_to_the_desk() {
    let (start, mut queue) = (Instant::now(), Queue::default());
    let ticket = queue.join(caller(start, "returns", "nl", 0, 0));
    let seat = queue.sign_in(Reach::default());
    queue.serve(seat, Some(Reach::default()));
    queue.take(seat);
    queue.lose(seat, start + Duration::from_secs(15));
    queue.undo_take(seat, ticket, start);
    assert_eq!((queue.places(), queue.take(seat)), (vec![(ticket, Some(1))], None));
}

#[derive(Clone, Debug)]
enum Step {
    Join { queue: usize, language: usize, priority: i64 },
    Leave(usize),
    BackInLine(usize),
    SignIn { queues: usize, languages: usize },
    SignOut(usize),
    Lose { seat: usize, seconds: u64 },
    EndLost,
    Serve { seat: usize, queues: usize, languages: usize },
    Pause(usize),
    Take(usize),
    UndoTake(usize),
    Finish(usize),
    WrapUp(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any = 0..12usize;
    let (queues, languages) = (1..8usize, 1..4usize);
    let step = prop_oneof![
        5 => (0..3usize, 0..2usize, 0..2i64).prop_map(|(queue, language, priority)| Step::Join { queue, language, priority }),
        2 => any.clone().prop_map(Step::Leave),
        2 => any.clone().prop_map(Step::BackInLine),
        2 => (queues.clone(), languages.clone()).prop_map(|(queues, languages)| Step::SignIn { queues, languages }),
        1 => any.clone().prop_map(Step::SignOut),
        1 => (any.clone(), 0..8u64).prop_map(|(seat, seconds)| Step::Lose { seat, seconds }),
        1 => Just(Step::EndLost),
        3 => (any.clone(), queues, languages).prop_map(|(seat, queues, languages)| Step::Serve { seat, queues, languages }),
        1 => any.clone().prop_map(Step::Pause),
        6 => any.clone().prop_map(Step::Take),
        1 => any.clone().prop_map(Step::UndoTake),
        2 => any.clone().prop_map(Step::Finish),
        3 => any.prop_map(Step::WrapUp),
        1 => (0..5u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..80)
}

/// The names whose bit is set.
fn chosen(names: &[&str], bits: usize) -> Vec<String> {
    names.iter().enumerate().filter(|(index, _)| bits & (1 << index) != 0).map(|(_, name)| (*name).to_owned()).collect()
}

fn some(queues: usize, languages: usize) -> Reach {
    Reach::new(Some(chosen(&QUEUES, queues)), Some(chosen(&LANGUAGES, languages)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    InLine,
    With(SeatId),
    Between,
}

/// What may be known of a colleague.
struct Sits {
    may: Reach,
    serves: Option<Reach>,
    /// Until when they are expected back.
    lost: Option<Instant>,
}

/// What a reader of the rules would keep on paper.
struct Paper {
    start: Instant,
    queue: Queue,
    callers: BTreeMap<TicketId, (Caller, Is)>,
    seats: BTreeMap<SeatId, Sits>,
    second: u64,
}

impl Paper {
    fn new() -> Paper {
        Paper { start: Instant::now(), queue: Queue::default(), callers: BTreeMap::new(), seats: BTreeMap::new(), second: 0 }
    }

    fn now(&self) -> Instant {
        self.start + Duration::from_secs(self.second)
    }

    fn ticket(&self, index: usize) -> Option<TicketId> {
        self.callers.keys().nth(index).copied()
    }

    fn seat(&self, index: usize) -> Option<SeatId> {
        self.seats.keys().nth(index).copied()
    }

    fn takes(&self, seat: SeatId, caller: &Caller) -> bool {
        let Sits { may, serves, .. } = &self.seats[&seat];
        may.takes(caller) && serves.as_ref().is_some_and(|serves| serves.takes(caller))
    }

    /// Those in line, in the order of the rules.
    fn line(&self) -> Vec<(TicketId, &Caller)> {
        let mut line: Vec<_> =
            self.callers.iter().filter(|(_, (_, is))| *is == Is::InLine).map(|(id, (c, _))| (*id, c)).collect();
        line.sort_by_key(|(ticket, caller)| (-caller.priority, caller.since, *ticket));
        line
    }

    fn step(&mut self, step: &Step) {
        let now = self.now();
        match *step {
            Step::Join { queue, language, priority } => {
                let caller = caller(self.start, QUEUES[queue], LANGUAGES[language], priority, self.second);
                let ticket = self.queue.join(caller.clone());
                assert!(self.callers.insert(ticket, (caller, Is::InLine)).is_none(), "a ticket is given once");
            }
            Step::Leave(index) => {
                let Some(ticket) = self.ticket(index) else { return };
                self.queue.leave(ticket, now);
                self.callers.remove(&ticket);
            }
            Step::BackInLine(index) => {
                let Some(ticket) = self.ticket(index) else { return };
                assert!(self.queue.back_in_line(ticket, now));
                self.callers.get_mut(&ticket).unwrap().1 = Is::InLine;
            }
            Step::SignIn { queues, languages } => {
                let may = some(queues, languages);
                self.seats.insert(self.queue.sign_in(may.clone()), Sits { may, serves: None, lost: None });
            }
            Step::SignOut(index) => {
                let Some(seat) = self.seat(index) else { return };
                let had = self.callers.iter_mut().find(|(_, (_, is))| *is == Is::With(seat));
                let had = had.map(|(ticket, (_, is))| {
                    *is = Is::Between;
                    *ticket
                });
                assert_eq!(self.queue.sign_out(seat), had);
                self.seats.remove(&seat);
            }
            Step::Lose { seat, seconds } => self.lose(seat, now + Duration::from_secs(seconds)),
            Step::EndLost => {
                let over = |sits: &Sits| sits.lost.is_some_and(|until| until <= now);
                let ended: Vec<_> = self.seats.iter().filter(|(_, sits)| over(sits)).map(|(seat, _)| *seat).collect();
                assert_eq!(self.queue.end_lost(now), ended);
                self.seats.retain(|_, sits| !over(sits));
            }
            Step::Serve { seat, queues, languages } => {
                let Some(seat) = self.seat(seat) else { return };
                self.queue.serve(seat, Some(some(queues, languages)));
                self.seats.get_mut(&seat).unwrap().serves = Some(some(queues, languages));
            }
            Step::Pause(index) => {
                let Some(seat) = self.seat(index) else { return };
                self.queue.serve(seat, None);
                self.seats.get_mut(&seat).unwrap().serves = None;
            }
            Step::Take(index) => self.take(index),
            Step::UndoTake(index) => {
                let Some(seat) = self.seat(index) else { return };
                let Some(ticket) = self.queue.with(seat) else { return };
                self.queue.undo_take(seat, ticket, now);
                self.callers.get_mut(&ticket).unwrap().1 = Is::InLine;
            }
            Step::Finish(index) => {
                let Some(seat) = self.seat(index) else { return };
                self.queue.finish(seat, now);
                let had = self.callers.values_mut().find(|(_, is)| *is == Is::With(seat));
                if let Some((_, is)) = had {
                    *is = Is::Between;
                }
            }
            Step::WrapUp(index) => {
                let Some(seat) = self.seat(index) else { return };
                self.queue.wrapped_up(seat);
            }
            Step::Wait(seconds) => self.second += seconds,
        }
    }

    fn lose(&mut self, index: usize, until: Instant) {
        let Some(seat) = self.seat(index) else { return };
        let sits = self.seats.get_mut(&seat).unwrap();
        if let Some((caller, is)) = self.callers.values_mut().find(|(_, is)| *is == Is::With(seat)) {
            *is = Is::Between;
            sits.serves.get_or_insert(reach(&[&caller.queue], &[&caller.language]));
        }
        let expected = sits.lost.is_some() || sits.serves.is_some();
        sits.lost.get_or_insert(until);
        assert_eq!(self.queue.lose(seat, until), expected);
        if !expected {
            self.seats.remove(&seat);
        }
    }

    fn take(&mut self, index: usize) {
        let Some(seat) = self.seat(index) else { return };
        let had = self.queue.with(seat);
        let expected = self.line().into_iter().find(|(_, caller)| self.takes(seat, caller)).map(|(ticket, _)| ticket);
        let promised = self.queue.next_for(seat);
        let taken = self.queue.take(seat);
        assert_eq!(taken, promised);
        if let Some(ticket) = taken {
            assert_eq!(had, None, "a seat never has two");
            assert_eq!(self.seats[&seat].lost, None, "who is lost takes nobody");
            assert_eq!(Some(ticket), expected, "the first by priority, then arrival, that the seat serves");
            self.callers.get_mut(&ticket).unwrap().1 = Is::With(seat);
        }
    }

    /// The queue says of everybody what is on paper.
    fn compare(&self) {
        self.queue.check();
        let line: Vec<_> = self.queue.in_line().map(|(ticket, _)| ticket).collect();
        assert_eq!(line, self.line().into_iter().map(|(ticket, _)| ticket).collect::<Vec<_>>());
        for seat in self.seats.keys() {
            let had = self.callers.iter().find(|(_, (_, is))| *is == Is::With(*seat)).map(|(ticket, _)| *ticket);
            assert_eq!(self.queue.with(*seat), had);
        }
        self.compare_places();
    }

    fn compare_places(&self) {
        let line = self.line();
        for (index, (ticket, place)) in self.queue.places().into_iter().enumerate() {
            let (own, caller) = line[index];
            assert_eq!(own, ticket);
            let seats: Vec<_> = self.seats.keys().filter(|seat| self.takes(**seat, caller)).collect();
            let before = line[..index].iter().filter(|(_, other)| seats.iter().any(|seat| self.takes(**seat, other))).count();
            assert_eq!(place, (!seats.is_empty()).then_some(before as u32 + 1));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn nobody_is_lost_or_served_twice_whatever_happens(steps in steps()) {
        let mut paper = Paper::new();
        for step in &steps {
            paper.step(step);
            paper.compare();
        }
        // Whoever is still there and wants to is served in the end, each once, and in order within a priority.
        let tickets: Vec<TicketId> = paper.callers.keys().copied().collect();
        let now = paper.now();
        let seats: Vec<SeatId> = paper.seats.keys().copied().collect();
        seats.into_iter().for_each(|seat| {
            paper.queue.sign_out(seat);
        });
        for ticket in &tickets {
            prop_assert!(paper.queue.back_in_line(*ticket, now));
        }
        let seat = paper.queue.sign_in(Reach::default());
        paper.queue.serve(seat, Some(Reach::default()));
        let mut served = Vec::new();
        while let Some(ticket) = paper.queue.take(seat) {
            served.push(ticket);
            paper.queue.leave(ticket, now);
            prop_assert!(paper.queue.wrapped_up(seat));
        }
        let mut expected = tickets;
        expected.sort_by_key(|ticket| {
            let (caller, _) = &paper.callers[ticket];
            (-caller.priority, caller.since, *ticket)
        });
        prop_assert_eq!(served, expected);
    }

    #[test]
    fn a_place_is_kept(steps in steps(), whom in 0..40usize, turns in prop::collection::vec(0..12usize, 0..200)) {
        let mut paper = Paper::new();
        steps.iter().for_each(|step| paper.step(step));
        let places = paper.queue.places();
        let Some((ticket, Some(place))) = places.get(whom).copied() else { return Ok(()) };
        let caller = paper.callers[&ticket].0.clone();
        let mut first = 0;
        for turn in turns {
            let Some(seat) = paper.seat(turn) else { continue };
            let now = paper.now();
            paper.queue.finish(seat, now);
            paper.queue.wrapped_up(seat);
            match paper.queue.take(seat) {
                Some(taken) if taken == ticket => break,
                Some(_) if paper.takes(seat, &caller) => first += 1,
                _ => {}
            }
            prop_assert!(first < place, "{first} went before a caller who was told {place}");
        }
    }
}
