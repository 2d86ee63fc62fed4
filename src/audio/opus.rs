//! Opus as calls carry it (RFC 6716): one channel, packets of 20 ms, through libopus.
//!
//! What an encoder or a decoder keeps of the sound is overwritten when it is dropped. Encoders run with constant settings, so that the
//! same samples give the same packets wherever the same libopus runs on the same kind of processor.

use ::opus::{Application, Bitrate, Channels, Signal, packet};
use bytes::Bytes;
use zeroize::Zeroizing;

use super::{Codec, Encoded, FRAME};

/// How far a fresh encoder's sound runs behind its input, in samples at 48 kHz: what a player leaves out at the beginning.
pub const PRE_SKIP: u16 = 312;

/// The longest frame there is, in bytes (RFC 6716 section 3.2.1).
const LONGEST: usize = 1275;

/// A packet of 20 ms that decodes to silence: the fullband frame of zero energy that libopus itself writes for zeros.
pub const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

/// libopus refused: memory, a rate that is none of its own, or a packet that is no packet.
#[derive(Debug, thiserror::Error)]
#[error("libopus: {0}")]
pub struct OpusError(#[from] ::opus::Error);

/// What is encoded, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Speech that is encoded once and heard often: 32 kb/s, with copies of each packet in the next for networks that lose some.
    Voice,
    /// Music that is encoded once and heard often: 48 kb/s.
    Music,
    /// A person who is speaking right now: 20 kb/s, half the computing.
    Live,
}

impl Content {
    /// Application, signal, bits a second, complexity.
    fn settings(self) -> (Application, Signal, i32, i32) {
        match self {
            Content::Voice => (Application::Voip, Signal::Voice, 32_000, 10),
            Content::Music => (Application::Audio, Signal::Music, 48_000, 10),
            Content::Live => (Application::Voip, Signal::Voice, 20_000, 5),
        }
    }

    /// Bits a second that the encoder aims at.
    pub fn bitrate(self) -> u32 {
        self.settings().2.unsigned_abs()
    }
}

/// The share of packets that encoders expect to be lost, in per cent. It makes them spend bits on in-band copies.
const EXPECTED_LOSS: i32 = 10;

/// All that makes an encoder's packets what they are, as part of a cache key.
pub fn shape(content: Content) -> String {
    let (application, signal, bitrate, complexity) = content.settings();
    let version = ::opus::version();
    format!("{version}, {application:?} {signal:?}, {bitrate} b/s, complexity {complexity}, FEC for {EXPECTED_LOSS} %, 48000 Hz")
}

/// Encodes one stream of 20 ms frames.
pub struct Encoder {
    engine: ::opus::Encoder,
}

impl Encoder {
    /// An encoder for samples at `rate` Hz: 8000, 12 000, 16 000, 24 000 or 48 000.
    ///
    /// # Errors
    /// [`OpusError`] for another rate.
    pub fn new(rate: u32, content: Content) -> Result<Encoder, OpusError> {
        let (application, signal, bitrate, complexity) = content.settings();
        let mut engine = ::opus::Encoder::new(rate, Channels::Mono, application)?;
        engine.set_signal(signal)?;
        engine.set_bitrate(Bitrate::Bits(bitrate))?;
        engine.set_complexity(complexity)?;
        engine.set_inband_fec(true)?;
        engine.set_packet_loss_perc(EXPECTED_LOSS)?;
        Ok(Encoder { engine })
    }

    /// Encodes 20 ms, puts the packet behind what `out` already holds and gives its length in bytes.
    ///
    /// # Errors
    /// [`OpusError`] when `samples` do not last 20 ms.
    pub fn frame(&mut self, samples: &[i16], out: &mut Vec<u8>) -> Result<usize, OpusError> {
        let mut packet = Zeroizing::new([0; LONGEST]);
        let length = self.engine.encode(samples, &mut packet[..])?;
        out.extend_from_slice(&packet[..length]);
        Ok(length)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // Overwrites what the engine keeps of the sound.
        let _ = self.engine.reset_state();
    }
}

/// Decodes one stream of packets, at any rate that libopus has.
pub struct Decoder {
    engine: ::opus::Decoder,
    rate: u32,
}

impl Decoder {
    /// A decoder that gives samples at `rate` Hz: 8000, 12 000, 16 000, 24 000 or 48 000.
    ///
    /// # Errors
    /// [`OpusError`] for another rate.
    pub fn new(rate: u32) -> Result<Decoder, OpusError> {
        Ok(Decoder { engine: ::opus::Decoder::new(rate, Channels::Mono)?, rate })
    }

    /// Samples in 20 ms.
    fn frame(&self) -> usize {
        (u64::from(self.rate) * FRAME.as_millis() as u64 / 1000) as usize
    }

