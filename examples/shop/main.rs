//! A web shop that knows the status of its orders: what the lookups of `dialogs/webshop.yaml` ask. For trying, with made-up orders.

mod orders;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use clap::Parser;
use tokio::net::TcpListener;

use orders::{Fault, ORDERS, Shop, router};

const EXAMPLES: &str = "\
Examples:
  shop                         answer at once
  shop --slow 2                answer after two seconds: callers hear that it is looked up
  shop --hang                  never answer: callers are passed to a colleague who looks it up
  shop --fail                  answer everything with 500
  shop --fail 503 --first 1    fail once, and answer when asked again";

/// The web shop's orders over HTTP, made up, for trying lookups.
#[derive(Parser)]
#[command(name = "shop", after_help = EXAMPLES)]
struct Arguments {
    /// Where it listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// The token that whoever asks has to have.
    #[arg(long, value_name = "TOKEN", default_value = "try-the-shop")]
    token: String,
    /// Take this many seconds to answer.
    #[arg(long, value_name = "SECONDS", group = "fault", value_parser = seconds)]
    slow: Option<Duration>,
    /// Take requests and never answer.
    #[arg(long, group = "fault")]
    hang: bool,
    /// Answer everything with this status.
    #[arg(long, value_name = "STATUS", group = "fault", num_args = 0..=1, default_missing_value = "500", value_parser = status)]
    fail: Option<StatusCode>,
    /// Only so many requests suffer the fault, then all is well.
    #[arg(long, value_name = "REQUESTS", requires = "fault")]
    first: Option<u32>,
}

impl Arguments {
    fn fault(&self) -> Option<Fault> {
        let hang = self.hang.then_some(Fault::Hang);
        hang.or(self.slow.map(Fault::Slow)).or(self.fail.map(Fault::Fail))
    }
}

fn seconds(written: &str) -> Result<Duration, String> {
    let wrong = || format!("{written} is no number of seconds");
    Duration::try_from_secs_f64(written.parse().map_err(|_| wrong())?).map_err(|_| wrong())
}

fn status(written: &str) -> Result<StatusCode, String> {
    let status = StatusCode::from_bytes(written.as_bytes()).map_err(|_| format!("{written} is no status of HTTP"))?;
    if status.is_informational() { Err(format!("{written} is no answer: write 200 or more")) } else { Ok(status) }
}

/// What to do with it, for whoever has just started it.
fn tell(arguments: &Arguments, address: SocketAddr) {
    println!("The web shop is open at http://{address}. Its orders:");
    for order in &ORDERS {
        let parcels = if order.pieces == 1 { "1 parcel".to_owned() } else { format!("{} parcels", order.pieces) };
        println!("  {}   {:<10} {:<9} {parcels}", order.number, order.status, order.day);
    }
    println!(
        "
candor.toml has to know it. The sample does; where yours does not, or is asked for another address or token:
  [lookups]
  orders_api = \"http://{address}\"
  orders_token = \"{token}\"

Then, in two other terminals:
  make run
  make call ARGS=\"--press 2 --press 1 --press '1001#' --press 1 --press 2 --out heard.wav\"

Ask it yourself:
  curl -H 'authorization: Bearer {token}' -H 'content-type: application/json' -d '{{\"order_number\":\"1001\"}}' http://{address}/orders/status

What to try next: --slow 2, --hang, --fail, --fail 503 --first 1 (--help says more). Stop with Ctrl-C.
",
        token = arguments.token
    );
    match arguments.fault() {
        Some(fault) => println!("Wrong with it: {fault:?}, {}.", first(arguments.first)),
        None => println!("All is well with it."),
    }
}

fn first(first: Option<u32>) -> String {
    first.map_or("for every request".to_owned(), |first| format!("for the first {first} requests"))
}

/// A line for each request, when it is over: how it was answered, or that whoever asked went away, and nothing of what was asked.
struct Line {
    asked: String,
    began: Instant,
    status: Option<StatusCode>,
}

impl Drop for Line {
    fn drop(&mut self) {
        let ms = self.began.elapsed().as_millis();
        match self.status {
            Some(status) => println!("{}: {} after {ms} ms", self.asked, status.as_u16()),
            None => println!("{}: not answered, and whoever asked went away after {ms} ms", self.asked),
        }
    }
}

async fn account(request: Request, next: Next) -> Response {
    let asked = format!("{} {}", request.method(), request.uri().path());
    let mut line = Line { asked, began: Instant::now(), status: None };
    let answer = next.run(request).await;
    line.status = Some(answer.status());
    answer
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let listener = match TcpListener::bind(arguments.listen).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("shop: cannot listen on {}: {error}; choose another with --listen 127.0.0.1:0", arguments.listen);
            return ExitCode::FAILURE;
        }
    };
    tell(&arguments, listener.local_addr().unwrap_or(arguments.listen));
    let shop = Shop { token: arguments.token.clone(), fault: arguments.fault(), first: arguments.first };
    let router = router(shop).layer(middleware::from_fn(account));
    match axum::serve(listener, router).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shop: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
        let arguments = Arguments::try_parse_from(["shop", "--fail", "--first", "1"]).unwrap();
        assert!(matches!(arguments.fault(), Some(Fault::Fail(StatusCode::INTERNAL_SERVER_ERROR))));
        assert_eq!(arguments.first, Some(1));
        assert!(Arguments::try_parse_from(["shop", "--hang", "--slow", "1"]).is_err());
        assert!(Arguments::try_parse_from(["shop", "--first", "1"]).is_err());
    }
}
