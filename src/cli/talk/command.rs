use std::io::{self, Write};

use crate::dialog::flow::Button;
use crate::rehearsal::{Answered, Colleague};

/// What an author typed.
#[derive(Debug, PartialEq)]
pub(super) enum Command {
    Say(String),
    Keys(String),
    Wait,
    Interrupt(Box<Command>),
    Button(Button),
    Language(String),
    Gone,
    Back,
    Colleague(Colleague),
    Lookup(String, Answered),
    Path,
    Step,
    HangUp,
    Help,
    Nothing,
}

const HELP: &str = r#"words            say them, once the agent has finished
/1 /*9 /4711#    press keys
/wait            say and press nothing until the agent goes on
/interrupt …     say or press it into the middle of what is being said: /interrupt hello, /interrupt /0
/mumble          a sound that nobody could understand
/yes /no         the buttons of a caller's page; /button person, stop, ask-again, repeat, agent, call-back
/language en     choose a language on the page
/gone, /back     nothing comes from the caller any more; they are back
/colleague …     at the desk: takes, gives-back, leaves
/lookup order=…  what a lookup answers from now on: {"status": "shipped"}, missing, failed, hanging
/path            where this call has been
/step            stop at every line, or only where your turn comes; Enter goes on
/hang-up         end the call (as does the end of the input)
"#;

pub(super) fn help(out: &mut dyn Write) -> io::Result<()> {
    out.write_all(HELP.as_bytes())
}

/// What a line means, or what to write instead.
pub(super) fn read(line: &str) -> Result<Command, String> {
    let line = line.trim();
    let Some(rest) = line.strip_prefix('/') else {
        return Ok(if line.is_empty() { Command::Nothing } else { Command::Say(line.to_owned()) });
    };
    let (name, more) = rest.split_once(char::is_whitespace).map_or((rest, ""), |(name, more)| (name, more.trim()));
    let keys = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '*' | '#'));
    Ok(match name {
        name if keys(name) && more.is_empty() => Command::Keys(name.to_owned()),
        "wait" => Command::Wait,
        "interrupt" => match read(more)? {
            Command::Nothing => return Err("write what breaks in: /interrupt hello, or /interrupt /0".to_owned()),
            command => Command::Interrupt(Box::new(command)),
        },
        "mumble" => Command::Say(String::new()),
        "yes" => Command::Button(Button::Yes),
        "no" => Command::Button(Button::No),
        "button" => serde_json::from_value(named(more))
            .map(Command::Button)
            .map_err(|_| "write one of yes, no, person, stop, ask-again, repeat, agent, call-back: /button stop".to_owned())?,
        "language" if !more.is_empty() => Command::Language(more.to_owned()),
        "language" => return Err("write which: /language en".to_owned()),
        "gone" => Command::Gone,
        "back" => Command::Back,
        "colleague" => serde_json::from_value(named(more))
            .map(Command::Colleague)
            .map_err(|_| "write what the colleague does: /colleague takes, gives-back or leaves".to_owned())?,
        "lookup" => answer(more).map(|(result, answered)| Command::Lookup(result, answered))?,
        "path" => Command::Path,
        "step" => Command::Step,
        "hang-up" => Command::HangUp,
        "help" | "?" => Command::Help,
        other => return Err(format!("there is no /{other}; /help shows what there is")),
    })
}

/// `order={"status": "shipped"}`, `order=missing`.
pub(super) fn answer(text: &str) -> Result<(String, Answered), String> {
    let help = "write RESULT=ANSWER: order={\"status\": \"shipped\"}, order=missing, order=failed or order=hanging";
    let (result, answered) = text.split_once('=').filter(|(result, _)| !result.trim().is_empty()).ok_or(help)?;
    let answered = answered.trim();
    let value = if answered.starts_with('{') {
        serde_json::from_str(answered).map_err(|error| format!("{error}; {help}"))?
    } else {
        named(answered)
    };
    let answered = serde_json::from_value(value).map_err(|_| help.to_owned())?;
    Ok((result.trim().to_owned(), answered))
}

fn named(name: &str) -> serde_json::Value {
    serde_json::Value::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_words_and_commands_are_told_apart() {
        assert_eq!(read("/1"), Ok(Command::Keys("1".into())));
        assert_eq!(read(" /4711# "), Ok(Command::Keys("4711#".into())));
        assert_eq!(read("1"), Ok(Command::Say("1".into())));
        assert_eq!(read("ja, graag"), Ok(Command::Say("ja, graag".into())));
        assert_eq!(read(""), Ok(Command::Nothing));
        assert_eq!(read("/interrupt /*9"), Ok(Command::Interrupt(Box::new(Command::Keys("*9".into())))));
        assert_eq!(read("/button ask-again"), Ok(Command::Button(Button::AskAgain)));
        assert_eq!(read("/colleague takes"), Ok(Command::Colleague(Colleague::Takes)));
    }

    #[test]
    fn what_is_not_understood_says_what_to_write() {
        for (typed, hint) in
            [("/weit", "/help"), ("/button maybe", "ask-again"), ("/interrupt", "/interrupt"), ("/language", "/language en")]
        {
            assert!(read(typed).unwrap_err().contains(hint), "{typed}");
        }
    }
}
