use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::audio::FRAME;
use crate::consent::SessionTime;
use crate::dialog::flow::{Ended, Grade, Heard, PlayId};
use crate::dialog::prompt::{Hearing, Line};
use crate::episode::Episodes;
use crate::speech::Spoken;
use crate::transport::{Evidence, Mark, Outbound, Pacing, Profile};

/// How far a peer that plays by itself is kept ahead of the caller's ear. More would make a lost `clear` costly.
const LEAD: Duration = Duration::from_millis(400);
/// How much is sent to it at once: half as many messages are half the work of a call's sound, and with such a lead nobody hears it.
const PORTION: Duration = Duration::from_millis(40);
/// A mark that comes back this much before its sound can have ended proves nothing: the peer does not play what it reports.
const SOONEST: Duration = Duration::from_millis(200);
/// How many frames of a watched line lie between two marks: half a second.
const WATCHED: usize = 25;

/// Of all sessions together.
static FAULTS: Episodes = Episodes::new();

/// The name of a line's sound in the prompt cache.
pub fn prompt_key(dialog: &str, line: &Line) -> String {
    let hearing = match line.hearing {
        Hearing::Voice => "voice",
        Hearing::Keys => "keys",
    };
    match &line.purpose {
        Some(purpose) => format!("{dialog}/{}/{purpose}/{hearing}", line.id),
        None => format!("{dialog}/{}/{hearing}", line.id),
    }
}

/// The sound of a line.
enum Sound {
    /// Being rendered.
    Coming,
    Ready(Arc<Spoken>),
    Failed,
}

struct Saying {
    play: PlayId,
    index: usize,
    sound: Sound,
    sent: usize,
    began: Option<SessionTime>,
    /// Whether the caller is shown how much of it was heard.
    watched: bool,
    /// Too much of it was lost on the way.
    garbled: bool,
    /// Marks within it, and how many frames lie before each.
    within: VecDeque<(Mark, usize)>,
    /// The mark after its last frame, and when the caller must have heard that frame.
    mark: Option<(Mark, SessionTime)>,
    heard: Option<Heard>,
}

/// The agent's mouth on one leg: says lines in order, on our clock, and learns what of them was heard.
pub(super) struct Mouth {
    profile: Profile,
    evidence_limit: Duration,
    lines: VecDeque<Saying>,
    next_mark: u64,
    /// When the next frame that is sent will be heard.
    heard_until: SessionTime,
    /// Frames on their way to the caller's ear, for the agent's channel of the recording.
    on_the_way: VecDeque<(SessionTime, Bytes)>,
    /// What could not be sent yet; goes before any sound.
    pending: VecDeque<Outbound>,
    /// Lines that have begun, and how much of watched ones was heard in percent, since it was last asked for.
    begun: Vec<(PlayId, usize)>,
    progress: Option<(PlayId, usize, u8)>,
}

impl Mouth {
    pub(super) fn new(profile: Profile, evidence_limit: Duration) -> Mouth {
        Mouth {
            profile,
            evidence_limit,
            lines: VecDeque::new(),
            next_mark: 1,
            heard_until: SessionTime::START,
            on_the_way: VecDeque::new(),
            pending: VecDeque::new(),
            begun: Vec::new(),
            progress: None,
        }
    }

    /// Says a line after those before it. `None` sound: it is being rendered and comes with [`Mouth::rendered`]. Of a watched line
    /// [`Mouth::progress`] tells how much was heard.
    pub(super) fn say(&mut self, play: PlayId, index: usize, sound: Option<Arc<Spoken>>, watched: bool) {
        let sound = sound.map_or(Sound::Coming, Sound::Ready);
        let (began, mark, heard, within) = (None, None, None, VecDeque::new());
        self.lines.push_back(Saying { play, index, sound, sent: 0, began, watched, garbled: false, within, mark, heard });
    }

    /// The lines that have begun since this was last asked.
    pub(super) fn begun(&mut self) -> Vec<(PlayId, usize)> {
        std::mem::take(&mut self.begun)
    }

    /// How much of a watched line was heard, in percent, if that has changed since this was last asked.
    pub(super) fn progress(&mut self) -> Option<(PlayId, usize, u8)> {
        self.progress.take()
    }

    /// How long a line that is being said lasts.
    pub(super) fn duration(&self, play: PlayId, index: usize) -> Option<Duration> {
        let saying = self.lines.iter().find(|s| s.play == play && s.index == index)?;
        if let Sound::Ready(spoken) = &saying.sound { Some(spoken.duration) } else { None }
    }

