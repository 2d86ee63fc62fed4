//! What a caller says in their browser without a grant is nowhere: not in the server's folder, not in a log, not in what either page has shown
//! or has been sent. The very packets that the browser sent are looked for, what they sound like, and the words.
//!
//! That the search finds what is there is shown by a phrase in a kept turn: its packets are in the sealed turn, and nowhere else.

use std::time::Duration;

use crate::browser::{Microphone, Page, browser, colleague, is_here, now, question, share_of_sound, unhurried, with_desk};
use crate::korean::{spoken, unsealed};
use crate::the_canary::{CANARY, KEPT, PURPOSE, Passing, canary, in_plain, server, words};

/// Says a phrase, and gives the packets that carried it.
async fn say(page: &Page, phrase: &str) -> Vec<Vec<u8>> {
    let (from, to) = page.say(phrase).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let packets = page.packets(from, to + 200.0).await;
    assert!(
        packets.iter().filter(|packet| packet.len() > 40).count() > 20,
        "{phrase} was hardly sent: {} packets",
        packets.len()
    );
    packets
}

async fn call(page: &Page) {
    page.click("#start").await;
    page.wait_for_state("#state", "disclosing").await;
}

async fn hang_up(page: &Page) {
    page.click("#hang-up").await;
    page.wait_for_state("#state", "ended").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_in_a_browser_without_a_grant_is_nowhere() {
    if !is_here() {
        return;
    }
    let Some(plan) = server() else { return };
    let before = Passing::before();
    let service = with_desk(unhurried(plan)).start();
    let desk = colleague(&service, browser("desk")).await;
    let microphone = Microphone::phrases(&[("canary", spoken(CANARY).await), ("kept", spoken(KEPT).await)]).traced();
    let page = browser("caller").microphone(microphone).open(&format!("{}/?language=ko", service.base)).await;
    let mut canaries = Vec::new();

    // In the opening, in a turn in the middle of which the consent is withdrawn, after that, and to a colleague.
    call(&page).await;
    canaries.extend(say(&page, "canary").await);
    question(&page).await;
    page.click("#yes").await;
    page.wait_for_state("#state", "recording").await;
    canaries.extend(say(&page, "canary").await);
    page.click("#stop").await;
    page.wait("the end of the recording", "['erased', 'stopped'].includes(document.querySelector('#state').dataset.state)").await;
    canaries.extend(say(&page, "canary").await);
    page.click("#person").await;
    desk.wait("a waiting caller", "document.querySelector('#waiting [data-call]')").await;
    desk.click("#take").await;
    desk.wait_for_state("#call", "talking").await;
    page.wait_for_state("#state", "person").await;
    let talking = now();
    canaries.extend(say(&page, "canary").await);
    assert!(share_of_sound(&desk.heard_since(talking).await) > 0.1, "the colleague hears it");
    hang_up(&page).await;

    // After a refusal.
    call(&page).await;
    question(&page).await;
    page.click("#no").await;
    page.wait_for_state("#state", "refused").await;
    canaries.extend(say(&page, "canary").await);
    hang_up(&page).await;

    // In the opening again; and something else in a kept turn.
    call(&page).await;
    canaries.extend(say(&page, "canary").await);
    question(&page).await;
    page.click("#yes").await;
    page.wait_for_state("#state", "recording").await;
    page.wait_to_read("무엇을 도와드릴까요").await;
    // What fits nothing does not end a prompt; it is answered after it.
    page.wait_for_quiet().await;
    let lines = page.count("#captions > *").await;
    let kept = say(&page, "kept").await;
    // When the agent speaks again it has understood what it could, and the turn is over.
    page.wait("what the agent says to it", &format!("document.querySelectorAll('#captions > *').length > {lines}")).await;
    hang_up(&page).await;

    let sessions = service.sessions();
    assert_eq!(sessions.len(), 3);
    for session in &sessions {
        service.closed_of(session).await;
    }
    let (canary, control) = (canary(CANARY).await.carried_by(&canaries), canary(KEPT).await.carried_by(&kept));
    assert_eq!(in_plain(&service, &canary, &before), [""; 0]);
    assert_eq!(in_plain(&service, &control, &before), [""; 0]);
    let turns = unsealed(&service, PURPOSE);
    let shares: Vec<f64> = turns.iter().map(|turn| control.share_of_packets_in(turn)).collect();
    assert!(shares.iter().sum::<f64>() > 0.7, "the search must find what is there: {shares:?}");
    for turn in &turns {
        assert_eq!((canary.forms_in(turn), canary.share_of_packets_in(turn)), (vec![], 0.0), "in a kept turn");
    }
    // What either page has ever shown, and every message in either direction.
    let words = [words(CANARY).await, words(KEPT).await].concat();
    for (name, everything) in [("caller", page.everything().await), ("desk", desk.everything().await)] {
        assert!(everything.len() > 500, "{name}: {everything}");
        let shown: Vec<&String> = words.iter().filter(|word| everything.contains(word.as_str())).collect();
        assert!(shown.is_empty(), "{shown:?} on the page of the {name}");
    }
}
