//! What a caller says, encoded once, and whether what is heard is sound.

use bytes::Bytes;

use crate::Failure;

/// The clock of Opus over RTP (Hz).
pub const CLOCK: u32 = 48_000;
/// Samples in 20 ms of it.
pub const FRAME: usize = 960;
/// What counts as audible: a fiftieth of full scale.
const AUDIBLE: u16 = 655;

/// Two seconds of something like speech, in packets of 20 ms: a low voice with five harmonics, in syllables of a quarter of a second.
pub fn speech() -> Result<Vec<Bytes>, Failure> {
    let mut encoder = opus::Encoder::new(CLOCK, opus::Channels::Mono, opus::Application::Voip)?;
    encoder.set_bitrate(opus::Bitrate::Bits(32_000))?;
    encoder.set_inband_fec(true)?;
    let samples: Vec<i16> = (0..2 * CLOCK).map(|n| sample(f64::from(n) / f64::from(CLOCK))).collect();
    let mut packet = [0; 1500];
    let mut packets = Vec::new();
    for frame in samples.chunks_exact(FRAME) {
        let length = encoder.encode(frame, &mut packet)?;
        packets.push(Bytes::copy_from_slice(&packet[..length]));
    }
    Ok(packets)
}

fn sample(seconds: f64) -> i16 {
    let turn = std::f64::consts::TAU;
    let syllable = (turn * 4.0 * seconds).sin().max(0.0);
    let pitch = 120.0 + 20.0 * (turn * seconds).sin();
    let voice: f64 = (1..=5).map(|harmonic| (turn * pitch * f64::from(harmonic) * seconds).sin() / f64::from(harmonic)).sum();
    (8_000.0 * syllable * voice / 2.3) as i16
}

/// Listens for the first sound.
pub struct Ear {
    decoder: opus::Decoder,
}

impl Ear {
    pub fn new() -> Result<Ear, Failure> {
        Ok(Ear { decoder: opus::Decoder::new(CLOCK, opus::Channels::Mono)? })
    }

    /// Whether this packet can be heard.
    pub fn hears(&mut self, packet: &[u8]) -> bool {
        // The longest packet there is: 120 ms.
        let mut samples = [0i16; 6 * FRAME];
        let decoded = self.decoder.decode(packet, &mut samples, false).unwrap_or(0);
        samples[..decoded].iter().any(|sample| sample.unsigned_abs() > AUDIBLE)
    }
}
