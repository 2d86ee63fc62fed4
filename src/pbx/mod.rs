//! How Candor gives orders to an Asterisk beside the sound of its calls: variables that travel with a caller, where the caller goes when the agent leaves, and
//! Asterisk's own recorder.
//!
//! [`Control`] is the whole of it. It speaks by the manager interface ([`Via::Ami`]), by the REST interface ([`Via::Ari`]), or not at all
//! ([`Via::Dialplan`]): then the dialplan asks what is next when the agent's leg has ended, which it does as well whenever an order fails. So nothing here is
//! needed for a caller to reach a person, and every order has a limit of time.
//!
//! This room knows the wire of both interfaces and channels by their unique ids. It decides nothing: who is handed over, and whether something may be
//! recorded, others say. It looks at no consent but passes it on as an attribute.

mod ami;
mod ari;
mod error;
mod reconnecting;
mod recorder;
mod settings;
mod tls;
mod variables;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use self::ami::Ami;
use self::ari::Ari;
pub use self::error::PbxError;
use self::recorder::RecorderPlan;
pub use self::recorder::{RecorderFor, RecorderSettings};
pub use self::settings::{ControlPlan, ControlSettings, SettingsError, Via};
use self::settings::{Place, WayPlan};
pub use self::tls::TlsError;
pub use self::variables::Variables;
use crate::consent::Purpose;

/// The parsers of what Asterisk says, for fuzzing.
#[cfg(any(fuzzing, test))]
pub mod parsers {
    pub use super::ami::ami_message;
}

/// For how long a recorder that could not be stopped is tried to be stopped, and with which pauses.
const INSIST: Duration = Duration::from_secs(3_600);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// How long after it was stopped it is stopped once more.
const ONCE_MORE: Duration = Duration::from_secs(5);
/// How many such recorders are looked after at once.
const INSISTING: usize = 1024;

/// A call, by the unique id of the caller's channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CallRef(String);

impl CallRef {
    /// Takes an id of 1 to 64 letters, digits and `.`, `-`, `_`. `None`: it is no such id.
    pub fn new(unique_id: &str) -> Option<CallRef> {
        let whole = unique_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
        // `.` and `..` are not names in an address.
        let named = unique_id.bytes().any(|byte| byte != b'.');
        (whole && named && unique_id.len() <= 64).then(|| CallRef(unique_id.to_owned()))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why no orders can ever be given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The encrypted connection cannot be made.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is no client for HTTP.
    #[error("asterisk.control: no HTTP client can be made: {0}")]
    Http(reqwest::Error),
    /// Name and secret do not make a header.
    #[error("asterisk.control: username and secret cannot be sent to Asterisk: use letters, digits and signs")]
    Unusable,
}

/// Gives orders to an Asterisk. Cheap to clone; the connection ends with the last of the clones.
#[derive(Clone)]
pub struct Control(Arc<Inner>);

struct Inner {
    way: Way,
    place: Place,
    time_limit: Duration,
    recorder: RecorderPlan,
    insisting: Arc<Semaphore>,
}

enum Way {
    Dialplan,
    Ami(Ami),
    Ari(Ari),
}

impl Control {
    /// Connects in the background and keeps the connection; returns before it is there. Needs a runtime.
    ///
    /// # Errors
    /// [`StartError`]: a certificate that cannot be read, or no TLS. That Asterisk is not there is no error: it may come.
    pub fn start(plan: ControlPlan) -> Result<Control, StartError> {
        if plan.is_overheard() {
            tracing::warn!(
                "orders to Asterisk, with what callers gave, leave this machine unencrypted: give asterisk.control.address as tls:// or https://"
            );
        }
        let way = match plan.way {
            WayPlan::Dialplan => Way::Dialplan,
            WayPlan::Ami(ami) => Way::Ami(Ami::open(ami)?),
            WayPlan::Ari(ari) => Way::Ari(Ari::open(ari, plan.time_limit)?),
        };
        let insisting = Arc::new(Semaphore::new(INSISTING));
        Ok(Control(Arc::new(Inner { way, place: plan.place, time_limit: plan.time_limit, recorder: plan.recorder, insisting })))
    }

    /// The interface.
    pub fn via(&self) -> Via {
        match self.0.way {
            Way::Dialplan => Via::Dialplan,
            Way::Ami(_) => Via::Ami,
            Way::Ari(_) => Via::Ari,
        }
    }