    /// A line's sound has been rendered, or cannot be.
    pub(super) fn rendered(&mut self, play: PlayId, index: usize, spoken: Option<Spoken>) {
        if let Some(saying) = self.lines.iter_mut().find(|s| s.play == play && s.index == index) {
            saying.sound = spoken.map_or(Sound::Failed, |spoken| Sound::Ready(Arc::new(spoken)));
        }
    }

    /// Falls silent. Everything that was not heard yet ends as cut.
    pub(super) fn hush(&mut self, now: SessionTime) -> Vec<Ended> {
        if self.lines.iter().any(|saying| saying.began.is_some()) {
            self.pending.push_back(Outbound::Clear);
        }
        self.heard_until = now;
        self.on_the_way.retain(|(at, _)| *at <= now);
        self.lines.drain(..).map(|saying| saying.end(Heard::Cut)).collect()
    }

    /// The peer has played everything before this mark. What has ended by it comes back, in order: a key that follows the mark on the
    /// wire must find the line ended.
    pub(super) fn played(&mut self, mark: Mark, now: SessionTime) -> Vec<Ended> {
        self.played_within(mark);
        let evidence = self.profile.evidence;
        let Some(place) = self.lines.iter().position(|s| s.mark.is_some_and(|(m, _)| m == mark)) else { return Vec::new() };
        for saying in self.lines.iter_mut().take(place + 1) {
            let Some((_, due)) = saying.mark else { continue };
            let grade = match evidence {
                Evidence::Peer => Grade::Peer,
                Evidence::Paced => Grade::Paced,
            };
            let plausible = now + SOONEST >= due;
            if !plausible {
                metrics::counter!("candor_marks_implausible_total").increment(1);
            }
            let heard = match plausible {
                true if saying.garbled => Heard::Garbled,
                true => Heard::Complete(grade),
                false => Heard::NoEvidence,
            };
            saying.heard.get_or_insert(heard);
        }
        self.ended(now)
    }

    /// A mark within a watched line: so much of it was heard.
    fn played_within(&mut self, mark: Mark) {
        for saying in &mut self.lines {
            let Sound::Ready(spoken) = &saying.sound else { continue };
            while let Some((_, frames)) = saying.within.pop_front_if(|(within, _)| *within <= mark) {
                let percent = frames * 100 / spoken.audio.frames().max(1);
                self.progress = Some((saying.play, saying.index, percent.min(100) as u8));
            }
        }
    }

    /// Everything before this mark was sent, and too much of it was lost. What has ended by it comes back, in order.
    pub(super) fn garbled(&mut self, mark: Mark, now: SessionTime) -> Vec<Ended> {
        // A mark within a line speaks for the line.
        let place = self
            .lines
            .iter()
            .position(|s| s.mark.is_some_and(|(m, _)| m >= mark) || s.within.iter().any(|(within, _)| *within >= mark));
        if let Some(saying) = place.and_then(|place| self.lines.get_mut(place)) {
            saying.garbled = true;
            // It is said again: how far it came is no matter of pride.
            saying.within.clear();
        }
        self.played(mark, now)
    }

    /// The peer threw the sound before this mark away.
    pub(super) fn cleared(&mut self, mark: Mark) {
        if let Some(saying) = self.lines.iter_mut().find(|s| s.mark.is_some_and(|(m, _)| m == mark)) {
            saying.heard.get_or_insert(Heard::Cut);
        }
    }

