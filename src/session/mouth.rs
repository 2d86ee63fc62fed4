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

mod pausing;
#[cfg(test)]
mod tests;

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
    /// From which frame it is being said: not the first when it went on after a pause.
    since: usize,
    /// Some of it was thrown away in a pause and said again: no mark covers all of it.
    in_pieces: bool,
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
    /// Silent because the caller speaks; what is being said can go on.
    paused: bool,
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
            paused: false,
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
        self.lines.push_back(Saying {
            play,
            index,
            sound,
            sent: 0,
            since: 0,
            in_pieces: false,
            began: None,
            watched,
            garbled: false,
            within: VecDeque::new(),
            mark: None,
            heard: None,
        });
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
        // In a pause nothing is on its way.
        if !std::mem::take(&mut self.paused) && self.lines.iter().any(|saying| saying.began.is_some()) {
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
                // That the caller heard what was said before a pause, we know by our own clock alone.
                Evidence::Peer if !saying.in_pieces => Grade::Peer,
                Evidence::Peer | Evidence::Paced => Grade::Paced,
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
        if self.paused {
            return self.ended(now);
        }
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
                // What follows would be said into the caller's words.
                (None, Sound::Failed, _) if !self.paused => Heard::Failed,
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
        self.paused &= !self.lines.is_empty();
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
