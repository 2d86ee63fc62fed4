use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::deletion::{Account, Erased, OneAtATime, delete_what_ends};
use super::{Index, RecordingError, Settings};
use crate::episode::Episodes;
use crate::ledger;
use crate::wall_clock::WallClock;

/// How often a server looks for what must go.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How often it looks at the clock, and tries again what failed.
const LOOK: Duration = Duration::from_secs(60);

/// Deletes what must go at `now`: wraps whose time is over (not under a hold), turns without a wrap, what earlier deletions left;
/// then the ledgers whose term is over and of whose session nothing is kept.
pub async fn sweep(
    settings: &Settings,
    ledger: &ledger::Settings,
    index: &Index,
    now: Timestamp,
) -> Result<Erased, RecordingError> {
    let mut all = Erased::default();
    for session in index.end_what_is_due(now).await? {
        // For each session anew, so that a withdrawal in a call does not wait for the whole sweep.
        let lock = OneAtATime::wait(settings).await?;
        let erased = delete_what_ends(settings, index, session, Account::Afterwards(ledger), &lock).await?;
        all = Erased {
            wraps: all.wraps + erased.wraps,
            turns: all.turns + erased.turns,
            held: all.held + erased.held,
            kept: all.kept + erased.kept,
        };
    }
    if let Some(term) = ledger.term {
        end_ledgers(ledger, index, now, term).await?;
    }
    Ok(all)
}

async fn end_ledgers(ledger: &ledger::Settings, index: &Index, now: Timestamp, term: Duration) -> Result<(), RecordingError> {
    let settings = ledger.clone();
    let ended = tokio::task::spawn_blocking(move || ledger::ended_before(&settings, now, term)).await;
    for session in ended.unwrap_or_else(|_| Ok(Vec::new()))? {
        let kept = index.session(session).await?;
        if kept.as_ref().is_some_and(|session| !session.turns.is_empty() || !session.holds.is_empty()) {
            continue;
        }
        ledger::delete_session(ledger, session)?;
        index.forget_session(session).await?;
        tracing::info!(%session, "the term of a session's ledger has ended; it was deleted");
    }
    Ok(())
}

/// Sweeps at once and then every hour, until `stop` comes. What fails is tried again after a minute. By a clock that was just moved
/// nothing is deleted.
pub async fn sweep_until(settings: Settings, ledger: ledger::Settings, index: Index, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let settings_of_ledger = ledger.clone();
    let last = tokio::task::spawn_blocking(move || ledger::last_written(&settings_of_ledger)).await;
    let mut clock = WallClock::watch_from(last.ok().flatten());
    let (faults, mut due) = (Episodes::new(), Instant::now());
    loop {
        if let Some(now) = clock.steady().filter(|_| due <= Instant::now()) {
            match sweep(&settings, &ledger, &index, now).await {
                Ok(Erased { wraps, turns, .. }) => {
                    due = Instant::now() + EVERY;
                    if wraps > 0 {
                        tracing::info!(wraps, turns, "what was kept long enough has been deleted");
                    }
                    if let Some(times) = faults.over("sweep") {
                        tracing::info!(times, "what was kept long enough can be deleted again");
                    }
                }
                Err(error) => {
                    metrics::counter!("candor_sweeps_failed_total").increment(1);
                    if let Some(times) = faults.met("sweep") {
                        tracing::error!(%error, times, "what was kept long enough could not be deleted; it is tried again every minute");
                    }
                }
            }
        }
        tokio::select! {
            () = &mut stop => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
