//! What a caller can always ask for, in every state and without the dialog file saying so.

use zeroize::Zeroizing;

use super::*;
use crate::consent::Method;

/// A command that is always there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Pass me to a person: `0`, or `*0` while digits are collected.
    Person,
    /// Stop recording: `*9`.
    Stop,
    /// Ask me about recording again: `*8`.
    AskAgain,
    /// Say that again: `*5`.
    Repeat,
    /// Another language: `*1`.
    Language,
}

/// All of them; the two that protect the caller first.
pub(super) const COMMANDS: [Command; 5] = [Command::Stop, Command::Person, Command::AskAgain, Command::Repeat, Command::Language];

impl Command {
    /// The prompt id whose `.hear` lists its phrases.
    pub(super) fn id(self) -> &'static str {
        match self {
            Command::Person => "command-person",
            Command::Stop => "command-stop",
            Command::AskAgain => "command-ask-again",
            Command::Repeat => "command-repeat",
            Command::Language => "command-language",
        }
    }

    /// The key after `*`.
    fn of_key(key: char) -> Option<Command> {
        match key {
            '0' => Some(Command::Person),
            '9' => Some(Command::Stop),
            '8' => Some(Command::AskAgain),
            '5' => Some(Command::Repeat),
            '1' => Some(Command::Language),
            _ => None,
        }
    }
}

impl Flow {
    pub(super) fn key(&mut self, key: char) {
        if matches!(self.phase, Phase::Knocking(_) | Phase::Fresh) || self.is_away() {
            return;
        }
        if key != '*' && self.prefix.take().is_some() {
            if let Some(command) = Command::of_key(key) {
                self.command(command, Method::Key(key));
            }
            return;
        }
        match key {
            '*' => self.prefix = Some(self.now + PREFIX),
            '0' if !self.collects_digits() => self.command(Command::Person, Method::Key('0')),
            key if self.belongs_to_full_number(key) => {}
            key => match &self.phase {
                Phase::Disclosing(_) | Phase::Asking(_) => self.key_in_opening(key),
                Phase::Dialog(_) => self.key_in_dialog(key),
                Phase::Waiting => self.key_while_waiting(key),
                Phase::CallBack(_) => self.key_in_call_back(key),
                Phase::Lapsed(_) if key == '2' => self.no_while_gone(Method::Key(key)),
                _ => {}
            },
        }
    }

    /// With somebody whom the phone system reached: nothing of ours is heard there.
    fn is_away(&self) -> bool {
        matches!(self.phase, Phase::Away(_)) && !self.is_with_colleague()
    }

    /// A button means the same at every moment; where it means nothing, it does nothing.
    pub(super) fn button(&mut self, button: Button) {
        if matches!(self.phase, Phase::Knocking(_) | Phase::Fresh) || self.is_away() {
            return;
        }
        self.prefix = None;
        match button {
            Button::Person => self.command(Command::Person, Method::Button),
            Button::Stop => self.command(Command::Stop, Method::Button),
            Button::AskAgain => self.command(Command::AskAgain, Method::Button),
            Button::Repeat => self.command(Command::Repeat, Method::Button),
            Button::Yes | Button::No => self.yes_or_no(button == Button::Yes),
            Button::Agent if matches!(self.phase, Phase::Waiting | Phase::CallBack(_)) => self.go_on_with_agent(),
            Button::CallBack => self.leave_number(),
            Button::Agent => {}
        }
    }

    fn yes_or_no(&mut self, yes: bool) {
        match self.phase {
            Phase::Disclosing(_) | Phase::Asking(_) => self.button_in_opening(yes),
            Phase::Dialog(_) => self.whether(yes),
            Phase::Lapsed(_) if !yes => self.no_while_gone(Method::Button),
            Phase::CallBack(_) if self.confirms_number() => self.key_in_call_back(if yes { '1' } else { '2' }),
            _ => {}
        }
    }

    /// Whether what was said is a command; if so it is carried out.
    pub(super) fn spoken_command(&mut self, utterance: &Utterance) -> bool {
        let said = Zeroizing::new(phrase::normal(&utterance.text));
        if said.is_empty() || matches!(self.phase, Phase::Knocking(_) | Phase::Away(_) | Phase::Fresh) {
            return false;
        }
        let found = COMMANDS.into_iter().find(|command| {
            let phrases = self.phrases_of(*command);
            match command {
                // Erring towards what protects the caller: the words anywhere in the sentence are enough.
                Command::Stop | Command::Person => phrases.iter().any(|p| phrase::has(&said, p)),
                _ => phrases.iter().any(|p| phrase::is_whole(&said, p)),
            }
        });
        if let Some(command) = found {
            let before = self.actions.len();
            self.command(command, Method::Speech { entry: None, confidence: None });
            if self.actions.len() == before {
                self.nothing_came_of_it();
            }
        }
        found.is_some()
    }

