//! The tests in a browser can tell what they claim to tell: a known tone is heard as that tone, silence as silence, a phrase when it is
//! said and not before; a fault of a page is found. A page that calls itself stands in for the pages under test.

use std::time::Duration;

use axum::Router;
use axum::response::Html;
use axum::routing::get;

use crate::browser::{Microphone, Page, assert_accessible, browser, is_here, share_of_sound, share_of_tone};

/// Two ends of a connection in one page: what the microphone takes comes out of the other.
pub const MIRROR: &str = r#"<!doctype html><html lang="en"><title>Mirror</title><main><h1>Mirror</h1>
<button id="start">Start</button><p id="state" data-state="idle">Idle</p><audio id="sound"></audio></main>
<script>
document.querySelector('#start').onclick = async () => {
  const [here, there] = [new RTCPeerConnection(), new RTCPeerConnection()];
  here.onicecandidate = (event) => there.addIceCandidate(event.candidate);
  there.onicecandidate = (event) => here.addIceCandidate(event.candidate);
  there.ontrack = (event) => { const sound = document.querySelector('#sound'); sound.srcObject = event.streams[0]; sound.muted = true; sound.play(); };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true }).catch((error) => error);
  const line = document.querySelector('#state');
  if (stream instanceof Error) { line.dataset.state = 'denied'; line.textContent = stream.name; return; }
  for (const track of stream.getTracks()) here.addTrack(track, stream);
  await here.setLocalDescription(await here.createOffer());
  await there.setRemoteDescription(here.localDescription);
  await there.setLocalDescription(await there.createAnswer());
  await here.setRemoteDescription(there.localDescription);
  line.dataset.state = 'on'; line.textContent = 'On';
};
</script></html>"#;

/// Serves the mirror, and a page with faults of its own.
pub async fn mirror() -> String {
    let faults = "<html><img src=data:,><script>console.error('a fault')</script>";
    let pages = Router::new().route("/", get(Html(MIRROR))).route("/faults", get(Html(faults)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, pages).await });
    format!("http://{address}/")
}

pub async fn on(page: &Page) {
    page.click("#start").await;
    page.wait_for_state("#state", "on").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tone_is_heard_as_itself_and_faults_are_found() {
    if !is_here() {
        return;
    }
    let address = mirror().await;
    let page = browser("mirror").microphone(Microphone::tone(700.0)).open(&address).await;
    on(&page).await;
    page.wait_to_hear("the tone", |heard| share_of_tone(heard, 700.0)).await;
    let heard = page.listen(Duration::from_secs(3)).await;
    assert!(heard.len() > 40, "{}", heard.len());
    assert!(share_of_tone(&heard, 700.0) > 0.8, "{heard:?}");
    assert_eq!(share_of_tone(&heard, 1100.0), 0.0);
    let shown = page.shown("state").await;
    let states: Vec<&str> = shown.iter().map(|shown| shown.state.as_str()).collect();
    assert_eq!(states, ["idle", "on"]);
    page.assert_no_complaints(&["favicon"]).await;
    assert_accessible(&page, "the mirror").await;
    // Frozen, it comes back as if nothing had been.
    page.freeze(Duration::from_secs(1)).await;
    page.wait_to_hear("the tone again", |heard| share_of_tone(heard, 700.0)).await;

    page.go_to(&format!("{address}faults")).await;
    assert!(page.console().await.iter().any(|line| line.contains("a fault")));
    if std::env::var_os("AXE_CORE").is_some() {
        let faulty = tokio::spawn(async move { assert_accessible(&page, "faults").await }).await;
        assert!(faulty.is_err(), "axe-core finds nothing on a page without a title, a language and a text for its picture");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phrase_is_heard_when_it_is_said_and_a_denied_microphone_is_denied() {
    if !is_here() {
        return;
    }
    let address = mirror().await;
    let phrase = crate::phone::voice::from_text("Good morning", "en").await.unwrap();
    let microphone = Microphone::phrases(&[("morning", phrase.clone()), ("again", phrase)]);
    let page = browser("mirror").microphone(microphone).languages("nl,en").open(&address).await;
    assert_eq!(page.run::<String>("return navigator.language;").await, "nl");
    on(&page).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let silence = page.listen(Duration::from_secs(2)).await;
    assert!(silence.len() > 20);
    assert_eq!(share_of_sound(&silence), 0.0, "{silence:?}");
    for name in ["again", "morning"] {
        let (from, _) = page.say(name).await;
        assert!(share_of_sound(&page.heard_since(from).await) > 0.15);
    }

    let denied = browser("denied").denied().open(&address).await;
    denied.click("#start").await;
    denied.wait_for_state("#state", "denied").await;
    assert_eq!(denied.text("#state").await, "NotAllowedError");
}
