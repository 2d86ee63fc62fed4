//! The canary of the telephone call, by WebRTC: what a caller says without a grant is nowhere, neither as the packets that carried it nor as
//! anything that can be made of them.

use std::path::Path;
use std::time::Duration;

use candor::audio::g711;

use crate::by_webrtc::{agree, metrics, opened};
use crate::independent_peer::{Peer, PeerCall};
use crate::korean::{spoken, unsealed};
use crate::service::of_type;
use crate::the_canary::{CANARY, KEPT, PURPOSE, Passing, canary, in_plain, server};

/// A phrase as a file that a peer can say.
async fn write_phrase(phrase: &str, file: &Path) {
    let spec = hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut wav = hound::WavWriter::create(file, spec).unwrap();
    for sample in g711::decode(&spoken(phrase).await) {
        wav.write_sample(sample).unwrap();
    }
    wav.finalize().unwrap();
}

async fn a_moment() {
    tokio::time::sleep(Duration::from_millis(1500)).await;
}

/// Speaks before the question, after a refusal, and in the dialog.
async fn refuses(call: &PeerCall, phrase: &Path) -> Vec<Vec<u8>> {
    call.saying("disclosure-automated").await;
    let mut packets = call.say_file(phrase).await;
    call.asked().await;
    call.button("no").await;
    for _ in 0..2 {
        packets.extend(call.say_file(phrase).await);
        a_moment().await;
    }
    call.hang_up("close").await;
    packets
}

/// Speaks before the question, agrees, speaks in the turn in the middle of which the consent is withdrawn, and after that.
async fn withdraws(call: &PeerCall, phrase: &Path) -> Vec<Vec<u8>> {
    call.saying("disclosure-automated").await;
    let mut packets = call.say_file(phrase).await;
    agree(call).await;
    let stopping = async {
        a_moment().await;
        call.button("stop").await;
    };
    let (during, ()) = tokio::join!(call.say_file(phrase), stopping);
    packets.extend(during);
    call.notice("consent", |notice| notice["state"] == "withdrawn").await;
    a_moment().await;
    packets.extend(call.say_file(phrase).await);
    a_moment().await;
    call.hang_up("delete").await;
    packets
}

/// Speaks before the question, agrees, and says something else in a kept turn: the packets of both.
async fn agrees(call: &PeerCall, phrase: &Path, kept: &Path) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    call.saying("disclosure-automated").await;
    let packets = call.say_file(phrase).await;
    agree(call).await;
    call.saying("what-would-you-like").await;
    let lines = call.notices("saying").len();
    let of_the_kept = call.say_file(kept).await;
    // When the agent speaks again it has understood what it could, and the turn is over.
    let speaks = |events: &[&serde_json::Value]| {
        (events.iter().filter(|event| event["notice"]["type"] == "saying").count() > lines).then_some(())
    };
    call.until("what the agent says to it", speaks).await;
    call.hang_up("channel").await;
    (packets, of_the_kept)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_by_webrtc_without_a_grant_is_nowhere() {
    let Some(plan) = server() else { return };
    let before = Passing::before();
    let service = plan.start();
    let Some(peer) = Peer::of(&service.base).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (phrase, kept) = (folder.path().join("phrase.wav"), folder.path().join("kept.wav"));
    write_phrase(CANARY, &phrase).await;
    write_phrase(KEPT, &kept).await;
    let calls = [peer.call("refuses").await, peer.call("withdraws").await, peer.call("agrees").await];
    let (refused, withdrawn, (agreed, of_the_kept)) =
        tokio::join!(refuses(&calls[0], &phrase), withdraws(&calls[1], &phrase), agrees(&calls[2], &phrase, &kept));
    let (canary, control) = (canary(CANARY).await, canary(KEPT).await);
    let canary = canary.carried_by(&[refused, withdrawn, agreed].concat());
    let control = control.carried_by(&of_the_kept);
    let mut sealed = 0;
    for (call, state) in calls.iter().zip(["refused", "withdrawn", "expired"]) {
        let events = service.closed_of(&call.session().await).await;
        assert_eq!(of_type(&events, "consent").last().unwrap()["to"], state, "{events:#?}");
        sealed = of_type(&events, "turn.sealed").len();
        assert!(state != "expired" || sealed > 0, "{events:#?}");
    }

    // On the disk, in the log, in what is counted, and in what the caller was shown.
    let mut service = service;
    let counted = metrics(&service).await;
    for call in &calls {
        let shown: Vec<String> =
            call.events().iter().filter(|event| event["event"] == "notice").map(ToString::to_string).collect();
        for text in [&counted, &shown.concat()] {
            assert_eq!((canary.forms_in(text.as_bytes()), control.forms_in(text.as_bytes())), (vec![], vec![]));
        }
    }
    assert_eq!(in_plain(&service, &canary, &before), [""; 0]);
    assert_eq!(in_plain(&service, &control, &before), [""; 0]);

    // In the sealed turns the phrase of the kept turn alone, as it was carried.
    let turns = unsealed(&service, PURPOSE);
    assert_eq!(turns.len(), sealed, "of the call in which the consent stood");
    assert!(turns.iter().all(|turn| canary.forms_in(turn).is_empty() && canary.share_of_packets_in(turn) == 0.0));
    let shares: Vec<f64> = turns.iter().map(|turn| control.share_of_packets_in(turn)).collect();
    assert!(shares.iter().sum::<f64>() > 0.7, "the search must find what is there: {shares:?}");
    // And so does the search by sound, in what the export makes of it.
    let session = calls[2].session().await;
    let export = std::fs::read(opened(&service, &session).file).unwrap();
    assert!(control.forms_in(&export).contains(&"its sound, by correlation".to_owned()), "{:?}", control.forms_in(&export));
    assert_eq!(canary.forms_in(&export), [""; 0]);
    std::fs::remove_dir_all(service.folder.path().join("opened")).unwrap();

    service.terminate();
    service.ended().await;
    assert_eq!(in_plain(&service, &canary, &before), [""; 0]);
    assert_eq!(in_plain(&service, &control, &before), [""; 0]);
}
