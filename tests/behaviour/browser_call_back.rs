//! A caller who waits leaves a number: typed on the page's keypad, confirmed, sealed to the desk's key, opened in the colleague's browser with
//! the key that the server never sees, and deleted when it is done. In plain it is in that browser alone.

use crate::browser::{ask_for_a_person, browser, caller, colleague, finished, is_here, question, unhurried, with_desk};
use crate::by_key::by_key;
use crate::service::files_below;

/// A number that nobody has, without a run of digits that anything else here might hold.
const NUMBER: &str = "0208274913";

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_left_sealed_opened_at_the_desk_and_deleted() {
    if !is_here() {
        return;
    }
    let mut service = with_desk(unhurried(by_key())).start();
    let private = service.folder.path().join("private");
    candor::handover::desk::make_key(&service.data().join("keys"), &private).unwrap();
    service.terminate();
    service.ended().await;
    service.start_again();

    let desk = colleague(&service, browser("desk")).await;
    let page = caller(&service, browser("caller")).await;
    question(&page).await;
    page.click("#no").await;
    page.wait_for_state("#state", "refused").await;
    ask_for_a_person(&page).await;
    page.wait("their place", "document.querySelector('#state').innerText.includes('place 1')").await;
    page.click("#call-back").await;
    page.wait_for_state("#state", "call-back").await;
    page.wait_to_read("On which number").await;
    for digit in NUMBER.chars() {
        page.click(&format!("#key-{digit}")).await;
    }
    page.click("#key-hash").await;
    page.wait_to_read("I have").await;
    page.click("#yes").await;
    page.wait_to_read("We will call you back").await;

    desk.wait("a request", "document.querySelector('#call-back-list [data-call-back]')").await;
    assert!(!desk.everything().await.contains(NUMBER));
    desk.type_into("#key-file", private.join("desk.key").to_str().unwrap()).await;
    desk.click("#call-back-list [data-act=open]").await;
    desk.wait(
        "the number",
        &format!("document.querySelector('#call-back-list').innerText.replace(/\\D/g, '').includes('{NUMBER}')"),
    )
    .await;
    // In plain it is nowhere else.
    assert!(!page.everything().await.contains(NUMBER), "the caller's page shows the number");
    for file in files_below(service.folder.path()) {
        let bytes = std::fs::read(&file).unwrap_or_default();
        assert!(!bytes.windows(NUMBER.len()).any(|window| window == NUMBER.as_bytes()), "the number is in {}", file.display());
    }
    desk.click("#call-back-list [data-act=confirm]").await;
    desk.click("#call-back-list [data-act=done]").await;
    desk.wait("an empty list", "!document.querySelector('#call-back-list [data-call-back]')").await;
    desk.assert_no_complaints(&[]).await;

    page.click("#hang-up").await;
    finished(&page, &service).await;
}
