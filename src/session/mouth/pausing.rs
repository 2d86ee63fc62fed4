//! Falling silent in the middle of a line, and going on where it was.

use super::{Mouth, Sound};
use crate::audio::taken_up_at;
use crate::consent::SessionTime;
use crate::transport::Outbound;

impl Mouth {
    /// Falls silent; what is being said is not over. What is on its way is thrown away, and the marks behind it are void: whatever comes back of them
    /// proves nothing. A line that was heard to its end keeps its mark.
    pub(in crate::session) fn pause(&mut self, now: SessionTime) {
        if std::mem::replace(&mut self.paused, true) {
            return;
        }
        let mut unheard = self.on_the_way.iter().filter(|(at, _)| *at > now).count();
        // A peer that plays what it gets has played it; a clear would void the marks of what was heard.
        if unheard > 0 {
            self.pending.push_back(Outbound::Clear);
        }
        self.on_the_way.retain(|(at, _)| *at <= now);
        self.heard_until = now;
        for saying in self.lines.iter_mut().rev() {
            let lost = unheard.min(saying.sent - saying.since);
            unheard -= lost;
            if saying.mark.is_some() && lost == 0 {
                continue;
            }
            saying.mark = None;
            saying.within.clear();
            saying.in_pieces |= lost > 0;
            if let Sound::Ready(spoken) = &saying.sound {
                saying.sent = taken_up_at(&spoken.audio, saying.sent - lost, saying.since);
                saying.since = saying.sent;
            }
        }
    }

