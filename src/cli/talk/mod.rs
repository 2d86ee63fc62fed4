//! `candor talk`: the conversation in the terminal. The author is the caller; the agent is the real engine, in virtual time.

mod aloud;
mod command;
mod lines;
mod screen;

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;

use self::aloud::Voice;
use self::command::Command;
use self::lines::{Lines, Piped, Typed};
use self::screen::Screen;
use super::conversation::{Pen, coloured};
use crate::dialog::SharedDialog;
use crate::rehearsal::{Answered, Around, Estimated, KEYS, People, REACTION, World, moment};
use crate::server::library::{self, Loaded};

/// Talk to a dialog in the terminal: type words, keys (`/1`), silence (`/wait`).
#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The dialog: a file, or the name of one of the configured dialogs.
    #[arg(value_name = "DIALOG")]
    pub dialog: PathBuf,
    /// The language of the call; without it the dialog's first.
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<String>,
    /// The caller is not understood and has keys alone, as in a language without a recogniser.
    #[arg(long)]
    pub keys_only: bool,
    /// Who is there when a person is asked for: phone-system, phone-system-nobody, desk, nobody, closed, full.
    #[arg(long, value_name = "WHO", default_value = "phone-system", value_parser = people)]
    pub people: People,
    /// Callers can leave a number to be called back on.
    #[arg(long)]
    pub call_backs: bool,
    /// When the call begins, for opening hours: `fri 21:00`, `2026-12-25 10:00`; without it, now.
    #[arg(long, value_name = "MOMENT")]
    pub at: Option<String>,
    /// What a lookup answers: order='{"status": "shipped"}', order=missing, order=failed, order=hanging. May be repeated.
    #[arg(long = "lookup", value_name = "RESULT=ANSWER", value_parser = command::answer)]
    pub lookups: Vec<(String, Answered)>,
    /// Stop at every line of the agent's, not only where the caller's turn comes: Enter goes on, `/interrupt` breaks in.
    #[arg(long)]
    pub step: bool,
    /// The folder with the texts; else the one of the configuration.
    #[arg(long, value_name = "FOLDER")]
    pub prompts: Option<PathBuf>,
    /// Speak the agent's lines on this machine's own loudspeaker (needs a build with the feature `aloud`).
    #[arg(long)]
    pub aloud: bool,
}

fn people(name: &str) -> Result<People, String> {
    let known = ["phone-system", "phone-system-nobody", "desk", "nobody", "closed", "full"];
    serde_json::from_value(name.into()).map_err(|_| format!("write one of {}", known.join(", ")))
}

/// What the configuration says.
#[derive(Clone, Copy)]
pub struct Configured<'a> {
    /// The folder of dialogs.
    pub dialogs: &'a Path,
    /// The folder of texts.
    pub prompts: &'a Path,
}

