use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The length of one frame on every leg: 20 ms.
pub const FRAME: Duration = Duration::from_millis(20);

/// How the sound of a leg is encoded, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Codec {
    /// G.711 μ-law, 8000 Hz, one byte a sample (ITU-T G.711; `PCMU` in RFC 3551).
    Ulaw,
}

impl Codec {
    /// Samples a second, in Hz.
    pub fn sample_rate(self) -> u32 {
        match self {
            Codec::Ulaw => 8000,
        }
    }

    /// The bytes of one 20 ms frame.
    pub fn frame_bytes(self) -> usize {
        match self {
            Codec::Ulaw => 160,
        }
    }

    /// The byte that stands for silence.
    pub fn silence(self) -> u8 {
        match self {
            Codec::Ulaw => 0xff,
        }
    }

    /// How long `bytes` of this codec last.
    pub fn duration(self, bytes: usize) -> Duration {
        match self {
            Codec::Ulaw => Duration::from_micros(bytes as u64 * 125),
        }
    }

    /// How many bytes last `duration`, rounded down to whole samples.
    pub fn bytes_in(self, duration: Duration) -> usize {
        match self {
            Codec::Ulaw => (duration.as_micros() / 125) as usize,
        }
    }
}