    /// 20 ms have passed: sends what is due with `send` (which gives a message back that finds no room). What has ended comes back, in order.
    pub(super) fn tick(&mut self, now: SessionTime, mut send: impl FnMut(Outbound) -> Result<(), Outbound>) -> Vec<Ended> {
        while let Some(message) = self.pending.pop_front() {
            if let Err(message) = send(message) {
                self.pending.push_front(message);
                return Vec::new();
            }
        }
        self.heard_until = self.heard_until.max(now);
        let (lead, portion) = match self.profile.pacing {
            Pacing::Peer => (LEAD, PORTION),
            Pacing::Ours => (FRAME, FRAME),
        };
        for saying in &mut self.lines {
            if saying.mark.is_some() || matches!(saying.sound, Sound::Failed) {
                continue;
            }
            let Sound::Ready(spoken) = &saying.sound else { break };
            let due = self.heard_until + (portion - FRAME) < now + lead;
            while due
                && self.heard_until < now + lead
                && let Some(frame) = spoken.audio.frame(saying.sent)
            {
                if send(Outbound::Audio(frame.clone())).is_err() {
                    break;
                }
                if saying.began.replace(saying.began.unwrap_or(now)).is_none() {
                    self.begun.push((saying.play, saying.index));
                }
                saying.sent += 1;
                let within = saying.watched && saying.sent.is_multiple_of(WATCHED);
                if within && send(Outbound::Mark(Mark(self.next_mark))).is_ok() {
                    saying.within.push_back((Mark(self.next_mark), saying.sent));
                    self.next_mark += 1;
                }
                self.on_the_way.push_back((self.heard_until, frame));
                self.heard_until = self.heard_until + FRAME;
            }
            if saying.sent < spoken.audio.frames() {
                break;
            }
            let mark = Mark(self.next_mark);
            if send(Outbound::Mark(mark)).is_err() {
                break;
            }
            self.next_mark += 1;
            saying.mark = Some((mark, self.heard_until));
        }
        self.ended(now)
    }

    /// What the caller hears in these 20 ms. Called once for each, also when several are caught up with at once; one that comes a little
    /// early takes its frame all the same, or each would leave a hole.
    pub(super) fn sounding(&mut self, now: SessionTime) -> Bytes {
        let due = self.on_the_way.pop_front_if(|(at, _)| *at <= now + FRAME / 2);
        due.map(|(_, frame)| frame).unwrap_or_default()
    }

    fn ended(&mut self, now: SessionTime) -> Vec<Ended> {
        let mut ended = Vec::new();
        while let Some(saying) = self.lines.front_mut() {
            let heard = match (saying.heard, &saying.sound, saying.mark) {
                (Some(heard), _, _) => heard,
                (None, Sound::Failed, _) => Heard::Failed,
                (None, _, Some((_, due))) if now > due + self.evidence_limit => {
                    unproven(self.profile.name);
                    Heard::NoEvidence
                }
                _ => break,
            };
            if let Some(saying) = self.lines.pop_front() {
                ended.push(saying.end(heard));
            }
        }
        ended
    }
}

/// The other side did not report in time that it has played a line.
fn unproven(transport: &'static str) {
    metrics::counter!("candor_marks_missing_total", "transport" => transport).increment(1);
    if let Some(times) = FAULTS.met(transport) {
        tracing::warn!(
            transport,
            times,
            "the phone system does not report what it has played: such callers count as not informed, and nothing of their calls is recorded"
        );
    }
}

impl Saying {
    fn end(self, heard: Heard) -> Ended {
        Ended { play: self.play, index: self.index, began: self.began, heard }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::{Codec, Encoded};

    const TWILIO: Profile =
        Profile { name: "test", codec: Codec::Ulaw, pacing: Pacing::Peer, evidence: Evidence::Peer, shows: false };

    fn at(ms: u64) -> SessionTime {
        SessionTime(Duration::from_millis(ms))
    }

    fn sound(ms: u64) -> Option<Arc<Spoken>> {
        let duration = Duration::from_millis(ms);
        let audio = Encoded::of_samples(Codec::Ulaw, Bytes::from(vec![0x55; Codec::Ulaw.bytes_in(duration)]));
        let (text_sha256, audio_sha256) = (String::new(), String::new());
        Some(Arc::new(Spoken { text_sha256, audio_sha256, audio, duration }))
    }

    /// A mouth with its wire: what was sent, and what has ended.
    struct Wire {
        mouth: Mouth,
        sent: Vec<Outbound>,
        ended: Vec<Ended>,
    }

    impl Wire {
        fn new() -> Wire {
            Wire { mouth: Mouth::new(TWILIO, Duration::from_secs(3)), sent: Vec::new(), ended: Vec::new() }
        }

        fn tick_until(&mut self, from: u64, to: u64) {
            for ms in (from..to).step_by(20) {
                let sent = &mut self.sent;
                self.ended.extend(self.mouth.tick(at(ms), |message| {
                    sent.push(message);
                    Ok(())
                }));
            }
        }

        fn marks(&self) -> Vec<Mark> {
            self.sent.iter().filter_map(|m| if let Outbound::Mark(mark) = m { Some(*mark) } else { None }).collect()
        }

        fn frames(&self) -> usize {
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
        assert_eq!(
            cut.iter().map(|e| (e.heard, e.began.is_some())).collect::<Vec<_>>(),
            [(Heard::Cut, true), (Heard::Cut, false)]
        );
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
}
