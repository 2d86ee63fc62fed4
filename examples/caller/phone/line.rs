//! The platform's side of a call: it follows the server's documents, verb by verb, and runs the streams they ask for.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::account::{Account, EndedBy, Happening, Posted};
use super::socket;
use super::stream::{Command, Stream, StreamEnd, StreamSettings};
use super::twiml::{self, Element};
use super::webhook::{Answer, PublicAddress, Webhooks};
use super::{Options, PhoneError, new_sid};

/// The longest a document may be, in bytes; the platform takes no longer one.
const LONGEST_DOCUMENT: usize = 64 * 1024;

/// One call as the platform runs it.
pub(super) struct Line {
    pub options: Options,
    pub webhooks: Webhooks,
    pub account: Arc<Account>,
    pub commands: mpsc::Receiver<Command>,
    pub call_sid: String,
    pub account_sid: String,
    /// Told when the first stream is open, or that it could not be opened.
    pub opened: Option<oneshot::Sender<Result<(), PhoneError>>>,
}

/// What waiting at a desk or in a pause was ended by.
pub(super) enum Wait {
    Over,
    HungUp,
    Dropped,
    Limit,
}

/// Where following the document goes on.
pub(super) enum Next {
    /// With the next verb.
    Verb,
    /// With another document.
    Document(VecDeque<Element>, PublicAddress),
    /// Nowhere.
    End(EndedBy),
}

impl Line {
    /// Asks the server what to do with a ringing call.
    pub async fn ring(&self, address: &PublicAddress) -> Result<VecDeque<Element>, PhoneError> {
        let answer = self.webhooks.ask(address, "POST", &self.parameters("ringing", Vec::new())).await?;
        self.account.happens(Happening::Asked(address.place(), answer.status));
        if answer.status != 200 {
            return Err(PhoneError::Refused { place: address.place(), status: answer.status, body: answer.body });
        }
        self.read(address, answer).map_err(|reason| PhoneError::NotADocument { place: address.place(), reason })
    }

    /// Follows the documents, from the first, until the call is over.
    pub async fn follow(mut self, first: VecDeque<Element>, address: PublicAddress) {
        let (mut document, mut address) = (first, address);
        let ended = loop {
            let Some(verb) = document.pop_front() else {
                break EndedBy::Server;
            };
            self.account.happens(Happening::Verb(verb.clone()));
            match self.carry_out(&verb, &address).await {
                Next::Verb => {}
                Next::Document(next, from) => (document, address) = (next, from),
                Next::End(by) => break by,
            }
        };
        self.account.happens(Happening::Ended(ended));
    }

    async fn carry_out(&mut self, verb: &Element, address: &PublicAddress) -> Next {
        match verb.name.as_str() {
            "Connect" => self.connect(verb, address).await,
            "Enqueue" | "Dial" => self.hand_over(verb, address).await,
            "Redirect" => self.request(&verb.text, verb.attribute("method"), address, "in-progress", Vec::new()).await,
            "Hangup" | "Reject" => Next::End(EndedBy::Server),
            "Pause" => {
                let seconds = verb.attribute("length").and_then(|length| length.parse().ok()).unwrap_or(1);
                self.wait(Duration::from_secs(seconds)).await.into_next()
            }
            // What the platform itself would say or play is written in the account; nobody has to wait for it here.
            _ => Next::Verb,
        }
    }

    async fn connect(&mut self, verb: &Element, address: &PublicAddress) -> Next {
        let Some(noun) = verb.child("Stream") else {
            return Next::Verb;
        };
        let public = match PublicAddress::parse(noun.attribute("url").unwrap_or_default()) {
            Ok(public) => public,
            Err(error) => {
                return Next::End(EndedBy::Failure(format!("the stream's address cannot be read: {error}")));
            }
        };
        let mut parameters = noun.parameters();
        for (name, value) in &self.options.replaced_parameters {
            parameters.retain(|(found, _)| found != name);
            parameters.extend(value.clone().map(|value| (name.clone(), value)));
        }
        let stream_sid = new_sid("MZ");
        self.account.write(|state| {
            state.stream_parameters.clone_from(&parameters);
            state.stream_sids.push(stream_sid.clone());
        });
        let socket = match socket::open(&self.webhooks, &public).await {
            Ok(socket) => socket,
            Err(error) => {
                let ended = EndedBy::Failure(error.to_string());
                if let Some(opened) = self.opened.take() {
                    let _ = opened.send(Err(error));
                }
                return Next::End(ended);
            }
        };
        if let Some(opened) = self.opened.take() {
            let _ = opened.send(Ok(()));
        }
        self.stream_event(noun, address, &stream_sid, "stream-started").await;
        let settings = StreamSettings {
            account: &self.account,
            parameters: &parameters,
            stream_sid: &stream_sid,
            call_sid: &self.call_sid,
            account_sid: &self.account_sid,
            frames: self.options.frames,
            line_noise: &self.options.line_noise,
            mark_answers: self.options.mark_answers,
            deadline: self.deadline(),
        };
        let end = Stream::new(socket, settings).run(&mut self.commands).await;
        self.stream_event(noun, address, &stream_sid, "stream-stopped").await;
        let ended = match end {
            StreamEnd::Server => None,
            StreamEnd::HungUp => Some(EndedBy::Caller),
            StreamEnd::Dropped => return Next::End(EndedBy::Dropped),
            StreamEnd::Limit => Some(EndedBy::Limit),
        };
        let told = ended.is_none() || self.options.told_of_hang_up;
        let next = match verb.attribute("action").filter(|_| told) {
            None => Next::Verb,
            Some(action) => {
                let status = if ended.is_none() { "in-progress" } else { "completed" };
                self.request(action, verb.attribute("method"), address, status, Vec::new()).await
            }
        };
        // Whatever the server answers, who has hung up is gone.
        ended.map_or(next, Next::End)
    }

