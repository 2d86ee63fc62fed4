//! Orders by Asterisk's REST interface (ARI).
//!
//! Callers come into a Stasis application. For each of them a bridge is made, and a channel of Asterisk's own that connects to the agent by WebSocket, as
//! `Dial(WebSocket/…)` would; what the agent is told of the call stands in that connection's address. When the agent's leg ends, the caller goes on in their
//! dialplan, behind `Stasis()`; one who is handed over goes to the configured place instead. `DIALSTATUS` says there what `Dial` would have said.

mod calls;
mod events;
mod rest;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use url::form_urlencoded::byte_serialize;

use self::calls::{Bridge, Caller, Calls, Channel, Ended, Stage, Todo};
use self::events::Events;
use self::rest::Rest;
use super::error::PbxError;
use super::settings::{AriPlan, Place};
use super::{CallRef, StartError, Variables};

/// How often it is looked whether a recording is closed.
const CLOSING: Duration = Duration::from_millis(10);
/// How many variables are set at once.
const AT_ONCE: usize = 8;

/// Gives orders by ARI.
pub(super) struct Ari {
    application: Arc<Application>,
    up: watch::Receiver<bool>,
    /// Ends with this.
    _keeper: AbortOnDropHandle<()>,
}

/// The Stasis application and who is in it.
struct Application {
    rest: Rest,
    calls: Mutex<Calls>,
    app: String,
    websocket_client: String,
    time_limit: Duration,
}

impl Ari {
    pub(super) fn open(plan: AriPlan, time_limit: Duration) -> Result<Ari, StartError> {
        let application = Arc::new(Application {
            rest: Rest::new(&plan)?,
            calls: Mutex::new(Calls::new(&plan.app, u64::from(rand::random::<u32>()) << 20)),
            app: plan.app.clone(),
            websocket_client: plan.websocket_client.clone(),
            time_limit,
        });
        let (tell, up) = watch::channel(false);
        let events = Events::new(&plan, application.clone(), tell)?;
        Ok(Ari { application, up, _keeper: AbortOnDropHandle::new(tokio::spawn(events.keep())) })
    }

    pub(super) fn is_up(&self) -> bool {
        *self.up.borrow()
    }

    /// Waits until caller and agent hear each other; at once for a call that is not in the application.
    pub(super) async fn joined(&self, call: &CallRef, deadline: Instant) -> Result<(), PbxError> {
        let Some(mut stage) = self.application.calls().stage(call.as_str()) else { return Ok(()) };
        match timeout_at(deadline, stage.wait_for(|stage| *stage == Stage::Joined)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(PbxError::NoSuchChannel),
            Err(_) => Err(PbxError::TimedOut),
        }
    }

    /// Sets the variables and sends the caller to the place, away from the agent.
    pub(super) async fn hand_over(
        &self,
        call: &CallRef,
        variables: &Variables,
        place: &Place,
        deadline: Instant,
    ) -> Result<(), PbxError> {
        let application = &self.application;
        let number = application.calls().hand_over(call.as_str()).ok_or(PbxError::NoSuchChannel)?;
        let mut leaving = Leaving { application, call: call.as_str(), number, left: false };
        application.send_to(call.as_str(), variables, place, deadline).await?;
        leaving.left = true;
        Ok(())
    }

    /// Records the bridge: what caller and agent hear. `file` ends with the format.
    pub(super) async fn start_recorder(&self, call: &CallRef, file: &str, deadline: Instant) -> Result<(), PbxError> {
        let bridge = {
            let calls = self.application.calls();
            let number = calls.joined(call.as_str()).ok_or(PbxError::NoSuchChannel)?;
            calls.bridge(call.as_str(), number)
        };
        let (name, format) = file.rsplit_once('.').ok_or(PbxError::Unsendable)?;
        let order = json!({"name": name, "format": format, "ifExists": "fail"});
        self.ask(Method::POST, &["bridges", &bridge, "record"], Some(order), deadline).await
    }

    /// Stops a recorder and waits until its file is closed; one that does not run is stopped.
    pub(super) async fn stop_recorder(&self, file: &str, deadline: Instant) -> Result<(), PbxError> {
        let name = file.rsplit_once('.').map_or(file, |(name, _)| name);
        match self.ask(Method::POST, &["recordings", "live", name, "stop"], None, deadline).await {
            Err(PbxError::NoSuchChannel) => return Ok(()),
            other => other?,
        }
        // Asterisk answers before it has written what it still holds.
        loop {
            match self.ask(Method::GET, &["recordings", "live", name], None, deadline).await {
                Err(PbxError::NoSuchChannel) => return Ok(()),
                other => other?,
            }
            sleep(CLOSING).await;
        }
    }

