//! What the caller, and a colleague at the desk, can do.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::World;
use super::log::What;
use super::senses::Said;
use crate::dialog::flow::{Button, Event, HandoverEnd, SessionOutcome, Stage};

/// How long a caller takes to answer.
pub const REACTION: Duration = Duration::from_millis(400);
/// How long a caller takes from one key to the next.
pub const KEYS: Duration = Duration::from_millis(300);

/// What a colleague at the desk does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Colleague {
    /// Takes the caller who waits.
    Takes,
    /// Gives the caller back to the agent.
    GivesBack,
    /// Is gone from the line without having taken anybody.
    Leaves,
}

impl World {
    /// Presses a key: `0` to `9`, `*` or `#`.
    pub fn press(&mut self, key: char) {
        self.did(format!("presses {key}"));
        self.take(Event::Key(key));
    }

    /// Begins to say something; it is understood a moment after its end. Without words: a voice that nothing can be made of.
    pub fn say(&mut self, words: &str) {
        self.did(if words.is_empty() { "mumbles".to_owned() } else { format!("says “{words}”") });
        if matches!(self.flow.stage(), Stage::Waiting | Stage::Nobody | Stage::CallBack | Stage::Person | Stage::Lapsed) {
            return self.tell("nobody listens here; keys work".to_owned());
        }
        let language = self.flow.language().to_owned();
        let understood = self.around.hears.contains(&language);
        let said = Said { words, from: self.now, language: &language, understood, expecting: &self.expecting };
        for (at, event) in self.senses.hear(&said) {
            self.at(at, event);
        }
    }

    /// Presses a button on the caller's page.
    pub fn button(&mut self, button: Button) {
        self.did(format!("presses the button {}", super::doing::kebab(&button)));
        self.take(Event::Button(button));
    }

    /// Picks a language from the list on the caller's page.
    pub fn choose_language(&mut self, language: &str) {
        self.did(format!("chooses `{language}`"));
        self.take(Event::ChooseLanguage(language.to_owned()));
    }

    /// Nothing comes from the caller any more.
    pub fn lapse(&mut self) {
        self.did("is gone (a tunnel, a closed lid)".to_owned());
        self.take(Event::Lapsed);
    }

    /// The caller is back.
    pub fn come_back(&mut self) {
        self.did("is back".to_owned());
        self.take(Event::Resumed);
    }

    /// Hangs up.
    pub fn hang_up(&mut self) {
        self.did("hangs up".to_owned());
        self.take(Event::CallerGone(SessionOutcome::CallerHungUp));
    }

    /// A colleague at the desk does something. `false`: they cannot, as nobody waits, or nobody was taken.
    pub fn colleague(&mut self, colleague: Colleague) -> bool {
        let waiting = self.flow.place().is_some();
        match colleague {
            Colleague::Takes if waiting => {
                self.tell("a colleague takes the caller".to_owned());
                self.with_colleague = true;
                self.take(Event::Connected);
            }
            Colleague::Leaves if waiting => self.take(Event::NobodyTakes(HandoverEnd::NobodyAnswered)),
            Colleague::GivesBack if self.with_colleague => {
                self.tell("the colleague gives the caller back".to_owned());
                self.with_colleague = false;
                self.take(Event::GivenBack);
            }
            _ => return false,
        }
        true
    }

    /// Notes something that the caller did or did not do.
    pub fn did(&mut self, what: String) {
        self.log.add(self.now, What::Caller(Zeroizing::new(what)));
    }
}
