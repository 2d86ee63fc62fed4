//! Orders by Asterisk's manager interface (AMI).
//!
//! A channel is named by its unique id, which every action takes in place of the channel's name. Actions of one call are sent in order on one
//! connection, and Asterisk carries them out in that order.

mod connection;
mod message;
#[cfg(test)]
mod tests;

use tokio::time::Instant;

use self::connection::Connection;
pub(super) use self::message::NotALine;
#[cfg(any(fuzzing, test))]
pub use self::message::ami_message;
use self::message::{Action, Message};
use super::error::PbxError;
use super::settings::{AmiPlan, Place};
use super::tls::TlsError;
use super::{CallRef, Variables};

/// The variable in which Asterisk keeps the id of the recorder that it started for us; a dialplan can stop just that one.
const RECORDER: &str = "CANDOR_RECORDER";

/// Gives orders by AMI.
pub(super) struct Ami {
    connection: Connection,
}

impl Ami {
    pub(super) fn open(plan: AmiPlan) -> Result<Ami, TlsError> {
        Ok(Ami { connection: Connection::open(plan)? })
    }

    pub(super) fn is_up(&self) -> bool {
        self.connection.is_up()
    }

    pub(super) async fn set_variables(&self, call: &CallRef, variables: &Variables, deadline: Instant) -> Result<(), PbxError> {
        let actions = variables.iter().map(|(name, value)| variable(call, name, value)).collect::<Result<Vec<_>, _>>()?;
        let answers = self.connection.ask(actions, deadline).await?;
        answers.iter().try_for_each(carried_out)
    }

    /// Sends a caller elsewhere in the dialplan, out of whatever they are in. Nobody is sent to a place that is not there: Asterisk would hang up on them.
    pub(super) async fn redirect(&self, call: &CallRef, place: &Place, deadline: Instant) -> Result<(), PbxError> {
        let question = get_variable(call, &place.exists())?;
        let there = self.ask(question, deadline).await?;
        carried_out(&there)?;
        if there.get("Value") != Some("1") {
            return Err(PbxError::NoSuchPlace);
        }
        let order = of_call("Redirect", call)?.with("Context", &place.context)?.with("Exten", &place.extension)?;
        let order = order.with("Priority", &place.priority.to_string())?;
        carried_out(&self.ask(order, deadline).await?)
    }

    /// Starts a recorder of Asterisk's; gives its id.
    pub(super) async fn start_recorder(
        &self,
        call: &CallRef,
        file: &str,
        options: &str,
        deadline: Instant,
    ) -> Result<String, PbxError> {
        // What an earlier one left there must not be taken for this one's.
        let cleared = variable(call, RECORDER, "")?;
        let order = of_call("MixMonitor", call)?.with("File", file)?.with("Options", &format!("{options}i({RECORDER})"))?;
        let answers = self.connection.ask(vec![cleared, order, get_variable(call, RECORDER)?], deadline).await?;
        let [_, started, id] = answers.as_slice() else { return Err(PbxError::Unreachable) };
        carried_out(started)?;
        // Not every Asterisk tells it in its answer.
        let id = started.get("MixMonitorID").or_else(|| id.get("Value")).filter(|id| !id.is_empty());
        id.map(str::to_owned).ok_or_else(|| PbxError::refused("it started a recorder and gave no id for it"))
    }

    /// Stops a recorder: by its id, or whichever it was that an order without an answer has started.
    pub(super) async fn stop_recorder(&self, call: &CallRef, id: Option<&str>, deadline: Instant) -> Result<(), PbxError> {
        let id = match id {
            Some(id) => id.to_owned(),
            None => {
                let answer = self.ask(get_variable(call, RECORDER)?, deadline).await?;
                carried_out(&answer)?;
                match answer.get("Value") {
                    Some(id) if !id.is_empty() => id.to_owned(),
                    _ => return Ok(()),
                }
            }
        };
        // Without an id Asterisk stops the newest, which may be somebody else's.
        let order = of_call("StopMixMonitor", call)?.with("MixMonitorID", &id)?;
        let answer = self.ask(order, deadline).await?;
        // None of that id runs, which is what was wanted.
        if answer.get("Message").is_some_and(|words| words.starts_with("Could not stop")) {
            return Ok(());
        }
        carried_out(&answer)
    }

    async fn ask(&self, action: Action, deadline: Instant) -> Result<Message, PbxError> {
        self.connection.ask(vec![action], deadline).await?.pop().ok_or(PbxError::Unreachable)
    }
}

fn of_call(name: &'static str, call: &CallRef) -> Result<Action, PbxError> {
    Ok(Action::new(name).with("Channel", call.as_str())?)
}

fn variable(call: &CallRef, name: &str, value: &str) -> Result<Action, PbxError> {
    Ok(of_call("Setvar", call)?.with("Variable", name)?.with("Value", value)?)
}

fn get_variable(call: &CallRef, name: &str) -> Result<Action, PbxError> {
    Ok(of_call("Getvar", call)?.with("Variable", name)?)
}

fn carried_out(answer: &Message) -> Result<(), PbxError> {
    if answer.is_success() {
        return Ok(());
    }
    let words = answer.get("Message").unwrap_or_default();
    // One action says it in words of its own.
    if words.starts_with("No such channel") || words.starts_with("Channel does not exist") {
        return Err(PbxError::NoSuchChannel);
    }
    Err(PbxError::refused(words))
}
