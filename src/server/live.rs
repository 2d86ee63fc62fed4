//! Live editing: what is changed in the folders of dialogs and prompts takes effect for new calls, and calls that are in progress go on with what
//! they began with.
//!
//! [`Live`] holds the [`Edition`] that new calls are served, and swaps it whole. [`Editor`] waits for changes ([`watcher`], or SIGHUP), lets
//! [`studio`] make what has changed, beside the calls, and has [`settle`] decide what is served. Only what is rendered, measured and checked
//! is swapped in; a file that is refused is named, and what it held before goes on.

mod edition;
mod refused;
mod settle;
mod studio;
mod watcher;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;

use super::start::warn_of_unknown_words;
use crate::session::{Script, Services};

pub use self::edition::Edition;
pub(super) use self::refused::Refused;
pub(super) use self::studio::{Shelf, Studio};
pub(super) use self::watcher::Changes;

/// How long after a look that found something wrong the files are looked at again before it is said: a file that is being written is whole then.
const AGAIN: Duration = Duration::from_millis(700);

/// What new calls are served.
pub struct Live {
    current: ArcSwap<Edition>,
    /// Every script that was ever served and may still be held by a call.
    scripts: Mutex<Vec<Weak<Script>>>,
    /// Those whose recognisers could be loaded at the start.
    languages_at_start: BTreeSet<String>,
}

impl Live {
    pub(super) fn new(first: Edition) -> Live {
        let scripts = first.scripts().map(Arc::downgrade).collect();
        let languages_at_start = first.languages().into_iter().map(str::to_owned).collect();
        Live { current: ArcSwap::from_pointee(first), scripts: Mutex::new(scripts), languages_at_start }
    }

    /// What a call that begins now is served.
    pub fn edition(&self) -> Arc<Edition> {
        self.current.load_full()
    }

    /// Whether a language has come since the start: its recogniser is loaded at the next one.
    pub(super) fn is_new(&self, language: &str) -> bool {
        !self.languages_at_start.contains(language)
    }

    /// How many scripts are in memory: those that are served, and those that calls still keep to.
    pub(super) fn scripts_held(&self) -> usize {
        let mut scripts = self.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        scripts.retain(|script| script.strong_count() > 0);
        scripts.len()
    }

    /// Serves the next edition, and says what is new in it.
    fn publish(&self, next: Edition, services: &Services) {
        let before = self.edition();
        let next = Arc::new(next);
        let is_new = |script: &&Arc<Script>| !before.scripts().any(|known| Arc::ptr_eq(known, script));
        let new: Vec<Arc<Script>> = next.scripts().filter(is_new).cloned().collect();
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner).extend(new.iter().map(Arc::downgrade));
        self.current.store(next.clone());
        services.desk.speak(next.languages().into_iter().map(str::to_owned).collect());
        let refused = next.new_refusals(&before);
        if new.is_empty() && refused.is_empty() {
            metrics::counter!("candor_dialog_reloads_total", "result" => "unchanged").increment(1);
        }
        for script in new {
            metrics::counter!("candor_dialog_reloads_total", "result" => "taken").increment(1);
            let (dialog, version) = (script.name(), &script.dialog.version);
            tracing::info!(dialog, version, "a changed dialog was taken: new calls get it, calls in progress go on with theirs");
            self.warn_of(&script, services);
        }
        for refused in refused {
            metrics::counter!("candor_dialog_reloads_total", "result" => "refused").increment(1);
            tracing::error!("what was changed is not served, and what was served before goes on: {refused}");
        }
        for mended in before.refused().iter().filter(|refused| next.refused_of(&refused.file).is_none()) {
            tracing::info!(file = %mended.file.display(), "a dialog that was refused is in order again: new calls get what the file says now");
        }
        for gone in before.scripts().filter(|script| next.script(script.name()).is_none()) {
            metrics::counter!("candor_dialog_reloads_total", "result" => "gone").increment(1);
            tracing::warn!(dialog = gone.name(), "no file holds this dialog any more: new calls do not get it");
        }
    }

    fn warn_of(&self, script: &Script, services: &Services) {
        for language in script.languages().filter(|language| self.is_new(language)) {
            let dialog = script.name();
            tracing::warn!(dialog, language, "a language that is new here: keys only until the server is started again");
        }
        warn_of_unknown_words([&*script.dialog], &services.recognisers);
    }
}

/// Has what is edited served, for as long as the server runs.
pub(super) struct Editor {
    pub(super) live: Arc<Live>,
    pub(super) services: Arc<Services>,
    pub(super) studio: Studio,
    pub(super) changes: Changes,
}

impl Editor {
    /// Waits for changes, and takes them.
    pub(super) async fn keep(mut self) {
        loop {
            self.changes.next().await;
            self.renew().await;
        }
    }

    async fn renew(&mut self) {
        let mut seen = None;
        loop {
            self.changes.quiet().await;
            let before = self.live.edition();
            // Who is still writing is heard of again.
            let Ok(next) = self.studio.look(&before).await else { continue };
            let said: Vec<String> = next.new_refusals(&before).iter().map(ToString::to_string).collect();
            if said.is_empty() || seen.as_ref() == Some(&said) {
                return self.live.publish(next, &self.services);
            }
            seen = Some(said);
            tokio::time::sleep(AGAIN).await;
        }
    }
}
