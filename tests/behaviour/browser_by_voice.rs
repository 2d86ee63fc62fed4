//! Whole calls by voice from the web page in a real browser, in Dutch and English: recordings of people in the microphone, Whisper at the other end. The sentences
//! that nobody has recorded are eSpeak NG's, in English, which the model understands; of its Dutch it does not.

use std::time::Duration;

use crate::browser::{Microphone, Page, assert_true_when_shown, browser, is_here, question, share_of_sound, unhurried};
use crate::dutch_and_english::{NO, digits, dutch, line, recorded_ulaw, synthetic};
use crate::service::{Service, of_type};

/// How long the machine may take to understand something.
const SOON: Duration = Duration::from_secs(40);

async fn opened(service: &Service, language: &str, phrases: &[(&'static str, Vec<u8>)]) -> Page {
    let page = browser("caller").microphone(Microphone::phrases(phrases));
    let page = page.open(&format!("{}/?language={language}", service.base)).await;
    page.click("#start").await;
    page.wait_to_hear("the agent", share_of_sound).await;
    question(&page).await;
    page
}

/// What the answer with this number (from 1), by voice, came to.
async fn answered(service: &Service, number: usize, outcome: &str) {
    let deadline = std::time::Instant::now() + SOON;
    let answer = loop {
        let events = service.events();
        if let Some(answer) = of_type(&events, "answer").get(number - 1) {
            break (*answer).clone();
        }
        assert!(std::time::Instant::now() < deadline, "{events:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    // Nobody has answered anything with what was not clear.
    let method = if outcome == "unclear" { "none" } else { "speech" };
    assert_eq!((answer["outcome"].as_str(), answer["method"].as_str()), (Some(outcome), Some(method)), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_english_from_a_question_back_to_a_person() {
    if !is_here() {
        return;
    }
    let Some((plan, speech)) = line("en") else { return };
    let service = unhurried(plan).start();
    let phrases = [
        ("how long", synthetic("en+f2", "how long do you keep it").await),
        ("yes", recorded_ulaw(&speech.join("en/yes/sc_yes_e0c782d5_nohash_0.wav"))),
        ("my order", synthetic("en+f2", "where is my order").await),
        ("number", digits(&speech, "jackson", "1003")),
        ("stop", synthetic("en+f2", "stop recording please").await),
        ("person", synthetic("en+f2", "i want to speak to a person").await),
    ];
    let page = opened(&service, "en", &phrases).await;
    page.say("how long").await;
    answered(&service, 1, "unclear").await;
    question(&page).await;
    page.say("yes").await;
    answered(&service, 2, "given").await;
    page.wait_for_state("#state", "recording").await;
    page.wait_to_read("How can I help you").await;
    page.say("my order").await;
    page.wait_to_read("say your order number").await;
    page.say("number").await;
    // Read back aloud; the page shows no value.
    page.wait_to_read("Your order number is ….").await;
    page.say("stop").await;
    answered(&service, 3, "withdrawn").await;
    page.wait_for_state("#state", "erased").await;
    page.wait_for_quiet().await;
    page.say("person").await;
    service.wait_for_event("handover.requested", |event| event["reason"] == "asked").await;
    page.click("#hang-up").await;
    page.wait_for_state("#state", "ended").await;
    let events = service.closed().await;
    assert!(!of_type(&events, "turn.sealed").is_empty() && service.sealed_turns().is_empty(), "{events:#?}");
    assert_true_when_shown(&page, &service, &service.sessions()[0]).await;
    // What the caller said is never shown.
    let everything = page.everything().await;
    assert!(!everything.contains("how long do you keep it") && !everything.contains("1 0 0 3"));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_english_a_hedge_is_asked_again_and_a_no_is_a_no() {
    if !is_here() {
        return;
    }
    let Some((plan, speech)) = line("en") else { return };
    let service = unhurried(plan).start();
    let phrases = [("hedge", synthetic("en+f2", "well, maybe, i am not sure").await), ("no", recorded_ulaw(&speech.join(NO)))];
    let page = opened(&service, "en", &phrases).await;
    page.say("hedge").await;
    answered(&service, 1, "unclear").await;
    question(&page).await;
    page.say("no").await;
    answered(&service, 2, "refused").await;
    page.click("#hang-up").await;
    page.wait_for_state("#state", "ended").await;
    assert!(service.closed().await.iter().all(|event| event["to"] != "given") && service.sealed_turns().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_dutch_from_a_question_back_to_a_person() {
    if !is_here() {
        return;
    }
    let Some((plan, speech)) = line("nl") else { return };
    let Some(how_long) = dutch("hoe lang bewaart u dat?").await else { return };
    let service = unhurried(plan).start();
    let phrases = [
        ("how long", how_long),
        ("yes", recorded_ulaw(&speech.join("nl/ja/fillets_barrel_bar-v-traverza_cut.wav"))),
        ("number", dutch("negen acht zes vijf").await.unwrap()),
        ("stop", dutch("niet meer opnemen").await.unwrap()),
        ("person", dutch("kan ik iemand spreken?").await.unwrap()),
    ];
    let page = opened(&service, "nl", &phrases).await;
    page.say("how long").await;
    answered(&service, 1, "unclear").await;
    question(&page).await;
    page.say("yes").await;
    answered(&service, 2, "given").await;
    page.wait_for_state("#state", "recording").await;
    page.wait_to_read("Waarmee kan ik u helpen").await;
    page.press_character('1').await;
    page.wait_to_read("Zeg uw bestelnummer").await;
    page.say("number").await;
    page.wait_to_read("Uw bestelnummer is ….").await;
    page.say("stop").await;
    answered(&service, 3, "withdrawn").await;
    page.wait_for_state("#state", "erased").await;
    page.wait_for_quiet().await;
    page.say("person").await;
    service.wait_for_event("handover.requested", |event| event["reason"] == "asked").await;
    page.click("#hang-up").await;
    page.wait_for_state("#state", "ended").await;
    let events = service.closed().await;
    assert!(!of_type(&events, "turn.sealed").is_empty() && service.sealed_turns().is_empty(), "{events:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_dutch_a_hedge_and_then_a_yes() {
    if !is_here() {
        return;
    }
    let Some((plan, speech)) = line("nl") else { return };
    let service = unhurried(plan).start();
    let phrases = [
        ("hedge", recorded_ulaw(&speech.join("nl/ja/fillets_electromagnet_rand-6-4.wav"))),
        ("yes", recorded_ulaw(&speech.join("nl/ja/fillets_barrel_bar-v-traverza_cut.wav"))),
    ];
    let page = opened(&service, "nl", &phrases).await;
    page.say("hedge").await;
    answered(&service, 1, "unclear").await;
    question(&page).await;
    page.say("yes").await;
    answered(&service, 2, "given").await;
    page.wait_for_state("#state", "recording").await;
    page.click("#hang-up").await;
    page.wait_for_state("#state", "ended").await;
    service.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_dutch_a_no_is_a_no() {
    if !is_here() {
        return;
    }
    let Some((plan, speech)) = line("nl") else { return };
    let service = unhurried(plan).start();
    let no = recorded_ulaw(&speech.join("nl/nee/fillets_cannons_del-v-splet_cut.wav"));
    let page = opened(&service, "nl", &[("no", no)]).await;
    page.say("no").await;
    answered(&service, 1, "refused").await;
    page.click("#hang-up").await;
    page.wait_for_state("#state", "ended").await;
    assert!(service.closed().await.iter().all(|event| event["to"] != "given") && service.sealed_turns().is_empty());
}
