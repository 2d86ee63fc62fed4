//! `candor serve`: answers calls until it is told to stop.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::Level;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{FilterExt, FilterFn, LevelFilter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::server::settings::{LogFormat, LogSettings};
use crate::server::{Config, Progress, StartError, count_dropped_lines, prepare};

/// How long the start says nothing in the log.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many lines of the log may wait to be written.
const LOG_LINES: usize = 4096;

/// Runs the command.
pub fn run(config: &Config) -> ExitCode {
    // Until the end, when it writes what is left.
    let _log = match write_log(&config.log) {
        Ok(writer) => writer,
        Err(why) => {
            eprintln!("candor: {why}");
            return ExitCode::from(2);
        }
    };
    no_core_dumps();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("candor: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let served = runtime.block_on(serve(config));
    // Engines' threads that are stuck do not keep the process.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("candor: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(config: &Config) -> Result<(), Box<dyn std::error::Error>> {
    let (bar, mut told) = (bar(), Instant::now());
    let server = prepare(config, |progress| show(&bar, &mut told, progress)).await.map_err(|error| match error {
        StartError::Dialog(problems) => format!("the server does not start on a dialog that does not hold\n{problems}").into(),
        error => Box::<dyn std::error::Error>::from(error),
    })?;
    bar.finish_and_clear();
    tracing::info!(address = %server.address()?, "ready for calls");
    let orders = Orders::heard()?;
    let (drain, stop) = (CancellationToken::new(), CancellationToken::new());
    let obeying = tokio::spawn(orders.obey(drain.clone(), stop.clone()));
    server.run(drain.cancelled_owned(), stop.cancelled_owned()).await;
    obeying.abort();
    tracing::info!("stopped");
    Ok(())
}

/// What an operator tells the process by signals.
struct Orders {
    terminated: Signal,
    interrupted: Signal,
    hung_up: Signal,
    by_hand: bool,
}

impl Orders {
    fn heard() -> io::Result<Orders> {
        Ok(Orders {
            terminated: signal(SignalKind::terminate())?,
            interrupted: signal(SignalKind::interrupt())?,
            hung_up: signal(SignalKind::hangup())?,
            by_hand: io::stdin().is_terminal(),
        })
    }

    /// The first SIGTERM lets calls end; the second, and whoever sits at the terminal, does not wait.
    async fn obey(mut self, drain: CancellationToken, stop: CancellationToken) {
        loop {
            tokio::select! {
                _ = self.terminated.recv() => {
                    if drain.is_cancelled() {
                        stop.cancel();
                    }
                    drain.cancel();
                }
                _ = self.interrupted.recv() => stop.cancel(),
                // The terminal was closed. Of a service it asks to read again what can be, which is no reason to drop a call.
                _ = self.hung_up.recv() => {
                    if self.by_hand {
                        stop.cancel();
                    }
                }
            }
        }
    }
}

fn bar() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}") {
        bar.set_style(style);
    }
    bar
}

/// `told`: when the log was told last how far it is. Whoever has no terminal waits no longer than that for a word.
fn show(bar: &ProgressBar, told: &mut Instant, progress: Progress<'_>) {
    match progress {
        Progress::Step(step) => {
            tracing::debug!(step, "getting ready");
            bar.set_message(step.to_owned());
        }
        Progress::Prompts(done, all) => {
            if done == 0 {
                tracing::info!(prompts = all, "rendering the fixed prompts; where they are new this takes a minute");
            } else if done == all {
                tracing::info!(prompts = all, "every fixed prompt is rendered");
            } else if told.elapsed() >= PATIENCE {
                tracing::info!(done, prompts = all, "rendering the fixed prompts");
                *told = Instant::now();
            }
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        }
    }
}

/// Lines are written by a thread of their own, from a queue that drops and counts what is too much: a call never waits for whoever reads them.
fn write_log(settings: &LogSettings) -> Result<WorkerGuard, String> {
    let filter = EnvFilter::try_new(&settings.level).map_err(|error| format!("log.level: {error}"))?;
    // Libraries below us log what passes through them, a caller's sound included, when they are asked for detail: they are not asked, whatever
    // the settings say.
    let ours =
        FilterFn::new(|line| line.target().starts_with("candor") || (*line.level() <= Level::INFO && !is_media(line.target())));
    // Without this hint every line of every library would be made and then thrown away: some write several for each frame of sound.
    let ours = ours.with_max_level_hint(LevelFilter::TRACE);
    let (writer, guard) = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(LOG_LINES).finish(std::io::stderr());
    count_dropped_lines(writer.error_counter());
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match settings.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    let begun = tracing_subscriber::registry().with(lines.with_filter(filter.and(ours))).try_init();
    begun.map_err(|error| error.to_string())?;
    Ok(guard)
}

/// The WebRTC library logs an error at each orderly hang-up and, where a packet finds no room, the packet. What matters of it is counted.
fn is_media(target: &str) -> bool {
    target.split("::").next().is_some_and(|library| matches!(library, "webrtc" | "rtc") || library.starts_with("rtc_"))
}

/// A core dump would hold what callers say: there is none.
fn no_core_dumps() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    if setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).is_err() {
        tracing::warn!("core dumps could not be switched off");
    }
}