    /// Tells the server about a stream, where its document asks for it. Its answer means nothing.
    async fn stream_event(&self, noun: &Element, address: &PublicAddress, stream_sid: &str, event: &str) {
        let Some(Ok(address)) = noun.attribute("statusCallback").map(|callback| address.resolve(callback)) else {
            return;
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let parameters = vec![
            pair("AccountSid", &self.account_sid),
            pair("CallSid", &self.call_sid),
            pair("StreamSid", stream_sid),
            pair("StreamEvent", event),
            pair("Timestamp", &jiff::Timestamp::now().to_string()),
        ];
        let method = noun.attribute("statusCallbackMethod").unwrap_or("POST");
        match self.webhooks.ask(&address, method, &parameters).await {
            Ok(answer) => self.account.happens(Happening::Asked(address.place(), answer.status)),
            Err(error) => self.account.violation(format!("the stream's status callback failed: {error}")),
        }
    }

    /// Asks for the next document at an address of this one, telling a result.
    pub(super) async fn request(
        &self,
        action: &str,
        method: Option<&str>,
        address: &PublicAddress,
        status: &str,
        result: Vec<(String, String)>,
    ) -> Next {
        let failed = |place: &str, reason: String| {
            self.account.violation(format!("{place}: {reason}"));
            Next::End(EndedBy::Failure(format!("{place}: {reason}")))
        };
        let address = match address.resolve(action) {
            Ok(address) => address,
            Err(error) => {
                return failed("an action", format!("its address cannot be read: {error}"));
            }
        };
        let parameters = self.parameters(status, result);
        let answer = match self.webhooks.ask(&address, method.unwrap_or("POST"), &parameters).await {
            Ok(answer) => answer,
            Err(error) => return failed(&address.place(), error.to_string()),
        };
        let status = answer.status;
        self.account.happens(Happening::Asked(address.place(), status));
        let posted = Posted { at: self.account.now(), to: address.place(), parameters, status };
        self.account.write(|state| state.posted.push(posted));
        if status != 200 {
            return failed(&address.place(), format!("answered {status}"));
        }
        match self.read(&address, answer) {
            Ok(document) => Next::Document(document, address),
            Err(reason) => failed(&address.place(), reason),
        }
    }

    /// Reads a document and writes down what the platform would not take.
    pub(super) fn read(&self, address: &PublicAddress, answer: Answer) -> Result<VecDeque<Element>, String> {
        let kind = answer.content_type.split(';').next().unwrap_or_default().trim();
        if !["text/xml", "application/xml"].contains(&kind) {
            self.account.violation(format!("{} answers as {kind:?}, expected text/xml", address.place()));
        }
        if answer.body.len() > LONGEST_DOCUMENT {
            return Err(format!("the document has more than {LONGEST_DOCUMENT} bytes"));
        }
        let (verbs, violations) = twiml::read(&answer.body)?;
        for violation in violations {
            self.account.violation(format!("{}: {violation}", address.place()));
        }
        Ok(verbs.into())
    }

    /// What every request says about the call, and what this one adds.
    pub(super) fn parameters(&self, status: &str, more: Vec<(String, String)>) -> Vec<(String, String)> {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut parameters = vec![
            pair("CallSid", &self.call_sid),
            pair("AccountSid", &self.account_sid),
            pair("From", &self.options.from),
            pair("To", &self.options.to),
            pair("Caller", &self.options.from),
            pair("Called", &self.options.to),
            pair("CallStatus", status),
            pair("Direction", "inbound"),
            pair("ApiVersion", "2010-04-01"),
        ];
        parameters.extend(more);
        parameters
    }

    fn deadline(&self) -> Instant {
        self.account.began() + self.options.limit
    }

    /// Lets time pass where no stream is open: the caller can hang up, and nothing else reaches the server.
    pub(super) async fn wait(&mut self, length: Duration) -> Wait {
        let deadline = self.deadline();
        wait(length, deadline, &mut self.commands, &self.account).await
    }
}

/// Lets time pass where no stream is open.
pub(super) async fn wait(length: Duration, deadline: Instant, commands: &mut mpsc::Receiver<Command>, account: &Account) -> Wait {
    let end = Instant::now() + length;
    loop {
        tokio::select! {
            biased;
            () = sleep_until(deadline) => return Wait::Limit,
            () = sleep_until(end) => return Wait::Over,
            command = commands.recv() => match command {
                None | Some(Command::HangUp) => {
                    account.happens(Happening::HungUp);
                    return Wait::HungUp;
                }
                Some(Command::Drop) => {
                    account.happens(Happening::Dropped);
                    return Wait::Dropped;
                }
                // The key or the word goes to the desk, not to the server: whoever waits for it is told so by its end.
                Some(_) => {}
            },
        }
    }
}

impl Wait {
    pub(super) fn into_next(self) -> Next {
        match self {
            Self::Over => Next::Verb,
            Self::HungUp => Next::End(EndedBy::Caller),
            Self::Dropped => Next::End(EndedBy::Dropped),
            Self::Limit => Next::End(EndedBy::Limit),
        }
    }
}
