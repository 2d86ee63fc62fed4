//! Telephone calls: so many at once, each with a caller of its own, beside what the server used meanwhile.

mod line;
mod person;
mod reading;
mod table;
mod words;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

pub use line::Ears;

use crate::figures::{Line as Fitted, Spread};
use crate::phone::{Caller, Desk, Pace, voice};
use crate::servers::{Kind, Server};
use crate::usage::{self, Usage};
use crate::{Common, Failure, machine, progress};
use line::line;
use person::{Account, Consent, End, Person, Wish};
use reading::Turns;
use table::{Report, Row};
use words::Vocabulary;

/// What telephone callers do, and how the server hears them.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// The share of their time in the dialog in which callers speak, 0 to 1. They never speak while the opening is said.
    #[arg(long, default_value_t = 0.2, value_parser = share)]
    talk: f64,
    /// The shares of callers who say yes to the recording, no, and nothing.
    #[arg(long, value_name = "YES,NO,NOTHING", default_value = "60,30,10", value_parser = three_shares)]
    says: Shares,
    /// The noise of the callers' lines, in dB of full scale (-50 is a quiet room); absent: lines as still as digital silence.
    #[arg(long, value_name = "DECIBELS", allow_negative_numbers = true, value_parser = decibels)]
    noise: Option<f64>,
    /// How the server hears.
    #[arg(long, value_enum, default_value_t = Ears::Vad)]
    ears: Ears,
    /// How many words a minute the agent speaks.
    #[arg(long, default_value_t = 150)]
    rate: u32,
    /// How many calls the server takes at once; absent: as many as are made. The others are to be passed to a person.
    #[arg(long)]
    room: Option<usize>,
}

/// Yes, no, nothing.
type Shares = [u32; 3];

fn three_shares(written: &str) -> Result<Shares, String> {
    let shares: Option<Vec<u32>> = written.split(',').map(|share| share.parse().ok()).collect();
    let shares = shares.and_then(|shares| Shares::try_from(shares).ok()).filter(|shares| shares.iter().sum::<u32>() > 0);
    shares.ok_or("expected three numbers, such as 60,30,10".to_owned())
}

fn share(written: &str) -> Result<f64, String> {
    let share: f64 = written.parse().map_err(|_| "expected a number from 0 to 1")?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("expected a number from 0 to 1".to_owned()) }
}

fn decibels(written: &str) -> Result<f64, String> {
    let level = written.parse().ok().filter(|level| (-96.0..=-6.0).contains(level));
    level.ok_or("expected decibels of full scale, from -96 to -6".to_owned())
}

/// How far apart calls begin: twenty a second.
const APART: Duration = Duration::from_millis(50);
/// How long the opening may take after the last call began, for those who say nothing too.
const OPENING: Duration = Duration::from_secs(150);
/// How long callers may take to come to their end.
const GOING_HOME: Duration = Duration::from_secs(150);
/// How long a server is left alone before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(3);

/// Makes the calls for each number, and prints what came of it.
pub async fn run(plan: &Plan, common: &Common) -> Result<(), Failure> {
    let mut report = measured(plan, common).await?;
    report.end();
    if report.all_helped() { Ok(()) } else { Err("not every caller was helped".into()) }
}

/// Makes the calls for each number. What is known is printed as it goes, unless it is to be one document in the end.
pub(crate) async fn measured(plan: &Plan, common: &Common) -> Result<Report, Failure> {
    let line = line(plan.ears);
    let vocabulary = Arc::new(Vocabulary::of(line.voice, line.answers, line.others).await);
    let mut report = Report::new(machine::describe(common), plan, common, &vocabulary.made_by);
    report.begin();
    for calls in &common.calls {
        let row = measure(*calls, plan, common, &vocabulary).await?;
        report.add(row);
    }
    Ok(report)
}

/// The server under measurement: one of ours, or one that was there before.
struct Measured {
    ours: Option<Server>,
    address: String,
    process: Option<u32>,
}

impl Measured {
    async fn start(calls: usize, plan: &Plan, common: &Common) -> Result<Measured, Failure> {
        if let Some(address) = &common.server {
            return Ok(Measured { ours: None, address: address.clone(), process: common.process });
        }
        let server =
            Server::start(Kind::Candor { ears: plan.ears, rate: plan.rate }, plan.room.unwrap_or(calls + 2), common).await?;
        let (address, process) = (server.address.clone(), Some(server.process()));
        Ok(Measured { ours: Some(server), address, process })
    }

    fn usage(&self) -> Result<Option<Usage>, Failure> {
        self.process.map(usage::of).transpose()
    }

    fn sealed_turns(&self) -> usize {
        self.ours.as_ref().map_or(0, Server::sealed_turns)
    }
}

