//! A caller: hears the opening, answers the question, goes round in the dialog by keys and by voice, and in the end wants to be helped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::line::Line;
use super::reading::{Meaning, Press, Turns};
use super::words::{Vocabulary, Words, duration};
use crate::phone::{Call, Caller, EndedBy, Outcome, Pace, PhoneError};

/// For so long the agent is silent when it is the caller's turn.
const TURN: Duration = Duration::from_millis(1200);
/// How long a caller listens before speaking or pressing into the agent's words.
const LISTENS: Duration = Duration::from_millis(1500);
/// The longest that a turn may take before the caller takes it all the same.
const BORED: Duration = Duration::from_secs(40);

/// What a caller does about the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    Yes,
    No,
    /// Says nothing at all.
    Nothing,
}

/// How a caller wants the call to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Through the dialog, to wherever it leads.
    Dialog,
    /// What the dialog passes on to a person, with a number that is read back.
    Order,
    /// A person, by `0`.
    Person,
}

/// Whether and by what a caller was helped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The dialog came to its end.
    Goodbye,
    /// A person talked with them.
    Person,
    /// There was no room for them, and they were passed to a person without hearing the agent.
    PassedOn,
    /// None of these, and why.
    NotHelped(String),
}

/// A caller before the call.
pub struct Person {
    pub line: Line,
    pub vocabulary: Arc<Vocabulary>,
    pub consent: Consent,
    pub wish: Wish,
    /// The share of their time in which they speak.
    pub talk: f64,
    /// Told when the caller is in the dialog, or is not coming there.
    pub in_dialog: mpsc::UnboundedSender<()>,
    /// Whether it is time to go home.
    pub home: watch::Receiver<bool>,
}

/// What remains of a call.
pub struct Account {
    pub end: End,
    pub pace: Pace,
    pub turns: Turns,
    /// How long they were in the dialog, and how much of that they spoke.
    pub in_dialog: Duration,
    pub spoke: Duration,
}

/// What a caller has done so far.
#[derive(Default)]
struct Doings {
    said: Vec<Meaning>,
    pressed: Vec<Press>,
    in_dialog: Duration,
    spoke: Duration,
    turn: usize,
}

impl Person {
    /// Makes the call, from the ringing to whatever end it has.
    pub async fn call(self, caller: Caller) -> Account {
        let mut doings = Doings::default();
        let call = match caller.ring().await {
            Ok(call) => call,
            Err(error) => {
                let _ = self.in_dialog.send(());
                return Account::of_none(error.to_string());
            }
        };
        // Whatever comes of it: how it ended is seen by what the platform was told.
        let went = self.go_through(&call, &mut doings).await;
        let _ = self.in_dialog.send(());
        let outcome = call.outcome().await;
        let mut turns = Turns::default();
        turns.read(&outcome.events, &doings.said, &doings.pressed);
        let end = end(&outcome, went.err().as_ref());
        Account { end, pace: outcome.pace, turns, in_dialog: doings.in_dialog, spoke: doings.spoke }
    }

    async fn go_through(&self, call: &Call, doings: &mut Doings) -> Result<(), PhoneError> {
        self.opening(call, doings).await?;
        let _ = self.in_dialog.send(());
        let began = Instant::now();
        // Which of the two questions is put.
        let mut question = 0;
        while !*self.home.borrow() {
            doings.in_dialog = began.elapsed();
            self.take_turn(call, question, doings).await?;
            question = 1 - question;
        }
        doings.in_dialog = began.elapsed();
        self.go_home(call, question, doings).await
    }

    /// To the first question of the dialog.
    async fn opening(&self, call: &Call, doings: &mut Doings) -> Result<(), PhoneError> {
        call.wait_for_completed_marks(self.line.opening).await?;
        match self.consent {
            Consent::Yes => self.press(call, "1", Press::InTurn, doings).await?,
            Consent::No => self.press(call, "2", Press::InTurn, doings).await?,
            // Asked once more, and then told that nothing is recorded.
            Consent::Nothing => call.wait_for_completed_marks(self.line.opening + 1).await?,
        }
        // What became of the answer, and the first question.
        let more = self.line.after_answer;
        let marks = self.line.opening + more + usize::from(self.consent == Consent::Nothing);
        call.wait_for_completed_marks(marks).await
    }

