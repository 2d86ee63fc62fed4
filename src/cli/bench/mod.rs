//! `candor bench`: how well callers are heard, measured on recordings.

mod barge_in;
mod beside;
mod clips;
mod conditions;
mod echoes;
mod hearing;
mod over_prompt;
mod page;
mod pauses;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::server::Config;

/// Measures on recordings how callers are heard.
#[derive(Args, Debug)]
pub struct Bench {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// What becomes of recorded answers to the question about recording: each through the telephone's codec, with noise, through the ears, a recogniser and
    /// the judgement of a consent, exactly as in a call.
    Hearing(Hearing),
    /// What becomes of recordings that are heard while a prompt is being said: how soon the agent is silent, and whether it goes on after noise and after
    /// its own echo.
    BargeIn(BargeIn),
    /// Whether a pause in the middle of a sentence is taken for its end: pairs of recordings with a pause between them.
    Pauses(Pauses),
}

/// What is listened to.
#[derive(Args, Debug)]
pub struct Hearing {
    /// A folder of recordings with `MANIFEST.tsv`: path, language, words, kind, … in columns. Clips of the kinds `noise` and `cough` are no
    /// speech.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// A folder of recordings of which none is a yes in any language: every WAV below it is held against every language.
    #[arg(long, value_name = "FOLDER")]
    not_a_yes: Vec<PathBuf>,
    /// Add sentences that are no yes, spoken by eSpeak NG in four voices: refusals, hedges, questions back, other business.
    #[arg(long)]
    spoken: bool,
    /// Add what the agent says to every caller of this dialog, by eSpeak NG, 20, 30 and 40 dB quieter: what comes back of it, where nothing keeps it out.
    #[arg(long, value_name = "FILE")]
    echo: Option<PathBuf>,
    /// Only these languages.
    #[arg(long, value_name = "LANGUAGE,…", value_delimiter = ',', default_value = "nl,en")]
    languages: Vec<String>,
    /// Only these models, each by itself; absent: every one that is here, each by itself.
    #[arg(long, value_name = "MODEL,…", value_delimiter = ',')]
    models: Vec<String>,
    /// Only every so many clips of each line of the table.
    #[arg(long, value_name = "N", default_value_t = 1)]
    every: usize,
    /// Only these conditions.
    #[arg(long, value_name = "CONDITION,…", value_delimiter = ',', value_enum)]
    conditions: Vec<conditions::Condition>,
    /// Let the sound come at the pace of a call, so that times are those of a call. Without it everything is heard as fast as it can be.
    #[arg(long)]
    real_time: bool,
    /// Not as answers to a consent question but as what is said to an open one: nothing is judged, and times are those of all speech.
    #[arg(long)]
    open: bool,
    /// Say of each recording what was understood, how sure the engine was, and what came of it. Recordings only: words of a call are never shown.
    #[arg(long)]
    each: bool,
    /// Print one JSON document instead of tables.
    #[arg(long)]
    json: bool,
    /// Write the tables into this page as well, between two lines that it has for them; an error says which.
    #[arg(long, value_name = "PAGE", conflicts_with = "open")]
    into: Option<PathBuf>,
}

/// What is heard over a prompt.
#[derive(Args, Debug)]
pub struct BargeIn {
    /// A folder of recordings with `MANIFEST.tsv`: path, language, words, kind, … in columns. Clips of the kinds `noise` and `cough` are no
    /// speech.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The dialog whose first question is being said meanwhile, by the prompt that its first state is named after.
    #[arg(long, value_name = "FILE", default_value = "dialogs/webshop.yaml")]
    dialog: PathBuf,
    /// Where its texts are; absent: where the configuration says.
    #[arg(long, value_name = "FOLDER")]
    prompts: Option<PathBuf>,
    /// Only these languages.
    #[arg(long, value_name = "LANGUAGE,…", value_delimiter = ',', default_value = "nl,en")]
    languages: Vec<String>,
    /// Only these models, each by itself; absent: every one that is here. Where none is, how quick the agent is and what stops it is measured all the same.
    #[arg(long, value_name = "MODEL,…", value_delimiter = ',')]
    models: Vec<String>,
    /// Only every so many recordings.
    #[arg(long, value_name = "N", default_value_t = 1)]
    every: usize,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

/// What is said with a pause in it.
#[derive(Args, Debug)]
pub struct Pauses {
    /// A folder of recordings with `MANIFEST.tsv`: path, language, words, kind, … in columns. Clips of the kinds `noise` and `cough` are no
    /// speech.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Only these languages.
    #[arg(long, value_name = "LANGUAGE,…", value_delimiter = ',', default_value = "nl,en")]
    languages: Vec<String>,
    /// Only every so many recordings.
    #[arg(long, value_name = "N", default_value_t = 1)]
    every: usize,
    /// These conditions; absent: the telephone.
    #[arg(long, value_name = "CONDITION,…", value_delimiter = ',', value_enum)]
    conditions: Vec<conditions::Condition>,
    /// Print one JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(arguments: &Bench, config: &Config) -> miette::Result<ExitCode> {
    match &arguments.command {
        Command::BargeIn(barge_in) => barge_in::run(barge_in, &config.speech, &config.prompts.folder),
        Command::Hearing(hearing) => hearing::run(hearing, config),
        Command::Pauses(pauses) => pauses::run(pauses, &config.speech),
    }
}
