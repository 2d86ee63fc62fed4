//! A caller who speaks into a prompt. At a voice the agent falls silent at once; what the voice was is known only when it has been understood. Whatever it
//! was, the caller is not made to hear the prompt from its beginning for a cough.
//!
//! | what was heard | what becomes of the prompt |
//! | --- | --- |
//! | a command, or an answer to the question | it is over |
//! | nothing, noise, a laugh or a cough, less than a word, something that the recogniser is not sure of and that fits nothing | it goes on where it was |
//! | a backchannel ("ja ja", "hm hm"): the caller listens | it goes on where it was |
//! | an echo: words of the prompt itself | it goes on where it was |
//! | something else | the question is put again, as if it had been said after the prompt |
//!
//! **What is always there comes first**: a person and "stop recording" are taken from any words, an echo's included (design rule 4). So a line that echoes can
//! bring a caller to a person who did not ask for one, and stop a recording; it can never start one, as consent questions are not looked at here.
//!
//! **An answer that stands in the prompt** ("say return, or press two") is one all the same when the caller says it, with a word or two around it. With three or
//! more words around it that stand in the prompt as well, it is the prompt. A line that has echoed twice in a call is known to echo: from then on nothing
//! that stands in a prompt counts while it is being said, an option alone included. After its end everything counts.

use zeroize::Zeroizing;

use super::matching::{Meant, meant};
use super::steps::{Mode, Waiting};
use super::*;
use crate::dialog::file::Step;
use crate::dialog::prompt::Texts;
use crate::dialog::spoken::Tongue;

/// A voice for which a prompt was stopped came to nothing this often: what stops it is nobody, and it is said to its end. Words still count.
const FOR_NOTHING: u32 = 2;
/// After so many echoes in a call its line is known to echo.
const ECHOES: u32 = 2;
/// Words around an answer that make it a piece of the prompt, when all of them stand in it.
const AROUND: usize = 3;
/// No word is shorter.
const SHORTEST: Duration = Duration::from_millis(120);
/// What fits nothing and of which the recogniser is less sure than this was no words. Chosen, not measured.
const UNSURE: f32 = 0.5;
/// As long the agent stays silent for a second voice when the first came to nothing. Else noise without end would hold it for ever.
const LONGEST: Duration = UNDERSTANDING;

/// What came of a voice for which a prompt was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// The caller has answered.
    Answer,
    /// The caller said something that fits nothing.
    NoMatch,
    /// There was nothing to be understood.
    Nothing,
    /// The caller has only shown that they listen.
    Backchannel,
    /// The agent has heard itself.
    Echo,
    /// The call went another way: a command, a number by key, a caller who is gone.
    Otherwise,
}

impl Interruption {
    /// As it is counted.
    pub fn as_str(self) -> &'static str {
        match self {
            Interruption::Answer => "answer",
            Interruption::NoMatch => "no-match",
            Interruption::Nothing => "nothing",
            Interruption::Backchannel => "backchannel",
            Interruption::Echo => "echo",
            Interruption::Otherwise => "otherwise",
        }
    }
}

/// Whether somebody who says this has only shown that they listen: "ja ja", "hm hm".
pub fn is_backchannel(texts: &Texts, language: &str, said: &str) -> bool {
    phrase::is_made_of(&Zeroizing::new(phrase::normal(said)), texts.hear(language, "backchannel"))
}

/// Voices over prompts.
#[derive(Debug, Default)]
pub(super) struct Voices {
    /// Since when what is being said stands still.
    paused: Option<SessionTime>,
    /// Voices that have begun and come to nothing yet: one can begin before the one before it was understood.
    unknown: u32,
    /// What was being said when the latest of them began.
    into: Vec<Line>,
    /// How often in this call the agent has heard itself.
    echoes: u32,
}

impl Voices {
    /// Keeps count. Whatever a voice comes to, it is one event.
    pub(super) fn count(&mut self, event: &Event) {
        match event {
            Event::SpeechBegan => self.unknown += 1,
            Event::Utterance(_) | Event::NotUnderstood => self.unknown = self.unknown.saturating_sub(1),
            // Nothing more comes of any of them.
            Event::EngineFailed | Event::ChooseLanguage(_) => self.unknown = 0,
            _ => {}
        }
    }

    /// Nothing came of them in time.
    pub(super) fn give_up(&mut self) {
        self.unknown = 0;
    }
}

