//! The web pages: the demo client at `/` and the desk at `/desk`, as they are in the program. A debug build reads them from the project's
//! folders each time, so that whoever edits a page only reloads it.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "examples/browser/"]
#[include = "*.html"]
#[include = "*.css"]
#[include = "*.js"]
#[include = "*.svg"]
#[exclude = "tests/*"]
struct Browser;

#[derive(RustEmbed)]
#[folder = "web/desk/"]
#[include = "*.html"]
#[include = "*.css"]
#[include = "*.js"]
#[include = "*.svg"]
#[exclude = "tests/*"]
struct Desk;

const INDEX: &str = "index.html";

/// The routes of the pages and of the files that they load.
pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/", get(async |headers: HeaderMap| answer(Browser::get(INDEX), &headers)))
        .route(
            "/browser/{*file}",
            get(async |Path(file): Path<String>, headers: HeaderMap| answer(Browser::get(&file), &headers)),
        )
        .route("/desk", get(async |headers: HeaderMap| answer(Desk::get(INDEX), &headers)))
        .route("/desk/{*file}", get(async |Path(file): Path<String>, headers: HeaderMap| answer(Desk::get(&file), &headers)))
}

/// The file, unless the browser has it already.
fn answer(file: Option<EmbeddedFile>, request: &HeaderMap) -> Response {
    let Some(file) = file else { return (StatusCode::NOT_FOUND, "there is no such page\n").into_response() };
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let mimetype = file.metadata.mimetype();
    let kind = if mimetype.starts_with("text/") { format!("{mimetype}; charset=utf-8") } else { mimetype.to_owned() };
    let known = has(request, &tag);
    // `no-cache`: kept, and asked about each time, so that a new version of the server is never shown by an old page.
    let headers = [(header::ETAG, tag), (header::CACHE_CONTROL, "no-cache".to_owned()), (header::CONTENT_TYPE, kind)];
    if known { (StatusCode::NOT_MODIFIED, headers).into_response() } else { (headers, file.data.into_owned()).into_response() }
}

/// `If-None-Match` (RFC 9110, 13.1.2), compared weakly.
fn has(request: &HeaderMap, tag: &str) -> bool {
    let tags =
        request.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    tags.map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}
