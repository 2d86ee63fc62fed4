//! How to call: where, as whom, signed with what, well-behaved or not.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use url::Url;

use super::account::Account;
use super::asterisk::{Asterisk, PbxLine};
use super::call::Call;
use super::line::Line;
use super::signature::SigningKey;
use super::webhook::{PublicAddress, Webhooks};
use super::{Desk, FramesSent, MarkAnswers, Options, PhoneError, new_sid};

/// Where a ringing call is announced.
const VOICE: &str = "/twilio/voice";
/// Commands of the person that may wait to be carried out.
const COMMANDS: usize = 64;

/// A telephone before it rings. Numbers are from ranges that nobody has.
#[derive(Clone)]
pub struct Caller {
    server: String,
    public: Option<String>,
    key: Option<SigningKey>,
    call_sid: Option<String>,
    account_sid: Option<String>,
    asterisk: Option<Asterisk>,
    options: Options,
}

impl Caller {
    /// A well-behaved caller of the server at `server` (`http://127.0.0.1:8080`), with a desk that answers after two seconds.
    pub fn builder(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            public: None,
            key: None,
            call_sid: None,
            account_sid: None,
            asterisk: None,
            options: Options {
                from: "+12025550123".to_owned(),
                to: "+12025550199".to_owned(),
                frames: FramesSent::Always,
                line_noise: Arc::from([]),
                mark_answers: MarkAnswers::WhenPlayed,
                desk: Desk::Answers { after: Duration::from_secs(2), talks: Duration::from_secs(1) },
                limit: Duration::from_secs(180),
                told_of_hang_up: false,
                keeps_sound: true,
                replaced_parameters: Vec::new(),
            },
        }
    }

    /// The origin under which the platform knows the server (`https://bot.example.com`): signatures run over it. Without it,
    /// the server's own address.
    #[must_use]
    pub fn public_address(mut self, origin: impl Into<String>) -> Self {
        self.public = Some(origin.into());
        self
    }

    /// Signs everything with an account's token (SHA-1).
    #[must_use]
    pub fn auth_token(mut self, token: impl Into<String>) -> Self {
        self.key = Some(SigningKey::AuthToken(token.into()));
        self
    }

    /// Signs everything with a named shared key (SHA-256).
    #[must_use]
    pub fn shared_key(mut self, name: impl Into<String>, secret: impl Into<String>) -> Self {
        self.key = Some(SigningKey::SharedKey { name: name.into(), secret: secret.into() });
        self
    }

    /// The call's identifier; without it, a new one.
    #[must_use]
    pub fn call_sid(mut self, sid: impl Into<String>) -> Self {
        self.call_sid = Some(sid.into());
        self
    }

    /// The account's identifier; without it, a new one.
    #[must_use]
    pub fn account_sid(mut self, sid: impl Into<String>) -> Self {
        self.account_sid = Some(sid.into());
        self
    }

    /// Calls through a simulated Asterisk; without it, through a platform like Twilio.
    #[must_use]
    pub fn by_asterisk(mut self, asterisk: Asterisk) -> Self {
        self.asterisk = Some(asterisk);
        self
    }

    /// The caller's number.
    #[must_use]
    pub fn from(mut self, number: impl Into<String>) -> Self {
        self.options.from = number.into();
        self
    }

    /// The number that is called.
    #[must_use]
    pub fn to(mut self, number: impl Into<String>) -> Self {
        self.options.to = number.into();
        self
    }

    /// What happens to a caller who is handed over.
    #[must_use]
    pub fn desk(mut self, desk: Desk) -> Self {
        self.options.desk = desk;
        self
    }

    /// The longest the whole call may last; then the caller hangs up.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.options.limit = limit;
        self
    }

    /// Asks the `action` of a stream also after the caller has hung up, with the status `completed`, and follows nothing of the
    /// answer. Whether a platform does so is not written anywhere: a server should bear both.
    #[must_use]
    pub fn told_of_hang_up(mut self) -> Self {
        self.options.told_of_hang_up = true;
        self
    }

    /// Listens without keeping what was heard: for many calls, which would fill the memory.
    #[must_use]
    pub fn forgets_sound(mut self) -> Self {
        self.options.keeps_sound = false;
        self
    }

    /// What the line sounds like while nothing is said, in μ-law, over and over; without it, like nothing at all.
    #[must_use]
    pub fn line_noise(mut self, ulaw: impl Into<Arc<[u8]>>) -> Self {
        self.options.line_noise = ulaw.into();
        self
    }

    /// Sends no frames at all.
    #[must_use]
    pub fn no_frames(mut self) -> Self {
        self.options.frames = FramesSent::Never;
        self
    }

    /// Sends frames only while something is said.
    #[must_use]
    pub fn frames_only_while_speaking(mut self) -> Self {
        self.options.frames = FramesSent::WhileSpeaking;
        self
    }

    /// How marks are answered: not [`MarkAnswers::WhenPlayed`] is misbehaving.
    #[must_use]
    pub fn mark_answers(mut self, answers: MarkAnswers) -> Self {
        self.options.mark_answers = answers;
        self
    }

    /// Says something else than the document for one of the stream's parameters (`None` leaves it out).
    #[must_use]
    pub fn replace_parameter(mut self, name: impl Into<String>, value: Option<String>) -> Self {
        self.options.replaced_parameters.push((name.into(), value));
        self
    }

    /// Rings. Comes back when the first media stream is open, or the call ended without one.
    ///
    /// # Errors
    /// The server cannot be reached, refuses the call or the stream, or answers with something that is no document.
    pub async fn ring(self) -> Result<Call, PhoneError> {
        let server = origin(&self.server)?;
        if let Some(asterisk) = self.asterisk {
            return by_asterisk(server, asterisk, self.call_sid, self.options).await;
        }
        let public = self.public.as_deref().unwrap_or(&self.server).trim_end_matches('/').to_owned();
        let address = PublicAddress::parse(&format!("{public}{VOICE}"))
            .map_err(|error| PhoneError::Address { address: public, reason: error.to_string() })?;
        let prefix = address.url.path().strip_suffix(VOICE).unwrap_or_default().to_owned();
        let account = Arc::new(Account::begin(self.options.keeps_sound));
        let (sender, commands) = mpsc::channel(COMMANDS);
        let (opened, stream) = oneshot::channel();
        let line = Line {
            options: self.options,
            webhooks: Webhooks::new(server, &prefix, self.key)?,
            account: Arc::clone(&account),
            commands,
            call_sid: self.call_sid.unwrap_or_else(|| new_sid("CA")),
            account_sid: self.account_sid.unwrap_or_else(|| new_sid("AC")),
            opened: Some(opened),
        };
        let document = line.ring(&address).await?;
        let call_sid = line.call_sid.clone();
        let task = tokio::spawn(line.follow(document, address));
        let call = Call::new(account, sender, task, call_sid);
        match stream.await {
            Ok(Err(error)) => Err(error),
            // Told that it is open, or never told: the call was over before a stream was asked for.
            Ok(Ok(())) | Err(_) => Ok(call),
        }
    }
}

