//! The desk with people around its queue.

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::consent::{ConsentState, Purpose};
use crate::handover::{self, Reason, Request};

const ANNA: &str = "annas own token of the desk";
const BERT: &str = "berts own token of the desk";

fn desk_with(most: usize) -> Desk {
    desk_of(json!({"most_waiting": most}))
}

/// A desk with these settings, and two colleagues.
fn desk_of(mut settings: serde_json::Value) -> Desk {
    let targets: handover::Settings = serde_json::from_value(json!({"targets": {
        "service-desk": {"desk": true}, "returns": {"desk": true},
    }}))
    .unwrap();
    settings["colleagues"] = json!({
        "anna": {"token": ANNA}, "bert": {"token": BERT, "queues": ["returns"], "languages": ["nl"]},
    });
    let settings: Settings = serde_json::from_value(settings).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let call_backs = CallBacks::open(folder.path(), &folder.path().join(IN_STORAGE), Duration::from_secs(60)).unwrap();
    Desk::new(settings.check(&targets.check().unwrap()).unwrap(), vec!["nl".into(), "en".into()], call_backs)
}

fn request_for(target: &str, language: &str, consent: ConsentState) -> Request {
    Request {
        session: Uuid::new_v4(),
        target: target.into(),
        reason: Reason::Asked,
        language: language.into(),
        consent: [(Purpose::new("service-quality").unwrap(), consent)].into(),
        slots: [("order_number".to_owned(), "81726354".to_owned())].into_iter().collect(),
    }
}

fn refused() -> Request {
    request_for("service-desk", "nl", ConsentState::Refused)
}

#[tokio::test]
async fn a_caller_hears_their_place_until_a_colleague_takes_them() {
    let desk = desk_with(10);
    let mut first = desk.join(refused(), 0).unwrap();
    assert_eq!(first.changed().await, Waiting::Unstaffed);
    let seat = desk.sign_in(ANNA).unwrap();
    seat.serve(Some(Reach::default()));
    let wanted = refused();
    let mut second = desk.join(wanted.clone(), 0).unwrap();
    assert_eq!((first.changed().await, second.changed().await), (Waiting::Place(1), Waiting::Place(2)));
    let view = seat.view();
    assert_eq!(view.waiting.iter().map(|waits| (waits.next, waits.mine)).collect::<Vec<_>>(), [(true, true), (false, true)]);
    seat.take().unwrap().handed_over();
    assert_eq!((first.changed().await, second.changed().await), (Waiting::Taken, Waiting::Place(1)));
    assert!(seat.take().is_none(), "one at a time");
    drop(first);
    assert!(seat.wrap_up(WrapUp::Helped));
    let taken = seat.take().unwrap();
    assert_eq!(taken.request, wanted);
}

#[tokio::test]
async fn a_take_that_is_dropped_leaves_the_caller_at_their_place() {
    let desk = desk_with(10);
    let seat = desk.sign_in(ANNA).unwrap();
    seat.serve(Some(Reach::default()));
    let mut ticket = desk.join(refused(), 0).unwrap();
    assert_eq!(ticket.changed().await, Waiting::Place(1));
    drop(seat.take().unwrap());
    assert_eq!(ticket.changed().await, Waiting::Place(1));
    assert!(!seat.wrap_up(WrapUp::Helped), "there was no call");
    assert!(seat.take().is_some());
}

#[tokio::test]
async fn who_is_put_back_into_the_line_hears_their_place_even_if_they_never_lost_it() {
    let desk = desk_with(10);
    let seat = desk.sign_in(ANNA).unwrap();
    seat.serve(Some(Reach::default()));
    let mut ticket = desk.join(refused(), 0).unwrap();
    assert_eq!(ticket.changed().await, Waiting::Place(1));
    ticket.back_in_line();
    let told = tokio::time::timeout(Duration::from_secs(5), ticket.changed()).await;
    assert_eq!(told, Ok(Waiting::Place(1)));
}

#[tokio::test]
async fn the_last_colleague_who_leaves_is_noticed() {
    let desk = desk_with(10);
    let seat = desk.sign_in(BERT).unwrap();
    seat.serve(Some(Reach::default()));
    let mut ticket = desk.join(request_for("returns", "nl", ConsentState::Refused), 0).unwrap();
    assert_eq!(ticket.changed().await, Waiting::Place(1));
    assert_eq!(desk.staffed("returns", "nl"), Staffing::Staffed);
    assert_eq!(desk.staffed("returns", "en"), Staffing::Nobody);
    seat.sign_out();
    assert_eq!(ticket.changed().await, Waiting::Unstaffed);
    assert_eq!(desk.staffed("returns", "nl"), Staffing::Nobody);
    drop(seat);
    assert_eq!(desk.staffed("returns", "nl"), Staffing::Nobody, "who has signed out is not expected back");
}

/// After this, nobody who was lost before is expected back.
const LATER: Duration = Duration::from_secs(16);

