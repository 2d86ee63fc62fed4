//! A connection to a manager that is kept: made anew when it breaks, and asked now and then whether anybody is still there.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use md5::{Digest, Md5};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_util::codec::Framed;
use tokio_util::task::AbortOnDropHandle;

use super::message::{Action, Codec, CodecError, Incoming, Message};
use crate::episode::Episodes;
use crate::pbx::error::PbxError;
use crate::pbx::reconnecting::{CONNECT, PAUSE_AFTER_REFUSAL, PING, Pauses, say_whether_up};
use crate::pbx::settings::AmiPlan;
use crate::pbx::tls::{TlsError, client_config};

/// How long an order may take to be written before the connection counts as dead.
const WRITE: Duration = Duration::from_secs(2);
/// How many orders may wait to be written, and how many for their answers.
const QUEUE: usize = 256;
const UNANSWERED: usize = 1024;

/// Whatever carries the lines.
trait Line: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Line for T {}

type Lines = Framed<Box<dyn Line>, Codec>;

/// An order that waits for its answer.
struct Order {
    action: Action,
    answer: oneshot::Sender<Message>,
}

/// Gives orders to a manager and matches its answers to them.
pub(super) struct Connection {
    orders: mpsc::Sender<Order>,
    up: watch::Receiver<bool>,
    /// Ends with this.
    _keeper: AbortOnDropHandle<()>,
}

impl Connection {
    /// Connects in the background, and again whenever that is lost.
    pub(super) fn open(plan: AmiPlan) -> Result<Connection, TlsError> {
        let tls = if plan.tls { Some(client_config(plan.access.certificate.as_deref())?) } else { None };
        let (orders, taken) = mpsc::channel(QUEUE);
        let (tell, up) = watch::channel(false);
        let keeper = Keeper { plan, tls: tls.map(TlsConnector::from), orders: taken, up: tell, faults: Episodes::new() };
        Ok(Connection { orders, up, _keeper: AbortOnDropHandle::new(tokio::spawn(keeper.keep())) })
    }

    /// Whether somebody is logged in.
    pub(super) fn is_up(&self) -> bool {
        *self.up.borrow()
    }

    /// Gives these orders in this order, all at once, and waits for all the answers.
    pub(super) async fn ask(&self, actions: Vec<Action>, deadline: Instant) -> Result<Vec<Message>, PbxError> {
        // Nobody waits for a connection: the caller on the line has another way.
        if !self.is_up() {
            return Err(PbxError::Unreachable);
        }
        let asked = async {
            let mut answers = Vec::with_capacity(actions.len());
            for action in actions {
                let (answer, coming) = oneshot::channel();
                self.orders.send(Order { action, answer }).await.map_err(|_| PbxError::Unreachable)?;
                answers.push(coming);
            }
            let mut messages = Vec::with_capacity(answers.len());
            for coming in answers {
                messages.push(coming.await.map_err(|_| PbxError::Unreachable)?);
            }
            Ok(messages)
        };
        timeout_at(deadline, asked).await.unwrap_or(Err(PbxError::TimedOut))
    }
}

/// Why there is no connection.
#[derive(Debug)]
enum Lost {
    Unreachable,
    NotEncrypted,
    NotAsterisk,
    Refused,
    Silent,
    Broken,
}

impl Lost {
    fn class(&self) -> &'static str {
        match self {
            Lost::Unreachable => "unreachable",
            Lost::NotEncrypted => "tls",
            Lost::NotAsterisk => "not-asterisk",
            Lost::Refused => "refused",
            Lost::Silent => "silent",
            Lost::Broken => "broken",
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Lost::Unreachable => {
                "nobody listens at asterisk.control.address: see that Asterisk runs, and that manager.conf enables its interface there"
            }
            Lost::NotEncrypted => {
                "no encrypted connection came about: see tlsenable in manager.conf, and that asterisk.control.certificate vouches for its certificate"
            }
            Lost::NotAsterisk => "what listens at asterisk.control.address is not Asterisk's manager interface",
            Lost::Refused => {
                "it does not take asterisk.control.username and secret: see the user in manager.conf, and its permit lines"
            }
            Lost::Silent => "it does not answer: see whether Asterisk is busy, or the network between is gone",
            Lost::Broken => "the connection was closed: Asterisk was restarted, or manager.conf was changed",
        }
    }
}

impl From<CodecError> for Lost {
    fn from(error: CodecError) -> Lost {
        match error {
            CodecError::NotAsterisk => Lost::NotAsterisk,
            CodecError::Io(_) | CodecError::TooLong => Lost::Broken,
        }
    }
}

struct Keeper {
    plan: AmiPlan,
    tls: Option<TlsConnector>,
    orders: mpsc::Receiver<Order>,
    up: watch::Sender<bool>,
    faults: Episodes,
}