    /// Whether orders can be given at this moment; `None` where none ever are.
    pub fn is_connected(&self) -> Option<bool> {
        match &self.0.way {
            Way::Dialplan => None,
            Way::Ami(ami) => Some(ami.is_up()),
            Way::Ari(ari) => Some(ari.is_up()),
        }
    }

    /// Waits until caller and agent hear each other. By ARI the agent's connection is there a moment before the caller is joined to it, and what is
    /// said in that moment is heard by nobody and reported as played; everywhere else this returns at once.
    ///
    /// # Errors
    /// [`PbxError::NoSuchChannel`]: the caller is gone. [`PbxError::TimedOut`].
    pub async fn joined(&self, call: &CallRef) -> Result<(), PbxError> {
        match &self.0.way {
            Way::Ari(ari) => ari.joined(call, self.0.deadline()).await,
            Way::Dialplan | Way::Ami(_) => Ok(()),
        }
    }

    /// Sets the variables on the caller's channel and sends them to the configured place of the dialplan. Asterisk then closes the agent's leg (AMI), or
    /// leaves it to be closed (ARI). Recorders have to be stopped before. After an error the caller is where they were: close the leg, and the dialplan
    /// asks what is next.
    ///
    /// # Errors
    /// [`PbxError`]. After [`PbxError::TimedOut`] it may have happened all the same.
    pub async fn hand_over(&self, call: &CallRef, variables: &Variables) -> Result<(), PbxError> {
        let (inner, deadline) = (&self.0, self.0.deadline());
        let handed = async {
            match &inner.way {
                Way::Dialplan => Err(PbxError::NotConfigured),
                Way::Ami(ami) => {
                    ami.set_variables(call, variables, deadline).await?;
                    ami.redirect(call, &inner.place, deadline).await
                }
                Way::Ari(ari) => ari.hand_over(call, variables, &inner.place, deadline).await,
            }
        };
        counted("hand-over", handed.await)
    }

    /// Whether Asterisk's recorder is ever started.
    pub fn records(&self) -> bool {
        !self.0.recorder.after_grant.is_empty()
    }

    /// Whether Asterisk's recorder is to be started when this purpose is granted.
    pub fn records_after(&self, purpose: &Purpose) -> bool {
        self.0.recorder.after_grant.contains(purpose)
    }

    /// Starts Asterisk's recorder. The file is Asterisk's, on its machine; what Candor can do about it is in [`Control::stop_recorder`] and
    /// [`Control::erase_recording`].
    ///
    /// # Errors
    /// [`PbxError`]. Where it is not known whether the recorder runs (no answer in time, a connection lost), it is stopped in the background.
    pub async fn start_recorder(&self, call: &CallRef, of: RecorderFor<'_>) -> Result<Recording, PbxError> {
        let (inner, deadline) = (&self.0, self.0.deadline());
        let file = inner.recorder.file(of);
        // From here on it may run: dropped, also with this future, it is stopped.
        let mut recording = Recording { inner: inner.clone(), call: call.clone(), file, id: None, runs: AtomicBool::new(true) };
        let started = match &inner.way {
            Way::Dialplan => Err(PbxError::NotConfigured),
            Way::Ami(ami) => ami.start_recorder(call, &recording.file, &inner.recorder.options, deadline).await.map(Some),
            Way::Ari(ari) => ari.start_recorder(call, &recording.file, deadline).await.map(|()| None),
        };
        if started.as_ref().is_err_and(|error| !error.may_pass()) {
            recording.runs = AtomicBool::new(false);
        }
        recording.id = counted("recorder-start", started)?;
        Ok(recording)
    }

    /// Stops Asterisk's recorder; the file grows no more when this returns without an error.
    ///
    /// # Errors
    /// [`PbxError`]: whether it has stopped is not known, which belongs into the account. Where it may still run it is tried again in the background, until the call
    /// is over or an hour has gone.
    pub async fn stop_recorder(&self, recording: &Recording) -> Result<(), PbxError> {
        if !recording.runs.load(Ordering::Acquire) {
            return Ok(());
        }
        let stopped = counted("recorder-stop", recording.stop().await);
        // Only now: where nobody waits for this any more, dropping the recording stops it.
        let ran = recording.runs.swap(false, Ordering::AcqRel);
        if ran && stopped.as_ref().is_err_and(PbxError::may_pass) {
            recording.insist();
        }
        stopped
    }

