//! The web shop's orders, made up, and the one thing that it can be asked about them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use subtle::ConstantTimeEq as _;

/// An order.
pub struct Order {
    /// What customers know it by.
    pub number: &'static str,
    /// `packing`, `shipped`, `delivered` or `delayed`.
    pub status: &'static str,
    /// The day of the week on which that was, or will be.
    pub day: &'static str,
    /// How many parcels it has.
    pub pieces: u32,
}

/// All orders there are.
pub const ORDERS: [Order; 4] = [
    Order { number: "1001", status: "shipped", day: "tuesday", pieces: 2 },
    Order { number: "1002", status: "packing", day: "thursday", pieces: 1 },
    Order { number: "1003", status: "delivered", day: "monday", pieces: 3 },
    Order { number: "1004", status: "delayed", day: "friday", pieces: 1 },
];

/// What the shop has on every order and no telephone line needs: whoever asks has to leave it where it is.
pub const CUSTOMER: &str = "J. Voorbeeld-Jansen, Kanariestraat 7";

/// What is wrong with the shop.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// It takes this long to answer.
    Slow(Duration),
    /// It takes every request and never answers.
    Hang,
    /// It answers everything with this status.
    Fail(StatusCode),
}

/// How the shop is run.
#[derive(Clone, Debug)]
pub struct Shop {
    /// What an `authorization: Bearer …` has to hold.
    pub token: String,
    /// What is wrong with it, if anything is.
    pub fault: Option<Fault>,
    /// How many requests suffer it; `None`: all of them.
    pub first: Option<u32>,
}

struct Running {
    shop: Shop,
    asked: AtomicU32,
}

#[derive(Deserialize)]
struct Question {
    order_number: String,
}

/// The shop's routes.
pub fn router(shop: Shop) -> Router {
    let running = Arc::new(Running { shop, asked: AtomicU32::new(0) });
    Router::new()
        .route("/orders/status", post(status))
        .layer(middleware::from_fn_with_state(running.clone(), suffer))
        .with_state(running)
}

async fn status(State(running): State<Arc<Running>>, headers: HeaderMap, Json(question): Json<Question>) -> Response {
    let expected = format!("Bearer {}", running.shop.token);
    let given = headers.get(header::AUTHORIZATION).map_or(&b""[..], |value| value.as_bytes());
    if !bool::from(given.ct_eq(expected.as_bytes())) {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "who asks has to say so with the shop's token" })))
            .into_response();
    }
    match ORDERS.iter().find(|order| order.number == question.order_number) {
        Some(order) => {
            let Order { number, status, day, pieces } = order;
            let whole = json!({ "order_number": number, "status": status, "day": day, "pieces": pieces, "customer": CUSTOMER });
            Json(whole).into_response()
        }
        None => (StatusCode::NOT_FOUND, Json(json!({ "error": "no such order" }))).into_response(),
    }
}

/// Has a request suffer what is wrong with the shop.
async fn suffer(State(running): State<Arc<Running>>, request: Request, next: Next) -> Response {
    let asked = running.asked.fetch_add(1, Ordering::SeqCst);
    let fault = running.shop.fault.filter(|_| running.shop.first.is_none_or(|first| asked < first));
    match fault {
        Some(Fault::Slow(by)) => tokio::time::sleep(by).await,
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Fail(status)) => return status.into_response(),
        None => {}
    }
    next.run(request).await
}