    /// Decodes a packet behind what `samples` already holds: 20 ms, or as long as the packet is. Several channels are mixed to one.
    ///
    /// # Errors
    /// [`OpusError`] for bytes that are no packet; `samples` is as it was.
    pub fn decode(&mut self, packet: &[u8], samples: &mut Vec<i16>) -> Result<(), OpusError> {
        let length = packet::get_nb_samples(packet, self.rate)?;
        self.append(packet, length, false, samples)
    }

    /// Makes up for a lost packet from the copy that the `next` one holds of it, or conceals where it holds none: 20 ms.
    ///
    /// # Errors
    /// [`OpusError`] when `next` is no packet; `samples` is as it was.
    pub fn recover(&mut self, next: &[u8], samples: &mut Vec<i16>) -> Result<(), OpusError> {
        self.append(next, self.frame(), true, samples)
    }

    /// Makes up for a lost packet from the sound before it: 20 ms that fade as more are lost.
    ///
    /// # Errors
    /// [`OpusError`], which no state of a call can bring about; `samples` is as it was.
    pub fn conceal(&mut self, samples: &mut Vec<i16>) -> Result<(), OpusError> {
        self.append(&[], self.frame(), false, samples)
    }

    /// Forgets everything that went through, as at the beginning of a stream.
    pub fn reset(&mut self) {
        let _ = self.engine.reset_state();
    }

