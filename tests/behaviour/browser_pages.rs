//! The pages can be used by everybody: axe-core finds no barrier in any state, in light and dark, in Dutch and English; on a phone everything
//! fits and can be touched; and every page forbids what it does not need.

use crate::browser::{
    Microphone, Page, ask_for_a_person, assert_accessible, assert_fits, browser, caller, colleague, is_here, question, unhurried,
    with_desk,
};
use crate::by_key::by_key;

/// Looks at a page as it is now, and keeps a picture.
async fn judge(page: &Page, state: &str) {
    assert_accessible(page, state).await;
    assert_fits(page, state).await;
    page.whole_picture(state).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_have_no_barriers_in_any_state_of_a_call_in_english() {
    the_pages_have_no_barriers("en").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_have_no_barriers_in_any_state_of_a_call_in_dutch_on_a_phone() {
    the_pages_have_no_barriers("nl").await;
}

async fn the_pages_have_no_barriers(language: &'static str) {
    if !is_here() {
        return;
    }
    let service = with_desk(unhurried(by_key())).start();
    let new = |name| browser(name).languages(language).microphone(Microphone::tone(600.0));

    let desk = new("desk").open(&format!("{}/desk", service.base)).await;
    desk.wait("sign-in form", "document.querySelector('#token').checkVisibility()").await;
    if language == "nl" {
        desk.be_a_phone(390, 844).await;
    }
    judge(&desk, "signed-out").await;
    drop(desk);
    let desk = colleague(&service, new("desk")).await;
    if language == "nl" {
        desk.be_a_phone(390, 844).await;
    }
    judge(&desk, "available").await;

    let page = new("caller").open(&service.base).await;
    page.wait("page", "document.querySelector('#start').checkVisibility()").await;
    if language == "nl" {
        page.be_a_phone(360, 740).await;
    }
    assert_eq!(page.run::<String>("return document.documentElement.lang;").await, language);
    judge(&page, "idle").await;
    page.click("#start").await;
    question(&page).await;
    judge(&page, "asked").await;
    page.click("#yes").await;
    page.wait_for_state("#state", "recording").await;
    judge(&page, "recording").await;
    page.click("#stop").await;
    page.wait("the end of the recording", "['erased', 'stopped'].includes(document.querySelector('#state').dataset.state)").await;
    judge(&page, "stopped").await;
    ask_for_a_person(&page).await;
    judge(&page, "waiting").await;
    desk.wait("a waiting caller", "document.querySelector('#waiting [data-call]')").await;
    judge(&desk, "somebody-waits").await;
    desk.click("#take").await;
    desk.wait_for_state("#call", "talking").await;
    judge(&desk, "talking").await;
    page.wait_for_state("#state", "person").await;
    judge(&page, "person").await;
    desk.click("#hold").await;
    page.wait_for_state("#state", "hold").await;
    judge(&desk, "hold").await;
    judge(&page, "hold").await;
    desk.click("#hang-up").await;
    desk.wait("wrap-up", "document.querySelector('#wrap-up').checkVisibility()").await;
    judge(&desk, "wrap-up").await;
    page.wait_for_state("#state", "ended").await;
    judge(&page, "ended").await;
    for page in [&page, &desk] {
        page.assert_no_complaints(&[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_microphone_is_explained_without_barriers_at_the_desk_and_at_home() {
    if !is_here() {
        return;
    }
    let service = with_desk(unhurried(by_key())).start();
    let page = caller(&service, browser("caller").denied()).await;
    page.wait("explanation", "document.querySelector('#problem').checkVisibility()").await;
    judge(&page, "denied").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_script_does_not_run_and_is_reported() {
    if !is_here() {
        return;
    }
    let service = with_desk(unhurried(by_key())).start();
    for path in ["", "/desk"] {
        let page = browser("caller").open(&format!("{}{path}", service.base)).await;
        page.assert_no_complaints(&[]).await;
        // What an injected element would do.
        page.run::<()>(
            "const script = document.createElement('script'); script.textContent = 'window.ran = true'; document.body.append(script);
             const style = document.createElement('div'); style.innerHTML = '<img src=\"x\" onerror=\"window.ran = true\">'; document.body.append(style);",
        )
        .await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        assert!(!page.run::<bool>("return 'ran' in window;").await, "{path:?} runs a script that is not its own");
        assert!(page.console().await.iter().any(|line| line.contains("Content Security Policy")), "{path:?}");
    }
}