impl Flow {
    /// A voice, in the dialog: what is being said stops.
    pub(super) fn voice_over_prompt(&mut self) {
        let Phase::Dialog(waiting) = &self.phase else { return };
        let Some(play) = self.current else {
            if self.voices.unknown <= 1 {
                self.voices.into.clear();
            }
            return;
        };
        self.voices.into = self.plays.get(&play).into_iter().flatten().map(|(line, _)| line.clone()).collect();
        let stops = waiting.barge_in() && waiting.for_nothing < FOR_NOTHING && self.can_hear();
        if stops && self.voices.paused.is_none() {
            self.voices.paused = Some(self.now);
            self.actions.push(Action::Pause);
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.voices.paused.is_some()
    }

    /// The prompt that stood still is over, or goes on: it is known what came of the voice.
    pub(super) fn came_of_it(&mut self, what: Interruption) {
        if self.voices.paused.take().is_some() {
            self.actions.push(Action::Interruption(what));
        }
    }

    /// Whether what was said over a prompt is nothing that the call has to do with; then it goes on where it was.
    pub(super) fn said_for_nothing(&mut self, utterance: &Utterance) -> bool {
        if !matches!(self.phase, Phase::Dialog(_)) || self.looks_up() || self.voices.into.is_empty() {
            return false;
        }
        let Some(what) = self.nothing_in(utterance) else { return false };
        self.came_to_nothing(what);
        true
    }

    /// A voice of which nothing was understood; `false` when it has stopped nothing.
    pub(super) fn heard_for_nothing(&mut self) -> bool {
        let stopped = matches!(self.phase, Phase::Dialog(_)) && self.is_paused();
        if stopped {
            self.came_to_nothing(Interruption::Nothing);
        }
        stopped
    }

    /// The call goes on where the voice has held it. It is no try of the caller's.
    pub(super) fn came_to_nothing(&mut self, what: Interruption) {
        self.voices.echoes += u32::from(what == Interruption::Echo);
        // The caller may be speaking again, and that decides.
        self.caller_speaks = self.voices.unknown > 0;
        if let Some(since) = self.voices.paused {
            if self.caller_speaks && self.now.since(since) < LONGEST {
                return;
            }
            if let Phase::Dialog(waiting) = &mut self.phase {
                waiting.for_nothing += 1;
            }
            self.came_of_it(what);
            self.actions.push(Action::GoOn);
        }
        if self.caller_speaks {
            self.deadline.get_or_insert(self.now + UNDERSTANDING * 4);
            return;
        }
        self.voices.into.clear();
        let patience = self.dialog_patience();
        self.deadline = self.current.is_none().then(|| self.now + patience);
    }

    /// Which nothing it is, if it is one.
    fn nothing_in(&self, utterance: &Utterance) -> Option<Interruption> {
        // `[unk]` is how a recogniser says that there was something.
        let said = Zeroizing::new(phrase::normal(&Zeroizing::new(utterance.text.replace("[unk]", " "))));
        if said.is_empty() {
            return Some(Interruption::Nothing);
        }
        let answer = self.longest_answer_in(&said, &utterance.text);
        if self.is_echo(&said, answer) {
            return Some(Interruption::Echo);
        }
        if answer.is_some() {
            return None;
        }
        if is_backchannel(&self.dialog.texts, &self.language, &said) {
            return Some(Interruption::Backchannel);
        }
        (utterance.speech < SHORTEST || utterance.confidence < UNSURE).then_some(Interruption::Nothing)
    }

    /// How many words the longest answer to the question has that is in what was said.
    fn longest_answer_in(&self, said: &str, text: &str) -> Option<usize> {
        let Phase::Dialog(Waiting { mode, at, .. }) = &self.phase else { return None };
        let all = || said.split(' ').count();
        let ids: Vec<&str> = match (mode, at.step(&self.dialog.file)) {
            (Mode::Ask, Some(Step::Ask(ask))) => ask.options.iter().map(|(name, _)| name.value.as_str()).collect(),
            (Mode::ReadBack | Mode::Confirm(_), _) => vec!["read-back-yes", "read-back-no"],
            (Mode::Collect(_), Some(Step::Collect(collect))) => {
                // A value is all of what was said.
                let (tongue, form) = Tongue::of(&self.language).zip(collect.form())?;
                return tongue.read(form, text, self.known.today).map(|_| all());
            }
            _ => Vec::new(),
        };
        let choices: Vec<&[String]> = ids.into_iter().map(|id| self.dialog.texts.hear(&self.language, id)).collect();
        let phrases = choices.iter().copied().flatten();
        let longest = phrases.filter(|phrase| phrase::has(said, phrase)).map(|phrase| phrase.split_whitespace().count()).max();
        // In other words than its phrases have, an answer is all of what was said as well.
        longest.or_else(|| (meant(said, &choices, &self.language) != Meant::Nothing).then(all))
    }

    /// Whether the words are those of what was being said.
    fn is_echo(&self, said: &str, answer: Option<usize>) -> bool {
        let words = said.split(' ').count();
        let run = self.voices.into.iter().map(|line| {
            let text = self.dialog.texts.text(&self.dialog.file, line, &self.known).unwrap_or_default();
            phrase::longest_run(said, &Zeroizing::new(phrase::normal(&text)))
        });
        let run = run.max().unwrap_or(0);
        // A recogniser mishears a word of an echo as well.
        let of_the_prompt = run * 3 >= words * 2;
        let echoes = self.voices.echoes >= ECHOES;
        of_the_prompt && (echoes || run >= 2 && answer.is_none_or(|answer| words >= answer + AROUND))
    }
}
