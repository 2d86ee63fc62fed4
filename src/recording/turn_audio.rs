use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use super::TurnMemory;
use super::turn_memory::Held;
use crate::audio::{Codec, FRAME, make_room};

/// The sound of a turn as it was carried: two channels of equal length, kept in memory only and overwritten when dropped.
///
/// Buffers that must grow are moved by hand, so that no copy stays behind. The lengths of packets are overwritten too: they tell
/// something of what is said in them.
pub struct TurnAudio {
    codec: Codec,
    caller: Channel,
    agent: Channel,
    held: Option<Held>,
}

#[derive(Default)]
struct Channel {
    bytes: Zeroizing<Vec<u8>>,
    /// Where each slot of 20 ms ends in `bytes`, in a codec of packets.
    ends: Zeroizing<Vec<u32>>,
}

/// Never shows sound.
impl fmt::Debug for TurnAudio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TurnAudio({:?})", self.duration())
    }
}

impl TurnAudio {
    /// No sound yet.
    pub fn new(codec: Codec) -> TurnAudio {
        TurnAudio { codec, caller: Channel::default(), agent: Channel::default(), held: None }
    }

    /// No sound yet, and what comes counts for the memory that all turns share, until it is dropped.
    pub fn within(codec: Codec, memory: &TurnMemory) -> TurnAudio {
        TurnAudio { held: Some(memory.nothing()), ..TurnAudio::new(codec) }
    }

    /// Whether the memory that all turns share still had room for what was pushed last.
    pub fn has_room(&mut self) -> bool {
        let bytes = self.caller.capacity() + self.agent.capacity();
        self.held.as_mut().is_none_or(|held| held.grow_to(bytes))
    }

    /// Appends what both channels carried in the same time: samples, of which the shorter piece is filled with silence; or a packet each,
    /// where nothing stands for 20 ms without one.
    pub fn push(&mut self, caller: &[u8], agent: &[u8]) {
        if self.codec.has_packets() {
            self.caller.push_slot(caller);
            self.agent.push_slot(agent);
        } else {
            let length = self.caller.bytes.len() + caller.len().max(agent.len());
            self.caller.push_samples(caller, length, self.codec.silence());
            self.agent.push_samples(agent, length, self.codec.silence());
        }
    }

    /// How the sound is encoded.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Whether there is no sound.
    pub fn is_empty(&self) -> bool {
        self.duration().is_zero()
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        if self.codec.has_packets() {
            FRAME * self.caller.ends.len() as u32
        } else {
            self.codec.duration(self.caller.bytes.len())
        }
    }

    /// What came from the caller: all samples, or all packets one behind the other.
    pub fn caller(&self) -> &[u8] {
        &self.caller.bytes
    }

    /// What went to the caller.
    pub fn agent(&self) -> &[u8] {
        &self.agent.bytes
    }

    /// What came from the caller in each 20 ms, in a codec of packets: a packet, or nothing.
    pub fn caller_slots(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        self.caller.slots()
    }

    /// What went to the caller in each 20 ms, in a codec of packets.
    pub fn agent_slots(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        self.agent.slots()
    }
}

impl Channel {
    /// In bytes.
    fn capacity(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<u32>()
    }

    fn push_samples(&mut self, samples: &[u8], length: usize, silence: u8) {
        make_room(&mut self.bytes, length);
        self.bytes.extend_from_slice(samples);
        self.bytes.resize(length, silence);
    }

    fn push_slot(&mut self, packet: &[u8]) {
        let (end, slots) = (self.bytes.len() + packet.len(), self.ends.len() + 1);
        make_room(&mut self.bytes, end);
        make_room(&mut self.ends, slots);
        self.bytes.extend_from_slice(packet);
        // A turn is cut into parts long before this could be too little.
        self.ends.push(u32::try_from(end).unwrap_or(u32::MAX));
    }

    fn slots(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        let begin = |slot: usize| slot.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        (0..self.ends.len()).map(move |slot| self.bytes.get(begin(slot)..self.ends[slot] as usize).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_channels_stay_equally_long() {
        let mut audio = TurnAudio::new(Codec::Ulaw);
        audio.push(&[1; 160], &[]);
        audio.push(&[], &[2; 160]);
        assert_eq!((audio.caller().len(), audio.duration()), (320, Duration::from_millis(40)));
        assert_eq!(audio.caller()[160..], [0xff; 160]);
        assert_eq!(audio.agent()[..160], [0xff; 160]);
    }

    #[test]
    fn debug_output_holds_no_sound() {
        for codec in [Codec::Ulaw, Codec::Opus] {
            let mut audio = TurnAudio::new(codec);
            audio.push(&[77; 160], &[78; 160]);
            assert_eq!(format!("{audio:?}"), "TurnAudio(20ms)");
        }
    }

    #[test]
    fn a_turn_without_slots_is_empty() {
        assert!(TurnAudio::new(Codec::Opus).is_empty());
        let mut audio = TurnAudio::new(Codec::Opus);
        audio.push(&[], &[]);
        assert!(!audio.is_empty());
    }

    proptest! {
        #[test]
        fn every_packet_stays_in_its_slot(slots in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..300), proptest::collection::vec(any::<u8>(), 0..300)), 0..700)) {
            let mut audio = TurnAudio::new(Codec::Opus);
            slots.iter().for_each(|(caller, agent)| audio.push(caller, agent));
            prop_assert_eq!(audio.duration(), FRAME * slots.len() as u32);
            prop_assert!(audio.caller_slots().eq(slots.iter().map(|(caller, _)| &caller[..])));
            prop_assert!(audio.agent_slots().eq(slots.iter().map(|(_, agent)| &agent[..])));
        }
    }
}
