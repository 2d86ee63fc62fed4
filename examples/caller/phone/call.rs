//! The person on the line: speaks, presses, listens, waits, hangs up.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use super::account::{Account, EndedBy, Event, Happening, Mark, State};
use super::heard::Heard;
use super::outcome::{Outcome, violations};
use super::stream::Command;
use super::{PhoneError, voice};

/// How long lies between two keys that are pressed one after the other.
const BETWEEN_KEYS: Duration = Duration::from_millis(200);

/// A running call. Dropping it pulls the plug.
pub struct Call {
    account: Arc<Account>,
    commands: mpsc::Sender<Command>,
    line: JoinHandle<()>,
    call_sid: String,
}

impl Drop for Call {
    fn drop(&mut self) {
        self.line.abort();
    }
}

impl Call {
    pub(super) fn new(account: Arc<Account>, commands: mpsc::Sender<Command>, line: JoinHandle<()>, call_sid: String) -> Self {
        Self { account, commands, line, call_sid }
    }

    /// The call's identifier.
    pub fn call_sid(&self) -> &str {
        &self.call_sid
    }

    /// The identifiers of its streams so far.
    pub fn stream_sids(&self) -> Vec<String> {
        self.account.read().stream_sids.clone()
    }

    /// What the latest stream told the server in its `start` message beyond the call itself.
    pub fn stream_parameters(&self) -> Vec<(String, String)> {
        self.account.read().stream_parameters.clone()
    }

    /// How long ago the telephone rang.
    pub fn now(&self) -> Duration {
        self.account.now()
    }

    /// Presses keys (`1`, `*9`), one after the other.
    ///
    /// # Errors
    /// A key that does not exist, or no stream to press it in.
    pub async fn press(&self, keys: impl Into<String>) -> Result<(), PhoneError> {
        let keys: Vec<char> = keys.into().chars().collect();
        if let Some(key) = keys.iter().find(|key| !matches!(key, '0'..='9' | '*' | '#')) {
            return Err(PhoneError::NoSuchKey(*key));
        }
        for (number, key) in keys.into_iter().enumerate() {
            if number > 0 {
                tokio::time::sleep(BETWEEN_KEYS).await;
            }
            self.acknowledged(|pressed| Command::Press(key, pressed)).await?;
        }
        Ok(())
    }

    /// Says μ-law at 8 kHz; comes back when the last of it has been sent.
    ///
    /// # Errors
    /// No stream to say it in, or it ended meanwhile.
    pub async fn say_ulaw(&self, ulaw: Vec<u8>) -> Result<(), PhoneError> {
        self.acknowledged(|said| Command::Say(ulaw, said)).await
    }

    /// Begins to say μ-law and comes back at once.
    ///
    /// # Errors
    /// The call is over.
    pub async fn begin_to_say(&self, ulaw: Vec<u8>) -> Result<(), PhoneError> {
        self.command(Command::Say(ulaw, oneshot::channel().0)).await
    }

    /// Says what a WAV file holds.
    ///
    /// # Errors
    /// As [`Call::say_ulaw`], or the file cannot be read.
    pub async fn say_wav(&self, file: impl AsRef<Path>) -> Result<(), PhoneError> {
        self.say_ulaw(voice::from_file(file.as_ref())?).await
    }

    /// Says a text with a voice of eSpeak NG: a language (`nl`, `en`, `ko`), or one with a variant (`ko+f2`).
    ///
    /// # Errors
    /// As [`Call::say_ulaw`], or the text cannot be spoken.
    pub async fn say_text(&self, text: &str, voice: &str) -> Result<(), PhoneError> {
        self.say_ulaw(voice::from_text(text, voice).await?).await
    }

    /// Breaks off whatever is being said.
    ///
    /// # Errors
    /// The call is over.
    pub async fn fall_silent(&self) -> Result<(), PhoneError> {
        self.command(Command::FallSilent).await
    }

    /// Sends a text message as it is, in no count of messages.
    ///
    /// # Errors
    /// No stream to send it in.
    pub async fn send_raw(&self, text: impl Into<String>) -> Result<(), PhoneError> {
        let message = Message::text(text.into());
        self.acknowledged(|sent| Command::Raw(message, sent)).await
    }

    /// Sends a binary message, which the protocol does not have.
    ///
    /// # Errors
    /// No stream to send it in.
    pub async fn send_raw_binary(&self, bytes: Vec<u8>) -> Result<(), PhoneError> {
        let message = Message::binary(bytes);
        self.acknowledged(|sent| Command::Raw(message, sent)).await
    }

    /// Puts the receiver down: `stop`, then the closing of the stream.
    ///
    /// # Errors
    /// The call is over already.
    pub async fn hang_up(&self) -> Result<(), PhoneError> {
        self.command(Command::HangUp).await
    }

    /// Pulls the plug: no `stop`, no closing.
    ///
    /// # Errors
    /// The call is over already.
    pub async fn drop_connection(&self) -> Result<(), PhoneError> {
        self.command(Command::Drop).await
    }

    /// Waits until this long after the ringing.
    ///
    /// # Errors
    /// The call ended first.
    pub async fn wait_until(&self, at: Duration) -> Result<(), PhoneError> {
        let rest = at.saturating_sub(self.now());
        match tokio::time::timeout(rest, self.account.until(|_, _| false)).await {
            Err(_) => Ok(()),
            Ok(_) => Err(self.over(format!("{:.1} s had passed", at.as_secs_f64()))),
        }
    }

