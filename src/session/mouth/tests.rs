use super::*;
use crate::audio::{Codec, Encoded};

pub(super) const TWILIO: Profile =
    Profile { name: "test", codec: Codec::Ulaw, pacing: Pacing::Peer, evidence: Evidence::Peer, shows: false };

pub(super) fn at(ms: u64) -> SessionTime {
    SessionTime(Duration::from_millis(ms))
}

pub(super) fn sound(ms: u64) -> Option<Arc<Spoken>> {
    let duration = Duration::from_millis(ms);
    let audio = Encoded::of_samples(Codec::Ulaw, Bytes::from(vec![0x55; Codec::Ulaw.bytes_in(duration)]));
    let (text_sha256, audio_sha256) = (String::new(), String::new());
    Some(Arc::new(Spoken { text_sha256, audio_sha256, audio, duration }))
}

/// A mouth with its wire: what was sent, and what has ended.
pub(super) struct Wire {
    pub(super) mouth: Mouth,
    pub(super) sent: Vec<Outbound>,
    pub(super) ended: Vec<Ended>,
}

impl Wire {
    fn new() -> Wire {
        Wire::on(TWILIO)
    }

    pub(super) fn on(profile: Profile) -> Wire {
        Wire { mouth: Mouth::new(profile, Duration::from_secs(3)), sent: Vec::new(), ended: Vec::new() }
    }

    pub(super) fn tick_until(&mut self, from: u64, to: u64) {
        for ms in (from..to).step_by(20) {
            let sent = &mut self.sent;
            self.ended.extend(self.mouth.tick(at(ms), |message| {
                sent.push(message);
                Ok(())
            }));
        }
    }

    pub(super) fn marks(&self) -> Vec<Mark> {
        self.sent.iter().filter_map(|m| if let Outbound::Mark(mark) = m { Some(*mark) } else { None }).collect()
    }

    pub(super) fn frames(&self) -> usize {
        self.sent.iter().filter(|message| matches!(message, Outbound::Audio(_))).count()
    }
}

#[test]
fn sound_runs_ahead_by_the_lead_and_no_more() {
    let mut wire = Wire::new();
    wire.mouth.say(PlayId(0), 0, sound(2000), false);
    wire.tick_until(0, 20);
    assert_eq!(wire.frames(), 20);
    wire.tick_until(20, 40);
    assert_eq!(wire.frames(), 20, "two frames at once are less work than each for itself");
    wire.tick_until(40, 1000);
    assert_eq!(wire.frames(), 68);
    assert!(wire.marks().is_empty());
}

#[test]
fn a_line_is_heard_when_its_mark_comes_back_in_time() {
    let mut wire = Wire::new();
    wire.mouth.say(PlayId(0), 0, sound(1000), false);
    wire.mouth.say(PlayId(0), 1, sound(500), false);
    wire.tick_until(0, 1100);
    let marks = wire.marks();
    wire.ended.extend(wire.mouth.played(marks[0], at(1050)));
    wire.tick_until(1100, 1600);
    let last = wire.marks()[1];
    wire.ended.extend(wire.mouth.played(last, at(1550)));
    let heard: Vec<_> = wire.ended.iter().map(|ended| (ended.index, ended.heard)).collect();
    assert_eq!(heard, [(0, Heard::Complete(Grade::Peer)), (1, Heard::Complete(Grade::Peer))]);
}

#[test]
fn a_mark_that_comes_back_before_its_sound_can_have_ended_proves_nothing() {
    let mut wire = Wire::new();
    wire.mouth.say(PlayId(0), 0, sound(1000), false);
    wire.tick_until(0, 640);
    let mark = wire.marks()[0];
    wire.ended.extend(wire.mouth.played(mark, at(640)));
    assert_eq!(wire.ended[0].heard, Heard::NoEvidence);
}

#[test]
fn a_mark_that_never_comes_back_ends_the_line_without_evidence() {
    let mut wire = Wire::new();
    wire.mouth.say(PlayId(0), 0, sound(1000), false);
    wire.tick_until(0, 3990);
    assert!(wire.ended.is_empty());
    wire.tick_until(3990, 4100);
    assert_eq!(wire.ended[0].heard, Heard::NoEvidence);
}

#[test]
fn falling_silent_clears_the_peer_and_cuts_every_line() {
    let mut wire = Wire::new();
    wire.mouth.say(PlayId(3), 0, sound(1000), false);
    wire.mouth.say(PlayId(3), 1, None, false);
    wire.tick_until(0, 300);
    let heard = (0..=300).step_by(20).filter(|ms| !wire.mouth.sounding(at(*ms)).is_empty());
    assert_eq!(heard.count(), 16);
    let cut = wire.mouth.hush(at(300));
    assert_eq!(cut.iter().map(|e| (e.heard, e.began.is_some())).collect::<Vec<_>>(), [(Heard::Cut, true), (Heard::Cut, false)]);
    wire.tick_until(300, 340);
    assert_eq!(wire.sent.last(), Some(&Outbound::Clear));
    assert!(wire.mouth.played(Mark(1), at(400)).is_empty());
    assert_eq!(wire.mouth.sounding(at(420)), Bytes::new());
}

#[test]
fn uneven_ticks_lose_nothing_of_what_the_caller_hears() {
    let mut mouth = Mouth::new(TWILIO, Duration::from_secs(3));
    let audio: Bytes = (0..30).flat_map(|frame| vec![frame; 160]).collect();
    let audio = Encoded::of_samples(Codec::Ulaw, audio);
    let spoken = sound(600).map(|spoken| Arc::new(Spoken { audio, ..Spoken::clone(&spoken) }));
    mouth.say(PlayId(0), 0, spoken, false);
    // A little early, a little late, and five at once after a pause.
    let mut times: Vec<u64> = vec![0, 19, 41, 60, 79];
    times.extend([200; 6]);
    times.extend((220..640).step_by(20));
    let mut heard = Vec::new();
    for ms in times {
        mouth.tick(at(ms), |_| Ok(()));
        heard.extend(mouth.sounding(at(ms)).first().copied());
    }
    assert_eq!(heard, (0..30).collect::<Vec<u8>>());
}

#[test]
fn what_finds_no_room_is_sent_later_and_in_order() {
    let mut mouth = Mouth::new(TWILIO, Duration::from_secs(3));
    mouth.say(PlayId(0), 0, sound(100), false);
    let mut sent = Vec::new();
    mouth.tick(at(0), Err);
    mouth.tick(at(20), |message| {
        sent.push(message);
        Ok(())
    });
    assert_eq!(sent.len(), 6);
    assert!(matches!(sent[5], Outbound::Mark(_)));
}

#[test]
fn a_text_that_could_not_be_rendered_is_left_out_and_the_rest_is_said() {
    let mut wire = Wire::new();
    wire.mouth.say(PlayId(0), 0, None, false);
    wire.mouth.say(PlayId(0), 1, sound(100), false);
    wire.tick_until(0, 100);
    assert_eq!(wire.frames(), 0);
    wire.mouth.rendered(PlayId(0), 0, None);
    wire.tick_until(100, 120);
    assert_eq!((wire.ended[0].heard, wire.frames()), (Heard::Failed, 5));
}
