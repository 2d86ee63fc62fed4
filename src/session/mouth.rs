use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use crate::audio::FRAME;
use crate::consent::SessionTime;
use crate::dialog::flow::{Ended, Grade, Heard, PlayId};
use crate::dialog::prompt::{Hearing, Line};
use crate::speech::Spoken;
use crate::transport::{Evidence, Mark, Outbound, Pacing, Profile};

/// How far a peer that plays by itself is kept ahead of the caller's ear. More would make a lost `clear` costly.
const LEAD: Duration = Duration::from_millis(400);
/// A mark that comes back this much before its sound can have ended proves nothing: the peer does not play what it reports.
const SOONEST: Duration = Duration::from_millis(200);

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
        }
    }

    /// Says a line after those before it. `None` sound: it is being rendered and comes with [`Mouth::rendered`].
    pub(super) fn say(&mut self, play: PlayId, index: usize, sound: Option<Arc<Spoken>>) {
        let sound = sound.map_or(Sound::Coming, Sound::Ready);
        self.lines.push_back(Saying { play, index, sound, sent: 0, began: None, mark: None, heard: None });
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
            saying.heard.get_or_insert(if plausible { Heard::Complete(grade) } else { Heard::NoEvidence });
        }
        self.ended(now)
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
        let lead = match self.profile.pacing {
            Pacing::Peer => LEAD,
            Pacing::Ours => FRAME,
        };
        for saying in &mut self.lines {
            if saying.mark.is_some() || matches!(saying.sound, Sound::Failed) {
                continue;
            }
            let Sound::Ready(spoken) = &saying.sound else { break };
            while saying.sent < spoken.audio.len() && self.heard_until < now + lead {
                let frame = frame_at(&spoken.audio, saying.sent, self.profile);
                if send(Outbound::Audio(frame.clone())).is_err() {
                    break;
                }
                saying.began.get_or_insert(now);
                saying.sent += frame.len();
                self.on_the_way.push_back((self.heard_until, frame));
                self.heard_until = self.heard_until + FRAME;
            }
            if saying.sent < spoken.audio.len() {
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

    /// What the caller hears in these 20 ms.
    pub(super) fn sounding(&mut self, now: SessionTime) -> Bytes {
        let mut sounding = Bytes::new();
        while self.on_the_way.front().is_some_and(|(at, _)| *at <= now) {
            sounding = self.on_the_way.pop_front().map(|(_, frame)| frame).unwrap_or_default();
        }
        sounding
    }

    fn ended(&mut self, now: SessionTime) -> Vec<Ended> {
        let mut ended = Vec::new();
        while let Some(saying) = self.lines.front_mut() {
            let heard = match (saying.heard, &saying.sound, saying.mark) {
                (Some(heard), _, _) => heard,
                (None, Sound::Failed, _) => Heard::Failed,
                (None, _, Some((_, due))) if now > due + self.evidence_limit => Heard::NoEvidence,
                _ => break,
            };
            if let Some(saying) = self.lines.pop_front() {
                ended.push(saying.end(heard));
            }
        }
        ended
    }
}

impl Saying {
    fn end(self, heard: Heard) -> Ended {
        Ended { play: self.play, index: self.index, began: self.began, heard }
    }
}

/// 20 ms of the sound from `sent` on; the last is filled up with silence.
fn frame_at(audio: &Bytes, sent: usize, profile: Profile) -> Bytes {
    let size = profile.codec.frame_bytes();
    if sent + size <= audio.len() {
        return audio.slice(sent..sent + size);
    }
    let mut frame = BytesMut::from(&audio[sent..]);
    frame.resize(size, profile.codec.silence());
    frame.freeze()
}
