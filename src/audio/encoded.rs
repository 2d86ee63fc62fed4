use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use zeroize::Zeroizing;

use super::{Codec, FRAME};

/// Encoded sound, cut into frames of 20 ms: what a leg sends, one frame after the other.
#[derive(Clone, PartialEq, Eq)]
pub struct Encoded {
    codec: Codec,
    bytes: Bytes,
    /// Where each frame ends in `bytes`. Wiped: the lengths of packets tell something of what is said in them.
    ends: Arc<Zeroizing<Vec<u32>>>,
}

impl Encoded {
    /// Cuts sound of a codec that has a fixed number of bytes a frame; the last frame may be shorter.
    pub fn of_samples(codec: Codec, bytes: Bytes) -> Encoded {
        let size = codec.bytes_in(FRAME).max(1);
        let ends = (0..bytes.len().div_ceil(size)).map(|frame| ((frame + 1) * size).min(bytes.len()) as u32);
        Encoded { codec, ends: Arc::new(Zeroizing::new(ends.collect())), bytes }
    }

    /// Packets of 20 ms each, lying one behind the other in `bytes`, each as long as `lengths` says.
    pub fn of_packets(
        codec: Codec,
        bytes: Bytes,
        lengths: impl IntoIterator<Item = usize, IntoIter: ExactSizeIterator>,
    ) -> Encoded {
        let mut end = 0;
        let ends = lengths.into_iter().map(|length| {
            end = (end + length).min(bytes.len());
            end as u32
        });
        Encoded { codec, ends: Arc::new(Zeroizing::new(ends.collect())), bytes }
    }

    /// How it is encoded.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// All of it.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many frames there are.
    pub fn frames(&self) -> usize {
        self.ends.len()
    }

    /// A frame, to be sent as it is; one of samples is filled up with silence.
    pub fn frame(&self, frame: usize) -> Option<Bytes> {
        let end = *self.ends.get(frame)? as usize;
        let begin = frame.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |before| *before as usize);
        let bytes = self.bytes.slice(begin..end);
        let missing = self.codec.bytes_in(FRAME).saturating_sub(bytes.len());
        if missing == 0 || self.codec.has_packets() {
            return Some(bytes);
        }
        let mut whole = BytesMut::from(&bytes[..]);
        whole.resize(bytes.len() + missing, self.codec.silence());
        Some(whole.freeze())
    }

    /// The frames, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = Bytes> + '_ {
        (0..self.frames()).filter_map(|frame| self.frame(frame))
    }

    /// How long it lasts.
    pub fn duration(&self) -> Duration {
        if self.codec.has_packets() { FRAME * self.frames() as u32 } else { self.codec.duration(self.bytes.len()) }
    }
}

/// Never shows sound.
impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoded({:?}, {:?})", self.codec, self.duration())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_cut_into_frames_and_the_last_is_filled_up() {
        let sound = Encoded::of_samples(Codec::Ulaw, Bytes::from(vec![7; 200]));
        assert_eq!((sound.frames(), sound.duration()), (2, Duration::from_millis(25)));
        assert_eq!(sound.frame(0).unwrap(), vec![7; 160]);
        assert_eq!(sound.frame(1).unwrap()[38..42], [7, 7, 0xff, 0xff]);
        assert_eq!(sound.frame(2), None);
    }

    #[test]
    fn packets_keep_their_lengths() {
        let sound = Encoded::of_packets(Codec::Opus, Bytes::from_static(b"abbccc"), [1, 2, 3]);
        assert_eq!(sound.iter().collect::<Vec<_>>(), ["a", "bb", "ccc"]);
        assert_eq!(sound.duration(), Duration::from_millis(60));
    }
}
