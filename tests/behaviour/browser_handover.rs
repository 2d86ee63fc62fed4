//! A caller is handed over to a colleague in a second browser, and what each of them hears is measured: tone by tone, on hold, muted, after
//! the end; and whoever goes away in whatever way, the other is told and never left in silence.

use std::time::Duration;

use crate::browser::{
    Microphone, Moment, Page, ask_for_a_person, assert_true_when_shown, browser, caller, colleague, finished, is_here, now,
    question, share_of_sound, share_of_tone, turns, unhurried, with_desk,
};
use crate::by_key::by_key;
use crate::service::{Service, of_type};

/// The caller's tone, and the colleague's.
const CALLER: f64 = 520.0;
const COLLEAGUE: f64 = 1_250.0;

fn hears_the_caller(heard: &[Moment]) -> f64 {
    share_of_tone(heard, CALLER)
}

fn hears_the_colleague(heard: &[Moment]) -> f64 {
    share_of_tone(heard, COLLEAGUE)
}

/// A colleague at the desk, and a caller who waits for them; `answer` is what they said to the question.
async fn waiting(service: &Service, answer: &str) -> (Page, Page) {
    let desk = colleague(service, browser("desk").microphone(Microphone::tone(COLLEAGUE))).await;
    let page = caller(service, browser("caller").microphone(Microphone::tone(CALLER))).await;
    question(&page).await;
    page.click(answer).await;
    page.wait("an answer", "['recording', 'refused'].includes(document.querySelector('#state').dataset.state)").await;
    ask_for_a_person(&page).await;
    desk.wait("a waiting caller", "document.querySelector('#waiting [data-call]')").await;
    (page, desk)
}

async fn talking(page: &Page, desk: &Page) {
    desk.click("#take").await;
    desk.wait_for_state("#call", "talking").await;
    page.wait_for_state("#state", "person").await;
    page.wait_to_hear("the colleague", hears_the_colleague).await;
    desk.wait_to_hear("the caller", hears_the_caller).await;
}

