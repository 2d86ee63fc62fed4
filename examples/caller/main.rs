//! A simulated telephone caller: rings a server, listens, presses, speaks, and tells the call as it goes.
//!
//! The telephone itself is in `phone/`, which tests use as well; here are the command line (`main`), what the caller does
//! (`script`) and the account of it (`telling`).

mod phone;
mod script;
#[cfg(test)]
mod server_on_trial;
mod telling;
#[cfg(test)]
mod trials;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, ValueEnum};

use phone::{Caller, Desk, EndedBy, MarkAnswers, PhoneError};

const EXAMPLES: &str = "\
Examples:
  caller                                   listen, say nothing, until the server ends the call
  caller --press 1                         agree with a key when asked
  caller --press 2 --press 1 --out heard.wav
                                           refuse, go on with choice 1, keep what was heard
  caller --press 1 --press 1 --press '*9'  agree, choose, then withdraw
  caller --language en --say yes           agree by voice, in English
  caller --voice nl+f2 --say ja            agree by voice, in a woman's voice
  caller --say ja.wav --say 'order 1 2 3'  speak from a file, then through speech synthesis
  caller --press 1@now                     press into the first words of the agent
  caller --press 0 --desk nobody           ask for a person when nobody is there
  caller --hang-up-after 12.5              hang up in the middle

--press and --say are carried out in the order given. Each waits until the agent has spoken and has then fallen silent,
unless it ends in @now (as soon as the agent speaks) or @SECONDS (that long after the ringing).

Exit status: 0 the call ended properly, 1 it did not or the server broke the protocol, 2 called wrongly.";

/// Rings a server as a telephone platform does, and is the person who calls.
#[derive(Parser)]
#[command(name = "caller", after_help = EXAMPLES)]
struct Arguments {
    /// The server's address.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// The address under which the platform knows the server, if it is another one; signatures run over it.
    #[arg(long, value_name = "URL")]
    public_address: Option<String>,
    /// The language of what --say says.
    #[arg(long, default_value = "nl")]
    language: String,
    /// The voice of eSpeak NG that says it, if it is not the usual one of the language.
    #[arg(long, value_name = "VOICE")]
    voice: Option<String>,
    /// The number that is called.
    #[arg(long, value_name = "NUMBER")]
    to: Option<String>,
    /// The caller's own number.
    #[arg(long, value_name = "NUMBER")]
    from: Option<String>,
    /// Keys to press, one after the other; may be repeated.
    #[arg(long, value_name = "KEYS[@WHEN]", value_parser = script::press)]
    press: Vec<script::Act>,
    /// A text or a WAV file to say; may be repeated.
    #[arg(long, value_name = "TEXT|WAV[@WHEN]", value_parser = script::say)]
    say: Vec<script::Act>,
    /// How many seconds the agent must be silent before it is the caller's turn.
    #[arg(long, value_name = "SECONDS", default_value = "1.5", value_parser = seconds)]
    pause: Duration,
    /// Hang up this long after the ringing.
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    hang_up_after: Option<Duration>,
    /// The longest the whole call may last.
    #[arg(long, value_name = "SECONDS", default_value = "180", value_parser = seconds)]
    limit: Duration,
    /// Write what was heard to this WAV file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What happens when the server hands the caller over.
    #[arg(long, value_enum, default_value = "answers")]
    desk: DeskChoice,
    /// Sign with this account token.
    #[arg(long, value_name = "TOKEN", conflicts_with = "shared_key")]
    auth_token: Option<String>,
    /// Sign with this shared key instead.
    #[arg(long, value_name = "NAME:SECRET", value_parser = shared_key)]
    shared_key: Option<(String, String)>,
    /// Misbehave: send no sound at all, not even silence.
    #[arg(long)]
    no_frames: bool,
    /// Misbehave: how marks are answered.
    #[arg(long, value_enum, default_value = "played")]
    marks: MarksChoice,
}

/// How the desk behaves.
#[derive(Clone, Copy, ValueEnum)]
enum DeskChoice {
    /// Someone answers after two seconds and talks for a moment.
    Answers,
    /// Nobody answers for eight seconds.
    Nobody,
    /// There is no place in the queue; the number is busy.
    Full,
}

/// How marks are answered.
#[derive(Clone, Copy, ValueEnum)]
enum MarksChoice {
    /// When what was before them has been heard.
    Played,
    /// As soon as they come.
    AtOnce,
    /// Never.
    Never,
}

fn seconds(written: &str) -> Result<Duration, String> {
    let wrong = || format!("{written} is no number of seconds");
    Duration::try_from_secs_f64(written.parse().map_err(|_| wrong())?).map_err(|_| wrong())
}