    /// Stops the recorder and has Asterisk delete its file.
    ///
    /// # Errors
    /// [`PbxError::NotPossible`] by AMI, which knows no such order: the file is the PBX's to delete. Otherwise as [`Control::stop_recorder`].
    pub async fn erase_recording(&self, recording: &Recording) -> Result<(), PbxError> {
        self.stop_recorder(recording).await?;
        let erased = match &self.0.way {
            Way::Ari(ari) => ari.erase_recording(&recording.file, self.0.deadline()).await,
            Way::Dialplan | Way::Ami(_) => Err(PbxError::NotPossible),
        };
        counted("recording-erase", erased)
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Control({})", self.via().as_str())
    }
}

impl Inner {
    fn deadline(&self) -> Instant {
        Instant::now() + self.time_limit
    }
}

/// Counts an order by what became of it.
fn counted<T>(order: &'static str, result: Result<T, PbxError>) -> Result<T, PbxError> {
    let class = result.as_ref().map_or_else(|error| error.class(), |_| "done");
    metrics::counter!("candor_pbx_orders_total", "order" => order, "result" => class).increment(1);
    result
}

/// A recorder of Asterisk's that was started. Dropped without being stopped, it is stopped in the background.
pub struct Recording {
    inner: Arc<Inner>,
    call: CallRef,
    file: String,
    /// AMI: which of the channel's recorders it is; `None` where the order to start it was not answered.
    id: Option<String>,
    runs: AtomicBool,
}

impl Recording {
    /// The file, as Asterisk was told it: relative to its folder of recordings, or absolute.
    pub fn file(&self) -> &str {
        &self.file
    }

    async fn stop(&self) -> Result<(), PbxError> {
        stop(&self.inner, &self.call, &self.file, self.id.as_deref()).await
    }

    /// Tries to stop it until that is certain.
    fn insist(&self) {
        let Ok(runtime) = Handle::try_current() else { return };
        let Ok(place) = self.inner.insisting.clone().try_acquire_owned() else { return };
        let (inner, call, file, id) = (self.inner.clone(), self.call.clone(), self.file.clone(), self.id.clone());
        runtime.spawn(async move {
            let _place = place;
            let pauses = ExponentialBuilder::default()
                .with_min_delay(FIRST_PAUSE)
                .with_max_delay(LONGEST_PAUSE)
                .with_total_delay(Some(INSIST))
                .without_max_times()
                .with_jitter();
            let until_known = || (|| stop(&inner, &call, &file, id.as_deref())).retry(pauses).when(PbxError::may_pass);
            let _ = counted("recorder-stop", until_known().await);
            // An order to start it may have been read after that one: it was given first, on another connection.
            sleep(ONCE_MORE).await;
            let _ = until_known().await;
        });
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if *self.runs.get_mut() {
            self.insist();
        }
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recording({})", self.file)
    }
}

async fn stop(inner: &Inner, call: &CallRef, file: &str, id: Option<&str>) -> Result<(), PbxError> {
    match &inner.way {
        Way::Dialplan => Ok(()),
        Way::Ami(ami) => match ami.stop_recorder(call, id, inner.deadline()).await {
            // The call is over, and its recorders with it.
            Err(PbxError::NoSuchChannel) => Ok(()),
            other => other,
        },
        Way::Ari(ari) => ari.stop_recorder(file, inner.deadline()).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_named_by_what_fits_into_a_line_and_an_address() {
        for id in ["1795909069.1", "pbx-1_a.17"] {
            assert_eq!(CallRef::new(id).unwrap().as_str(), id);
        }
        for id in ["", ".", "..", "a/b", "a\r\nAction: Logoff", "a b", "ü", &"1".repeat(65)] {
            assert_eq!(CallRef::new(id), None, "{id:?}");
        }
    }

    #[tokio::test]
    async fn without_an_interface_nothing_is_ordered_and_nothing_waits() {
        let plan = ControlSettings::default().check(&RecorderSettings::default()).unwrap();
        let control = Control::start(plan).unwrap();
        let (call, purpose) = (CallRef::new("1.1").unwrap(), Purpose::new("service-quality").unwrap());
        assert_eq!((control.via(), control.is_connected()), (Via::Dialplan, None));
        assert_eq!(control.joined(&call).await, Ok(()));
        assert_eq!(control.hand_over(&call, &Variables::default()).await, Err(PbxError::NotConfigured));
        let of = RecorderFor { session: uuid::Uuid::nil(), purpose: &purpose, number: 1 };
        assert_eq!(control.start_recorder(&call, of).await.unwrap_err(), PbxError::NotConfigured);
        assert!(!control.records_after(&purpose));
    }
}
