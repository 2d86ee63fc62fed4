use std::fmt;
use std::time::Duration;

use zeroize::{Zeroize, Zeroizing};

use crate::audio::Codec;

/// The sound of a turn as it was carried: two channels of equal length, kept in memory only and overwritten when dropped.
///
/// Buffers that must grow are moved by hand, so that no copy stays behind.
pub struct TurnAudio {
    codec: Codec,
    caller: Zeroizing<Vec<u8>>,
    agent: Zeroizing<Vec<u8>>,
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
        TurnAudio { codec, caller: Zeroizing::default(), agent: Zeroizing::default() }
    }

    /// Appends what both channels carried in the same time; the shorter one is filled with silence.
    pub fn push(&mut self, caller: &[u8], agent: &[u8]) {
        let length = self.len() + caller.len().max(agent.len());
        append(&mut self.caller, caller, length, self.codec.silence());
        append(&mut self.agent, agent, length, self.codec.silence());
    }

    /// Takes away what comes from byte `at` of each channel on; nothing where there is not that much.
    pub fn split_off(&mut self, at: usize) -> TurnAudio {
        let at = at.min(self.len());
        let mut rest = TurnAudio::new(self.codec);
        rest.push(&self.caller[at..], &self.agent[at..]);
        for channel in [&mut self.caller, &mut self.agent] {
            channel[at..].zeroize();
            channel.truncate(at);
        }
        rest
    }

    /// How the sound is encoded.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The bytes of one channel.
    pub fn len(&self) -> usize {
        self.caller.len()
    }

    /// Whether there is no sound.
    pub fn is_empty(&self) -> bool {
        self.caller.is_empty()
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        self.codec.duration(self.len())
    }

    /// What came from the caller.
    pub fn caller(&self) -> &[u8] {
        &self.caller
    }

    /// What went to the caller.
    pub fn agent(&self) -> &[u8] {
        &self.agent
    }
}

fn append(channel: &mut Zeroizing<Vec<u8>>, bytes: &[u8], length: usize, silence: u8) {
    if length > channel.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(length.next_power_of_two().max(16 * 1024)));
        larger.extend_from_slice(channel);
        // The smaller one is overwritten as it is dropped.
        *channel = larger;
    }
    channel.extend_from_slice(bytes);
    channel.resize(length, silence);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_channels_stay_equally_long() {
        let mut audio = TurnAudio::new(Codec::Ulaw);
        audio.push(&[1; 160], &[]);
        audio.push(&[], &[2; 160]);
        assert_eq!((audio.len(), audio.duration()), (320, Duration::from_millis(40)));
        assert_eq!(audio.caller()[160..], [0xff; 160]);
        assert_eq!(audio.agent()[..160], [0xff; 160]);
    }

    #[test]
    fn a_long_turn_is_cut_into_parts_without_loss() {
        let mut audio = TurnAudio::new(Codec::Ulaw);
        (0..200u8).for_each(|frame| audio.push(&[frame; 160], &[frame ^ 1; 160]));
        let rest = audio.split_off(160 * 50);
        assert_eq!((audio.len(), rest.len()), (160 * 50, 160 * 150));
        assert_eq!((audio.caller()[160 * 49], rest.caller()[0], rest.agent()[0]), (49, 50, 51));
        assert!(audio.split_off(usize::MAX).is_empty());
    }

    #[test]
    fn debug_output_holds_no_sound() {
        let mut audio = TurnAudio::new(Codec::Ulaw);
        audio.push(&[77; 160], &[78; 160]);
        assert_eq!(format!("{audio:?}"), "TurnAudio(20ms)");
    }
}
