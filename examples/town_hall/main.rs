//! A town hall that gives appointments: what the lookups of `dialogs/municipality.yaml` ask. For trying, with made-up residents; what is
//! booked is forgotten when it stops.

mod appointments;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Parser;
use jiff::Zoned;
use serde::Deserialize;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;
use tokio::net::TcpListener;

use appointments::{Appointments, Moment, RESIDENTS, SUBJECTS};

/// A town hall's appointments over HTTP, made up, for trying lookups.
#[derive(Parser)]
#[command(name = "town_hall")]
struct Arguments {
    /// Where it listens.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8091")]
    listen: SocketAddr,
    /// The token that whoever asks has to have.
    #[arg(long, value_name = "TOKEN", default_value = "try-the-town-hall")]
    token: String,
    /// Nothing is free in the coming weeks.
    #[arg(long)]
    full: bool,
}

/// An open town hall.
struct TownHall {
    appointments: Mutex<Appointments>,
    full: bool,
}

type Hall = State<Arc<TownHall>>;

impl TownHall {
    fn with<T>(&self, what: impl FnOnce(&mut Appointments) -> T) -> T {
        what(&mut self.appointments.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Three times to choose from; 404 where there are not so many.
fn three(town_hall: &TownHall, subject: &str, last: Option<&Moment>) -> Response {
    let today = Zoned::now().date();
    let free = if town_hall.full { Vec::new() } else { town_hall.with(|all| all.free(subject, today, last)) };
    let [first, second, third] = free.as_slice() else { return none("nothing is free") };
    let mut times = json!({});
    for (name, moment) in [("first", first), ("second", second), ("third", third)] {
        times[name] = json!(moment.token());
        times[format!("{name}_nl")] = json!(moment.in_dutch());
        times[format!("{name}_en")] = json!(moment.in_english());
    }
    Json(times).into_response()
}

fn none(why: &str) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "error": why }))).into_response()
}

async fn free(State(town_hall): Hall, Path(subject): Path<String>) -> Response {
    if !SUBJECTS.contains(&subject.as_str()) {
        return none("nobody comes for that");
    }
    three(&town_hall, &subject, None)
}

/// A time that was chosen. A dialog sends it by the name that it has there.
#[derive(Deserialize)]
struct Chosen {
    #[serde(alias = "free_first", alias = "free_second", alias = "free_third")]
    time: String,
}

async fn later(State(town_hall): Hall, Json(chosen): Json<Chosen>) -> Response {
    match Moment::read(&chosen.time) {
        Some(last) => three(&town_hall, &last.subject, Some(&last)),
        None => none("there is no such time"),
    }
}

async fn time(State(town_hall): Hall, Json(chosen): Json<Chosen>) -> Response {
    let Some(moment) = Moment::read(&chosen.time) else { return none("there is no such time") };
    let (nl, en, subject) = (moment.in_dutch(), moment.in_english(), moment.subject.clone());
    match town_hall.with(|all| all.offer(moment)) {
        Some(id) => Json(json!({ "id": id, "subject": subject, "when_nl": nl, "when_en": en })).into_response(),
        None => none("that time is taken"),
    }
}

#[derive(Deserialize)]
struct Booking {
    appointment_id: String,
}

async fn book(State(town_hall): Hall, Json(booking): Json<Booking>) -> Response {
    match town_hall.with(|all| all.book(&booking.appointment_id)) {
        Some(number) => Json(json!({ "number": number })).into_response(),
        None => none("that time is taken"),
    }
}

#[derive(Deserialize)]
struct Reference {
    reference: String,
}

async fn resident(Json(asked): Json<Reference>) -> Response {
    match RESIDENTS.iter().find(|(reference, _, _)| *reference == asked.reference) {
        Some((_, id, _)) => Json(json!({ "id": id, "name": "J. Voorbeeld-Jansen" })).into_response(),
        None => none("no such resident"),
    }
}

#[derive(Deserialize)]
struct Resident {
    #[serde(alias = "planned_id")]
    resident_id: String,
}

async fn appointment_of(State(town_hall): Hall, Json(resident): Json<Resident>) -> Response {
    match town_hall.with(|all| all.planned(&resident.resident_id).cloned()) {
        Some(planned) => {
            Json(json!({ "id": resident.resident_id, "when_nl": planned.in_dutch(), "when_en": planned.in_english() }))
                .into_response()
        }
        None => none("no appointment"),
    }
}

async fn cancel(State(town_hall): Hall, Json(planned): Json<Resident>) -> Json<Value> {
    town_hall.with(|all| all.cancel(&planned.resident_id));
    Json(json!({}))
}

/// Whoever asks has to have the token. Told is a line for each request, with nothing of what was asked.
async fn guard(State(token): State<String>, request: Request, next: Next) -> Response {
    let asked = format!("{} {}", request.method(), request.uri().path());
    let given = request.headers().get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
    let known = bool::from(given.ct_eq(format!("Bearer {token}").as_bytes()));
    let answer = if known { next.run(request).await } else { StatusCode::UNAUTHORIZED.into_response() };
    println!("{asked}: {}", answer.status().as_u16());
    answer
}

fn router(arguments: &Arguments) -> Router {
    let appointments = Mutex::new(Appointments::new(&Zoned::now()));
    Router::new()
        .route("/free/later", post(later))
        .route("/free/{subject}", get(free))
        .route("/time", post(time))
        .route("/book", post(book))
        .route("/resident", post(resident))
        .route("/appointment-of", post(appointment_of))
        .route("/cancel", post(cancel))
        .layer(middleware::from_fn_with_state(arguments.token.clone(), guard))
        .with_state(Arc::new(TownHall { appointments, full: arguments.full }))
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let listener = match TcpListener::bind(arguments.listen).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("town_hall: cannot listen on {}: {error}; choose another with --listen 127.0.0.1:0", arguments.listen);
            return ExitCode::FAILURE;
        }
    };
    let address = listener.local_addr().unwrap_or(arguments.listen);
    println!(
        "The town hall is open at http://{address}, with the token {}. Residents by their reference numbers:",
        arguments.token
    );
    for (reference, _, planned) in RESIDENTS {
        println!("  {reference}   {}", if planned { "has an appointment, which can be cancelled" } else { "has no appointment" });
    }
    println!("\ncandor.toml has its address under [lookups], as appointments_api. Stop with Ctrl-C.\n");
    match axum::serve(listener, router(&arguments)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("town_hall: {error}");
            ExitCode::FAILURE
        }
    }
}