/// A call that a dialplan brings.
async fn by_asterisk(server: Url, asterisk: Asterisk, call: Option<String>, options: Options) -> Result<Call, PhoneError> {
    let account = Arc::new(Account::begin(options.keeps_sound));
    let (sender, commands) = mpsc::channel(COMMANDS);
    let (opened, leg) = oneshot::channel();
    // As Asterisk makes them: seconds, and a number.
    let call = call.unwrap_or_else(|| format!("{}.{}", jiff::Timestamp::now().as_second(), rand::random::<u32>()));
    let (account_of_line, call_id) = (Arc::clone(&account), call.clone());
    let line = PbxLine { options, asterisk, server, account: account_of_line, commands, call, opened: Some(opened) };
    let task = tokio::spawn(line.follow());
    let call = Call::new(account, sender, task, call_id);
    match leg.await {
        Ok(Err(error)) => Err(error),
        Ok(Ok(())) | Err(_) => Ok(call),
    }
}

/// Reads the address under test: plain HTTP, since it stands behind whatever does the encryption.
fn origin(server: &str) -> Result<Url, PhoneError> {
    let unusable = |reason: String| PhoneError::Address { address: server.to_owned(), reason };
    let url = Url::parse(server).map_err(|error| unusable(error.to_string()))?;
    if url.scheme() != "http" {
        return Err(unusable(format!("its scheme is {}, expected http", url.scheme())));
    }
    Ok(url)
}