async fn wrap_up(desk: &Page) {
    desk.wait("wrap-up", "document.querySelector('#wrap-up').checkVisibility()").await;
    desk.click("#outcome input[value=helped]").await;
    desk.click("#wrap-up-done").await;
    desk.wait("end of the wrap-up", "!document.querySelector('#wrap-up').checkVisibility()").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_browsers_hear_each_other_and_nothing_else_records() {
    if !is_here() {
        return;
    }
    let service = with_desk(unhurried(by_key())).start();
    let (page, desk) = waiting(&service, "#yes").await;
    // What the colleague sees before they take the call.
    let row = desk.text("#waiting").await;
    for seen in ["Asked for a person", "given", "English"] {
        assert!(row.contains(seen), "no {seen:?} in {row:?}");
    }
    // Waiting is not silence.
    page.wait_to_hear("something while waiting", share_of_sound).await;

    talking(&page, &desk).await;
    let recorded = desk.text("#recording-state").await;
    assert_eq!(recorded, "Nothing of this conversation is recorded");
    let moment = now();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(hears_the_colleague(&page.heard_since(moment).await) > 0.6);
    assert!(hears_the_caller(&desk.heard_since(moment).await) > 0.6);
    desk.picture("in-a-call").await;
    page.picture("with-a-colleague").await;

    // On hold: music, and neither hears the other.
    desk.click("#hold").await;
    desk.wait_for_state("#call", "hold").await;
    page.wait_for_state("#state", "hold").await;
    page.wait_to_hear("the music", |heard| share_of_sound(heard) - hears_the_colleague(heard)).await;
    let hold = (page.listen(Duration::from_secs(2)).await, desk.listen(Duration::from_secs(2)).await);
    assert!(hears_the_colleague(&hold.0) < 0.1, "the caller hears the colleague while on hold: {:?}", hold.0);
    assert!(hears_the_caller(&hold.1) < 0.1, "the colleague hears the caller while on hold");
    desk.click("#hold").await;
    desk.wait_for_state("#call", "talking").await;
    page.wait_to_hear("the colleague again", hears_the_colleague).await;
    desk.wait_to_hear("the caller again", hears_the_caller).await;

    // Muted: silence there, and the caller is heard all the same.
    desk.click("#mute").await;
    desk.wait_for_state("#call", "muted").await;
    page.wait_to_hear("silence", |heard| 1.0 - share_of_sound(heard)).await;
    desk.wait_to_hear("the caller while muted", hears_the_caller).await;
    desk.click("#mute").await;
    page.wait_to_hear("the colleague unmuted", hears_the_colleague).await;

    desk.click("#hang-up").await;
    let events = finished(&page, &service).await;
    wrap_up(&desk).await;
    desk.assert_no_complaints(&[]).await;
    let place =
        |name: &str| events.iter().position(|event| event["type"] == name).unwrap_or_else(|| panic!("no {name}: {events:#?}"));
    assert!(place("recorder.stopped") < place("handover.result"), "{events:#?}");
    assert_eq!(of_type(&events, "recorder.started").len(), 1);
    assert_eq!(events.last().unwrap()["outcome"], "handed-over");
    // What the desk showed before it was connected claimed nothing.
    let shown: Vec<String> =
        desk.shown("recording-state").await.into_iter().map(|shown| shown.text).filter(|text| !text.is_empty()).collect();
    assert!(shown.iter().all(|text| text.starts_with("Nothing of") || text.starts_with("Not connected")), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_hangs_up_and_a_colleague_who_gives_back() {
    if !is_here() {
        return;
    }
    let service = with_desk(unhurried(by_key())).start();
    let (page, desk) = waiting(&service, "#no").await;
    assert!(desk.text("#waiting").await.contains("refused"));
    talking(&page, &desk).await;
    // Back to the agent, who speaks again and records nothing.
    let back = now();
    desk.click("#return").await;
    wrap_up(&desk).await;
    page.wait_to_read("I will help you myself").await;
    page.wait(
        "the agent",
        "!['person', 'hold', 'person-gone', 'connecting-person'].includes(document.querySelector('#state').dataset.state)",
    )
    .await;
    page.wait_to_read("How can I help you").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let heard = page.heard_since(back + 1_000.0).await;
    assert!(share_of_sound(&heard) > 0.2 && hears_the_colleague(&heard) < 0.1, "{heard:?}");
    // Once more to a person, and away.
    ask_for_a_person(&page).await;
    desk.wait("a waiting caller", "document.querySelector('#waiting [data-call]')").await;
    talking(&page, &desk).await;
    page.click("#hang-up").await;
    let events = finished(&page, &service).await;
    desk.wait("the end", "document.querySelector('#ended').checkVisibility()").await;
    assert_eq!(desk.text("#ended").await.split('.').next(), Some("The caller hung up"));
    assert!(of_type(&events, "recorder.started").is_empty());
    assert_eq!(of_type(&events, "handover.requested").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_can_be_erased_in_the_line_and_the_button_says_so() {
    if !is_here() {
        return;
    }
    let service = with_desk(unhurried(by_key())).start();
    let _desk = colleague(&service, browser("desk")).await;
    let page = caller(&service, browser("caller")).await;
    question(&page).await;
    page.click("#yes").await;
    page.wait_for_state("#state", "recording").await;
    assert_eq!(page.text("#stop").await, "Stop recording");
    page.wait_to_read("How can I help you").await;
    page.click("#key-3").await;
    page.wait("kept turn", "document.querySelector('#timeline [data-kept=kept]')").await;
    ask_for_a_person(&page).await;
    assert_eq!(page.text("#stop").await, "Erase what was recorded");
    assert!(page.run::<bool>("return document.querySelector('#language').disabled;").await, "no language is chosen in the line");
    page.picture("in-the-line").await;
    page.click("#stop").await;
    page.wait("erased turns", "document.querySelector('#timeline [data-kept=erased]')").await;
    page.wait_for_state("#state", "waiting").await;
    page.wait("no button", "!document.querySelector('#stop').checkVisibility()").await;
    assert!(turns(&page).await.iter().all(|turn| turn.1 != "kept"));
    page.click("#hang-up").await;
    finished(&page, &service).await;
    assert!(service.sealed_turns().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_whose_browser_dies_leaves_no_caller_in_silence() {
    if !is_here() {
        return;
    }
    let service = with_desk(unhurried(by_key())).start();
    let (page, desk) = waiting(&service, "#no").await;
    talking(&page, &desk).await;
    let gone = now();
    desk.die();
    page.wait("the agent", "!['person', 'hold'].includes(document.querySelector('#state').dataset.state)").await;
    page.wait_to_hear("somebody", |heard| share_of_sound(heard) - hears_the_colleague(heard)).await;
    assert!(now() - gone < 30_000.0);
    page.click("#hang-up").await;
    finished(&page, &service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_and_a_browser_hear_each_other() {
    if !is_here() {
        return;
    }
    let service = with_desk(unhurried(by_key())).start();
    let desk = colleague(&service, browser("desk").microphone(Microphone::tone(COLLEAGUE))).await;
    let (call, session) = crate::by_key::ring(&service, service.caller()).await;
    crate::by_key::answer(&call, "2").await;
    call.press("0").await.unwrap();
    desk.wait("a waiting caller", "document.querySelector('#waiting [data-call]')").await;
    desk.click("#take").await;
    desk.wait_for_state("#call", "talking").await;
    // The caller whistles for half a minute.
    let tone: Vec<i16> =
        (0..8_000 * 30).map(|at| ((f64::from(at) * CALLER * std::f64::consts::TAU / 8_000.0).sin() * 9_000.0) as i16).collect();
    call.begin_to_say(candor::audio::g711::encode(&tone)).await.unwrap();
    desk.wait_to_hear("the telephone", hears_the_caller).await;
    let from = call.now();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let heard = call.heard();
    let share = tone_in(heard.since(from + Duration::from_millis(500)), COLLEAGUE);
    assert!(share > 0.6, "the telephone hears the colleague in {share:.2} of what comes");
    desk.click("#hold").await;
    desk.wait_for_state("#call", "hold").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let held = call.now();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let heard = call.heard();
    let music = heard.since(held);
    assert!(tone_in(music, COLLEAGUE) < 0.1 && crate::traces::is_sound(music), "the telephone hears music on hold");
    assert!(hears_the_caller(&desk.listen(Duration::from_secs(1)).await) < 0.1);
    desk.click("#hold").await;
    desk.wait_for_state("#call", "talking").await;
    call.hang_up().await.unwrap();
    let outcome = call.outcome().await;
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    wrap_up(&desk).await;
    let events = service.closed_of(&session).await;
    assert!(of_type(&events, "recorder.started").is_empty());
    desk.assert_no_complaints(&[]).await;
}

/// The share of 100 ms pieces with sound in which most of the power is this tone's (Goertzel).
fn tone_in(ulaw: &[u8], hertz: f64) -> f64 {
    let pieces: Vec<Vec<f64>> =
        ulaw.chunks_exact(800).map(|piece| candor::audio::g711::decode(piece).into_iter().map(f64::from).collect()).collect();
    let is_tone = |piece: &&Vec<f64>| {
        let power: f64 = piece.iter().map(|sample| sample * sample).sum();
        let step = hertz * std::f64::consts::TAU / 8_000.0;
        let (mut cosine, mut sine) = (0.0, 0.0);
        for (at, sample) in piece.iter().enumerate() {
            cosine += sample * (step * at as f64).cos();
            sine += sample * (step * at as f64).sin();
        }
        let share = 2.0 * (cosine * cosine + sine * sine) / (piece.len() as f64 * power.max(1.0));
        power / piece.len() as f64 > 10_000.0 && share > 0.5
    };
    pieces.iter().filter(is_tone).count() as f64 / pieces.len().max(1) as f64
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tone_of_a_telephone_is_told_from_others() {
    let tone = |hertz: f64| -> Vec<u8> {
        let samples: Vec<i16> =
            (0..8_000).map(|at| ((f64::from(at) * hertz * std::f64::consts::TAU / 8_000.0).sin() * 9_000.0) as i16).collect();
        candor::audio::g711::encode(&samples)
    };
    assert!(tone_in(&tone(COLLEAGUE), COLLEAGUE) > 0.9);
    assert!(tone_in(&tone(CALLER), COLLEAGUE) == 0.0 && tone_in(&[0xff; 8_000], COLLEAGUE) == 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_the_desk_is_said_and_the_agent_goes_on() {
    if !is_here() {
        return;
    }
    let service = with_desk(unhurried(by_key())).start();
    let page = caller(&service, browser("caller")).await;
    question(&page).await;
    page.click("#no").await;
    page.wait_for_state("#state", "refused").await;
    let asked = now();
    page.click("#person").await;
    page.wait_to_hear("an explanation", share_of_sound).await;
    page.wait_to_read("No colleague is free").await;
    assert!(now() - asked < 30_000.0);
    page.click("#hang-up").await;
    page.wait_for_state("#state", "ended").await;
    service.closed().await;
    assert_true_when_shown(&page, &service, &service.sessions()[0]).await;
}
