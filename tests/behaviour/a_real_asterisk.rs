//! Calls through a real Asterisk, with the files of deploy/asterisk as an engineer copies them: what callers hear, what their keys do, and what
//! colleagues are told.

use std::time::Duration;

use crate::asterisk::candor::WAYS;
use crate::asterisk::{By, Pbx, Telephone, candor, sound};
use crate::by_key::{PURPOSE, Prompts, outline};
use crate::service::{Service, files_below, of_type};

const NUMBER: &str = "+31201234567";

/// What a caller hears before anything is asked of them, in Dutch, and the question.
const DISCLOSURES: [&str; 2] = ["disclosure-automated", "disclosure-consent"];
const QUESTION: &str = "consent-question";
/// How much of a prompt is waited for before it is broken off: half a second.
const LEAD: usize = 4_000;

/// The samples of a prompt in Dutch.
fn dutch(prompts: &Prompts, id: &str) -> Vec<i16> {
    sound::samples_of(&prompts.sound("nl", id))
}

/// Calls, and hears the opening to the end of the question. Gives the session as well, and where the question ended.
async fn asked<'a>(service: &Service, pbx: &'a Pbx, by: By, prompts: &Prompts) -> (Telephone<'a>, String, usize) {
    let before = service.sessions();
    let telephone = pbx.call(by, NUMBER).await;
    let session = candor::new_session(service, &before).await;
    let question = telephone.hears(QUESTION, &dutch(prompts, QUESTION)).await;
    // What proves that it was heard has come back.
    tokio::time::sleep(Duration::from_millis(300)).await;
    (telephone, session, question.ends)
}

#[tokio::test]
async fn both_disclosures_are_heard_whole_and_stand_so_in_asterisks_own_recording() {
    let Some((service, pbx)) = candor::start(candor::plan()).await else { return };
    let prompts = Prompts::of_the_webshop().await;
    for by in WAYS {
        let (telephone, session, _) = asked(&service, &pbx, by, &prompts).await;
        for id in DISCLOSURES {
            telephone.hears(id, &dutch(&prompts, id)).await;
        }
        telephone.press('2').await;
        telephone.hears("consent-refused", &dutch(&prompts, "consent-refused")).await;
        telephone.hang_up().await;
        let events = service.closed_of(&session).await;
        let heard = of_type(&events, "disclosure");
        assert!(heard.iter().all(|event| event["outcome"] == "heard"), "{by:?}: {:?}", outline(&events));
        let evidence = if by == By::WebSocket { "peer" } else { "paced" };
        assert!(heard.iter().all(|event| event["evidence"] == evidence), "{by:?}: {:?}", outline(&events));

        let recorded = pbx.recorded(&telephone).await;
        let mut after = 0;
        for id in DISCLOSURES.into_iter().chain([QUESTION]) {
            let found = sound::find(&recorded, &dutch(&prompts, id)).unwrap_or_else(|| panic!("{by:?}: no {id} is recorded"));
            assert!(found.is_whole() && found.begins >= after, "{by:?}, {id}: {found:?} after {after}");
            after = found.ends;
        }
    }
    assert_eq!(pbx.complaints(), Vec::<String>::new());
}

#[tokio::test]
async fn a_yes_by_key_is_kept_and_a_no_keeps_nothing() {
    let Some((service, pbx)) = candor::start(candor::plan()).await else { return };
    let prompts = Prompts::of_the_webshop().await;
    for by in WAYS {
        for (key, answer, said) in [('1', "given", "consent-given"), ('2', "refused", "consent-refused")] {
            let kept = service.sealed_turns().len();
            let (telephone, session, _) = asked(&service, &pbx, by, &prompts).await;
            telephone.press(key).await;
            let said = telephone.hears(said, &dutch(&prompts, said)).await;
            telephone.hears_something_after(said.ends).await;
            telephone.say(hiss());
            // While a key sounds, Asterisk passes nothing else on.
            tokio::time::sleep(Duration::from_millis(500)).await;
            telephone.press('3').await;
            let open = telephone.hears_after(said.ends, "we-are-open", &dutch(&prompts, "we-are-open")).await;
            telephone.press('2').await;
            telephone.hears_after(open.ends, "thank-you", &dutch(&prompts, "thank-you")).await;
            let events = service.closed_of(&session).await;
            let story = outline(&events);
            assert!(story.contains(&format!("answer {answer} by {key}")), "{by:?}: {story:?}");
            assert!(story.last().unwrap().starts_with("closed finished"), "{by:?}: {story:?}");
            assert_eq!(service.sealed_turns().len() > kept, key == '1', "{by:?}: {story:?}");
            if key == '1' {
                let [caller, agent] = exported(&service, &session);
                assert!(sound::find(&caller, &hiss()).is_some_and(|found| found.is_whole()), "{by:?}: what the caller said");
                let said = sound::find(&agent, &dutch(&prompts, "we-are-open"));
                assert!(said.is_some_and(|found| found.is_whole()), "{by:?}: what the agent said");
            }
            // The dialplan has ended the call as well.
            pbx.manager.event("Hangup", |message| message.is("Uniqueid", &telephone.id)).await;
        }
    }
    assert_eq!(pbx.complaints(), Vec::<String>::new());
}

/// Sound that nobody takes for a voice, and that never repeats.
fn hiss() -> Vec<i16> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as i16 / 16
    };
    (0..1_600).map(|_| next()).collect()
}

