//! The routes of the WebRTC transport: RFC 9725 (WHIP) with audio in both directions, and the same in JSON.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::App;
use super::admission::NoRoom;
use crate::at_once::Place;
use crate::session::{self, Arrival, Control, Handle, Script};
use crate::transport::webrtc::{Answer, AnswerError, Endpoint, IceServer, Kind, PatchError, Patched, SdpError};
use crate::transport::{Leg, Notice, Outbound};

const SDP: &str = "application/sdp";
const JSON: &str = "application/json";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// What a caller chooses in the address.
#[derive(Deserialize)]
pub(super) struct Choice {
    dialog: Option<String>,
    language: Option<String>,
}

/// An offer as some clients send it.
#[derive(Deserialize)]
struct JsonOffer {
    sdp: String,
    r#type: String,
}

/// The answer to it.
#[derive(Serialize)]
struct JsonAnswer<'a> {
    r#type: &'static str,
    sdp: &'a str,
    id: &'a str,
    location: &'a str,
    etag: &'a str,
    #[serde(rename = "iceServers")]
    ice_servers: &'a [IceServer],
}

/// `POST /webrtc`: an offer is answered, and its session starts when sound can flow.
pub(super) async fn offer(
    State(app): State<Arc<App>>,
    Query(choice): Query<Choice>,
    place: Option<Extension<Place>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(endpoint) = app.webrtc.clone() else { return switched_off() };
    let Ok(body) = body else { return refuse(StatusCode::PAYLOAD_TOO_LARGE, &SdpError::TooLong.to_string()) };
    let (sdp, in_json) = match media_type(&headers) {
        SDP => (String::from_utf8(body.into()).map_err(|_| SdpError::NotSdp.to_string()), false),
        JSON => (from_json(&body), true),
        _ => {
            let accepted = [(ACCEPT_POST, HeaderValue::from_static("application/sdp, application/json"))];
            let why = "send the offer as application/sdp, or as application/json with `sdp` and `type`";
            return (accepted, refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, why)).into_response();
        }
    };
    let sdp = match sdp {
        Ok(sdp) => sdp,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, &why),
    };
    let chosen = match choose(&app, &choice, &headers) {
        Ok(chosen) => chosen,
        Err(why) => return refuse(StatusCode::BAD_REQUEST, &why),
    };
    if let Err(no_room) = app.admit() {
        return no_room.into_response();
    }
    match endpoint.answer(&sdp, Kind::Caller).await {
        Ok(answer) => answered(app, &endpoint, answer, chosen, in_json, place),
        Err(AnswerError::Full) => {
            NoRoom::Calls.tell();
            NoRoom::Calls.into_response()
        }
        Err(error) => refuse(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

/// Sends the answer, and starts the session once the caller is connected.
fn answered(
    app: Arc<App>,
    endpoint: &Endpoint,
    answer: Answer,
    chosen: (Arc<Script>, Option<String>),
    in_json: bool,
    place: Option<Extension<Place>>,
) -> Response {
    let Answer { id, etag, sdp, leg, connected, .. } = answer;
    let location = format!("/webrtc/{id}");
    let servers = endpoint.ice_servers();
    let links = links(&servers);
    let body = if in_json {
        let answer = JsonAnswer { r#type: "answer", sdp: &sdp, id: &id, location: &location, etag: &etag, ice_servers: &servers };
        match serde_json::to_string(&answer) {
            Ok(answer) => answer,
            Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    } else {
        sdp
    };
    let coming = app.coming.token();
    tokio::spawn(async move {
        // The caller's share of what their address may have at once, until the call is over.
        let _place = place;
        if !connected.wait().await {
            return;
        }
        let begun = begin(app, id, chosen, leg).await;
        drop(coming);
        if let Some(handle) = begun {
            handle.over().await;
        }
    });
    let kind = if in_json { JSON } else { SDP };
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::LOCATION, location),
        (header::ETAG, etag),
        // It holds credentials.
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (StatusCode::CREATED, headers, AppendHeaders(links), body).into_response()
}

async fn begin(app: Arc<App>, call: String, (script, language): (Arc<Script>, Option<String>), leg: Leg) -> Option<Handle> {
    let chosen = language.is_some();
    let language = language.unwrap_or_else(|| script.default_language());
    let arrival = Arrival { call, script, language, language_chosen: chosen, pbx: None };
    if !app.services.calls.has_room() {
        // The place was there when the offer came, and is taken.
        NoRoom::Calls.tell();
        let _ = leg.outbound.send(Outbound::Tell(Box::new(Notice::Ended { outcome: "capacity" }))).await;
        let _ = leg.outbound.send(Outbound::End).await;
        return None;
    }
    let handle = session::start(app.services.clone(), arrival, leg);
    match &handle {
        // Announced before the stop, and here after it.
        Some(handle) if app.is_stopping() => drop(handle.tell(Control::Stop).await),
        Some(_) => {}
        None => NoRoom::Calls.tell(),
    }
    handle
}

/// `PATCH /webrtc/<id>`: more candidates, or an ICE restart.
pub(super) async fn patch(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let Some(endpoint) = app.webrtc.clone() else { return switched_off() };
    if media_type(&headers) != FRAGMENT {
        let accepted = [(ACCEPT_PATCH, HeaderValue::from_static(FRAGMENT))];
        let why = "send the fragment as application/trickle-ice-sdpfrag";
        return (accepted, refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, why)).into_response();
    }
    let Ok(body) = body else { return refuse(StatusCode::PAYLOAD_TOO_LARGE, &SdpError::TooLong.to_string()) };
    let Ok(fragment) = std::str::from_utf8(&body) else {
        return refuse(StatusCode::BAD_REQUEST, &SdpError::NoFragment.to_string());
    };
    let condition = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    match endpoint.patch(&id, condition, fragment).await {
        Ok(Patched::Added) => StatusCode::NO_CONTENT.into_response(),
        Ok(Patched::Restarted { fragment, etag }) => {
            ([(header::CONTENT_TYPE, FRAGMENT.to_owned()), (header::ETAG, etag)], fragment).into_response()
        }
        Err(error) => {
            let status = match error {
                PatchError::Unknown => StatusCode::NOT_FOUND,
                PatchError::NoCondition => StatusCode::PRECONDITION_REQUIRED,
                PatchError::OtherTag => StatusCode::PRECONDITION_FAILED,
                PatchError::TooMany => StatusCode::TOO_MANY_REQUESTS,
                _ => StatusCode::BAD_REQUEST,
            };
            refuse(status, &error.to_string())
        }
    }
}

/// `DELETE /webrtc/<id>`: the caller hangs up.
pub(super) async fn hang_up(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    match &app.webrtc {
        Some(endpoint) if endpoint.close(&id) => StatusCode::OK.into_response(),
        Some(_) => refuse(StatusCode::NOT_FOUND, &PatchError::Unknown.to_string()),
        None => switched_off(),
    }
}

/// `OPTIONS /webrtc`: what can be posted, and the ICE servers that a page needs before its first offer (RFC 9725, section 4.6).
pub(super) async fn options(State(app): State<Arc<App>>) -> Response {
    let Some(endpoint) = &app.webrtc else { return switched_off() };
    let headers = [
        (ACCEPT_POST, "application/sdp, application/json"),
        (header::ALLOW, "POST, OPTIONS"),
        // It holds credentials.
        (header::CACHE_CONTROL, "no-store"),
    ];
    (StatusCode::NO_CONTENT, headers, AppendHeaders(links(&endpoint.ice_servers()))).into_response()
}

fn links(servers: &[IceServer]) -> Vec<(header::HeaderName, String)> {
    servers.iter().flat_map(IceServer::links).map(|link| (header::LINK, link)).collect()
}

/// `OPTIONS /webrtc/<id>`: what a call can be told.
pub(super) async fn call_options() -> Response {
    (StatusCode::NO_CONTENT, [(ACCEPT_PATCH, FRAGMENT), (header::ALLOW, "PATCH, DELETE, OPTIONS")]).into_response()
}

fn from_json(body: &[u8]) -> Result<String, String> {
    match serde_json::from_slice::<JsonOffer>(body) {
        Ok(offer) if offer.r#type == "offer" => Ok(offer.sdp),
        _ => Err(r#"send {"type": "offer", "sdp": "…"}"#.to_owned()),
    }
}

/// The dialog and the language that a caller has chosen; no language: the dialog's own, and the others are offered.
fn choose(app: &App, choice: &Choice, headers: &HeaderMap) -> Result<(Arc<Script>, Option<String>), String> {
    let edition = app.edition();
    let script = match &choice.dialog {
        Some(name) => edition.script(name).ok_or_else(|| {
            let names: Vec<&str> = edition.scripts().map(|script| script.name()).collect();
            format!("there is no such dialog; there are: {}", names.join(", "))
        })?,
        None => edition.default_script(),
    };
    let languages: Vec<&str> = script.languages().collect();
    let language = match &choice.language {
        Some(wanted) => Some(
            spoken(&languages, wanted)
                .ok_or_else(|| format!("the dialog does not speak that language; it speaks: {}", languages.join(", ")))?,
        ),
        None => headers.get(header::ACCEPT_LANGUAGE).and_then(|value| preferred(&languages, value.to_str().ok()?)),
    };
    Ok((script.clone(), language.map(str::to_owned)))
}

/// The language of the dialog that a tag asks for: the same, or one that differs in the region alone.
fn spoken<'a>(languages: &[&'a str], wanted: &str) -> Option<&'a str> {
    let primary = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
    let same = languages.iter().find(|language| language.eq_ignore_ascii_case(wanted));
    same.or_else(|| languages.iter().find(|language| primary(language) == primary(wanted))).copied()
}

