//! Both directions of a call at once, on one clock: neither waits for the other, and neither for the session.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, sleep_until, timeout};
use tokio_util::codec::Encoder;

use super::leg::{Ended, Reader, Violation, dropped, ignored};
use super::packet::{Packet, PacketCodec, Rate};
use super::playout::Playout;
use crate::audio::resample::ResampleError;
use crate::transport::feed::Feed;
use crate::transport::wire_sound::{WireCodec, WireSound};
use crate::transport::{Inbound, Outbound, PeerEnd, ticks};

/// 20 ms of silence in the session's codec.
const SILENCE: Bytes = Bytes::from_static(&[0xff; 160]);

/// How often the rate may change in a call: each change costs some work.
const CHANGES: u32 = 20;
/// How long a peer that takes nothing any more may still be heard.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// One call's connection at work.
pub(super) struct Pump {
    feed: Feed,
    /// `None`: the session has said all that it had to say.
    outbound: Option<mpsc::Receiver<Outbound>>,
    /// How long Asterisk may take to accept what we send.
    patience: Duration,
    playout: Playout,
    wire: Option<Wire>,
    /// Packets that the socket has not taken yet.
    on_its_way: u32,
    /// How often the rate has changed.
    changes: u32,
}

/// The sound of the wire, in both directions at the rate at which Asterisk sends.
struct Wire {
    rate: Rate,
    sound: WireSound,
}

impl Wire {
    fn at(rate: Rate) -> Result<Wire, ResampleError> {
        Ok(Wire { rate, sound: WireSound::new(WireCodec::Slin(rate.hz()))? })
    }
}

impl Pump {
    pub(super) fn new(feed: Feed, outbound: mpsc::Receiver<Outbound>, patience: Duration) -> Pump {
        Pump { feed, outbound: Some(outbound), patience, playout: Playout::default(), wire: None, on_its_way: 0, changes: 0 }
    }

    /// Pumps until one side ends it. `unsent`: what of our packets the socket has not taken yet.
    pub(super) async fn run(&mut self, reader: &mut Reader, writer: &mut OwnedWriteHalf, unsent: &mut BytesMut) -> Ended {
        let mut clock = ticks();
        // A clock that is late does not send silence in a burst: the caller has heard a gap, and would hear another.
        clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut accepted = Instant::now();
        loop {
            let step = tokio::select! {
                biased;
                () = self.feed.make_way(), if self.feed.is_behind() => Ok(()),
                written = writer.write_buf(unsent), if !unsent.is_empty() => match written {
                    Ok(_) => {
                        accepted = Instant::now();
                        if unsent.is_empty() {
                            self.playout.taken(std::mem::take(&mut self.on_its_way), accepted);
                        }
                        Ok(())
                    }
                    // Asterisk may have said why before it went.
                    Err(_) => {
                        let lost = Ended::Peer(PeerEnd::Lost);
                        Err(timeout(LAST_WORDS, self.last_words(reader)).await.unwrap_or(lost))
                    }
                },
                _ = clock.tick() => {
                    if unsent.is_empty() {
                        accepted = Instant::now();
                        self.say(unsent)
                    } else {
                        Ok(())
                    }
                }
                said = next_said(&mut self.outbound) => self.take(said),
                packet = reader.next() => packet.and_then(|packet| self.hear(packet)),
                () = sleep_until(accepted + self.patience), if !unsent.is_empty() => Err(Ended::Peer(PeerEnd::Lost)),
            };
            if let Err(ended) = step {
                return ended;
            }
            if self.feed.is_stuck() {
                return Ended::Peer(PeerEnd::Lost);
            }
        }
    }

    /// The way to the session, for the last word.
    pub(super) fn into_feed(self) -> Feed {
        self.feed
    }

    /// From the session.
    fn take(&mut self, said: Option<Outbound>) -> Result<(), Ended> {
        match said {
            Some(Outbound::Audio(sound)) => {
                if self.playout.sound(sound) {
                    dropped("wire");
                }
            }
            Some(Outbound::Mark(mark)) => self.playout.mark(mark),
            Some(Outbound::Clear) => {
                for mark in self.playout.clear() {
                    self.feed.tell(Inbound::Cleared(mark));
                }
            }
            // A telephone has no screen.
            Some(Outbound::Tell(_)) => {}
            Some(Outbound::End) | None => {
                self.outbound = None;
                return Err(Ended::Asked);
            }
        }
        Ok(())
    }

    /// 20 ms have passed, and the socket has taken all that there was: the next packet, or two where the clock has missed some. Silence is sent as well, because Asterisk takes two
    /// seconds without a packet for the end.
    fn say(&mut self, unsent: &mut BytesMut) -> Result<(), Ended> {
        let now = Instant::now();
        while let Some(over) = self.playout.over(now) {
            self.feed.tell(over);
        }
        self.send_next(unsent)?;
        if self.playout.is_behind() { self.send_next(unsent) } else { Ok(()) }
    }

    /// What is to be said next, or silence.
    fn send_next(&mut self, unsent: &mut BytesMut) -> Result<(), Ended> {
        let frame = self.playout.next_frame().unwrap_or(SILENCE);
        let wire = self.wire(None)?;
        let packet = Packet::Sound(wire.rate, wire.sound.outward(&frame));
        self.on_its_way += 1;
        PacketCodec.encode(packet, unsent).map_err(|_| Ended::Failed)
    }

    /// From Asterisk.
    fn hear(&mut self, packet: Packet) -> Result<(), Ended> {
        match packet {
            Packet::Sound(rate, sound) => {
                let heard = self.wire(Some(rate))?.sound.inward(&sound);
                if !heard.is_empty() {
                    self.feed.sound(Inbound::Audio(heard));
                }
            }
            Packet::Key(key @ (b'0'..=b'9' | b'*' | b'#')) => self.feed.tell(Inbound::Key(char::from(key))),
            Packet::Key(_) => ignored("other-key"),
            Packet::HangUp => return Err(Ended::Peer(PeerEnd::HungUp)),
            packet @ Packet::Uuid(_) => return Err(Violation::OutOfPlace(packet.kind()).into()),
            // Where it is the end, the connection closes as well.
            Packet::Error(_) => ignored("error"),
            Packet::Unknown(_) => ignored("unknown"),
        }
        Ok(())
    }

    /// The wire as Asterisk speaks it, or as every version of it does while nothing has come.
    fn wire(&mut self, spoken: Option<Rate>) -> Result<&mut Wire, Ended> {
        let rate = spoken.or(self.wire.as_ref().map(|wire| wire.rate)).unwrap_or(Rate::TELEPHONE);
        let wire = match self.wire.take() {
            Some(wire) if wire.rate == rate => wire,
            before => {
                self.changes += u32::from(before.is_some());
                if self.changes > CHANGES {
                    return Err(Violation::Restless.into());
                }
                Wire::at(rate).map_err(|error| {
                    tracing::error!(%error, "the sound of an AudioSocket connection cannot be translated: its caller is given back to Asterisk");
                    Ended::Failed
                })?
            }
        };
        Ok(self.wire.insert(wire))
    }

    /// What Asterisk had sent before it took nothing any more.
    async fn last_words(&mut self, reader: &mut Reader) -> Ended {
        loop {
            match reader.next().await.and_then(|packet| self.hear(packet)) {
                Ok(()) => {}
                Err(ended) => return ended,
            }
        }
    }
}

async fn next_said(outbound: &mut Option<mpsc::Receiver<Outbound>>) -> Option<Outbound> {
    match outbound {
        Some(outbound) => outbound.recv().await,
        None => std::future::pending().await,
    }
}