/// The recording of a call, opened with the key that the server does not have: the caller's side and the agent's.
fn exported(service: &Service, session: &str) -> [Vec<i16>; 2] {
    let (out, key) = (service.folder.path().join(session), service.private_key(PURPOSE));
    let [key, folder] = [key.to_str().unwrap(), out.to_str().unwrap()];
    let why = ["--purpose", PURPOSE, "--reason", "a test", "--out", folder];
    let exported = service.tool(&[&["recordings", "export", session, "--key", key], &why[..]].concat());
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    let files = files_below(&out);
    let file = files.iter().find(|file| file.extension().is_some_and(|ending| ending == "wav")).expect("an exported WAV");
    let samples: Vec<i16> = hound::WavReader::open(file).unwrap().into_samples().map(Result::unwrap).collect();
    [0, 1].map(|side| samples.iter().skip(side).step_by(2).copied().collect())
}

#[tokio::test]
async fn a_key_silences_a_prompt_within_a_frame() {
    let Some((service, pbx)) = candor::start(candor::plan()).await else { return };
    let prompts = Prompts::of_the_webshop().await;
    let long = dutch(&prompts, "we-are-open");
    for by in WAYS {
        let (telephone, _, _) = asked(&service, &pbx, by, &prompts).await;
        telephone.press('2').await;
        let refused = telephone.hears("consent-refused", &dutch(&prompts, "consent-refused")).await;
        let pressed = telephone.press('3').await;
        // Into the middle of it.
        telephone.hears_after(refused.ends, "its beginning", &long[..LEAD]).await;
        let cut = telephone.press('2').await;
        telephone.hears_after(cut, "thank-you", &dutch(&prompts, "thank-you")).await;
        let found = sound::find_begun(&telephone.heard()[refused.ends..], &long, LEAD).expect("its beginning was heard");
        let (begins, ends) = (refused.ends + found.begins, refused.ends + found.ends);
        println!("{by:?}: pressed at {pressed}, begins at {begins}, cut at {cut}, ends at {ends}");
        assert!(!found.is_whole() && begins < cut, "{by:?}: {found:?}");
        // The frame that sounds, and what this machine takes for the way there and back.
        assert!(ends <= cut + 2 * 160, "{by:?}: heard for {} ms after the key", ends.saturating_sub(cut) / 8);
        telephone.hang_up().await;
    }
}

#[tokio::test]
async fn a_withdrawal_erases_what_was_kept() {
    let Some((service, pbx)) = candor::start(candor::plan()).await else { return };
    let prompts = Prompts::of_the_webshop().await;
    for by in WAYS {
        let (telephone, session, _) = asked(&service, &pbx, by, &prompts).await;
        telephone.press('1').await;
        telephone.hears("consent-given", &dutch(&prompts, "consent-given")).await;
        telephone.press('3').await;
        telephone.hears("we-are-open", &dutch(&prompts, "we-are-open")).await;
        assert_ne!(kept(&service), 0, "{by:?}: a turn is kept");
        telephone.press('*').await;
        telephone.press('9').await;
        telephone.hears("consent-withdrawn", &dutch(&prompts, "consent-withdrawn")).await;
        assert_eq!(kept(&service), 0, "{by:?}");
        telephone.hang_up().await;
        let story = outline(&service.closed_of(&session).await);
        assert!(story.contains(&"consent given to withdrawn".to_owned()), "{by:?}: {story:?}");
    }
}

/// How many files are kept of turns.
fn kept(service: &Service) -> usize {
    let files = files_below(&service.data().join("recordings")).into_iter();
    files.filter(|file| file.extension().is_some_and(|ending| ending == "age" || ending == "wrap")).count()
}

#[tokio::test]
async fn a_colleague_is_told_why_a_caller_comes() {
    let Some((service, pbx)) = candor::start(candor::plan()).await else { return };
    let prompts = Prompts::of_the_webshop().await;
    pbx.colleague("talks").await;
    for by in WAYS {
        let (telephone, session, _) = asked(&service, &pbx, by, &prompts).await;
        telephone.press('2').await;
        telephone.hears("consent-refused", &dutch(&prompts, "consent-refused")).await;
        for key in "1123456#".chars() {
            telephone.press(key).await;
        }
        // The number is read back, and is right.
        tokio::time::sleep(Duration::from_secs(1)).await;
        telephone.press('1').await;
        telephone.is_queued().await;
        let colleague = pbx.answered(&telephone).await;
        let expected = [
            ("CANDOR_SESSION", session.as_str()),
            ("CANDOR_REASON", "dialog"),
            ("CANDOR_LANGUAGE", "nl"),
            (&format!("CANDOR_CONSENT_{}", PURPOSE.replace('-', "_")), "refused"),
            ("CANDOR_SLOT_order_number", "123456"),
        ];
        for (name, value) in expected {
            assert_eq!(pbx.manager.variable(&colleague, name).await, value, "{by:?}, the colleague's {name}");
            assert_eq!(telephone.variable(name).await, value, "{by:?}, the caller's {name}");
        }
        let story = outline(&service.closed_of(&session).await);
        assert_eq!(story[story.len() - 2..], ["handover result answered", "closed handed-over, 0 sealed"], "{by:?}: {story:?}");
        // Candor has left, and they talk.
        assert!(telephone.is_open());
        telephone.hang_up().await;
    }
    assert_eq!(pbx.complaints(), Vec::<String>::new());
}
