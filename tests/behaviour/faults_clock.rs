//! A wall clock that is moved in the middle of calls: they run by another clock, and nothing that was kept goes because of it.

use std::time::{Duration, Instant};

use crate::by_key::{answer, next_prompt_sounds, opening_hours_and_goodbye, ring};
use crate::faults_disk::{opened, patient, verified};
use crate::http::count;
use crate::phone::{Desk, EndedBy};
use crate::shim::Shim;

const HOUR: i64 = 3600;

#[tokio::test]
async fn calls_run_and_are_kept_whichever_way_the_clock_is_moved() {
    let shim = Shim::build();
    let mut service = shim.put_into(patient()).start();
    let mut sessions = Vec::new();
    // Forward by hours and by years, back by hours, and right again.
    for moves in [5 * HOUR, 20 * 365 * 24 * HOUR, -5 * HOUR, 0] {
        let (call, session) = ring(&service, service.caller()).await;
        answer(&call, "1").await;
        shim.move_clock(moves);
        opening_hours_and_goodbye(&call).await;
        let outcome = call.outcome().await;
        assert_eq!((outcome.violations, outcome.ended_by), (vec![], EndedBy::Server), "moved by {moves} s");
        let events = service.closed_of(&session).await;
        let at: Vec<u64> = events.iter().filter_map(|event| event["at-ms"].as_u64()).collect();
        assert!(at.is_sorted() && *at.last().unwrap() < 60_000, "the call's own time is the call's: {at:?}");
        assert_eq!(events.last().unwrap()["outcome"], "finished");
        sessions.push(session);
    }
    for session in &sessions {
        assert_eq!(opened(&service, session), 3, "{session}");
    }
    verified(&service);
    // A token given before the clock was moved is good after it, and a call that waits for a person too.
    let desk = Desk::Nobody { after: Duration::from_millis(1500) };
    let (call, session) = ring(&service, service.caller().desk(desk)).await;
    answer(&call, "2").await;
    next_prompt_sounds(&call).await;
    let before = call.prompts_heard();
    call.press("0").await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    shim.move_clock(48 * HOUR);
    call.wait_for_completed_marks(before + 1).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    call.hang_up().await.unwrap();
    call.outcome().await;
    service.closed_of(&session).await;
    // It starts by a clock that stands before its last entries, and by one that stands so far behind them that all of it were due.
    let sealed = service.sealed_turns();
    for moved in [-48 * HOUR, 20 * 365 * 24 * HOUR] {
        service.terminate();
        service.ended().await;
        shim.move_clock(moved);
        service.start_again();
        let deadline = Instant::now() + Duration::from_secs(20);
        while service.complaints("the last entry of the ledger is not of today: nothing is deleted for an hour").is_empty() {
            assert!(Instant::now() < deadline, "{}", service.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(service.sealed_turns(), sealed);
        assert_eq!(opened(&service, &sessions[0]), 3);
        verified(&service);
    }
    // While it runs, its own clock tells: within a minute.
    shim.move_clock(0);
    let deadline = Instant::now() + Duration::from_secs(90);
    while count(&service, "candor_clock_moves_total").await < 1.0 {
        assert!(Instant::now() < deadline, "the move is not noticed");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(!service.complaints("the clock of this machine was moved: nothing is deleted for an hour").is_empty());
}