    /// Deletes what was recorded.
    pub(super) async fn erase_recording(&self, file: &str, deadline: Instant) -> Result<(), PbxError> {
        let name = file.rsplit_once('.').map_or(file, |(name, _)| name);
        there_or_not(self.ask(Method::DELETE, &["recordings", "stored", name], None, deadline).await)
    }

    async fn ask(&self, method: Method, path: &[&str], body: Option<Value>, deadline: Instant) -> Result<(), PbxError> {
        self.application.rest.ask(method, path, body, deadline).await.map(drop)
    }
}

/// A caller who is being sent elsewhere. Where that fails, or nobody waits for it any more, they are the agent's again, or go on if the agent has left.
struct Leaving<'a> {
    application: &'a Arc<Application>,
    call: &'a str,
    number: u64,
    left: bool,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if !self.left {
            let alone = self.application.calls().not_handed_over(self.call, self.number);
            alone.into_iter().for_each(|ended| self.application.clean_up(ended));
        }
    }
}

impl Application {
    /// Never held across a wait.
    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.time_limit
    }

    /// Takes an event. Whether another program has taken the application.
    fn hear(self: &Arc<Self>, text: &str) -> bool {
        let todo = self.calls().hear(text);
        todo.is_some_and(|todo| self.begin(todo))
    }

    /// Begins with what is to be done; whether another program has taken the application.
    fn begin(self: &Arc<Self>, todo: Todo) -> bool {
        match todo {
            Todo::Replaced => return true,
            Todo::Join(caller) => self.take_in(caller),
            Todo::End(ended) => self.clean_up(ended),
            Todo::HangUp(channel) => {
                let application = self.clone();
                tokio::spawn(async move { application.delete("channels", &channel).await });
            }
        }
        false
    }

    /// Looks after whoever came or went while no events came.
    async fn make_up(self: &Arc<Self>) -> Result<(), PbxError> {
        #[derive(Deserialize)]
        struct Registered {
            #[serde(default)]
            channel_ids: Vec<String>,
        }
        let deadline = self.deadline();
        let bridges = self.rest.ask(Method::GET, &["bridges"], None, deadline).await?;
        let bridges: Vec<Bridge> =
            serde_json::from_value(bridges).map_err(|_| PbxError::refused("its list of bridges is none"))?;
        let registered = self.rest.ask(Method::GET, &["applications", &self.app], None, deadline).await?;
        let registered: Registered =
            serde_json::from_value(registered).map_err(|_| PbxError::refused("its application is none"))?;
        let (todo, alone) = self.calls().compare(&bridges, &registered.channel_ids);
        for todo in todo {
            self.begin(todo);
        }
        for channel in alone {
            let channel = self.rest.ask(Method::GET, &["channels", &channel], None, self.deadline()).await;
            if let Some(channel) = channel.ok().and_then(|channel| serde_json::from_value::<Channel>(channel).ok()) {
                self.take_in(channel.caller_of_dialplan());
            }
        }
        Ok(())
    }

    /// Whether nobody has the application's name any more.
    async fn is_free(&self) -> bool {
        matches!(
            self.rest.ask(Method::GET, &["applications", &self.app], None, self.deadline()).await,
            Err(PbxError::NoSuchChannel)
        )
    }

    /// Connects a caller with the agent.
    fn take_in(self: &Arc<Self>, caller: Caller) {
        let begun = self.calls().begin(&caller.call);
        let application = self.clone();
        let Some((number, stage)) = begun else {
            // One who is known is being connected; one beyond the limit goes on.
            if self.calls().stage(&caller.call).is_none() {
                let ended = Ended { call: caller.call, number: 0, caller_stays: true, joined: false };
                self.clean_up(ended);
            }
            return;
        };
        tokio::spawn(async move {
            let joined = application.join(&caller, number, stage).await;
            let result = joined.as_ref().map_or_else(|error| error.class(), |()| "done");
            metrics::counter!("candor_pbx_orders_total", "order" => "join", "result" => result).increment(1);
            if joined.is_err() {
                let ended = application.calls().end(&caller.call, number, true);
                ended.into_iter().for_each(|ended| application.clean_up(ended));
            }
        });
    }

    async fn join(&self, caller: &Caller, number: u64, mut stage: watch::Receiver<Stage>) -> Result<(), PbxError> {
        let deadline = self.deadline();
        let (media, bridge) = {
            let calls = self.calls();
            (calls.media(&caller.call, number), calls.bridge(&caller.call, number))
        };
        let ask = |path: Vec<String>, body: Option<Value>| async move {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            self.rest.ask(Method::POST, &path, body, deadline).await
        };
        let add =
            |channel: &str| ask(vec!["bridges".into(), bridge.clone(), "addChannel".into()], Some(json!({"channel": channel})));
        ask(vec!["bridges".into(), bridge.clone()], Some(json!({"type": "mixing", "name": self.app}))).await?;
        add(&caller.call).await?;
        let agent = json!({
            "app": self.app,
            "channelId": media,
            "external_host": self.websocket_client,
            "transport": "websocket",
            "encapsulation": "none",
            "connection_type": "client",
            "format": "ulaw",
            "transport_data": format!("v({})f(json)", told(caller)),
        });
        ask(vec!["channels".into(), "externalMedia".into()], Some(agent)).await?;
        let over = |_| PbxError::NoSuchChannel;
        timeout_at(deadline, stage.wait_for(|stage| *stage != Stage::Connecting))
            .await
            .map_err(|_| PbxError::TimedOut)?
            .map_err(over)?;
        add(&media).await?;
        ask(vec!["channels".into(), caller.call.clone(), "answer".into()], None).await?;
        timeout_at(deadline, stage.wait_for(|stage| *stage == Stage::Joined))
            .await
            .map_err(|_| PbxError::TimedOut)?
            .map_err(over)?;
        Ok(())
    }

    async fn send_to(&self, call: &str, variables: &Variables, place: &Place, deadline: Instant) -> Result<(), PbxError> {
        if self.rest.variable(call, &place.exists(), deadline).await? != "1" {
            return Err(PbxError::NoSuchPlace);
        }
        let path = ["channels", call, "variable"];
        // Made before they are streamed: a closure over borrowed pairs would make this future one that no task can run.
        let values: Vec<_> = variables.iter().map(|(name, value)| json!({"variable": name, "value": value})).collect();
        stream::iter(values)
            .map(|value| self.rest.ask(Method::POST, &path, Some(value), deadline))
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        let order = json!({"context": place.context, "extension": place.extension, "priority": place.priority});
        self.rest.ask(Method::POST, &["channels", call, "continue"], Some(order), deadline).await.map(drop)
    }

    /// Puts away what a leg leaves, and sends a caller on who is left alone. As long as Asterisk cannot be reached it is tried again for a while; after
    /// that, the next connection finds them.
    fn clean_up(self: &Arc<Self>, ended: Ended) {
        // Without a runtime the process is ending.
        let Ok(runtime) = Handle::try_current() else { return };
        let application = self.clone();
        runtime.spawn(async move {
            if ended.caller_stays {
                let pauses =
                    ExponentialBuilder::default().with_min_delay(Duration::from_millis(100)).with_max_times(8).with_jitter();
                let released = (|| application.release(&ended)).retry(pauses).when(PbxError::may_pass).await;
                let result = released.as_ref().map_or_else(|error| error.class(), |()| "done");
                metrics::counter!("candor_pbx_orders_total", "order" => "release", "result" => result).increment(1);
            }
            let (media, bridge) = {
                let calls = application.calls();
                (calls.media(&ended.call, ended.number), calls.bridge(&ended.call, ended.number))
            };
            application.delete("channels", &media).await;
            application.delete("bridges", &bridge).await;
        });
    }

    /// Lets a caller go on in their dialplan.
    async fn release(&self, ended: &Ended) -> Result<(), PbxError> {
        let deadline = self.deadline();
        let path = ["channels", ended.call.as_str(), "variable"];
        let status = if ended.joined { "ANSWER" } else { "CONGESTION" };
        there_or_not(
            self.rest
                .ask(Method::POST, &path, Some(json!({"variable": "DIALSTATUS", "value": status})), deadline)
                .await
                .map(drop),
        )?;
        let path = ["channels", ended.call.as_str(), "continue"];
        there_or_not(self.rest.ask(Method::POST, &path, None, deadline).await.map(drop))
    }

    /// Whether it was there or not.
    async fn delete(&self, kind: &str, id: &str) {
        let pauses = ExponentialBuilder::default().with_min_delay(Duration::from_millis(100)).with_max_times(4).with_jitter();
        let deleted = || async { self.rest.ask(Method::DELETE, &[kind, id], None, self.deadline()).await };
        let _ = deleted.retry(pauses).when(PbxError::may_pass).await;
    }
}

/// What the agent is told of a caller, as the query of its connection's address.
fn told(caller: &Caller) -> String {
    let known = [
        ("call", Some(&caller.call)),
        ("channel", Some(&caller.channel)),
        ("from", caller.from.as_ref()),
        ("to", caller.to.as_ref()),
        ("language", caller.language.as_ref()),
    ];
    let pairs = known.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
    // Commas and brackets, which would end it, are encoded.
    let pairs = pairs.map(|(name, value)| format!("{name}={}", byte_serialize(value.as_bytes()).collect::<String>()));
    pairs.collect::<Vec<_>>().join(",")
}

/// What was wanted gone may be gone.
fn there_or_not(result: Result<(), PbxError>) -> Result<(), PbxError> {
    match result {
        Err(PbxError::NoSuchChannel) => Ok(()),
        other => other,
    }
}