    /// Waits until the agent is speaking; comes back at once if it is.
    ///
    /// # Errors
    /// The call ended first.
    pub async fn wait_until_agent_speaks(&self) -> Result<(), PhoneError> {
        self.until("the agent spoke", State::agent_speaks).await
    }

    /// Waits until the agent has said nothing for `length` and has nothing waiting to be played.
    ///
    /// # Errors
    /// The call ended first.
    pub async fn wait_until_agent_silent(&self, length: Duration) -> Result<(), PhoneError> {
        self.until("the agent fell silent", |state, now| state.agent_silent(now, length)).await
    }

    /// Waits until the agent has begun to speak since the caller's last key or word, and has been silent for `length` after it.
    ///
    /// # Errors
    /// The call ended first.
    pub async fn wait_for_turn(&self, length: Duration) -> Result<(), PhoneError> {
        self.until("it was the caller's turn", |state, now| state.spoken_since_act() && state.agent_silent(now, length)).await
    }

    /// Waits until the agent speaks anew since the caller's last key or word.
    ///
    /// # Errors
    /// The call ended first.
    pub async fn wait_for_agent_again(&self) -> Result<(), PhoneError> {
        self.until("the agent spoke again", |state, _| state.spoken_since_act()).await
    }

    /// Waits until the `number`th mark (from 1) has gone back, for whatever reason.
    ///
    /// # Errors
    /// The call ended first.
    pub async fn wait_for_mark(&self, number: usize) -> Result<(), PhoneError> {
        let returned = |state: &State| state.marks.get(number.saturating_sub(1)).is_some_and(|mark| mark.returned.is_some());
        self.until(&format!("mark {number} went back"), |state, _| returned(state)).await
    }

    /// Waits until `count` marks have gone back because what was before them was played.
    ///
    /// # Errors
    /// The call ended first.
    pub async fn wait_for_completed_marks(&self, count: usize) -> Result<(), PhoneError> {
        self.until(&format!("{count} marks were played"), |state, _| state.played_marks() >= count).await
    }

    /// Waits until this has been heard to its end (μ-law as the server sends it).
    ///
    /// # Errors
    /// The call ended first.
    pub async fn wait_until_heard(&self, ulaw: &[u8]) -> Result<(), PhoneError> {
        let (mut checked, mut pause) = (Duration::ZERO, Duration::ZERO);
        self.until("a prompt was heard", |state, now| {
            // Searching takes a moment: not at every tick.
            if now.saturating_sub(checked) < pause {
                return false;
            }
            (checked, pause) = (now, Duration::from_millis(200));
            state.heard.contains_audio(ulaw)
        })
        .await
    }

    /// Waits until something of the account matches.
    ///
    /// # Errors
    /// The call ended first.
    pub async fn wait_for_event(&self, matches: impl Fn(&Happening) -> bool) -> Result<(), PhoneError> {
        self.until("something happened", |state, _| state.events.iter().any(|event| matches(&event.what))).await
    }

    /// The event of this number (from 0), as soon as there is one; `None` when the call ended with fewer.
    pub async fn event(&self, number: usize) -> Option<Event> {
        self.account.until(|state, _| state.events.len() > number).await;
        self.account.read().events.get(number).cloned()
    }

    /// How many prompts have been heard to their end: marks that were played.
    pub fn prompts_heard(&self) -> usize {
        self.account.read().played_marks()
    }

    /// The marks so far, in the order of their arrival.
    pub fn marks(&self) -> Vec<Mark> {
        self.account.read().marks.clone()
    }

    /// Everything heard so far.
    pub fn heard(&self) -> Heard {
        self.account.read().heard.clone()
    }

    /// Whether this has been heard to its end (μ-law as the server sends it).
    pub fn contains_audio(&self, ulaw: &[u8]) -> bool {
        self.account.read().heard.contains_audio(ulaw)
    }

    /// Everything that happened so far.
    pub fn events(&self) -> Vec<Event> {
        self.account.read().events.clone()
    }

    /// What broke the protocol so far.
    pub fn violations(&self) -> Vec<String> {
        violations(&self.account.read().events)
    }

    /// Waits for the end of the call, which the limit brings at the latest, and gives all that remains of it.
    pub async fn outcome(mut self) -> Outcome {
        // A line that panicked has left no ending in the account.
        let ended = (&mut self.line).await;
        let mut state = self.account.read();
        let ended_by = state.ended.clone().unwrap_or_else(|| EndedBy::Failure(format!("the line broke: {ended:?}")));
        let events = std::mem::take(&mut state.events);
        Outcome::of(ended_by, events, &mut state)
    }

    async fn command(&self, command: Command) -> Result<(), PhoneError> {
        self.commands.send(command).await.map_err(|_| self.over("the caller could do that".to_owned()))
    }

    async fn acknowledged(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) -> Result<(), PhoneError> {
        let (done, acknowledgement) = oneshot::channel();
        self.command(command(done)).await?;
        acknowledgement.await.map_err(|_| PhoneError::NotOnAStream)
    }

    async fn until(&self, awaited: &str, condition: impl FnMut(&State, Duration) -> bool) -> Result<(), PhoneError> {
        if self.account.until(condition).await { Ok(()) } else { Err(self.over(awaited.to_owned())) }
    }

    fn over(&self, awaited: String) -> PhoneError {
        PhoneError::Over { by: self.account.read().ended.clone(), awaited }
    }
}
