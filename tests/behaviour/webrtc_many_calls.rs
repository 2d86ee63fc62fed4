//! Many calls by WebRTC, one after the other and side by side: each is a session of its own, and none leaves anything behind.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::by_webrtc::{Held, agree, held, line, metrics, no_session_is_open, opened};
use crate::independent_peer::Peer;
use crate::service::{Service, of_type};

/// A short call: connected, the agent is heard to begin, and the caller leaves by one of three ways.
async fn short_call(peer: &Arc<Peer>, number: usize) -> String {
    let call = peer.call(&format!("call {number}")).await;
    let session = call.session().await;
    call.saying("disclosure-automated").await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    call.hang_up(["close", "channel", "delete"][number % 3]).await;
    call.forget().await;
    session
}

/// Waits until what goes on after a call is over, and looks then.
async fn at_rest(service: &Service) -> Held {
    no_session_is_open(service).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    held(service)
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_calls_one_after_the_other_leave_nothing_behind() {
    let service = line().start();
    let Some(peer) = Peer::of(&service.base).await else { return };
    let mut sessions = BTreeSet::new();
    for number in 0..10 {
        sessions.insert(short_call(&peer, number).await);
    }
    let before = at_rest(&service).await;
    for number in 10..60 {
        sessions.insert(short_call(&peer, number).await);
    }
    let after = at_rest(&service).await;
    eprintln!("before: {before:?}, after: {after:?}");
    assert_eq!((sessions.len(), service.sessions().len()), (60, 60));
    for session in &sessions {
        assert_eq!(service.events_of(session).last().unwrap()["outcome"], "caller-hung-up", "{session}");
    }
    // A socket or a task a call would be fifty of them. Connections of the database and of the operator's come and go.
    assert!(after.descriptors <= before.descriptors + 8, "{before:?}, {after:?}");
    assert!(after.threads <= before.threads + 8, "{before:?}, {after:?}");
    // A call that is kept in memory would be half a megabyte or more of each.
    assert!(after.memory <= before.memory + 50 * 200, "{before:?}, {after:?}");
    let metrics = metrics(&service).await;
    assert!(metrics.contains("candor_sessions_total{transport=\"webrtc\"} 60"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_calls_at_once_are_ten_sessions_and_each_keeps_its_own() {
    // All ten callers share one process, whose reports may be late on a machine with much to do.
    let service = line().with("SESSION__EVIDENCE_MS", "20000").start();
    let Some(peer) = Peer::of(&service.base).await else { return };
    let mut calls = Vec::new();
    for number in 0..10 {
        calls.push(peer.call(&format!("call {number}")).await);
    }
    let before = held(&service);
    let tone = |number: usize| 500 + 100 * number as u32;
    let talking = calls.iter().enumerate().map(|(number, call)| async move {
        agree(call).await;
        call.saying("how-can-i-help").await;
        call.tone(tone(number), 1.5).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        call.hang_up(["close", "channel", "delete"][number % 3]).await;
    });
    futures_util::future::join_all(talking).await;
    for (number, call) in calls.iter().enumerate() {
        let session = call.session().await;
        let events = service.closed_of(&session).await;
        assert_eq!(events.last().unwrap()["outcome"], "caller-hung-up", "{events:#?}");
        assert!(!of_type(&events, "turn.sealed").is_empty(), "{events:#?}");
        let kept = opened(&service, &session);
        for other in 0..10 {
            let found = kept.tone_of_the_caller(tone(other)).len();
            assert!(if other == number { found >= 12 } else { found == 0 }, "call {number} holds {found} of the tone of {other}");
        }
    }
    let after = at_rest(&service).await;
    assert!(after.descriptors <= before.descriptors + 4, "{before:?}, {after:?}");
    assert_eq!(service.sessions().len(), 10);
}