    /// A language is asked for in its own words, or in ours.
    fn phrases_of(&self, command: Command) -> Vec<String> {
        let texts = &self.dialog.texts;
        match command {
            Command::Language => {
                let others = self.dialog.file.languages.iter().filter(|l| l.value != self.language);
                others.flat_map(|l| texts.hear(&l.value, command.id()).to_vec()).collect()
            }
            _ => texts.hear(&self.language, command.id()).to_vec(),
        }
    }

    /// A command that had nothing to do: the call goes on where the caller's voice has held it.
    fn nothing_came_of_it(&mut self) {
        match &self.phase {
            Phase::Dialog(_) if self.looks_up() => self.lookup_ready(),
            Phase::Dialog(_) if self.is_paused() => self.came_to_nothing(Interruption::Otherwise),
            Phase::Dialog(_) if self.current.is_none() => self.deadline = Some(self.now + self.dialog_patience()),
            Phase::Asking(asking) if asking.ended.is_some() => self.deadline = Some(self.now + self.settings.consent_window),
            _ => {}
        }
    }

    fn command(&mut self, command: Command, method: Method) {
        if let Phase::Lapsed(_) = self.phase {
            return self.command_while_gone(command, method);
        }
        // A caller who is being put through is put through; only a withdrawal is still for us.
        if command != Command::Stop && matches!(self.phase, Phase::Passing(Next::Leave(_) | Next::Person)) {
            return;
        }
        // Whoever waits for a person, or talks with one, has left the agent; what was kept before can still be withdrawn.
        if self.waiting.is_some() {
            return match command {
                Command::Stop => self.withdraw(method),
                Command::Repeat if matches!(self.phase, Phase::Waiting) => {
                    self.hush();
                    self.wait();
                }
                _ => {}
            };
        }
        match command {
            Command::Person => self.ask_for_person(),
            Command::Stop => self.withdraw(method),
            Command::AskAgain if matches!(self.phase, Phase::Disclosing(_) | Phase::Asking(_)) => {}
            Command::AskAgain => self.ask_again(),
            Command::Repeat => self.repeat(),
            Command::Language => self.switch_language(),
        }
    }

    fn repeat(&mut self) {
        match self.phase {
            Phase::Dialog(_) => {
                self.hush();
                self.resume();
            }
            Phase::Asking(_) => self.ask_the_same(),
            _ => {}
        }
    }

    /// The next language of the dialog.
    fn switch_language(&mut self) {
        let languages = &self.dialog.file.languages;
        let here = languages.iter().position(|l| l.value == self.language).unwrap_or(0);
        let next = languages[(here + 1) % languages.len()].value.clone();
        self.speak(next);
    }

    /// A language that the caller has picked from the list of the dialog's.
    pub(super) fn choose_language(&mut self, language: &str) {
        let closed = matches!(self.phase, Phase::Knocking(_) | Phase::Away(_) | Phase::Lapsed(_) | Phase::Fresh)
            || matches!(self.phase, Phase::Passing(Next::Leave(_) | Next::Close(_) | Next::Person))
            || self.waiting.is_some();
        if !closed && self.dialog.file.languages.iter().any(|l| l.value == language) {
            self.speak(language.to_owned());
        }
    }

    /// Another language: its grants are void and the opening starts anew.
    fn speak(&mut self, next: String) {
        if next == self.language {
            return;
        }
        self.hush();
        let changes = self.consents.invalidate_all();
        if !changes.is_empty() {
            self.stop_recorder(StopReason::Language);
        }
        self.note_changes(changes);
        self.grammar = AnswerGrammar::for_language(&next);
        self.language = next.clone();
        self.failed = None;
        self.caller_speaks = false;
        self.abandon_lookup();
        self.position = Position::start_of(&self.dialog.file.start.value);
        self.actions.push(Action::Language(next));
        self.open(false);
    }

    /// The ledger, the disk or the index failed: the call goes on, unrecorded, and the caller is told.
    pub(super) fn recording_failed(&mut self) {
        if self.consents.is_broken() {
            return;
        }
        let changes = self.consents.fail_all();
        self.stop_recorder(StopReason::Failed);
        let matters = !changes.is_empty() || matches!(self.phase, Phase::Asking(_) | Phase::Lapsed(absence::Broken::Question(_)));
        self.note_changes(changes);
        if !matters {
            return;
        }
        let told = matches!(self.phase, Phase::Dialog(_) | Phase::Asking(_) | Phase::Passing(Next::Question(_) | Next::Resume))
            || matches!(&self.phase, Phase::Lapsed(broken) if broken.goes_on_with_agent());
        if told {
            self.refuse_open("refused");
            self.hush();
            let (mut said, next) = self.broken_off("consent-given");
            said.insert(0, "recording-failed".to_owned());
            self.pass(&said, next.without_questions());
        }
    }
}
