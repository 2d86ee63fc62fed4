//! The bare transport: WebSockets on the server's own stack (tokio, hyper, axum), which send back what comes and do nothing else.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite;

use crate::figures::{Line, Spread};
use crate::servers::{Kind, Server};
use crate::usage::{self, Usage};
use crate::{Common, Failure, machine, progress};

const FRAME: Duration = Duration::from_millis(20);
/// A message as long as one with 20 ms of sound.
const BYTES: usize = 400;
/// How long a server is left alone before it is looked at.
const SETTLE: Duration = Duration::from_secs(3);

/// Sends back what comes until the process ends.
pub async fn serve(listen: SocketAddr) -> Result<(), Failure> {
    serve_on(tokio::net::TcpListener::bind(listen).await?).await
}

/// The same, where somebody listens already.
pub async fn serve_on(listener: tokio::net::TcpListener) -> Result<(), Failure> {
    // The server's own setting.
    let echo = |upgrade: WebSocketUpgrade| async { upgrade.read_buffer_size(4 * 1024).on_upgrade(back) };
    let router = Router::new().route("/readyz", get(async || "ok\n")).route("/echo", get(echo));
    let listener = axum::serve::ListenerExt::tap_io(listener, |socket: &mut TcpStream| {
        // As the server does: a message is not held back to be sent with the next.
        let _ = socket.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}

async fn back(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Message::Text(_)) && socket.send(message).await.is_err() {
            return;
        }
    }
}

#[derive(Serialize)]
struct Row {
    calls: usize,
    /// From sending a message to having it back.
    round_trip: Option<Spread>,
    /// Messages that were away for more than 20 ms.
    late: usize,
    lost: usize,
    cpu: f64,
    cpu_each: f64,
    memory_each: f64,
    callers_cpu: f64,
}

/// What was measured.
#[derive(Serialize)]
pub struct Report {
    machine: String,
    seconds: u64,
    rows: Vec<Row>,
    cpu_growth: Option<Line>,
}

/// Measures each number of connections, and prints what came of it.
pub async fn measure(common: &Common) -> Result<(), Failure> {
    let report = measured(common).await?;
    if common.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!();
        for row in &report.rows {
            println!("{} connections: the callers' own process took {:.0} % of a core", row.calls, row.callers_cpu);
        }
    }
    Ok(())
}

/// Measures each number of connections. What is known is printed as it goes, unless it is to be one document in the end.
pub async fn measured(common: &Common) -> Result<Report, Failure> {
    let mut report = Report { machine: machine::describe(common), seconds: common.seconds, rows: Vec::new(), cpu_growth: None };
    if !common.json {
        println!("{}\n", report.machine);
        println!(
            "| connections | there and back, median | p95 | p99 | longest | away > 20 ms | lost | CPU of a core | per connection | memory, per connection |"
        );
        println!("|{}", " --- |".repeat(10));
    }
    for calls in &common.calls {
        let row = row(*calls, common).await?;
        if !common.json {
            println!("{}", row.text());
        }
        report.rows.push(row);
    }
    let points: Vec<(f64, f64)> = report.rows.iter().map(|row| (row.calls as f64, row.cpu)).collect();
    report.cpu_growth = Line::through(&points);
    Ok(report)
}

async fn row(calls: usize, common: &Common) -> Result<Row, Failure> {
    let ours = match &common.server {
        Some(_) => None,
        None => Some(Server::start(Kind::Echo, calls, common).await?),
    };
    let address = ours.as_ref().map(|server| server.address.clone()).or(common.server.clone()).unwrap_or_default();
    let process = ours.as_ref().map(Server::process).or(common.process);
    let look = || process.map_or(Ok(Usage { cpu: Duration::ZERO, resident: 0 }), usage::of);
    tokio::time::sleep(SETTLE).await;
    let idle = look()?;
    let window = Duration::from_secs(common.seconds);
    let begins = Instant::now() + SETTLE + Duration::from_millis(5) * calls as u32;
    let mut callers = JoinSet::new();
    for number in 0..calls {
        // Each at its own moment within the 20 ms, as callers are.
        let offset = FRAME * number as u32 / calls as u32;
        callers.spawn(call(address.replacen("http", "ws", 1), begins + offset, window));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tokio::time::sleep_until(begins.into()).await;
    let (before, own) = (look()?, usage::of(std::process::id())?);
    progress(&format!("{calls} connections: {} s to go", common.seconds));
    tokio::time::sleep(window).await;
    let (busy, own_after) = (look()?, usage::of(std::process::id())?);
    let (mut times, mut sent) = (Vec::new(), 0);
    while let Some(called) = callers.join_next().await {
        let (away, messages) = called??;
        times.extend(away);
        sent += messages;
    }
    let share = |from: Usage, to: Usage| 100.0 * (to.cpu.saturating_sub(from.cpu)).as_secs_f64() / window.as_secs_f64();
    Ok(Row {
        calls,
        late: times.iter().filter(|away| **away > FRAME).count(),
        lost: sent - times.len(),
        round_trip: Spread::of(times),
        cpu: share(before, busy),
        cpu_each: share(before, busy) / calls as f64,
        memory_each: (busy.resident as f64 - idle.resident as f64) / 1024.0 / 1024.0 / calls as f64,
        callers_cpu: share(own, own_after),
    })
}

/// Sends a message every 20 ms for so long, and gives how long each was away and how many were sent.
async fn call(server: String, begins: Instant, window: Duration) -> Result<(Vec<Duration>, usize), Failure> {
    let url = format!("{server}/echo");
    let address = url.trim_start_matches("ws://").split('/').next().unwrap_or_default().to_owned();
    let stream = TcpStream::connect(&address).await?;
    stream.set_nodelay(true)?;
    let small = tungstenite::protocol::WebSocketConfig::default().read_buffer_size(4 * 1024);
    let (socket, _) = tokio_tungstenite::client_async_with_config(&url, stream, Some(small)).await?;
    let (mut sink, mut stream) = socket.split();
    let text = "x".repeat(BYTES);
    let mut clock = tokio::time::interval_at(begins.into(), FRAME);
    let (mut away, mut times, mut sent) = (VecDeque::new(), Vec::new(), 0);
    let ends = begins + window;
    let over = tokio::time::sleep_until((ends + Duration::from_secs(1)).into());
    tokio::pin!(over);
    loop {
        tokio::select! {
            _ = clock.tick(), if Instant::now() < ends => {
                away.push_back(Instant::now());
                sent += 1;
                sink.send(tungstenite::Message::text(text.clone())).await?;
            }
            message = stream.next() => match message {
                Some(Ok(tungstenite::Message::Text(_))) => times.extend(away.pop_front().map(|at: Instant| at.elapsed())),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error.into()),
                None => return Err("the echo closed a connection".into()),
            },
            () = &mut over => return Ok((times, sent)),
        }
    }
}

impl Row {
    fn text(&self) -> String {
        let times = self.round_trip.map_or("— | — | — | —".to_owned(), |s| {
            format!("{:.2} ms | {:.2} ms | {:.2} ms | {:.1} ms", s.median_ms, s.p95_ms, s.p99_ms, s.longest_ms)
        });
        let Row { calls, late, lost, cpu, cpu_each, memory_each, .. } = self;
        format!("| {calls} | {times} | {late} | {lost} | {cpu:.2} % | {cpu_each:.3} % | {memory_each:.3} MB |")
    }
}
