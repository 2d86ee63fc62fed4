use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;

use super::App;
use super::admission::Phase;
use super::live::Refused;

/// The process runs.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Whether calls can come in, what they are served, what was refused of it, and in which languages callers can be heard.
pub(super) async fn ready(State(app): State<Arc<App>>) -> impl IntoResponse {
    let phase = app.admission.phase();
    let ready = phase == Phase::Open;
    let edition = app.edition();
    let heard = |language: &str| match app.services.recognisers.hears(language) {
        true => "speech-and-keys",
        false if app.live.is_new(language) => "keys-until-restart",
        false => "keys",
    };
    let languages: serde_json::Map<_, _> =
        edition.languages().into_iter().map(|language| (language.to_owned(), heard(language).into())).collect();
    let dialogs = edition.scripts().map(|script| json!({"name": script.name(), "version": script.dialog.version}));
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "state": phase.as_str(),
        "ready": ready,
        "calls": app.services.calls.talking(),
        "room": app.services.calls.has_room(),
        "dialogs": dialogs.collect::<Vec<_>>(),
        "refused": edition.refused().iter().map(Refused::shown).collect::<Vec<_>>(),
        "languages": languages,
    });
    (status, Json(body))
}

/// The counts, in the text format of Prometheus.
pub(super) async fn counts(State(app): State<Arc<App>>) -> String {
    metrics::gauge!("candor_calls").set(app.services.calls.talking() as f64);
    metrics::gauge!("candor_sessions_open").set(app.services.calls.open() as f64);
    metrics::gauge!("candor_draining").set(if app.admission.phase() == Phase::Open { 0.0 } else { 1.0 });
    metrics::gauge!("candor_dialog_versions").set(app.live.scripts_held() as f64);
    super::counts::render()
}