    /// A question, some talk, and the key that answers it.
    async fn take_turn(&self, call: &Call, question: usize, doings: &mut Doings) -> Result<(), PhoneError> {
        let number = doings.turn;
        doings.turn += 1;
        let wants_to_speak = doings.spoke.as_secs_f64() < self.talk * doings.in_dialog.as_secs_f64();
        if wants_to_speak && self.line.understands {
            // Every other answer is spoken into the question; the first is given when it has been said.
            if number % 2 == 1 {
                self.agent_is_speaking(call).await?;
                return self.say(call, self.answer(question), Meaning::Interruption, doings).await;
            }
            self.my_turn(call).await?;
            if number % 4 == 2 {
                // The agent asks again.
                self.say(call, self.other(number), Meaning::SomethingElse, doings).await?;
                self.my_turn(call).await?;
            }
            return self.say(call, self.answer(question), Meaning::Answer, doings).await;
        }
        if wants_to_speak {
            // Nobody here understands a word: the agent goes on with its sentence, and to what is said after it, it says that there are keys.
            if number > 0 {
                self.agent_is_speaking(call).await?;
                self.say(call, self.other(number + 2), Meaning::Aside, doings).await?;
            }
            self.my_turn(call).await?;
            let (words, meaning) = match number % 2 {
                0 => (self.answer(question), Meaning::Answer),
                _ => (self.other(number / 2), Meaning::SomethingElse),
            };
            self.say(call, words, meaning, doings).await?;
            self.agent_is_speaking(call).await?;
            return self.press(call, self.line.keys[question], Press::Interrupting, doings).await;
        }
        if number == 0 {
            // The first question has been heard to its end.
            return self.press(call, self.line.keys[question], Press::InTurn, doings).await;
        }
        self.agent_is_speaking(call).await?;
        self.press(call, self.line.keys[question], Press::Interrupting, doings).await
    }

    /// Whatever the caller came for is done.
    async fn go_home(&self, call: &Call, question: usize, doings: &mut Doings) -> Result<(), PhoneError> {
        self.my_turn(call).await?;
        if self.wish == Wish::Person {
            return self.press(call, "0", Press::InTurn, doings).await;
        }
        let (from, keys) = match self.wish {
            Wish::Order => (0, self.line.order),
            _ => (1, self.line.last),
        };
        if question != from {
            self.press(call, self.line.keys[question], Press::InTurn, doings).await?;
            self.my_turn(call).await?;
        }
        for (number, keys) in keys.iter().enumerate() {
            if number > 0 {
                self.my_turn(call).await?;
            }
            self.press(call, keys, Press::InTurn, doings).await?;
        }
        Ok(())
    }

    fn answer(&self, question: usize) -> Words {
        self.vocabulary.answers[question].clone()
    }

    fn other(&self, number: usize) -> Words {
        self.vocabulary.others[number % self.vocabulary.others.len()].clone()
    }

    /// The agent has begun to speak, and a moment has gone by.
    async fn agent_is_speaking(&self, call: &Call) -> Result<(), PhoneError> {
        bored(call.wait_for_agent_again()).await?;
        tokio::time::sleep(LISTENS).await;
        Ok(())
    }

    async fn my_turn(&self, call: &Call) -> Result<(), PhoneError> {
        bored(call.wait_for_turn(TURN)).await
    }

    async fn say(&self, call: &Call, words: Words, meaning: Meaning, doings: &mut Doings) -> Result<(), PhoneError> {
        doings.said.push(meaning);
        doings.spoke += duration(&words);
        call.say_ulaw(words.to_vec()).await
    }

    async fn press(&self, call: &Call, keys: &str, press: Press, doings: &mut Doings) -> Result<(), PhoneError> {
        doings.pressed.extend(keys.chars().map(|_| press));
        call.press(keys).await
    }
}

/// Waits for the agent, and not for ever.
async fn bored(waiting: impl Future<Output = Result<(), PhoneError>>) -> Result<(), PhoneError> {
    tokio::time::timeout(BORED, waiting).await.unwrap_or(Ok(()))
}

impl Account {
    fn of_none(why: String) -> Account {
        let (pace, turns) = (Pace::default(), Turns::default());
        Account { end: End::NotHelped(why), pace, turns, in_dialog: Duration::ZERO, spoke: Duration::ZERO }
    }
}

/// How a call ended, by what its platform saw.
fn end(outcome: &Outcome, went: Option<&PhoneError>) -> End {
    if let Some(violation) = outcome.violations.first() {
        return End::NotHelped(format!("the server broke the protocol: {violation}"));
    }
    let talked = outcome.posted.iter().any(|posted| {
        let is = |name: &str, value: &str| posted.parameter(name) == Some(value);
        is("QueueResult", "bridged") || is("DialBridged", "true")
    });
    match &outcome.ended_by {
        // By the first answer, or by the one after a stream that found no room.
        EndedBy::Server if talked && outcome.pace.frames == 0 => End::PassedOn,
        EndedBy::Server if talked => End::Person,
        EndedBy::Server if went.is_none() => End::Goodbye,
        EndedBy::Server => End::NotHelped(format!(
            "the server ended the call in the middle: {}",
            went.map_or(String::new(), ToString::to_string)
        )),
        other => End::NotHelped(format!("the call ended by {other:?}")),
    }
}