impl Keeper {
    async fn keep(mut self) {
        let mut pauses = Pauses::new();
        loop {
            let lost = match self.connect().await {
                Ok(lines) => {
                    pauses = Pauses::new();
                    say_whether_up(&self.up, true);
                    self.serve(lines).await
                }
                Err(lost) => lost,
            };
            say_whether_up(&self.up, false);
            // Those who asked meanwhile are told by the end of their channel.
            while self.orders.try_recv().is_ok() {}
            if let Some(times) = self.faults.met("manager") {
                let class = lost.class();
                tracing::warn!(
                    class,
                    times,
                    "Asterisk takes no orders over AMI: callers are handed over by the dialplan alone, and its recorder is not started; {}",
                    lost.advice()
                );
            }
            sleep(if matches!(lost, Lost::Refused) { PAUSE_AFTER_REFUSAL } else { pauses.next() }).await;
        }
    }

    /// A connection that is logged in.
    async fn connect(&self) -> Result<Lines, Lost> {
        timeout(CONNECT, async {
            let socket = TcpStream::connect((self.plan.host.as_str(), self.plan.port)).await.map_err(|_| Lost::Unreachable)?;
            let _ = socket.set_nodelay(true);
            let line: Box<dyn Line> = match &self.tls {
                None => Box::new(socket),
                Some(tls) => {
                    let name = ServerName::try_from(self.plan.host.clone()).map_err(|_| Lost::NotEncrypted)?;
                    Box::new(tls.connect(name, socket).await.map_err(|_| Lost::NotEncrypted)?)
                }
            };
            let mut lines = Framed::new(line, Codec::default());
            self.log_in(&mut lines).await?;
            Ok(lines)
        })
        .await
        .unwrap_or(Err(Lost::Silent))
    }

    /// By a challenge, so that the secret itself is never sent. Without events: nothing of other calls comes here.
    async fn log_in(&self, lines: &mut Lines) -> Result<(), Lost> {
        let Incoming::Banner = lines.next().await.ok_or(Lost::Broken)?? else { return Err(Lost::NotAsterisk) };
        let access = &self.plan.access;
        let refused = |_| Lost::Refused;
        let challenge = Action::new("Challenge").with("AuthType", "MD5").map_err(refused)?;
        let answer = self.exchange(lines, "candor-challenge", &challenge).await?;
        let challenge = answer.get("Challenge").filter(|_| answer.is_success()).ok_or(Lost::Refused)?;
        let key = hex::encode(Md5::new().chain_update(challenge).chain_update(access.secret.expose()).finalize());
        let login = Action::new("Login").with("AuthType", "MD5").and_then(|login| login.with("Username", &access.username));
        let login =
            login.and_then(|login| login.with("Key", &key)).and_then(|login| login.with("Events", "off")).map_err(refused)?;
        let answer = self.exchange(lines, "candor-login", &login).await?;
        if answer.is_success() { Ok(()) } else { Err(Lost::Refused) }
    }

    async fn exchange(&self, lines: &mut Lines, id: &str, action: &Action) -> Result<Message, Lost> {
        lines.send((id, action)).await?;
        loop {
            match lines.next().await.ok_or(Lost::Broken)?? {
                Incoming::Message(message) if message.get("ActionID") == Some(id) => return Ok(message),
                _ => {}
            }
        }
    }

    /// Until it is lost.
    async fn serve(&mut self, mut lines: Lines) -> Lost {
        let mut asked: HashMap<String, oneshot::Sender<Message>> = HashMap::new();
        let (mut number, mut quiet) = (0_u64, false);
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        loop {
            let (action, answer) = tokio::select! {
                // Answers first: they make room.
                biased;
                incoming = lines.next() => {
                    quiet = false;
                    match incoming {
                        Some(Ok(Incoming::Message(message))) => {
                            let order = message.get("ActionID").and_then(|id| asked.remove(id));
                            // Who has stopped waiting does not hear it.
                            let _ = order.map(|order| order.send(message));
                        }
                        Some(Ok(Incoming::Banner)) => {}
                        Some(Err(error)) => return error.into(),
                        None => return Lost::Broken,
                    }
                    continue;
                }
                _ = ping.tick() => {
                    if quiet {
                        return Lost::Silent;
                    }
                    quiet = true;
                    asked.retain(|_, order| !order.is_closed());
                    if let Some(times) = self.faults.over("manager") {
                        tracing::info!(times, "Asterisk takes orders over AMI again");
                    }
                    (Action::new("Ping"), None)
                }
                order = self.orders.recv(), if asked.len() < UNANSWERED => match order {
                    Some(order) if order.answer.is_closed() => continue,
                    Some(order) => (order.action, Some(order.answer)),
                    None => return Lost::Broken,
                }
            };
            number += 1;
            let id = format!("candor-{number}");
            if let Some(answer) = answer {
                asked.insert(id.clone(), answer);
            }
            match timeout(WRITE, lines.send((id.as_str(), &action))).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error.into(),
                Err(_) => return Lost::Silent,
            }
        }
    }
}