#[tokio::test]
async fn callers_wait_on_while_the_only_colleague_may_come_back() {
    let desk = desk_with(10);
    let seat = desk.sign_in(ANNA).unwrap();
    seat.serve(Some(Reach::default()));
    let (first, second) = (desk.join(refused(), 0).unwrap(), desk.join(refused(), 0).unwrap());
    let lost = Instant::now();
    drop(seat);
    desk.look(lost + Duration::from_secs(14));
    assert_eq!((first.now(), second.now()), (Waiting::Place(1), Waiting::Place(2)));
    assert_eq!(desk.staffed("service-desk", "nl"), Staffing::Staffed);
    let third = desk.join(refused(), 0).unwrap();
    assert_eq!(third.now(), Waiting::Place(3), "also who comes meanwhile");
    desk.look(lost + LATER);
    assert_eq!([first.now(), second.now(), third.now()], [Waiting::Unstaffed; 3]);
    assert_eq!(desk.staffed("service-desk", "nl"), Staffing::Nobody);
}

#[tokio::test]
async fn who_comes_back_in_time_finds_the_line_as_it_was() {
    let desk = desk_with(10);
    let seat = desk.sign_in(ANNA).unwrap();
    seat.serve(Some(Reach::default()));
    let (mut first, second) = (desk.join(refused(), 0).unwrap(), desk.join(refused(), 0).unwrap());
    assert_eq!(first.changed().await, Waiting::Place(1));
    drop(seat);
    // A page that was loaded again, and again, and is not available yet.
    let again = desk.sign_in(ANNA).unwrap();
    again.serve(None);
    let again = [again, desk.sign_in(ANNA).unwrap()];
    assert_eq!((first.now(), second.now()), (Waiting::Place(1), Waiting::Place(2)));
    again[1].serve(Some(Reach::default()));
    desk.look(Instant::now() + LATER);
    assert_eq!((first.now(), second.now()), (Waiting::Place(1), Waiting::Place(2)));
    assert_eq!(first.changed().now_or_never(), None, "nothing has changed for them, so they hear of nothing");
    assert!(again[0].take().is_none() && again[1].take().is_some());
}

#[tokio::test]
async fn a_break_or_fewer_queues_after_coming_back_are_the_colleagues_word() {
    let desk = desk_with(10);
    let seat = desk.sign_in(ANNA).unwrap();
    seat.serve(Some(Reach::default()));
    let ticket = desk.join(refused(), 0).unwrap();
    drop(seat);
    let again = desk.sign_in(ANNA).unwrap();
    again.serve(Some(Reach::new(Some(vec!["returns".into()]), None)));
    assert_eq!(ticket.now(), Waiting::Unstaffed);
    again.serve(Some(Reach::default()));
    assert_eq!(ticket.now(), Waiting::Place(1));
    again.serve(None);
    assert_eq!(ticket.now(), Waiting::Unstaffed, "a break is taken at once");
}

#[tokio::test]
async fn the_caller_of_a_page_that_died_stands_where_they_stood_though_nobody_else_is_there() {
    let desk = desk_with(10);
    let seat = desk.sign_in(ANNA).unwrap();
    seat.serve(Some(Reach::default()));
    let (first, second) = (desk.join(refused(), 0).unwrap(), desk.join(refused(), 0).unwrap());
    seat.take().unwrap().handed_over();
    drop(seat);
    first.back_in_line();
    assert_eq!((first.now(), second.now()), (Waiting::Place(1), Waiting::Place(2)));
    // Taken, and lost before the session had the colleague's sound.
    let again = desk.sign_in(ANNA).unwrap();
    again.serve(Some(Reach::default()));
    let taken = again.take().unwrap();
    let third = desk.sign_in(ANNA).unwrap();
    drop(taken);
    assert_eq!((first.now(), second.now()), (Waiting::Place(1), Waiting::Place(2)));
    assert_eq!(third.view().colleagues, Colleagues::default());
}

#[tokio::test]
async fn where_nobody_is_expected_back_the_end_of_a_connection_is_a_sign_out() {
    let desk = desk_of(json!({"return_seconds": 0}));
    let seat = desk.sign_in(ANNA).unwrap();
    seat.serve(Some(Reach::default()));
    let ticket = desk.join(refused(), 0).unwrap();
    drop(seat);
    assert_eq!(ticket.now(), Waiting::Unstaffed);
}

#[tokio::test]
async fn a_second_sign_in_replaces_the_first_and_its_caller_can_wait_again() {
    let desk = desk_with(10);
    let first = desk.sign_in(ANNA).unwrap();
    first.serve(Some(Reach::default()));
    let mut ticket = desk.join(refused(), 0).unwrap();
    first.take().unwrap().handed_over();
    let mut changes = first.changes();
    let second = desk.sign_in(ANNA).unwrap();
    let told = async {
        loop {
            if let Err(replaced) = changes.changed().await {
                return replaced;
            }
        }
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(5), told).await.unwrap(), Replaced);
    second.serve(Some(Reach::default()));
    assert!(second.take().is_none(), "the session still has the caller");
    assert_eq!(ticket.changed().await, Waiting::Taken);
    ticket.back_in_line();
    assert_eq!(ticket.changed().await, Waiting::Place(1));
    drop(first);
    assert!(second.take().is_some(), "the end of the first seat is not the end of the second");
}

