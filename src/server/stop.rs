//! The end: no new calls, time for those in progress to end by themselves, and a good end for the others.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;

use super::App;
use super::admission::Phase;
use crate::session::Control;

/// How long sessions may take to write the end of their ledgers when the server stops.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(10);
/// How long the routes stay after the last call, for a phone system that asks where its callers go.
const GRACE: Duration = Duration::from_secs(3);
/// How often it is looked how many calls are left.
const LOOK: Duration = Duration::from_millis(100);
/// How often it is said.
const WORD: Duration = Duration::from_secs(10);

/// Takes no new call and lets those in progress end by themselves: until they have, the time is over, or `at_once` comes. Callers who wait for a
/// person go on waiting, and conversations with one go on.
pub(super) async fn drain_calls(app: &App, limit: Duration, mut at_once: Pin<&mut impl Future<Output = ()>>) {
    if limit.is_zero() {
        return;
    }
    app.admission.enter(Phase::Draining);
    let (began, mut said) = (Instant::now(), Instant::now());
    let seconds = limit.as_secs();
    tracing::info!(calls = app.calls_left(), seconds, "draining: no new calls; calls in progress have time to end");
    // A call that was announced is for a moment neither announced nor begun.
    let mut empty = 0;
    while empty < 2 && began.elapsed() < limit {
        empty = if app.calls_left() == 0 { empty + 1 } else { 0 };
        if said.elapsed() >= WORD {
            said = Instant::now();
            let seconds_left = limit.saturating_sub(began.elapsed()).as_secs();
            tracing::info!(calls = app.calls_left(), seconds_left, "draining");
        }
        tokio::select! {
            () = &mut at_once => {
                tracing::info!(calls = app.calls_left(), "draining ends: told to stop at once");
                return;
            }
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    tracing::info!(calls = app.calls_left(), "draining ends");
}

/// Tells every call that the server stops, and waits until the callers are with a person or gone. The routes go on meanwhile: a phone system
/// still has to ask where its caller goes.
pub(super) async fn empty(app: &App, limit: Duration) {
    app.admission.enter(Phase::Stopping);
    let calls = &app.services.calls;
    tracing::info!(calls = calls.talking(), "stopping: no new calls; calls in progress are passed to a person");
    for handle in calls.handles() {
        handle.tell(Control::Stop).await;
    }
    let deadline = Instant::now() + limit;
    while calls.talking() > 0 && Instant::now() < deadline {
        tokio::time::sleep(LOOK).await;
    }
    if calls.talking() > 0 {
        tracing::error!(
            calls = calls.talking(),
            "calls were still talking when the time to stop was over: their callers are passed to a person now"
        );
        for handle in calls.talking_handles() {
            handle.tell(Control::GiveUp).await;
        }
        tokio::time::sleep(GRACE).await;
    }
    // The phone system asks where its callers go a moment after their streams have closed.
    // … and tells what became of them a while later: as long as there is time, that is heard too.
    let grace = deadline.max(Instant::now() + GRACE);
    while calls.open() > 0 && Instant::now() < grace {
        tokio::time::sleep(LOOK).await;
    }
    for handle in calls.handles() {
        handle.tell(Control::GiveUp).await;
    }
    if tokio::time::timeout(LAST_WORDS, calls.all_closed()).await.is_err() {
        tracing::error!("sessions could not be closed in time; the next start marks them as lost");
    }
}
