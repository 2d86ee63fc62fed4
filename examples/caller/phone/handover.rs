//! Handing the caller over: the wait at the desk, its waiting room, what the desk is told, and the result that the server is told.

use std::time::Duration;

use tokio::time::Instant;

use super::account::{EndedBy, Happening};
use super::desk::{Desk, DeskResult};
use super::line::{Line, Next, Wait};
use super::new_sid;
use super::twiml::Element;
use super::webhook::PublicAddress;

/// How long the caller stays at least between two requests for the document of a waiting room.
const WAITING_ROOM: Duration = Duration::from_secs(1);

/// How a caller fared at the desk.
struct Stay {
    result: DeskResult,
    waited: Duration,
    talked: Duration,
    /// Whether the caller hung up: then the server is told, and nothing that it answers is followed.
    caller_left: bool,
}

impl Stay {
    fn without_talk(result: DeskResult, waited: Duration) -> Self {
        let caller_left = result == DeskResult::HungUp;
        Self { result, waited, talked: Duration::ZERO, caller_left }
    }
}

impl Line {
    /// Hands the caller over, as an `Enqueue` or a `Dial` says, and tells the server what came of it.
    pub(super) async fn hand_over(&mut self, verb: &Element, address: &PublicAddress) -> Next {
        let stay = match self.at_the_desk(verb, address).await {
            Ok(stay) => stay,
            Err(next) => return next,
        };
        self.account.happens(Happening::Desk(stay.result.words()));
        let next = match verb.attribute("action") {
            None => Next::Verb,
            Some(action) => {
                let status = if stay.caller_left { "completed" } else { "in-progress" };
                let result = stay.result.parameters(verb, stay.waited, stay.talked);
                self.request(action, verb.attribute("method"), address, status, result).await
            }
        };
        if stay.caller_left { Next::End(EndedBy::Caller) } else { next }
    }

    async fn at_the_desk(&mut self, verb: &Element, address: &PublicAddress) -> Result<Stay, Next> {
        let (patience, talks) = match self.options.desk {
            Desk::Full => return Ok(Stay::without_talk(DeskResult::Full, Duration::ZERO)),
            Desk::Broken => return Ok(Stay::without_talk(DeskResult::Failed, Duration::ZERO)),
            Desk::Answers { after, talks } => (after, Some(talks)),
            Desk::Nobody { after } => (after, None),
        };
        let began = Instant::now();
        loop {
            let rest = patience.saturating_sub(began.elapsed());
            if rest.is_zero() {
                break;
            }
            let Some(step) = self.waiting_room(verb, address, began.elapsed()).await else {
                return Ok(Stay::without_talk(DeskResult::Left, began.elapsed()));
            };
            match self.wait(rest.min(step)).await {
                Wait::Over => {}
                Wait::HungUp => return Ok(Stay::without_talk(DeskResult::HungUp, began.elapsed())),
                wait => return Err(wait.into_next()),
            }
        }
        let waited = began.elapsed();
        let Some(talks) = talks else {
            return Ok(Stay::without_talk(DeskResult::Unanswered, waited));
        };
        self.account.happens(Happening::Desk("answers"));
        self.whisper(verb, address).await;
        let answered = Instant::now();
        let caller_left = match self.wait(talks).await {
            Wait::Over => false,
            Wait::HungUp => true,
            wait => return Err(wait.into_next()),
        };
        // A conversation that the caller ends was a conversation.
        Ok(Stay { result: DeskResult::Bridged, waited, talked: answered.elapsed(), caller_left })
    }

    /// Asks for the document of a queue's waiting room, where it has one. Gives how long the caller stays with it; `None` sends
    /// them back.
    async fn waiting_room(&self, verb: &Element, address: &PublicAddress, waited: Duration) -> Option<Duration> {
        let room = verb.attribute("waitUrl").filter(|room| verb.name == "Enqueue" && !room.is_empty());
        let Some(room) = room else {
            return Some(Duration::MAX);
        };
        let pair = |name: &str, value: String| (name.to_owned(), value);
        let queue = vec![
            pair("QueuePosition", "1".to_owned()),
            pair("QueueTime", waited.as_secs().to_string()),
            pair("AvgQueueTime", "0".to_owned()),
            pair("CurrentQueueSize", "1".to_owned()),
        ];
        let parameters = self.parameters("in-progress", queue);
        let method = verb.attribute("waitUrlMethod").unwrap_or("POST");
        let Some(document) = self.side_document("the waiting room", room, method, address, &parameters).await else {
            return Some(WAITING_ROOM);
        };
        if document.iter().any(|verb| verb.name == "Leave") {
            return None;
        }
        let pauses = document.iter().filter(|verb| verb.name == "Pause");
        let seconds: u64 = pauses.filter_map(|pause| pause.attribute("length").unwrap_or("1").parse::<u64>().ok()).sum();
        Some(Duration::from_secs(seconds).max(WAITING_ROOM))
    }

    /// What a dialled party hears before the caller is connected, where the document has an address for it.
    async fn whisper(&self, verb: &Element, address: &PublicAddress) {
        let noun = verb.children.iter().find(|noun| verb.name == "Dial" && noun.attribute("url").is_some());
        let Some((noun, whisper)) = noun.and_then(|noun| Some((noun, noun.attribute("url")?))) else {
            return;
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let parameters = vec![
            pair("CallSid", &new_sid("CA")),
            pair("ParentCallSid", &self.call_sid),
            pair("AccountSid", &self.account_sid),
            pair("From", &self.options.from),
            pair("To", &noun.text),
            pair("CallStatus", "in-progress"),
            pair("Direction", "outbound-dial"),
            pair("ApiVersion", "2010-04-01"),
        ];
        let method = noun.attribute("method").unwrap_or("POST");
        if let Some(document) = self.side_document("the whisper", whisper, method, address, &parameters).await {
            let said: Vec<String> = document.into_iter().filter(|verb| verb.name == "Say").map(|verb| verb.text).collect();
            self.account.happens(Happening::DeskHears(said.join(" ")));
        }
    }

    /// A document that does not go on with the call. What is wrong with it is written down.
    async fn side_document(
        &self,
        what: &str,
        found: &str,
        method: &str,
        address: &PublicAddress,
        parameters: &[(String, String)],
    ) -> Option<Vec<Element>> {
        let asked = async {
            let address = address.resolve(found).map_err(|error| error.to_string())?;
            let answer = self.webhooks.ask(&address, method, parameters).await.map_err(|error| error.to_string())?;
            self.account.happens(Happening::Asked(address.place(), answer.status));
            if answer.status != 200 {
                return Err(format!("answered {}", answer.status));
            }
            self.read(&address, answer)
        };
        match asked.await {
            Ok(document) => Some(document.into()),
            Err(reason) => {
                self.account.violation(format!("{what}: {reason}"));
                None
            }
        }
    }
}
