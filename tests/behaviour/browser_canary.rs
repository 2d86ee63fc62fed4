//! What a caller says in their browser without a grant is nowhere: not in the server's folder, not in a log, not in what either page has shown
//! or has been sent. The very packets that the browser sent are looked for, what they sound like, and the words.
//!
//! That the search finds what is there is shown by a phrase in a kept turn: its packets are in the sealed turn, and nowhere else.

use age::x25519::Identity;

use crate::browser::{Microphone, Page, browser, colleague, is_here, now, question, unhurried, with_desk};
use crate::korean::spoken;
use crate::service::{Service, files_below, of_type};
use crate::the_canary::{CANARY, KEPT, Passing, server, words};
use crate::traces::Said;

const PURPOSE: &str = "service-quality";
/// Packets of fewer bytes hold next to nothing.
const SOUND: usize = 40;
/// How many packets of a phrase are looked for, spread over it.
const LOOKED_FOR: usize = 24;

/// Something that was said: its packets as they were sent, and what they sound like.
struct Sent {
    packets: Vec<Vec<u8>>,
    said: Said,
}

impl Sent {
    /// Says a phrase, and keeps what went out.
    async fn by(page: &Page, phrase: &str, words: &[String]) -> Sent {
        let (from, to) = page.say(phrase).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let all = page.packets(from, to + 200.0).await;
        let mut decoder = opus::Decoder::new(8_000, opus::Channels::Mono).unwrap();
        let mut samples = Vec::new();
        for packet in &all {
            let mut frame = [0_i16; 960];
            let length = decoder.decode(packet, &mut frame, false).unwrap();
            samples.extend(&frame[..length]);
        }
        let loud: Vec<Vec<u8>> = all.into_iter().filter(|packet| packet.len() > SOUND).collect();
        assert!(loud.len() > 20, "{phrase} was hardly sent: {} packets", loud.len());
        let step = loud.len().div_ceil(LOOKED_FOR);
        // The first byte says how the rest is coded, and a file may put a length after it.
        let packets = loud.iter().step_by(step).map(|packet| packet[1..].to_vec()).collect();
        Sent { packets, said: Said::new(&candor::audio::g711::encode(&samples), words) }
    }

    /// The share of its packets that are in these bytes.
    fn share_in(&self, bytes: &[u8]) -> f64 {
        let found = self.packets.iter().filter(|packet| bytes.windows(packet.len()).any(|window| window == packet.as_slice()));
        found.count() as f64 / self.packets.len() as f64
    }

    /// Where anything of it is in plain.
    fn in_plain(&self, service: &Service, before: &Passing) -> Vec<String> {
        let mut files = files_below(service.folder.path());
        files.extend(before.new_files());
        let mut found: Vec<String> =
            self.said.traces(&files).into_iter().map(|trace| format!("{} in {}", trace.form, trace.file.display())).collect();
        let holds = |file: &&std::path::PathBuf| self.share_in(&std::fs::read(file).unwrap_or_default()) > 0.0;
        found.extend(files.iter().filter(holds).map(|file| format!("packets in {}", file.display())));
        found
    }
}

/// The kept turns of all sessions, opened with the purpose's private key.
fn opened(service: &Service) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(service.private_key(PURPOSE)).unwrap();
    let key: Identity = text.lines().find(|line| !line.starts_with('#')).unwrap().trim().parse().unwrap();
    let turns = service.sealed_turns().into_iter().map(|turn| {
        let line = age::decrypt(&key, &std::fs::read(turn.with_extension(format!("{PURPOSE}.wrap"))).unwrap()).unwrap();
        let identity: Identity = String::from_utf8(line).unwrap().trim().parse().unwrap();
        age::decrypt(&identity, &std::fs::read(turn).unwrap()).unwrap()
    });
    turns.collect()
}

async fn call(page: &Page) {
    page.click("#start").await;
    page.wait("the agent", "document.querySelector('#state').dataset.state === 'disclosing'").await;
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
    let (canary_words, kept_words) = (words(CANARY).await, words(KEPT).await);
    let desk = colleague(&service, browser("desk")).await;
    let microphone = Microphone::phrases(&[("canary", spoken(CANARY).await), ("kept", spoken(KEPT).await)]).traced();
    let page = browser("caller").microphone(microphone).open(&format!("{}/?language=ko", service.base)).await;
    let mut canaries = Vec::new();

    // In the opening, in a turn in the middle of which the consent is withdrawn, after that, and to a colleague.
    call(&page).await;
    canaries.push(Sent::by(&page, "canary", &canary_words).await);
    question(&page).await;
    page.click("#yes").await;
    page.wait_for_state("#state", "recording").await;
    canaries.push(Sent::by(&page, "canary", &canary_words).await);
    page.wait_for_state("#state", "recording").await;
    page.click("#stop").await;
    page.wait("the end of the recording", "['erased', 'stopped'].includes(document.querySelector('#state').dataset.state)").await;
    canaries.push(Sent::by(&page, "canary", &canary_words).await);
    page.click("#person").await;
    desk.wait("a waiting caller", "document.querySelector('#waiting [data-call]')").await;
    desk.click("#take").await;
    desk.wait_for_state("#call", "talking").await;
    page.wait_for_state("#state", "person").await;
    let talking = now();
    canaries.push(Sent::by(&page, "canary", &canary_words).await);
    assert!(crate::browser::share_of_sound(&desk.heard_since(talking).await) > 0.1, "the colleague hears it");
    hang_up(&page).await;

    // After a refusal.
    call(&page).await;
    question(&page).await;
    page.click("#no").await;
    page.wait_for_state("#state", "refused").await;
    canaries.push(Sent::by(&page, "canary", &canary_words).await);
    hang_up(&page).await;

    // In the opening again; and something else in a kept turn.
    call(&page).await;
    canaries.push(Sent::by(&page, "canary", &canary_words).await);
    question(&page).await;
    page.click("#yes").await;
    page.wait_for_state("#state", "recording").await;
    let kept = Sent::by(&page, "kept", &kept_words).await;
    hang_up(&page).await;

    for session in service.sessions() {
        service.closed_of(&session).await;
    }
    assert_eq!(service.sessions().len(), 3);
    let sealed = opened(&service);
    assert!(sealed.iter().any(|turn| kept.share_in(turn) > 0.8), "the search does not find what is there");
    for sent in &canaries {
        assert_eq!(sent.in_plain(&service, &before), [""; 0]);
        assert!(sealed.iter().all(|turn| sent.share_in(turn) == 0.0), "a kept turn holds what was said without a grant");
    }
    assert_eq!(kept.in_plain(&service, &before), [""; 0]);
    // What either page has ever shown, and every message in either direction.
    for (name, everything) in [("caller", page.everything().await), ("desk", desk.everything().await)] {
        assert!(everything.len() > 500, "{name}: {everything}");
        for word in canary_words.iter().chain(&kept_words) {
            assert!(!everything.contains(word.as_str()), "{word} on the page of the {name}");
        }
    }
    let withdrawn: usize = service.sessions().iter().map(|s| of_type(&service.events_of(s), "wraps.deleted").len()).sum();
    assert!(withdrawn <= 2);
}