    fn append(&mut self, packet: &[u8], length: usize, copy: bool, samples: &mut Vec<i16>) -> Result<(), OpusError> {
        let begin = samples.len();
        samples.resize(begin + length, 0);
        match self.engine.decode(packet, &mut samples[begin..], copy) {
            Ok(given) => {
                samples.truncate(begin + given);
                Ok(())
            }
            Err(error) => {
                samples[begin..].fill(0);
                samples.truncate(begin);
                Err(error.into())
            }
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        self.reset();
    }
}

/// Encodes a whole sound at 48 kHz, with silence behind it until its last sample has left the encoder. The packets are wiped when the
/// last copy goes.
///
/// # Errors
/// [`OpusError`] when libopus has no memory.
pub fn encode(samples: &[i16], content: Content) -> Result<Encoded, OpusError> {
    let rate = Codec::Opus.sample_rate();
    let frame = rate as usize / 50;
    let mut encoder = Encoder::new(rate, content)?;
    let frames = (samples.len() + usize::from(PRE_SKIP)).div_ceil(frame);
    // Whole from the start: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(frames * LONGEST.min(3 * content.bitrate() as usize / 400)));
    let mut lengths = Zeroizing::new(Vec::with_capacity(frames));
    let mut padded = Zeroizing::new(vec![0; frame]);
    for at in 0..frames {
        let rest = samples.get(at * frame..).unwrap_or_default();
        let input = match rest.get(..frame) {
            Some(whole) => whole,
            None => {
                padded[..rest.len()].copy_from_slice(rest);
                padded[rest.len()..].fill(0);
                &padded
            }
        };
        lengths.push(encoder.frame(input, &mut bytes)?);
    }
    Ok(Encoded::of_packets(Codec::Opus, Bytes::from_owner(bytes), lengths.iter().copied()))
}

/// Whether bytes are what a call carries: a packet that holds together and lasts 20 ms. It may have two channels, whatever was agreed
/// (RFC 7587 section 7: every receiver takes both); a decoder of one mixes them.
pub fn is_frame(bytes: &[u8]) -> bool {
    let samples = Codec::Opus.sample_rate() as usize / 50;
    packet::get_nb_samples(bytes, Codec::Opus.sample_rate()).is_ok_and(|given| given == samples) && packet::parse(bytes).is_ok()
}

/// Whether a packet holds a coarse copy of the one before it (RFC 6716 section 4.2.4): only where the speech layer is used, whose header
/// begins with a flag for voice and one for the copy.
pub fn holds_copy(bytes: &[u8]) -> bool {
    let speech_layer = bytes.first().is_some_and(|toc| toc & 0x80 == 0);
    speech_layer
        && is_frame(bytes)
        && packet::parse(bytes)
            .is_ok_and(|parsed| parsed.frames.first().and_then(|frame| frame.first()).is_some_and(|b| b & 0x40 != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something like a voice: pulses at a pitch that wanders, through two resonances.
    pub(crate) fn voice(rate: u32, seconds: f64) -> Vec<i16> {
        let (mut phase, mut low, mut high) = (0.0, [0.0f64; 2], [0.0f64; 2]);
        let rate = f64::from(rate);
        let resonate = |state: &mut [f64; 2], input: f64, hz: f64| {
            let (radius, angle) = (1.0 - 80.0 / rate, std::f64::consts::TAU * hz / rate);
            let out = input + 2.0 * radius * angle.cos() * state[0] - radius * radius * state[1];
            *state = [out, state[0]];
            out
        };
        let samples = (0..(rate * seconds) as usize).map(|n| {
            let time = n as f64 / rate;
            phase += (120.0 + 20.0 * (time * 3.0).sin()) / rate;
            let pulse = if phase >= 1.0 { 8000.0 / rate } else { 0.0 };
            phase -= phase.floor();
            let out = resonate(&mut low, pulse, 600.0) + resonate(&mut high, pulse, 1400.0);
            (out * 1500.0).clamp(-20000.0, 20000.0) as i16
        });
        samples.collect()
    }

    fn level(samples: &[i16]) -> f64 {
        (samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len().max(1) as f64).sqrt()
    }

    #[test]
    fn the_encoder_runs_behind_by_what_players_leave_out() {
        for content in [Content::Voice, Content::Music, Content::Live] {
            let mut encoder = Encoder::new(48_000, content).unwrap();
            assert_eq!(encoder.engine.get_lookahead().unwrap(), i32::from(PRE_SKIP));
        }
    }

    #[test]
    fn the_same_sound_gives_the_same_packets_and_each_is_a_frame() {
        let sound = voice(48_000, 2.0);
        let first = encode(&sound, Content::Voice).unwrap();
        assert_eq!(first, encode(&sound, Content::Voice).unwrap());
        assert_eq!(first.frames(), 101);
        assert!(first.iter().all(|packet| is_frame(&packet)));
        let bits = first.bytes().len() as f64 * 8.0 / first.duration().as_secs_f64();
        assert!((16_000.0..40_000.0).contains(&bits), "{bits} b/s");
    }

    #[test]
    fn speech_carries_copies_and_a_lost_packet_comes_back_from_the_next() {
        let sound = voice(48_000, 2.0);
        let packets: Vec<_> = encode(&sound, Content::Voice).unwrap().iter().collect();
        let copies = packets.iter().filter(|packet| holds_copy(packet)).count();
        assert!(copies * 2 >= packets.len(), "{copies} copies in {} packets", packets.len());
        let (mut whole, mut recovered) = (Vec::new(), Vec::new());
        let mut decoder = Decoder::new(16_000).unwrap();
        packets.iter().for_each(|packet| decoder.decode(packet, &mut whole).unwrap());
        let mut decoder = Decoder::new(16_000).unwrap();
        for (at, packet) in packets.iter().enumerate() {
            match at % 10 {
                5 => decoder.recover(&packets[at + 1], &mut recovered).unwrap(),
                _ => decoder.decode(packet, &mut recovered).unwrap(),
            }
        }
        assert_eq!(whole.len(), recovered.len());
        let difference: Vec<i16> = whole.iter().zip(&recovered).map(|(a, b)| a.saturating_sub(*b)).collect();
        assert!(level(&difference) < level(&whole) / 2.0, "{} of {}", level(&difference), level(&whole));
    }

    #[test]
    fn concealment_lasts_20_ms_and_fades() {
        let mut decoder = Decoder::new(16_000).unwrap();
        let mut samples = Vec::new();
        encode(&voice(48_000, 0.5), Content::Voice).unwrap().iter().for_each(|p| decoder.decode(&p, &mut samples).unwrap());
        let before = samples.len();
        (0..20).for_each(|_| decoder.conceal(&mut samples).unwrap());
        assert_eq!(samples.len() - before, 20 * 320);
        assert!(level(&samples[samples.len() - 320..]) < 30.0);
    }

    #[test]
    fn what_is_no_packet_of_a_call_is_told_apart() {
        assert!(is_frame(&SILENCE));
        assert!(is_frame(&[0xfc, 0xff, 0xfe]), "two channels");
        // 60 ms; 10 ms; nothing; a frame count of none; two frames of equal length with an odd number of bytes.
        for other in [&[0x18, 1, 2][..], &[0xf0, 1, 2], &[], &[0xfb, 0], &[0xf1, 1, 2, 3, 4, 5]] {
            assert!(!is_frame(other), "{other:?}");
        }
        let mut decoder = Decoder::new(16_000).unwrap();
        let mut samples = vec![1, 2];
        for bytes in [&[][..], &[0xfb, 0], &[0xf1, 1, 2, 3]] {
            assert!(decoder.decode(bytes, &mut samples).is_err());
        }
        assert_eq!(samples, [1, 2]);
    }

    #[test]
    fn the_packet_of_silence_is_silent_at_every_rate() {
        for rate in [8000, 16_000, 48_000] {
            let (mut decoder, mut samples) = (Decoder::new(rate).unwrap(), Vec::new());
            (0..10).for_each(|_| decoder.decode(&SILENCE, &mut samples).unwrap());
            assert_eq!(samples, vec![0; rate as usize / 5]);
        }
    }
}
