//! A colleague's end of a call: their leg, joined to the caller's by the session that both belong to.
//!
//! What goes through here is heard by two people and kept nowhere: there is no running turn and no recogniser, and the recorder has stopped
//! before the colleague could take the call.

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::audio::transcode::Transcoder;
use crate::audio::{Codec, FRAME};
use crate::transport::{Inbound, Leg, Outbound};

/// What a session tells the colleague who has its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeskNews {
    /// The caller and the colleague hear each other from here on.
    Connected,
    /// The caller's connection is gone for the moment (`true`), or is back.
    Interrupted(bool),
    /// The conversation is over.
    Ended(ConversationEnd),
}

/// How a conversation ended, and where the caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConversationEnd {
    /// The caller hung up.
    Caller,
    /// The caller's connection is gone for good.
    CallerLost,
    /// The caller left the line before the colleague was on it: they went on with the agent, or left a number.
    WentBack,
    /// The colleague hung up.
    Colleague,
    /// The colleague gave the caller back to the agent.
    Returned,
    /// The colleague let go before the two heard each other: the caller is back in the line.
    WaitsOn,
    /// The colleague's connection broke, or never came about: the caller is back in the line.
    Lost,
    /// Something failed here.
    Failed,
}

/// How a colleague leaves a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeskEnd {
    /// They hung up: the call is over.
    HungUp,
    /// The caller goes back to the agent.
    Return,
    /// Their page is gone.
    Lost,
}

/// The colleague's leg and what stands between it and the caller's.
pub(super) struct Conversation {
    leg: Leg,
    news: mpsc::Sender<DeskNews>,
    to_colleague: OneWay,
    to_caller: OneWay,
    /// Sound has come from the colleague: both can hear each other.
    pub(super) connected: bool,
    /// The colleague holds the caller, who hears music.
    pub(super) held: bool,
    muted: bool,
    /// The colleague's connection is interrupted.
    pub(super) interrupted: bool,
}

impl Conversation {
    /// `None`: there is no memory for it.
    pub(super) fn new(leg: Leg, news: mpsc::Sender<DeskNews>, caller: Codec) -> Option<Conversation> {
        let colleague = leg.profile.codec;
        Some(Conversation {
            to_colleague: OneWay::new(caller, colleague)?,
            to_caller: OneWay::new(colleague, caller)?,
            leg,
            news,
            connected: false,
            held: false,
            muted: false,
            interrupted: false,
        })
    }

    /// What comes from the colleague next.
    pub(super) async fn next(&mut self) -> Option<Inbound> {
        self.leg.inbound.recv().await
    }

    /// The caller is heard by the colleague, unless they are on hold.
    pub(super) fn hear_caller(&mut self, frame: Option<&[u8]>) {
        if !self.connected || self.held {
            return;
        }
        for frame in self.to_colleague.frames(frame) {
            if self.leg.outbound.try_send(Outbound::Audio(frame)).is_err() {
                metrics::counter!("candor_desk_frames_dropped_total", "to" => "colleague").increment(1);
            }
        }
    }

    /// What the caller hears of a frame of the colleague's: nothing while on hold, silence while the colleague is muted.
    pub(super) fn hear_colleague(&mut self, frame: Option<&[u8]>) -> Vec<Bytes> {
        if self.held || self.muted { Vec::new() } else { self.to_caller.frames(frame) }
    }

    pub(super) fn mute(&mut self, on: bool) {
        self.muted = on;
    }

    pub(super) fn tell(&self, news: DeskNews) {
        if self.news.try_send(news).is_err() {
            tracing::debug!(?news, "the desk did not take the news of a call");
        }
    }

    /// The end of it, for the colleague.
    pub(super) fn end(self, end: ConversationEnd) {
        self.tell(DeskNews::Ended(end));
        // A full channel is closed by dropping it, which the transport takes for the same.
        let _ = self.leg.outbound.try_send(Outbound::End);
    }
}

/// Sound from one leg to the other, in frames of 20 ms.
struct OneWay {
    from: Codec,
    transcoder: Transcoder,
    /// What does not fill a frame yet, where the codec has samples.
    rest: BytesMut,
}

impl OneWay {
    fn new(from: Codec, to: Codec) -> Option<OneWay> {
        Some(OneWay { from, transcoder: Transcoder::new(from, to).ok()?, rest: BytesMut::new() })
    }

    /// `None` in: 20 ms were lost on the way.
    fn frames(&mut self, frame: Option<&[u8]>) -> Vec<Bytes> {
        let size = self.from.bytes_in(FRAME);
        match frame {
            Some(frame) if !self.from.has_packets() && (frame.len() != size || !self.rest.is_empty()) => {
                self.rest.extend_from_slice(frame);
                let mut frames = Vec::new();
                while self.rest.len() >= size {
                    let whole = self.rest.split_to(size);
                    frames.extend(self.transcoder.frame(Some(&whole)));
                }
                frames
            }
            frame => self.transcoder.frame(frame).into_iter().collect(),
        }
    }
}
