use std::sync::Arc;
use std::sync::OnceLock;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::json;

use super::App;

static METRICS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Counts from here on; once per process.
pub(super) fn start_counting() {
    METRICS.get_or_init(|| {
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("seconds".into()), &[0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
        builder.ok()?.install_recorder().ok()
    });
}

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
    METRICS.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
}