/// Runs the command on this terminal, or on what is piped into it.
pub fn run(arguments: &Arguments, configured: Configured) -> ExitCode {
    let pen = Pen { colour: coloured() };
    let loaded = match load(arguments, configured, pen) {
        Ok(loaded) => loaded,
        Err(status) => return status,
    };
    let file = &loaded.dialog.file;
    let first = file.languages.first().map(|language| language.value.clone()).unwrap_or_default();
    let language = arguments.language.clone().unwrap_or(first);
    if !file.languages.iter().any(|known| known.value == language) {
        let known: Vec<&str> = file.languages.iter().map(|known| known.value.as_str()).collect();
        eprintln!("candor talk: `{}` is not spoken in `{language}`, but in {}", file.dialog.value, known.join(", "));
        return ExitCode::from(2);
    }
    let opened = match arguments.at.as_ref().map(|at| moment(at, file).ok_or(at)) {
        None => Timestamp::now(),
        Some(Ok(opened)) => opened,
        Some(Err(at)) => {
            eprintln!("candor talk: `{at}` is no moment: write a day and a time, such as `fri 21:00` or `2026-12-25 10:00`");
            return ExitCode::from(2);
        }
    };
    let voice = match arguments.aloud.then(|| Voice::new(&language)).transpose() {
        Ok(voice) => voice,
        Err(why) => {
            eprintln!("candor talk: {why}");
            return ExitCode::from(2);
        }
    };
    let dialog: SharedDialog = Arc::new(loaded.dialog);
    let mut typed;
    let mut piped;
    let lines: &mut dyn Lines = if io::stdin().is_terminal() && io::stdout().is_terminal() {
        match Typed::new() {
            Ok(terminal) => typed = terminal,
            Err(error) => {
                eprintln!("candor talk: this terminal cannot be used: {error}");
                return ExitCode::from(2);
            }
        }
        &mut typed
    } else {
        piped = Piped::new(io::stdin().lock());
        &mut piped
    };
    let world = World::new(dialog.clone(), around(arguments, &language, opened, &dialog), Box::new(Estimated));
    let mut out = io::stdout();
    // Nobody reads any further, as when the output goes to `head`.
    match Talk::new(world, Screen::new(pen), voice, arguments.step).converse(lines, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn load(arguments: &Arguments, configured: Configured, pen: Pen) -> Result<Loaded, ExitCode> {
    let named = configured.dialogs.join(&arguments.dialog).with_extension("yaml");
    let path = if arguments.dialog.is_file() { arguments.dialog.clone() } else { named };
    if !path.is_file() {
        eprintln!("candor talk: there is no file {}, and no dialog {}", arguments.dialog.display(), path.display());
        return Err(ExitCode::from(2));
    }
    let prompts = arguments.prompts.as_deref().unwrap_or(configured.prompts);
    library::load(&path, prompts, None).map_err(|problems| {
        let _ = write!(io::stdout(), "{}", problems.render(pen.colour));
        ExitCode::FAILURE
    })
}

fn around(arguments: &Arguments, language: &str, opened: Timestamp, dialog: &SharedDialog) -> Around {
    let all = || dialog.file.languages.iter().map(|language| language.value.clone()).collect();
    Around {
        language: language.to_owned(),
        hears: if arguments.keys_only { BTreeSet::new() } else { all() },
        people: arguments.people,
        call_backs: arguments.call_backs,
        opened,
        answers: arguments.lookups.iter().map(|(result, answered)| (result.clone(), vec![answered.clone()])).collect(),
    }
}

/// A conversation.
struct Talk {
    world: World,
    screen: Screen,
    voice: Option<Voice>,
    /// Whether to stop at every line, and at which it has stopped.
    step: bool,
    stopped_at: Option<usize>,
}

impl Talk {
    fn new(world: World, screen: Screen, voice: Option<Voice>, step: bool) -> Talk {
        Talk { world, screen, voice, step, stopped_at: None }
    }

    fn converse(mut self, lines: &mut dyn Lines, out: &mut dyn Write) -> io::Result<()> {
        self.screen.welcome(&self.world, out)?;
        self.world.begin();
        self.go_on(out)?;
        while self.world.outcome().is_none() {
            self.screen.status(&self.world, out)?;
            let Some(line) = lines.next(out)? else {
                self.world.hang_up();
                break;
            };
            match command::read(&line) {
                Ok(command) => self.carry_out(command, out)?,
                Err(why) => writeln!(out, "{why}")?,
            }
        }
        self.screen.news(&self.world, self.voice.as_mut(), out)?;
        self.screen.farewell(&self.world, out)
    }

    /// Lets the agent go on until the caller's turn comes: the last line before it is still being said then, so that it can be interrupted.
    fn go_on(&mut self, out: &mut dyn Write) -> io::Result<()> {
        loop {
            self.screen.news(&self.world, self.voice.as_mut(), out)?;
            if self.world.outcome().is_some() || self.waits() {
                return Ok(());
            }
            let line = self.world.line_now().map(|(number, ..)| number);
            let stops = self.step && self.world.is_speaking() && line != self.stopped_at;
            if stops || (self.world.is_last_line() && self.world.is_speaking() && !self.world.is_busy()) {
                self.stopped_at = line;
                return Ok(());
            }
            self.world.advance();
        }
    }

    /// The agent has said everything, and nothing is on its way.
    fn waits(&self) -> bool {
        !self.world.is_speaking() && !self.world.is_busy()
    }

    /// Lets the agent end what it is saying.
    fn let_end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        while self.world.outcome().is_none() && !self.waits() {
            self.world.advance();
            self.screen.news(&self.world, self.voice.as_mut(), out)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, command: Command, out: &mut dyn Write) -> io::Result<()> {
        match command {
            Command::Help => return command::help(out),
            Command::Path => return self.screen.path(&self.world, out),
            Command::Step => {
                self.step = !self.step;
                return writeln!(out, "stops {}", if self.step { "at every line" } else { "where the caller's turn comes" });
            }
            Command::Lookup(result, answered) => {
                self.world.answer_with(&result, answered);
                return writeln!(out, "`{result}` is answered so from now on");
            }
            Command::Nothing => {}
            Command::Interrupt(what) => {
                if let Some((_, began, length)) = self.world.line_now() {
                    self.world.wait_until(began + length / 2);
                }
                self.carry_out_at_once(*what, out)?;
            }
            command @ (Command::HangUp | Command::Gone | Command::Back | Command::Colleague(_)) => {
                self.carry_out_at_once(command, out)?;
            }
            command => {
                self.let_end(out)?;
                if self.world.outcome().is_none() {
                    self.world.wait_until(self.world.now() + REACTION);
                    self.carry_out_at_once(command, out)?;
                }
            }
        }
        self.go_on(out)
    }

    fn carry_out_at_once(&mut self, command: Command, out: &mut dyn Write) -> io::Result<()> {
        match command {
            Command::Say(words) => self.world.say(&words),
            Command::Keys(keys) => {
                for (number, key) in keys.chars().enumerate() {
                    if number > 0 {
                        self.world.wait_until(self.world.now() + KEYS);
                    }
                    if self.world.outcome().is_none() {
                        self.world.press(key);
                    }
                }
            }
            Command::Wait => self.wait(),
            Command::Button(button) => self.world.button(button),
            Command::Language(language) => self.world.choose_language(&language),
            Command::Gone => self.world.lapse(),
            Command::Back => self.world.come_back(),
            Command::Colleague(colleague) => {
                if !self.world.colleague(colleague) {
                    writeln!(out, "nobody waits for a colleague, or is with one (start with --people desk, then press 0)")?;
                }
            }
            Command::HangUp => self.world.hang_up(),
            Command::Interrupt(_) | Command::Help | Command::Path | Command::Step | Command::Lookup(..) | Command::Nothing => {}
        }
        Ok(())
    }

    /// The caller is silent until the agent does something.
    fn wait(&mut self) {
        self.world.did("is silent".to_owned());
        let said = self.world.log().entries().len();
        let something = |world: &World| world.log().entries().iter().skip(said).any(|entry| entry.line().is_some());
        // A caller in a line hears music for ever.
        for _ in 0..100 {
            if something(&self.world) || !self.world.advance() {
                break;
            }
        }
    }
}