async fn measure(calls: usize, plan: &Plan, common: &Common, vocabulary: &Arc<Vocabulary>) -> Result<Row, Failure> {
    let server = Measured::start(calls, plan, common).await?;
    // What is made once, at the first call, is not what a call costs.
    progress(&format!("{calls} calls: one before them"));
    bring(1, plan, &server, vocabulary).over(Duration::ZERO).await;
    tokio::time::sleep(SETTLE).await;
    let idle_before = server.usage()?;
    tokio::time::sleep(SETTLE).await;
    let idle = server.usage()?;

    let sealed = server.sealed_turns();
    let mut crowd = bring(calls, plan, &server, vocabulary);
    crowd.arrive(calls).await;
    let before = server.usage()?;
    let own = usage::of(std::process::id())?;
    let clock = machine::Clock::watch();
    let window = Duration::from_secs(common.seconds);
    for left in (1..=common.seconds).rev() {
        if left % 10 == 0 {
            progress(&format!("{calls} calls: {left} s to go"));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let busy = server.usage()?;
    let own = share_of_a_core(own, usage::of(std::process::id())?, window);
    let callers_late = clock.stop();
    progress(&format!("{calls} calls: going home"));
    let accounts = crowd.over(GOING_HOME).await;
    tokio::time::sleep(SETTLE).await;
    Ok(Row::of(
        calls,
        accounts,
        Figures {
            window,
            idle: idle_before.zip(idle),
            busy: before.zip(busy),
            callers_core: own,
            callers_late,
            sealed: server.sealed_turns() - sealed,
        },
    ))
}

/// What was counted beside the calls.
struct Figures {
    window: Duration,
    idle: Option<(Usage, Usage)>,
    busy: Option<(Usage, Usage)>,
    callers_core: f64,
    callers_late: Option<Spread>,
    sealed: usize,
}

fn share_of_a_core(from: Usage, to: Usage, time: Duration) -> f64 {
    (to.cpu.saturating_sub(from.cpu)).as_secs_f64() / time.as_secs_f64()
}

/// Callers on their calls.
struct Crowd {
    calls: JoinSet<Account>,
    arrivals: mpsc::UnboundedReceiver<()>,
    home: watch::Sender<bool>,
}

fn bring(calls: usize, plan: &Plan, server: &Measured, vocabulary: &Arc<Vocabulary>) -> Crowd {
    let (in_dialog, arrivals) = mpsc::unbounded_channel();
    let home = watch::Sender::new(false);
    let caller = Caller::builder(&server.address).limit(Duration::from_secs(3600)).forgets_sound();
    let caller = caller.line_noise(plan.noise.map(voice::noise).unwrap_or_default());
    let desk = Desk::Answers { after: Duration::from_millis(500), talks: Duration::from_millis(500) };
    let caller = caller.desk(desk);
    let mut tasks = JoinSet::new();
    for number in 0..calls {
        let person = Person {
            line: line(plan.ears),
            vocabulary: vocabulary.clone(),
            consent: consent(number, calls, &plan.says),
            wish: [Wish::Dialog, Wish::Dialog, Wish::Person, Wish::Dialog, Wish::Order][number % 5],
            talk: plan.talk,
            in_dialog: in_dialog.clone(),
            home: home.subscribe(),
        };
        let caller = caller.clone();
        tasks.spawn(async move {
            // An odd number of milliseconds: callers' clocks are not ours, and not each other's.
            tokio::time::sleep(APART * number as u32 + Duration::from_micros(number as u64 * 7_130 % 20_000)).await;
            person.call(caller).await
        });
    }
    Crowd { calls: tasks, arrivals, home }
}

/// Which part of the callers this one belongs to; the parts are spread evenly over them.
fn consent(number: usize, calls: usize, says: &Shares) -> Consent {
    let all: u32 = says.iter().sum();
    // A step that has no part in common with the number of calls goes through all of them.
    let place = if calls < 2 { 0 } else { (number * 7919) % calls };
    let at = place as f64 * f64::from(all) / calls as f64;
    if at < f64::from(says[0]) {
        Consent::Yes
    } else if at < f64::from(says[0] + says[1]) {
        Consent::No
    } else {
        Consent::Nothing
    }
}

impl Crowd {
    /// Waits until all are in the dialog, or have ended before.
    async fn arrive(&mut self, calls: usize) {
        let deadline = tokio::time::Instant::now() + APART * calls as u32 + OPENING;
        for number in 1..=calls {
            if tokio::time::timeout_at(deadline, self.arrivals.recv()).await.is_err() {
                progress(&format!("{} of {calls} calls did not come into the dialog in time", calls - number + 1));
                return;
            }
            if number % 10 == 0 || number == calls {
                progress(&format!("{calls} calls: {number} in the dialog"));
            }
        }
    }

    /// Tells all to come to their end, waits until they have, and gives what remains of each.
    async fn over(mut self, limit: Duration) -> Vec<Account> {
        if limit.is_zero() {
            self.arrive(1).await;
        }
        self.home.send_replace(true);
        let deadline = tokio::time::Instant::now() + limit.max(GOING_HOME);
        let mut accounts = Vec::new();
        while let Ok(Some(account)) = tokio::time::timeout_at(deadline, self.calls.join_next()).await {
            match account {
                Ok(account) => accounts.push(account),
                Err(error) => progress(&format!("a caller broke: {error}")),
            }
        }
        accounts
    }
}
