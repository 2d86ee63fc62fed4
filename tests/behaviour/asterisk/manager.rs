//! A client of Asterisk's manager interface: actions, and the events since it signed in. It knows as much of the protocol as the tests need.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, watch};

/// How long anything may take, on a machine with much to do.
const SOON: Duration = Duration::from_secs(60);

/// A connection that is signed in.
pub struct Manager {
    actions: Mutex<OwnedWriteHalf>,
    told: watch::Receiver<Vec<Message>>,
    numbers: AtomicU64,
}

/// An event, or an answer: names and values in their order.
#[derive(Clone, Default)]
pub struct Message(Vec<(String, String)>);

impl std::fmt::Debug for Message {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lines = self.0.iter().map(|(name, value)| format!("{name}: {value}"));
        formatter.write_str(&lines.collect::<Vec<_>>().join(", "))
    }
}

impl Message {
    /// The value of the first line of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(named, _)| named == name).map(|(_, value)| value.as_str())
    }

    /// Whether there is such a line with this value.
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == Some(value)
    }
}

impl Manager {
    /// Signs in; nothing while nobody listens at this port. Gives the connection when Asterisk has booted.
    pub async fn sign_in(port: u16, user: &str, secret: &str) -> Option<Manager> {
        let (reading, actions) = TcpStream::connect(("127.0.0.1", port)).await.ok()?.into_split();
        let (tell, told) = watch::channel(Vec::new());
        let mut lines = BufReader::new(reading).lines();
        // The first line says who is there.
        lines.next_line().await.ok()??;
        tokio::spawn(async move {
            while let Some(message) = read(&mut lines).await {
                tell.send_modify(|messages| messages.push(message));
            }
        });
        let manager = Manager { actions: Mutex::new(actions), told, numbers: AtomicU64::new(1) };
        manager.action("Login", &[("Username", user), ("Secret", secret)]).await;
        manager.event("FullyBooted", |_| true).await;
        Some(manager)
    }

    /// Has something done that has to succeed, and gives the answer.
    pub async fn action(&self, name: &str, fields: &[(&str, &str)]) -> Message {
        let answer = self.try_action(name, fields).await;
        assert!(answer.is("Response", "Success"), "{name} {fields:?}: {answer:?}");
        answer
    }

    /// The same for what may fail.
    pub async fn try_action(&self, name: &str, fields: &[(&str, &str)]) -> Message {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed).to_string();
        let mut text = format!("Action: {name}\r\nActionID: {number}\r\n");
        for (field, value) in fields {
            text.push_str(&format!("{field}: {value}\r\n"));
        }
        text.push_str("\r\n");
        self.actions.lock().await.write_all(text.as_bytes()).await.unwrap();
        let what = format!("answer to {name}");
        self.until(&what, |message| message.get("Response").is_some() && message.is("ActionID", &number)).await
    }

    /// The value of a channel's variable; empty where it has none.
    pub async fn variable(&self, channel: &str, name: &str) -> String {
        let answer = self.action("Getvar", &[("Channel", channel), ("Variable", name)]).await;
        answer.get("Value").unwrap_or_default().to_owned()
    }

    /// The first event of this name that is `wanted`; it may have happened already.
    pub async fn event(&self, name: &str, wanted: impl Fn(&Message) -> bool) -> Message {
        self.until(name, |message| message.is("Event", name) && wanted(message)).await
    }

    /// The events of a name so far.
    pub fn events(&self, name: &str) -> Vec<Message> {
        self.told.borrow().iter().filter(|message| message.is("Event", name)).cloned().collect()
    }

    async fn until(&self, what: &str, wanted: impl Fn(&Message) -> bool) -> Message {
        let mut found = None;
        let mut told = self.told.clone();
        let waited = told.wait_for(|messages| {
            found = messages.iter().find(|message| wanted(message)).cloned();
            found.is_some()
        });
        let waited = matches!(tokio::time::timeout(SOON, waited).await, Ok(Ok(_)));
        found.filter(|_| waited).unwrap_or_else(|| {
            let last: Vec<Message> = self.told.borrow().iter().rev().take(40).rev().cloned().collect();
            panic!("no {what} from Asterisk: {last:#?}")
        })
    }
}

async fn read(lines: &mut Lines<BufReader<OwnedReadHalf>>) -> Option<Message> {
    let mut message = Message::default();
    loop {
        let line = lines.next_line().await.ok()??;
        match line.split_once(": ") {
            Some((name, value)) => message.0.push((name.to_owned(), value.to_owned())),
            None if line.is_empty() && !message.0.is_empty() => return Some(message),
            // A name without a value has no space after it.
            None => message.0.push((line.trim_end_matches(':').to_owned(), String::new())),
        }
    }
}
