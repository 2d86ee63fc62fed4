use std::time::Duration;

use zeroize::Zeroizing;

use super::estimated;
use crate::consent::SessionTime;
use crate::dialog::flow::{Event, Expecting, Utterance};
use crate::dialog::prompt::Line;

/// How long the agent's lines last, and what is understood of a caller.
pub trait Senses {
    /// How long a line lasts, whose text is this.
    fn length(&mut self, line: &Line, text: &str) -> Duration;

    /// What comes of words that the caller begins to say now: what the flow hears, each with its moment, in order.
    fn hear(&mut self, said: &Said) -> Vec<(SessionTime, Event)>;
}

/// Words of a caller.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// The words. Empty: a voice that says nothing one could understand.
    pub words: &'a str,
    /// When the caller begins.
    pub from: SessionTime,
    /// The language that is spoken.
    pub language: &'a str,
    /// Whether callers are understood in it.
    pub understood: bool,
    /// What the flow told the ears to expect.
    pub expecting: &'a Expecting,
}

/// How long a voice takes to be noticed.
const NOTICED: Duration = Duration::from_millis(80);
/// How much silence ends what was said, and how long it then takes to be understood.
const UNDERSTOOD: Duration = Duration::from_millis(740);
/// What a caller says without words.
const MUMBLE: Duration = Duration::from_millis(600);

/// Without sound: lines last as long as estimated, and whoever says something is understood to the letter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Estimated;

impl Senses for Estimated {
    fn length(&mut self, _: &Line, text: &str) -> Duration {
        estimated(text)
    }

    fn hear(&mut self, said: &Said) -> Vec<(SessionTime, Event)> {
        let voice = if said.words.is_empty() { MUMBLE } else { spoken(said.words) };
        let heard = match said.words {
            words if said.understood && !words.is_empty() => Event::Utterance(Utterance {
                text: Zeroizing::new(words.to_owned()),
                second_look: Some(Zeroizing::new(words.to_owned())),
                confidence: 1.0,
                began: said.from,
                speech: voice,
                above_noise: f32::INFINITY,
            }),
            _ => Event::NotUnderstood,
        };
        vec![(said.from + NOTICED, Event::SpeechBegan), (said.from + voice + UNDERSTOOD, heard)]
    }
}

/// How long a caller speaks: a little faster than the agent, and without its pauses.
fn spoken(words: &str) -> Duration {
    let letters: String = words.chars().filter(|c| c.is_alphanumeric() || c.is_whitespace()).collect();
    estimated(&letters)
}
