use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

/// Nothing has changed for so long: whoever was writing has finished.
const QUIET: Duration = Duration::from_millis(300);
/// Somebody who never finishes is not waited for.
const PATIENCE: Duration = Duration::from_secs(3);

/// Word of changes in some folders: from the system, as far as it gives it, and on SIGHUP.
pub(in crate::server) struct Changes {
    folders: Vec<PathBuf>,
    changed: Arc<Notify>,
    /// Watches as long as it is there.
    watcher: Option<RecommendedWatcher>,
    asked: Signal,
}

impl Changes {
    /// Watches from now on: what changes while the server gets ready is seen after it.
    pub(in crate::server) fn of(folders: &[&Path]) -> std::io::Result<Changes> {
        let asked = signal(SignalKind::hangup())?;
        let folders = folders.iter().map(|folder| folder.to_path_buf()).collect();
        let mut changes = Changes { folders, changed: Arc::default(), watcher: None, asked };
        changes.watch();
        Ok(changes)
    }

    /// Waits for word of a change.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            () = self.changed.notified() => {}
            Some(()) = self.asked.recv() => {
                tracing::info!("asked to look at the dialogs and prompts again");
                // The folders may be others than those that were watched, under the same name.
                self.watch();
            }
        }
    }

    /// Waits until nothing has changed for a moment.
    pub(super) async fn quiet(&self) {
        let until = Instant::now() + PATIENCE;
        while timeout(QUIET, self.changed.notified()).await.is_ok() && Instant::now() < until {}
    }

    fn watch(&mut self) {
        // The one before goes first: a folder is not watched twice.
        self.watcher = None;
        let watching = watching(&self.folders, self.changed.clone());
        if let Err(error) = &watching {
            tracing::warn!(%error, "changes of dialogs and prompts are not seen by themselves: send SIGHUP after a change");
        }
        self.watcher = watching.ok();
    }
}

fn watching(folders: &[PathBuf], changed: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| match event {
        Ok(event) if is_reading(&event.kind) => {}
        // Words that were lost are a reason to look, too.
        Ok(_) | Err(_) => changed.notify_one(),
    })?;
    for folder in folders {
        watcher.watch(folder, RecursiveMode::Recursive)?;
    }
    Ok(watcher)
}

/// Looking at a file is an event as well, and must be no reason to look again.
fn is_reading(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write))
}
