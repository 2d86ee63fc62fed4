use std::io::{self, Write};

use super::super::conversation::{Pen, clock};
use super::aloud::Voice;
use crate::consent::ConsentState;
use crate::dialog::flow::{Heard, Stage};
use crate::rehearsal::{Entry, What, World};

/// What the author sees.
pub(super) struct Screen {
    pen: Pen,
    /// How much of the log was shown.
    shown: usize,
    /// A line that was still being said when it was shown.
    open: Option<usize>,
}

impl Screen {
    pub(super) fn new(pen: Pen) -> Screen {
        Screen { pen, shown: 0, open: None }
    }

    pub(super) fn welcome(&self, world: &World, out: &mut dyn Write) -> io::Result<()> {
        let dialog = &world.dialog().file.dialog.value;
        writeln!(
            out,
            "{}",
            self.pen.faint(&format!(
                "{dialog}, in {}. Time is virtual; nothing is kept. /help says what can be typed.",
                world.flow().language()
            ))
        )
    }

    /// What has happened since this was last shown; spoken as well, where there is a voice.
    pub(super) fn news(&mut self, world: &World, mut voice: Option<&mut Voice>, out: &mut dyn Write) -> io::Result<()> {
        let entries = world.log().entries();
        for (number, entry) in entries.iter().enumerate().skip(self.shown) {
            self.shown += 1;
            // That it was broken off is news after what broke it off.
            if !matches!(entry.what, What::Caller(_)) {
                self.broken_off(entries, out)?;
            }
            if let What::Said { ended: None, .. } = entry.what {
                self.open = Some(number);
            }
            if let Some(line) = self.pen.line(entry) {
                writeln!(out, "{line}")?;
            }
            if let (What::Said { line, text, .. }, Some(voice)) = (&entry.what, &mut voice)
                && !line.is_music()
            {
                out.flush()?;
                voice.say(&line.language, text);
            }
        }
        self.broken_off(entries, out)
    }

    fn broken_off(&mut self, entries: &[Entry], out: &mut dyn Write) -> io::Result<()> {
        let Some(What::Said { line, ended: Some(heard), .. }) =
            self.open.and_then(|open| entries.get(open)).map(|entry| &entry.what)
        else {
            return Ok(());
        };
        self.open = None;
        match heard {
            Heard::Cut if !line.is_music() => {
                writeln!(out, "          {}", self.pen.faint(&format!("        · {} is broken off", line.id)))
            }
            _ => Ok(()),
        }
    }

    /// Where the call stands: in the dialog, and what of it is recorded.
    pub(super) fn status(&self, world: &World, out: &mut dyn Write) -> io::Result<()> {
        let flow = world.flow();
        let place = match flow.question() {
            Some((state, step)) => format!("{state}, step {}", step + 1),
            None => stage_name(flow.stage()).to_owned(),
        };
        let mut parts = vec![clock(world.now()), place];
        for (purpose, _, state) in flow.consents().states() {
            parts.push(format!("{purpose} {}", if state == ConsentState::Requested { "being asked" } else { state.as_str() }));
        }
        parts.push(if world.records_this_turn() { "this turn is recorded" } else { "this turn is not recorded" }.to_owned());
        // What stands at a sensitive step is nobody's to read, not even here.
        parts.extend(
            world.given().iter().map(|given| format!("{} {}", given.slot, if given.sensitive { "•••" } else { &given.value })),
        );
        writeln!(out, "{}", self.pen.faint(&format!("[{}]", parts.join(" · "))))
    }

    pub(super) fn path(&self, world: &World, out: &mut dyn Write) -> io::Result<()> {
        let places = world.path().iter().map(|place| format!("{} ({})", place.state, place.step));
        let path: Vec<String> = std::iter::once("opening".to_owned()).chain(places).collect();
        writeln!(out, "{}", path.join(" → "))
    }

    /// What the call came to.
    pub(super) fn farewell(&self, world: &World, out: &mut dyn Write) -> io::Result<()> {
        let kept: Vec<&str> = world
            .kept()
            .iter()
            .filter(|kept| !kept.purposes.is_empty())
            .filter_map(|kept| kept.prompts.last().map(String::as_str))
            .collect();
        let told = match kept.len() {
            0 => "A server would have kept no turn of this call.".to_owned(),
            1 => format!("A server would have kept one turn of this call, that of {}.", kept.join(", ")),
            count => format!("A server would have kept {count} turns of this call, those of {}.", kept.join(", ")),
        };
        writeln!(out, "{}", self.pen.faint(&told))
    }
}

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Disclosing => "in the opening",
        Stage::Asking => "at the question about recording",
        Stage::Dialog => "between two questions",
        Stage::Connecting => "on the way to a person",
        Stage::Waiting => "in the line for a person",
        Stage::Nobody => "told that nobody is free",
        Stage::CallBack => "leaving a number",
        Stage::Person => "with a person",
        Stage::Lapsed => "gone for a moment",
        Stage::Ended => "over",
    }
}
