//! Calls from the web page in a real browser: what a caller answers, by button, by key, by voice and by keyboard, is what is kept; and every
//! line that the page shows is true when it is shown.

use std::time::Duration;

use fantoccini::key::Key;

use crate::browser::{
    Microphone, Page, assert_true_when_shown, browser, caller, finished, is_here, now, question, share_of_sound, turns, unhurried,
};
use crate::by_key::by_key;
use crate::korean::{NO, NOODLES, STOP, YES, line, spoken};
use crate::service::{Service, of_type};

/// Waits until a turn has begun that the timeline says is being recorded, or is not.
async fn turn_begins(page: &Page, kept: &str) {
    page.wait(
        &format!("turn that is {kept}"),
        &format!("document.querySelector('#timeline [data-turn]:last-child')?.dataset.kept === '{kept}'"),
    )
    .await;
}

/// From the menu to the end by the shortest way: the opening hours, then no more. Each key while its question is being said.
async fn opening_hours_and_goodbye(page: &Page, kept: &str) {
    page.wait_to_read("How can I help you").await;
    turn_begins(page, kept).await;
    page.click("#key-3").await;
    page.wait_to_read("anything else").await;
    page.click("#key-2").await;
}

/// How many turns the timeline shows as kept, and the like.
async fn count(page: &Page, kept: &str) -> usize {
    turns(page).await.iter().filter(|turn| turn.1 == kept).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn yes_by_button_keeps_the_turns_after_it_and_the_page_says_so_of_each() {
    if !is_here() {
        return;
    }
    let service = unhurried(by_key()).start();
    let page = caller(&service, browser("caller")).await;
    question(&page).await;
    page.click("#yes").await;
    page.wait_for_state("#state", "recording").await;
    page.picture("recording").await;
    opening_hours_and_goodbye(&page, "recording").await;
    let events = finished(&page, &service).await;
    assert_eq!(of_type(&events, "answer").last().unwrap()["outcome"], "given");
    let kept = count(&page, "kept").await;
    assert!(kept >= 2, "{:?}", turns(&page).await);
    // What became of the last turn may come after the end of the call.
    let sealed = of_type(&events, "turn.sealed").len();
    assert!(sealed == kept || sealed == kept + 1, "{events:#?}");
    assert_eq!(events.last().unwrap()["outcome"], "finished");
    let states: Vec<String> = page.shown("state").await.into_iter().map(|shown| shown.state).collect();
    let at = |state: &str| states.iter().position(|shown| shown == state).unwrap_or_else(|| panic!("never {state}: {states:?}"));
    assert!(at("idle") < at("connecting") && at("connecting") < at("disclosing"), "{states:?}");
    assert!(at("disclosing") < at("asked") && at("asked") < at("recording") && at("recording") < at("ended"), "{states:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_by_button_keeps_nothing_and_the_call_goes_on() {
    if !is_here() {
        return;
    }
    let service = unhurried(by_key()).start();
    let page = caller(&service, browser("caller")).await;
    question(&page).await;
    page.click("#no").await;
    page.wait_for_state("#state", "refused").await;
    page.picture("refused").await;
    opening_hours_and_goodbye(&page, "open").await;
    let events = finished(&page, &service).await;
    assert_eq!(of_type(&events, "consent").last().unwrap()["to"], "refused");
    assert!(of_type(&events, "recorder.started").is_empty());
    assert!(service.sealed_turns().is_empty());
    assert!(count(&page, "not-kept").await >= 2 && count(&page, "kept").await == 0, "{:?}", turns(&page).await);
    assert_eq!(events.last().unwrap()["outcome"], "finished");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_is_in_reach_while_the_question_is_still_being_put_and_yes_is_not() {
    if !is_here() {
        return;
    }
    let service = unhurried(by_key()).start();
    let page = caller(&service, browser("caller")).await;
    let seen = |button: &str| format!("document.querySelector('{button}').checkVisibility({{ visibilityProperty: true }})");
    let asked = "document.querySelector('#state').dataset.state === 'asked' && !window.watched.asked()";
    page.wait("no alone", &format!("{asked} && {} && !{}", seen("#no"), seen("#yes"))).await;
    let place = "return document.querySelector('#no').getBoundingClientRect().left;";
    let before = page.run::<f64>(place).await;
    page.picture("no-alone").await;
    question(&page).await;
    assert_eq!(page.run::<f64>(place).await, before, "what is pressed must not move under the finger");
    page.click("#no").await;
    page.wait_for_state("#state", "refused").await;
    page.click("#hang-up").await;
    finished(&page, &service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_recording_erases_what_was_kept_and_the_timeline_says_erased() {
    if !is_here() {
        return;
    }
    let service = unhurried(by_key()).start();
    let page = caller(&service, browser("caller")).await;
    question(&page).await;
    page.click("#yes").await;
    turn_begins(&page, "recording").await;
    page.click("#key-3").await;
    page.wait("kept turn", "document.querySelector('#timeline [data-kept=kept]')").await;
    page.click("#stop").await;
    page.wait_for_state("#state", "erased").await;
    page.picture("erased").await;
    page.click("#hang-up").await;
    let events = finished(&page, &service).await;
    assert_eq!(of_type(&events, "consent").iter().filter(|consent| consent["to"] == "withdrawn").count(), 1);
    assert_eq!(of_type(&events, "recorder.stopped")[0]["reason"], "withdrawn");
    assert!(!of_type(&events, "wraps.deleted").is_empty());
    assert!(service.sealed_turns().is_empty());
    assert!(count(&page, "erased").await >= 1 && count(&page, "kept").await == 0, "{:?}", turns(&page).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_language_begins_the_opening_anew_and_ends_the_recording() {
    if !is_here() {
        return;
    }
    let service = unhurried(by_key()).start();
    let page = caller(&service, browser("caller")).await;
    question(&page).await;
    page.click("#yes").await;
    turn_begins(&page, "recording").await;
    page.run::<()>("const list = document.querySelector('#language'); list.value = 'nl'; list.dispatchEvent(new Event('change', { bubbles: true }));").await;
    page.wait_for_state("#state", "disclosing").await;
    page.wait("Dutch page", "document.documentElement.lang === 'nl'").await;
    page.wait_to_read("computer").await;
    question(&page).await;
    page.click("#no").await;
    page.wait_for_state("#state", "refused").await;
    page.click("#hang-up").await;
    let events = finished(&page, &service).await;
    let openings: Vec<&str> = of_type(&events, "disclosure").iter().map(|line| line["language"].as_str().unwrap()).collect();
    assert_eq!(openings, ["en", "en", "nl", "nl"]);
    let states: Vec<&str> = of_type(&events, "consent").iter().map(|consent| consent["to"].as_str().unwrap()).collect();
    assert!(states.contains(&"invalidated") && states.last() == Some(&"refused"), "{states:?}");
    assert_eq!(of_type(&events, "recorder.started").len(), 1);
    // What was said before the grant fell may have been kept until then; nothing after it.
    assert!(of_type(&events, "turn.sealed").len() <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keyboard_alone_is_enough_for_a_whole_call() {
    if !is_here() {
        return;
    }
    let service = unhurried(by_key()).start();
    let page = browser("keyboard").open(&service.base).await;
    page.wait("page", "document.querySelector('#start').checkVisibility()").await;
    page.reach_and_press("#start").await;
    question(&page).await;
    page.reach_and_press("#yes").await;
    turn_begins(&page, "recording").await;
    page.press_character('3').await;
    page.wait("kept turn", "document.querySelector('#timeline [data-kept=kept]')").await;
    page.reach_and_press("#stop").await;
    page.wait_for_state("#state", "erased").await;
    page.reach_and_press("#hang-up").await;
    let events = finished(&page, &service).await;
    assert_eq!(of_type(&events, "consent").iter().filter(|consent| consent["to"] == "withdrawn").count(), 1);
    // The focus was never lost to nowhere on the way.
    assert!(page.run::<bool>("return document.activeElement !== document.body;").await);
    assert!(page.shows("#start").await);
    page.press(Key::Escape).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_microphone_the_keys_are_a_way_on() {
    if !is_here() {
        return;
    }
    let service = unhurried(by_key()).start();
    let page = caller(&service, browser("denied").denied()).await;
    page.wait("explanation", "document.querySelector('#problem').checkVisibility()").await;
    let words = page.text("#problem").await;
    assert!(words.contains("microphone") && words.contains("Allow it"), "{words}");
    assert!(service.sessions().is_empty(), "nobody calls before there is a microphone");
    page.picture("explained").await;
    page.click("#problem-keys").await;
    question(&page).await;
    page.click("#yes").await;
    turn_begins(&page, "recording").await;
    page.click("#key-3").await;
    page.wait("kept turn", "document.querySelector('#timeline [data-kept=kept]')").await;
    page.click("#hang-up").await;
    let events = finished(&page, &service).await;
    assert_eq!(of_type(&events, "answer").last().unwrap()["outcome"], "given");
}

/// A caller whose microphone holds the Korean words that the model understands.
async fn korean_caller(service: &Service) -> Page {
    let words = [("yes", YES), ("no", NO), ("noodles", NOODLES), ("stop", STOP)];
    let mut phrases = Vec::new();
    for (name, word) in words {
        phrases.push((name, spoken(word).await));
    }
    let page = browser("caller").microphone(Microphone::phrases(&phrases)).open(&format!("{}/?language=ko", service.base)).await;
    page.click("#start").await;
    page
}

/// Says it, up to three times: the test model understands most of what it hears, not all. `wanted` is what the page shows then.
async fn say_until(page: &Page, phrase: &str, wanted: &str) -> bool {
    for _ in 0..3 {
        page.say(phrase).await;
        let from = now();
        while now() - from < 6_000.0 {
            if page.run::<bool>(&format!("return Boolean({wanted});")).await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    false
}

/// Tries a call by voice up to three times: only what a caller wants to be understood may be tried again.
#[tokio::test(flavor = "multi_thread")]
async fn a_whole_conversation_by_voice() {
    if !is_here() {
        return;
    }
    let mut reasons = Vec::new();
    for _ in 0..3 {
        let Some(plan) = line() else { return };
        // Of a synthetic voice through Opus the model is less sure than of one on the telephone; all else that makes a yes stays.
        let service = unhurried(plan).with("SESSION__CONSENT_CONFIDENCE", "0.5").start();
        match by_voice(&service).await {
            Ok(()) => return,
            Err(reason) => reasons.push(reason),
        }
    }
    panic!("the recogniser never understood: {reasons:?}");
}

async fn by_voice(service: &Service) -> Result<(), String> {
    let page = korean_caller(service).await;
    page.wait_to_hear("the agent", share_of_sound).await;
    question(&page).await;
    if !say_until(&page, "yes", "document.querySelector('#timeline [data-kept=recording]')").await {
        return Err(format!("yes: {:#?}", service.events()));
    }
    if !say_until(&page, "noodles", "document.querySelector('#captions').textContent.includes('라면을 주문하셨습니다')").await
    {
        return Err("the option".to_owned());
    }
    page.wait("kept turn", "document.querySelector('#timeline [data-kept=kept]')").await;
    if !say_until(&page, "stop", "document.querySelector('#state').dataset.state === 'erased'").await {
        return Err("stop".to_owned());
    }
    page.click("#hang-up").await;
    page.wait_for_state("#state", "ended").await;
    let events = service.closed().await;
    assert_true_when_shown(&page, service, &service.sessions()[0]).await;
    page.assert_no_complaints(&[]).await;
    let answers = of_type(&events, "answer");
    let given = answers.iter().find(|answer| answer["outcome"] == "given").unwrap();
    assert_eq!(given["method"], "speech");
    assert!(answers.iter().any(|answer| answer["outcome"] == "withdrawn" && answer["method"] == "speech"), "{answers:#?}");
    assert!(!of_type(&events, "turn.sealed").is_empty() && service.sealed_turns().is_empty());
    // The caller's own words are never shown, and no message holds them.
    let everything = page.everything().await;
    assert!(everything.contains("라면을 주문하셨습니다"), "the captions hold what the agent says");
    Ok(())
}
