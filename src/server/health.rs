use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;

use super::App;

/// The process runs.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Whether calls can come in, and in which languages callers can be heard.
pub(super) async fn ready(State(app): State<Arc<App>>) -> impl IntoResponse {
    let stopping = app.is_stopping();
    let languages: serde_json::Map<_, _> = app
        .languages()
        .map(|language| {
            (language.to_owned(), if app.services.recognisers.hears(language) { "speech-and-keys" } else { "keys" }.into())
        })
        .collect();
    let status = if stopping { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let body = json!({
        "ready": !stopping,
        "calls": app.services.calls.talking(),
        "room": app.services.calls.has_room(),
        "dialogs": app.dialogs.iter().map(|d| json!({"name": d.file.dialog.value, "version": d.version})).collect::<Vec<_>>(),
        "languages": languages,
    });
    (status, Json(body))
}

/// The counts, in the text format of Prometheus.
pub(super) async fn counts(State(app): State<Arc<App>>) -> String {
    metrics::gauge!("candor_calls").set(app.services.calls.talking() as f64);
    metrics::gauge!("candor_sessions_open").set(app.services.calls.open() as f64);
    super::counts::render()
}