fn shared_key(written: &str) -> Result<(String, String), String> {
    let (name, secret) = written.split_once(':').ok_or("expected the key's name, a colon and the key")?;
    Ok((name.to_owned(), secret.to_owned()))
}

/// The acts of both kinds in the order of the command line.
fn acts(matches: &ArgMatches, arguments: &Arguments) -> Vec<script::Act> {
    let places = |name: &str| matches.indices_of(name).into_iter().flatten().collect::<Vec<_>>();
    let pressed = places("press").into_iter().zip(arguments.press.iter().cloned());
    let said = places("say").into_iter().zip(arguments.say.iter().cloned());
    let mut acts: Vec<_> = pressed.chain(said).collect();
    acts.sort_by_key(|(place, _)| *place);
    acts.into_iter().map(|(_, act)| act).collect()
}

fn caller(arguments: &Arguments) -> Caller {
    let mut caller = Caller::builder(&arguments.server).limit(arguments.limit);
    caller = caller.desk(match arguments.desk {
        DeskChoice::Answers => Desk::Answers { after: Duration::from_secs(2), talks: Duration::from_secs(3) },
        DeskChoice::Nobody => Desk::Nobody { after: Duration::from_secs(8) },
        DeskChoice::Full => Desk::Full,
    });
    caller = caller.mark_answers(match arguments.marks {
        MarksChoice::Played => MarkAnswers::WhenPlayed,
        MarksChoice::AtOnce => MarkAnswers::AtOnce,
        MarksChoice::Never => MarkAnswers::Never,
    });
    if let Some(address) = &arguments.public_address {
        caller = caller.public_address(address);
    }
    if let Some(token) = &arguments.auth_token {
        caller = caller.auth_token(token);
    }
    if let Some((name, secret)) = &arguments.shared_key {
        caller = caller.shared_key(name, secret);
    }
    if let Some(number) = &arguments.to {
        caller = caller.to(number);
    }
    if let Some(number) = &arguments.from {
        caller = caller.from(number);
    }
    if arguments.no_frames { caller.no_frames() } else { caller }
}

/// Makes the call. `true`: it ended properly and the server kept to the protocol.
async fn call(arguments: &Arguments, acts: Vec<script::Prepared>) -> Result<bool, PhoneError> {
    let call = caller(arguments).ring().await?;
    let hang_up = async {
        match arguments.hang_up_after {
            // The call may be over by then: there is nothing left to hang up.
            Some(after) if call.wait_until(after).await.is_ok() => drop(call.hang_up().await),
            _ => {}
        }
    };
    let ((), (), undone) = tokio::join!(telling::tell(&call), hang_up, script::perform(&call, acts, arguments.pause));
    let outcome = call.outcome().await;
    if undone > 0 {
        println!("the call was over before {undone} of what I was to press or say");
    }
    telling::sum_up(&outcome);
    let heard = outcome.heard.length().as_secs_f64();
    match &arguments.out {
        Some(file) => {
            outcome.heard.write_wav(file)?;
            println!("heard {heard:.1} s, written to {}", file.display());
        }
        None => println!("heard {heard:.1} s"),
    }
    Ok(outcome.violations.is_empty() && matches!(outcome.ended_by, EndedBy::Server | EndedBy::Caller))
}

#[tokio::main]
async fn main() -> ExitCode {
    let matches = Arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let voice = arguments.voice.as_deref().unwrap_or(&arguments.language);
    let acts = match script::prepare(acts(&matches, &arguments), voice).await {
        Ok(acts) => acts,
        Err(error) => {
            eprintln!("caller: {error}");
            return ExitCode::from(2);
        }
    };
    match call(&arguments, acts).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error @ PhoneError::Address { .. }) => {
            eprintln!("caller: {error}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("caller: {error}");
            ExitCode::from(1)
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use script::{Act, What, When};

    #[test]
    fn presses_and_words_keep_the_order_of_the_command_line() {
        let matches = Arguments::command()
            .try_get_matches_from(["caller", "--press", "1", "--say", "ja", "--press", "*9@now", "--say=nee"])
            .unwrap();
        let arguments = Arguments::from_arg_matches(&matches).unwrap();
        let order: Vec<_> = acts(&matches, &arguments);
        assert_eq!(
            order,
            [
                Act { when: When::Turn, what: What::Press("1".into()) },
                Act { when: When::Turn, what: What::SayText("ja".into()) },
                Act { when: When::Now, what: What::Press("*9".into()) },
                Act { when: When::Turn, what: What::SayText("nee".into()) },
            ]
        );
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }
}
