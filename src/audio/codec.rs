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
    /// Opus, 48 000 Hz, one channel, packets of 20 ms (RFC 6716; RFC 7587 over RTP).
    Opus,
}

impl Codec {
    /// Samples a second, in Hz.
    pub fn sample_rate(self) -> u32 {
        match self {
            Codec::Ulaw => 8000,
            Codec::Opus => 48_000,
        }
    }

    /// Whether a frame is a packet of any length; if not, every 20 ms have the same number of bytes.
    pub fn has_packets(self) -> bool {
        matches!(self, Codec::Opus)
    }

    /// The byte that stands for silence, in a codec of samples.
    pub fn silence(self) -> u8 {
        match self {
            Codec::Ulaw => 0xff,
            Codec::Opus => 0,
        }
    }

    /// How long `bytes` last in a codec of samples; nothing in one of packets, whose bytes say nothing about time.
    pub fn duration(self, bytes: usize) -> Duration {
        match self {
            Codec::Ulaw => Duration::from_micros(bytes as u64 * 125),
            Codec::Opus => Duration::ZERO,
        }
    }

    /// How many bytes last `duration` in a codec of samples, rounded down to whole samples; none in one of packets.
    pub fn bytes_in(self, duration: Duration) -> usize {
        match self {
            Codec::Ulaw => (duration.as_micros() / 125) as usize,
            Codec::Opus => 0,
        }
    }
}