    /// Goes on with what was being said before the pause: a little before where the caller last heard it.
    pub(in crate::session) fn go_on(&mut self) {
        self.paused = false;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::super::tests::{TWILIO, Wire, at, sound};
    use super::*;
    use crate::audio::{Codec, Encoded};
    use crate::dialog::flow::{Grade, Heard, PlayId};
    use crate::speech::Spoken;
    use crate::transport::{Evidence, Mark, Pacing, Profile};

    const OURS: Profile = Profile { pacing: Pacing::Ours, evidence: Evidence::Paced, ..TWILIO };

    /// A line of loud frames that can be told from each other by their first byte.
    fn numbered(frames: u8) -> Option<Arc<Spoken>> {
        let audio: Bytes = (0..frames).flat_map(|frame| [vec![frame], vec![0x0f; 159]].concat()).collect();
        let spoken = sound(20)?;
        Some(Arc::new(Spoken { audio: Encoded::of_samples(Codec::Ulaw, audio), ..Spoken::clone(&spoken) }))
    }

    fn saying(profile: Profile, frames: u8) -> Wire {
        let mut wire = Wire::on(profile);
        wire.mouth.say(PlayId(0), 0, numbered(frames), false);
        wire
    }

    /// The numbers of the frames that were sent since this many messages.
    fn sent_since(wire: &Wire, messages: usize) -> Vec<u8> {
        let frame = |message: &Outbound| if let Outbound::Audio(frame) = message { Some(frame[0]) } else { None };
        wire.sent[messages..].iter().filter_map(frame).collect()
    }

    fn heard(wire: &Wire) -> Vec<Heard> {
        wire.ended.iter().map(|ended| ended.heard).collect()
    }

    #[test]
    fn a_peer_that_runs_ahead_is_cleared_and_the_line_goes_on_a_little_before_where_it_was_heard() {
        let mut wire = saying(TWILIO, 150);
        wire.tick_until(0, 2000);
        assert_eq!(wire.frames(), 118, "two seconds were heard, and the lead is on its way");
        wire.mouth.pause(at(1999));
        let before = wire.sent.len();
        wire.tick_until(2000, 2500);
        assert_eq!(wire.sent[before..], [Outbound::Clear], "silence");
        wire.mouth.go_on();
        wire.tick_until(2500, 2520);
        let again = sent_since(&wire, before);
        // Loud throughout: the last of equals in the window is taken, 300 ms before frame 100.
        assert_eq!((again[0], again.len()), (100 - 16, 20));
        assert!(wire.ended.is_empty());
    }

    #[test]
    fn whoever_paces_by_our_clock_needs_no_clear_and_its_mark_covers_every_piece() {
        let mut wire = saying(OURS, 150);
        wire.tick_until(0, 2000);
        assert_eq!(wire.frames(), 100);
        wire.mouth.pause(at(1999));
        let before = wire.sent.len();
        wire.tick_until(2000, 2500);
        assert_eq!(wire.sent.len(), before, "what was sent was played, and nothing more is sent");
        wire.mouth.go_on();
        wire.tick_until(2500, 2560);
        assert_eq!(sent_since(&wire, before), [84, 85, 86]);
        wire.tick_until(2560, 4000);
        let mark = wire.marks()[0];
        wire.ended.extend(wire.mouth.played(mark, at(4000)));
        assert_eq!(heard(&wire), [Heard::Complete(Grade::Paced)]);
    }

    #[test]
    fn a_mark_that_comes_back_after_the_clear_proves_nothing() {
        let mut wire = saying(TWILIO, 50);
        wire.tick_until(0, 700);
        let void = wire.marks()[0];
        wire.mouth.pause(at(700));
        wire.tick_until(700, 720);
        // Long after its sound would have ended, so that nothing but the clear speaks against it.
        wire.ended.extend(wire.mouth.played(void, at(1400)));
        wire.mouth.cleared(void);
        wire.tick_until(1400, 1420);
        assert!(wire.ended.is_empty());
        wire.mouth.go_on();
        wire.tick_until(1420, 2600);
        wire.ended.extend(wire.mouth.played(void, at(2600)));
        assert!(wire.ended.is_empty(), "nor when the rest has been said");
        let (marks, last) = (wire.marks(), *wire.marks().last().unwrap());
        assert_eq!((marks.len(), last), (2, Mark(void.0 + 1)));
        wire.ended.extend(wire.mouth.played(last, at(2600)));
        assert_eq!(heard(&wire), [Heard::Complete(Grade::Paced)], "the peer has proved the last piece alone");
    }

    #[test]
    fn a_line_that_was_paused_twice_goes_on_and_never_says_the_same_piece_three_times() {
        let mut wire = saying(OURS, 200);
        wire.tick_until(0, 2000);
        wire.mouth.pause(at(2000));
        wire.mouth.pause(at(2100));
        wire.mouth.go_on();
        wire.tick_until(2200, 2300);
        wire.mouth.pause(at(2300));
        wire.mouth.go_on();
        let before = wire.sent.len();
        wire.tick_until(2400, 2420);
        assert_eq!(sent_since(&wire, before), [84], "from where it last went on, not further back");
        wire.tick_until(2420, 4800);
        assert_eq!(wire.marks().len(), 1);
        let all: Vec<u8> = sent_since(&wire, 0);
        assert!((0..200).all(|frame| all.contains(&frame)), "the pieces cover the line");
    }

    #[test]
    fn a_line_that_was_heard_to_its_end_keeps_its_mark_in_a_pause() {
        let mut wire = saying(TWILIO, 50);
        wire.mouth.say(PlayId(0), 1, None, false);
        wire.tick_until(0, 1040);
        let mark = wire.marks()[0];
        wire.mouth.pause(at(1040));
        wire.tick_until(1040, 1060);
        assert!(!wire.sent.contains(&Outbound::Clear));
        wire.ended.extend(wire.mouth.played(mark, at(1100)));
        assert_eq!(heard(&wire), [Heard::Complete(Grade::Peer)]);
        wire.mouth.rendered(PlayId(0), 1, Some(Spoken::clone(&numbered(30).unwrap())));
        let before = wire.sent.len();
        wire.tick_until(1100, 1300);
        assert_eq!(wire.sent.len(), before, "what was rendered meanwhile waits");
        wire.mouth.go_on();
        wire.tick_until(1300, 1320);
        assert_eq!(sent_since(&wire, before)[0], 0);
    }

    #[test]
    fn a_line_that_is_paused_before_anything_of_it_was_sent_is_said_whole_and_nothing_is_cleared() {
        let mut wire = saying(TWILIO, 50);
        wire.mouth.pause(at(0));
        wire.tick_until(0, 500);
        assert!(wire.sent.is_empty());
        wire.mouth.go_on();
        wire.tick_until(500, 2000);
        assert_eq!(sent_since(&wire, 0), (0..50).collect::<Vec<u8>>());
    }

    #[test]
    fn lines_that_were_on_their_way_whole_are_said_again_in_their_order() {
        let mut wire = saying(TWILIO, 10);
        wire.mouth.say(PlayId(0), 1, numbered(8), false);
        wire.tick_until(0, 20);
        assert_eq!((wire.frames(), wire.marks().len()), (18, 2));
        wire.mouth.pause(at(30));
        wire.mouth.go_on();
        let before = wire.sent.len();
        wire.tick_until(40, 60);
        assert_eq!(sent_since(&wire, before), (0..10).chain(0..8).collect::<Vec<u8>>());
        assert_eq!(wire.sent[before], Outbound::Clear, "the clear goes before what is said again");
    }

    #[test]
    fn a_line_that_cannot_be_said_waits_with_it_until_the_caller_has_spoken() {
        let mut wire = saying(TWILIO, 50);
        wire.mouth.say(PlayId(0), 1, None, false);
        wire.tick_until(0, 1040);
        let mark = wire.marks()[0];
        wire.mouth.pause(at(1040));
        wire.mouth.rendered(PlayId(0), 1, None);
        wire.ended.extend(wire.mouth.played(mark, at(1060)));
        wire.tick_until(1060, 1200);
        assert_eq!(wire.ended.len(), 1);
        wire.mouth.go_on();
        wire.tick_until(1200, 1220);
        assert_eq!(heard(&wire)[1], Heard::Failed);
    }

    #[test]
    fn a_pause_that_is_given_up_ends_every_line_as_cut_and_what_comes_next_is_said() {
        let mut wire = saying(TWILIO, 150);
        wire.tick_until(0, 1000);
        wire.mouth.pause(at(1000));
        wire.tick_until(1000, 1100);
        wire.ended.extend(wire.mouth.hush(at(1100)));
        assert_eq!(heard(&wire), [Heard::Cut]);
        wire.mouth.say(PlayId(1), 0, numbered(5), false);
        let before = wire.sent.len();
        wire.tick_until(1100, 1400);
        assert_eq!(sent_since(&wire, before), [0, 1, 2, 3, 4]);
        assert!(!wire.sent[before..].contains(&Outbound::Clear));
    }

    #[test]
    fn what_the_caller_hears_in_a_pause_is_silence_on_the_recording_too() {
        let mut wire = saying(TWILIO, 150);
        let mut heard = Vec::new();
        for ms in (0..2000).step_by(20) {
            wire.tick_until(ms, ms + 20);
            if ms == 1000 {
                wire.mouth.pause(at(ms));
            }
            if ms == 1500 {
                wire.mouth.go_on();
            }
            heard.push(wire.mouth.sounding(at(ms)).first().copied());
        }
        assert_eq!(heard[50], Some(50), "to the moment of the pause");
        assert!(heard[51..76].iter().all(Option::is_none), "{heard:?}");
        assert_eq!(heard[76], Some(51 - 16));
    }

    #[test]
    fn the_last_line_that_ends_in_a_pause_ends_the_pause() {
        let mut wire = saying(TWILIO, 50);
        wire.tick_until(0, 1040);
        let mark = wire.marks()[0];
        wire.mouth.pause(at(1040));
        wire.ended.extend(wire.mouth.played(mark, at(1060)));
        wire.mouth.say(PlayId(1), 0, numbered(5), false);
        let before = wire.sent.len();
        wire.tick_until(1060, 1200);
        assert_eq!(sent_since(&wire, before).len(), 5);
    }
}
