//! A recording that is heard while a prompt is being said: what the ears make of it, frame by frame, and what the flow makes of that.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use crate::audio::{Codec, Encoded, FRAME};
use crate::consent::SessionTime;
use crate::dialog::SharedDialog;
use crate::dialog::flow::{Event, Expected, Interruption, Utterance};
use crate::dialog::prompt::Line;
use crate::rehearsal::{Around, Said, Senses, World, estimated};
use crate::speech::stt::{Expectation, Recogniser};
use crate::speech::{Ears, Heard, Settings};

/// How long after the agent falls silent its echo is still heard: 20 ms until the mouth's next tick, and a way there and back on a telephone.
const ECHO_GOES_ON: Duration = Duration::from_millis(220);

/// What listens, for all recordings of a run.
#[derive(Clone)]
pub struct Listening {
    pub runtime: Rc<Runtime>,
    pub settings: Rc<Settings>,
    /// Without one, that there is a voice is all that can be known.
    pub recogniser: Option<Arc<dyn Recogniser>>,
}

/// What the agent hears.
pub struct Incoming {
    /// In the codec of a telephone.
    pub sound: Encoded,
    /// What the caller hears of the agent meanwhile, where it comes back.
    pub agent: Option<Encoded>,
    /// What is heard from soon after the voice was noticed, when the agent is silent: the same without what comes back. Absent: nothing comes back.
    pub once_silent: Option<Encoded>,
    /// From where on it counts.
    pub from: Duration,
}

/// What became of one recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// When the voice was noticed, from where the sound counts.
    pub noticed: Option<Duration>,
    /// What the flow took it for, where it was listened to with a recogniser.
    pub came_of_it: Option<Interruption>,
}

/// Lets a recording be heard in the middle of the dialog's first question.
pub fn hear(listening: &Listening, dialog: &SharedDialog, language: &str, incoming: Incoming) -> Result<Outcome, String> {
    let noticed = Rc::new(Cell::new(None));
    let senses = OneRecording { listening: listening.clone(), incoming, noticed: noticed.clone() };
    let around = Around {
        language: language.to_owned(),
        hears: BTreeSet::from([language.to_owned()]),
        people: Default::default(),
        call_backs: false,
        opened: Timestamp::UNIX_EPOCH,
        answers: Default::default(),
    };
    let mut world = World::new(dialog.clone(), around, Box::new(senses));
    world.begin();
    while !world.flow().in_dialog() {
        if world.flow().expected() == Expected::Consent {
            world.press('2');
        } else if !world.advance() {
            return Err("the dialog does not come to a question".to_owned());
        }
    }
    if let Some((_, began, length)) = world.line_now() {
        world.wait_until(began + length / 2);
    }
    world.say("a recording");
    while world.is_busy() && world.advance() {}
    let came_of_it = world.interruptions().first().copied().filter(|_| listening.recogniser.is_some());
    Ok(Outcome { noticed: noticed.get(), came_of_it })
}

/// Ears that hear one recording, whatever is said.
struct OneRecording {
    listening: Listening,
    incoming: Incoming,
    noticed: Rc<Cell<Option<Duration>>>,
}

impl Senses for OneRecording {
    fn length(&mut self, _: &Line, text: &str) -> Duration {
        estimated(text)
    }

    fn hear(&mut self, said: &Said) -> Vec<(SessionTime, Event)> {
        let expectation = Expectation { phrases: said.expecting.phrases.clone(), second_look: false, open: false, value: None };
        let heard = self.listening.runtime.clone().block_on(self.listen(expectation));
        heard.into_iter().map(|(after, event)| (said.from + after, event)).collect()
    }
}

impl OneRecording {
    /// What comes of it, each with its time from where the sound counts. Each frame is worked through before the next one comes.
    async fn listen(&self, expectation: Expectation) -> Vec<(Duration, Event)> {
        let Listening { settings, recogniser, .. } = &self.listening;
        let started = Ears::start(recogniser.clone(), settings, Codec::Ulaw);
        let Ok((ears, mut heard)) = started else { return vec![(Duration::ZERO, Event::EngineFailed)] };
        ears.expect(expectation);
        let silence = vec![Codec::Ulaw.silence(); Codec::Ulaw.bytes_in(FRAME)];
        let (mut sending, mut at) = (Some(ears), SessionTime::START);
        let Incoming { sound, agent, once_silent, from } = &self.incoming;
        let (mut frames, mut events) = (sound.iter().enumerate(), Vec::new());
        loop {
            tokio::select! {
                biased;
                next = heard.recv() => {
                    let Some(next) = next else { return events };
                    let Some(now) = at.since(SessionTime::START).checked_sub(*from) else { continue };
                    match next {
                        Heard::SpeechBegan { .. } => {
                            self.noticed.set(self.noticed.get().or(Some(now)));
                            events.push((now, Event::SpeechBegan));
                        }
                        Heard::Utterance { began, speech, above_noise, hypothesis, .. } => {
                            let text = Zeroizing::new(hypothesis.text.clone());
                            let utterance = Utterance { text, second_look: None, confidence: hypothesis.confidence, began, speech, above_noise };
                            events.push((now, Event::Utterance(utterance)));
                        }
                        Heard::NotUnderstood { .. } => events.push((now, Event::NotUnderstood)),
                        Heard::EngineFailed { .. } => events.push((now, Event::EngineFailed)),
                        _ => {}
                    }
                }
                () = tokio::task::yield_now(), if sending.is_some() => match (frames.next(), &sending) {
                    (Some((number, frame)), Some(ears)) => {
                        let now = at.since(SessionTime::START).saturating_sub(*from);
                        let noticed = self.noticed.get();
                        if let Some(said) = agent.as_ref().filter(|_| noticed.is_none()).and_then(|agent| agent.frame(number)) {
                            ears.agent(at, said);
                        }
                        let over = once_silent.as_ref().filter(|_| noticed.is_some_and(|noticed| now > noticed + ECHO_GOES_ON));
                        let alone = over.map(|alone| alone.frame(number).unwrap_or_else(|| silence.clone().into()));
                        ears.frame(at, alone.unwrap_or(frame));
                        at = at + FRAME;
                    }
                    // The ears end when what was sent has been worked through.
                    _ => sending = None,
                },
            }
        }
    }
}