/// The language that the browser likes best, of those there are (RFC 9110, section 12.5.4).
fn preferred<'a>(languages: &[&'a str], accepted: &str) -> Option<&'a str> {
    let mut best = None;
    for range in accepted.split(',').take(32) {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |weight| weight.parse::<f32>().ok())?;
        if let Some(language) = spoken(languages, tag)
            && weight > 0.0
            && best.is_none_or(|(most, _)| weight > most)
        {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = value.split(';').next().unwrap_or_default().trim();
    [SDP, JSON, FRAGMENT].into_iter().find(|known| kind.eq_ignore_ascii_case(known)).unwrap_or_default()
}

fn switched_off() -> Response {
    refuse(StatusCode::NOT_FOUND, "calls from browsers are switched off (webrtc.enabled)")
}

fn refuse(status: StatusCode, why: &str) -> Response {
    (status, format!("{why}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_best_language_is_taken_of_those_there_are() {
        let languages = ["nl", "en"];
        for (accepted, wanted) in [
            ("en-GB,en;q=0.9,nl;q=0.8", Some("en")),
            ("fr,nl-BE;q=0.7,en;q=0.3", Some("nl")),
            ("nl;q=0.2, EN;q=0.9", Some("en")),
            ("fr, de", None),
            ("en;q=0, fr", None),
            ("*", None),
            ("", None),
            ("en;q=much", None),
        ] {
            assert_eq!(preferred(&languages, accepted), wanted, "{accepted}");
        }
    }
}