#[tokio::test]
async fn a_colleague_sees_only_the_queues_that_they_may_serve() {
    let desk = desk_with(10);
    let bert = desk.sign_in(BERT).unwrap();
    assert_eq!((bert.queues(), bert.languages()), (vec!["returns"], vec!["nl".to_owned()]));
    let _other = desk.join(refused(), 0).unwrap();
    let english = desk.join(request_for("returns", "en", ConsentState::Given), 0).unwrap();
    bert.serve(Some(Reach::default()));
    let seen: Vec<_> = bert.view().waiting.iter().map(|waits| (waits.request.target.clone(), waits.mine)).collect();
    assert_eq!(seen, [("returns".to_owned(), false)]);
    assert!(bert.take().is_none());
    english.update(request_for("returns", "nl", ConsentState::Withdrawn));
    let [waits] = bert.view().waiting.try_into().unwrap();
    assert!(waits.mine && waits.next);
    assert_eq!(waits.request.consent.values().collect::<Vec<_>>(), [&ConsentState::Withdrawn]);
}

#[tokio::test]
async fn a_full_line_takes_nobody_and_nothing_that_is_shown_in_logs_says_what_they_gave() {
    let desk = desk_with(1);
    let ticket = desk.join(refused(), 0).unwrap();
    assert!(desk.join(refused(), 0).is_none());
    let seat = desk.sign_in(ANNA).unwrap();
    assert_eq!(desk.staffed("service-desk", "nl"), Staffing::Nobody);
    seat.serve(Some(Reach::default()));
    assert_eq!(desk.staffed("service-desk", "nl"), Staffing::Full);
    let shown = format!("{ticket:?} {seat:?} {:?}", seat.view());
    assert!(!shown.contains("81726354") && !shown.contains(ANNA), "{shown}");
    drop(ticket);
    assert!(desk.join(refused(), 0).is_some());
    assert!(desk.sign_in("somebody else's token").is_none());
}

#[derive(Clone, Debug)]
enum Step {
    Join { returns: bool, english: bool, consenting: bool },
    Leave(usize),
    BackInLine(usize),
    SignIn { bert: bool },
    SignOut(usize),
    Take { seat: usize, connects: bool },
    WrapUp(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = 0..6usize;
    let step = prop_oneof![
        4 => any::<(bool, bool, bool)>().prop_map(|(returns, english, consenting)| Step::Join { returns, english, consenting }),
        1 => index.clone().prop_map(Step::Leave),
        1 => index.clone().prop_map(Step::BackInLine),
        2 => any::<bool>().prop_map(|bert| Step::SignIn { bert }),
        1 => index.clone().prop_map(Step::SignOut),
        4 => (index.clone(), any::<bool>()).prop_map(|(seat, connects)| Step::Take { seat, connects }),
        2 => index.prop_map(Step::WrapUp),
    ];
    prop::collection::vec(step, 0..60)
}

/// What everybody hears and who is taken by whom, after every step.
fn service(steps: &[Step], swapped: bool) -> Vec<String> {
    let desk = desk_with(20);
    let (mut tickets, mut seats, mut service): (Vec<(usize, Ticket)>, Vec<Seat>, _) = (Vec::new(), Vec::new(), Vec::new());
    let mut ids = Vec::new();
    for step in steps {
        match *step {
            Step::Join { returns, english, consenting } => {
                let consent = if consenting != swapped { ConsentState::Given } else { ConsentState::Refused };
                let target = if returns { "returns" } else { "service-desk" };
                let request = request_for(target, if english { "en" } else { "nl" }, consent);
                let id = request.session;
                if let Some(ticket) = desk.join(request, 0) {
                    tickets.push((ids.len(), ticket));
                    ids.push(id);
                }
            }
            Step::Leave(index) if index < tickets.len() => drop(tickets.remove(index)),
            Step::BackInLine(index) if index < tickets.len() => tickets[index].1.back_in_line(),
            Step::SignIn { bert } => {
                let seat = desk.sign_in(if bert { BERT } else { ANNA }).unwrap();
                seat.serve(Some(Reach::default()));
                seats.push(seat);
            }
            Step::SignOut(index) if index < seats.len() => drop(seats.remove(index)),
            Step::Take { seat, connects } if seat < seats.len() => {
                if let Some(taken) = seats[seat].take() {
                    let whom = ids.iter().position(|id| *id == taken.request.session);
                    service.push(format!("{seat} takes {whom:?}"));
                    if connects {
                        taken.handed_over();
                    }
                }
            }
            Step::WrapUp(index) if index < seats.len() => {
                seats[index].wrap_up(WrapUp::Helped);
            }
            _ => {}
        }
        service.extend(tickets.iter().map(|(number, ticket)| format!("{number} {:?}", ticket.now())));
    }
    service
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn refusal_changes_nothing(steps in steps()) {
        prop_assert_eq!(service(&steps, false), service(&steps, true));
    }
}
