//! Memory is bounded: turns share what they may take, and a server near its limit passes new calls to a person instead of being killed.

use std::time::{Duration, Instant};

use crate::by_key::{answer, next_prompt_sounds, ring};
use crate::faults_disk::{opened, patient};
use crate::http::count;
use crate::phone::{Desk, EndedBy};
use crate::service::{Service, of_type};

const TALKS: Desk = Desk::Answers { after: Duration::from_millis(300), talks: Duration::from_millis(100) };

#[tokio::test]
async fn turns_for_which_there_is_no_memory_are_not_kept_and_their_calls_go_on() {
    let service = patient().with("SESSION__TURN_MEMORY_MB", "1").with("SESSION__NO_INPUT_MS", "60000").start();
    let mut calls = Vec::new();
    for _ in 0..4 {
        let (call, session) = ring(&service, service.caller().desk(TALKS)).await;
        answer(&call, "1").await;
        calls.push((call, session));
    }
    // Four turns that go on and on: 16 kB a second each.
    let deadline = Instant::now() + Duration::from_secs(60);
    while count(&service, "candor_turn_memory_bytes").await < 500_000.0 {
        assert!(Instant::now() < deadline, "turns take no memory");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut most: f64 = 0.0;
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        most = most.max(count(&service, "candor_turn_memory_bytes").await);
    }
    assert!(most <= 1_048_576.0, "{most} bytes");
    // When these turns have ended there is room again, and the next ones are kept.
    for (call, _) in &calls {
        call.press("3").await.unwrap();
        next_prompt_sounds(call).await;
    }
    let mut lost = 0;
    for (call, session) in calls {
        // Something else: the next turn.
        call.press("1").await.unwrap();
        next_prompt_sounds(&call).await;
        call.press("0").await.unwrap();
        let outcome = call.outcome().await;
        assert_eq!((outcome.violations.clone(), outcome.verbs_named("Enqueue").len()), (vec![], 1));
        let events = service.closed_of(&session).await;
        let reasons: Vec<_> = of_type(&events, "turn.lost").iter().map(|event| event["reason"].clone()).collect();
        assert!(reasons.iter().all(|reason| reason == "memory"), "{reasons:?}");
        lost += reasons.len();
        let sealed = of_type(&events, "turn.sealed").len();
        assert!(sealed > 0, "recording goes on with the next turn: {events:?}");
        assert_eq!(opened(&service, &session), sealed);
    }
    assert!(lost > 0);
    assert_eq!(count(&service, "candor_turns_lost_total{reason=\"memory\"}").await as usize, lost);
    let told = service.complaints("turns are not kept for lack of memory");
    assert_eq!(told.len(), 1, "{told:#?}");
}

fn address_space(service: &Service) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn near_the_limit_of_the_process_new_calls_go_to_a_person() {
    let service = patient().start();
    // A call makes it as large as it gets.
    let (call, _) = ring(&service, service.caller()).await;
    answer(&call, "1").await;
    call.hang_up().await.unwrap();
    call.outcome().await;
    let takes = address_space(&service);
    // It takes more than nine tenths of this, and does not reach it.
    let (process, limit) = (service.process_id().to_string(), format!("--as={}", takes + takes / 16));
    let set = std::process::Command::new("prlimit").args(["--pid", &process, &limit]).status();
    assert!(set.is_ok_and(|set| set.success()));
    let deadline = Instant::now() + Duration::from_secs(20);
    while count(&service, "candor_memory_short").await < 1.0 {
        assert!(Instant::now() < deadline, "of {takes} bytes it takes {}:\n{}", address_space(&service), service.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let outcome = service.caller().desk(TALKS).ring().await.unwrap().outcome().await;
    assert_eq!((outcome.violations.clone(), &outcome.ended_by), (vec![], &EndedBy::Server));
    assert_eq!(outcome.task.as_ref().expect("a task")["candor"]["reason"], "capacity");
    assert_eq!(service.complaints("memory runs short: new calls are passed to a person").len(), 1);
}
