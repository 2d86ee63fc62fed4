//! Sound as it is on the wire of a phone system that does not speak μ-law, to and from the μ-law of a session.
//!
//! Whatever the wire carries is translated at this edge; inside, every leg of a telephone has one codec. A rate above the telephone's is
//! brought down by a filter that delays by 10 ms, and what is said to the caller by as much.

use bytes::{Bytes, BytesMut};
use zeroize::Zeroizing;

use crate::audio::g711;
use crate::audio::resample::{ResampleError, Resampler};

/// The session's rate, in Hz.
const RATE: u32 = 8000;
/// Frames in a second.
const FRAMES: u32 = 50;

/// How a wire carries sound, in one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WireCodec {
    /// G.711 μ-law at 8000 Hz: the session's own.
    Ulaw,
    /// G.711 A-law at 8000 Hz.
    Alaw,
    /// Signed 16-bit samples, little endian, at this many Hz.
    Slin(u32),
}

impl WireCodec {
    /// The codec that Asterisk calls so; `None` for one that is not carried.
    pub fn of_asterisk(name: &str) -> Option<WireCodec> {
        Some(match name {
            "ulaw" => WireCodec::Ulaw,
            "alaw" => WireCodec::Alaw,
            "slin" => WireCodec::Slin(8000),
            "slin12" => WireCodec::Slin(12_000),
            "slin16" => WireCodec::Slin(16_000),
            "slin24" => WireCodec::Slin(24_000),
            "slin32" => WireCodec::Slin(32_000),
            "slin44" => WireCodec::Slin(44_100),
            "slin48" => WireCodec::Slin(48_000),
            "slin96" => WireCodec::Slin(96_000),
            "slin192" => WireCodec::Slin(192_000),
            _ => return None,
        })
    }

    /// How many bytes 20 ms are.
    pub fn frame_bytes(self) -> usize {
        match self {
            WireCodec::Ulaw | WireCodec::Alaw => (RATE / FRAMES) as usize,
            WireCodec::Slin(rate) => (rate / FRAMES) as usize * 2,
        }
    }
}

/// Carries the sound of one leg between its wire and its session, both ways, each a stream of its own.
///
/// As much comes out as went in, as soon as 20 ms of it are there; pieces may have any length. What it keeps of the sound is overwritten
/// when it is dropped.
pub struct WireSound {
    codec: WireCodec,
    /// Both directions of a wire that carries linear samples.
    linear: Option<Box<Linear>>,
}

struct Linear {
    from_wire: Resampler,
    to_wire: Resampler,
    /// The first half of a sample whose second has not come yet.
    half: Zeroizing<Vec<u8>>,
    /// At most 20 ms before and after the resampler.
    samples: Zeroizing<Vec<i16>>,
    resampled: Zeroizing<Vec<i16>>,
    /// Samples of 20 ms on the wire.
    frame: usize,
}

impl WireSound {
    /// For a wire of this codec.
    ///
    /// # Errors
    /// [`ResampleError::Rates`] for a rate of zero.
    pub fn new(codec: WireCodec) -> Result<WireSound, ResampleError> {
        let linear = match codec {
            WireCodec::Ulaw | WireCodec::Alaw => None,
            WireCodec::Slin(rate) => {
                let frame = (rate / FRAMES).max(1) as usize;
                let longest = frame.max((RATE / FRAMES) as usize);
                Some(Box::new(Linear {
                    from_wire: Resampler::live(rate, RATE)?,
                    to_wire: Resampler::live(RATE, rate)?,
                    half: Zeroizing::new(Vec::with_capacity(1)),
                    samples: Zeroizing::new(Vec::with_capacity(longest)),
                    // With what waited, two chunks can be ready at once.
                    resampled: Zeroizing::new(Vec::with_capacity(longest * 2)),
                    frame,
                }))
            }
        };
        Ok(WireSound { codec, linear })
    }

    /// The wire's codec.
    pub fn codec(&self) -> WireCodec {
        self.codec
    }

    /// From the wire: μ-law for the session. μ-law passes without a copy. Empty while there are no whole 20 ms of a rate that has to be
    /// changed.
    pub fn inward(&mut self, wire: &Bytes) -> Bytes {
        match (self.codec, &mut self.linear) {
            (WireCodec::Alaw, _) => g711::alaw_to_ulaw(wire).into(),
            (_, Some(linear)) => linear.inward(wire),
            (_, None) => wire.clone(),
        }
    }

    /// To the wire, from the session's μ-law.
    pub fn outward(&mut self, ulaw: &Bytes) -> Bytes {
        match (self.codec, &mut self.linear) {
            (WireCodec::Alaw, _) => g711::ulaw_to_alaw(ulaw).into(),
            (_, Some(linear)) => linear.outward(ulaw),
            (_, None) => ulaw.clone(),
        }
    }
}

impl Linear {
    fn inward(&mut self, wire: &[u8]) -> Bytes {
        let mut rest = wire;
        let mut out = BytesMut::with_capacity(wire.len() / 2 * RATE as usize / (self.frame * FRAMES as usize) + self.frame);
        self.samples.clear();
        if let Some(&low) = self.half.first()
            && let Some((&high, after)) = rest.split_first()
        {
            self.half.clear();
            self.samples.push(i16::from_le_bytes([low, high]));
            rest = after;
        }
        let (pairs, odd) = rest.as_chunks::<2>();
        self.half.extend_from_slice(odd);
        let mut pairs = pairs.iter();
        loop {
            let room = self.frame - self.samples.len();
            self.samples.extend(pairs.by_ref().take(room).map(|&pair| i16::from_le_bytes(pair)));
            if self.samples.is_empty() {
                return out.freeze();
            }
            resample(&mut self.from_wire, &self.samples, &mut self.resampled);
            out.extend(g711::encode_each(&self.resampled));
            self.samples.clear();
        }
    }

    fn outward(&mut self, ulaw: &[u8]) -> Bytes {
        let mut out = BytesMut::with_capacity(ulaw.len() * self.frame * 2 / (RATE / FRAMES) as usize + self.frame * 2);
        for ulaw in ulaw.chunks((RATE / FRAMES) as usize) {
            self.samples.clear();
            g711::decode_into(ulaw, &mut self.samples);
            resample(&mut self.to_wire, &self.samples, &mut self.resampled);
            out.extend(self.resampled.iter().flat_map(|sample| sample.to_le_bytes()));
        }
        out.freeze()
    }
}

/// A resampler that fails has been built wrongly; the call goes on without those 20 ms, and it is counted.
fn resample(resampler: &mut Resampler, samples: &[i16], resampled: &mut Vec<i16>) {
    resampled.clear();
    if resampler.push(samples, resampled).is_err() {
        metrics::counter!("candor_wire_sound_failures_total").increment(1);
        resampler.reset();
        resampled.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLIN: [u32; 9] = [8000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000];

    fn codecs() -> impl Iterator<Item = WireCodec> {
        [WireCodec::Ulaw, WireCodec::Alaw].into_iter().chain(SLIN.map(WireCodec::Slin))
    }

    fn rate(codec: WireCodec) -> u32 {
        match codec {
            WireCodec::Slin(rate) => rate,
            WireCodec::Ulaw | WireCodec::Alaw => RATE,
        }
    }

    fn tone(hertz: f64, rate: u32, seconds: f64) -> Vec<i16> {
        let step = hertz * std::f64::consts::TAU / f64::from(rate);
        (0..(f64::from(rate) * seconds) as usize).map(|n| (8000.0 * (step * n as f64).sin()) as i16).collect()
    }

    fn on_the_wire(codec: WireCodec, samples: &[i16]) -> Bytes {
        match codec {
            WireCodec::Ulaw => g711::encode(samples).into(),
            WireCodec::Alaw => g711::ulaw_to_alaw(&g711::encode(samples)).into(),
            WireCodec::Slin(_) => samples.iter().flat_map(|sample| sample.to_le_bytes()).collect(),
        }
    }

    fn from_the_wire(codec: WireCodec, wire: &[u8]) -> Vec<i16> {
        match codec {
            WireCodec::Ulaw => g711::decode(wire),
            WireCodec::Alaw => g711::decode(&g711::alaw_to_ulaw(wire)),
            WireCodec::Slin(_) => wire.as_chunks::<2>().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect(),
        }
    }

    fn in_pieces(wire: &Bytes, sizes: &[usize], mut carry: impl FnMut(&Bytes) -> Bytes) -> Vec<u8> {
        let (mut rest, mut out) = (wire.clone(), Vec::new());
        for size in sizes.iter().cycle() {
            let piece = rest.split_to((*size).min(rest.len()));
            out.extend_from_slice(&carry(&piece));
            if rest.is_empty() {
                break;
            }
        }
        out
    }

    /// How far the tone stands above everything else, in decibels: what a sine and a cosine of its frequency do not explain is noise.
    fn clearness(samples: &[i16], hertz: f64, rate: u32) -> f64 {
        let step = hertz * std::f64::consts::TAU / f64::from(rate);
        let (mut with_sine, mut with_cosine) = (0.0, 0.0);
        for (n, &sample) in samples.iter().enumerate() {
            let (sine, cosine) = (step * n as f64).sin_cos();
            with_sine += f64::from(sample) * sine;
            with_cosine += f64::from(sample) * cosine;
        }
        let half = samples.len() as f64 / 2.0;
        let (a, b) = (with_sine / half, with_cosine / half);
        let noise: f64 = samples.iter().enumerate().fold(0.0, |noise, (n, &sample)| {
            let (sine, cosine) = (step * n as f64).sin_cos();
            noise + (f64::from(sample) - a * sine - b * cosine).powi(2)
        });
        10.0 * ((a * a + b * b) * half / noise.max(f64::MIN_POSITIVE)).log10()
    }

    #[test]
    fn a_tone_stays_a_tone_through_both_directions_in_pieces_of_any_size() {
        // 37.9 dB is the best that μ-law gives a sine.
        for codec in codecs() {
            let hertz = 1000.0;
            let wire = on_the_wire(codec, &tone(hertz, rate(codec), 2.0));
            for sizes in [&[codec.frame_bytes()][..], &[1, 7, 138, 641, 3, 2000], &[65_000]] {
                let mut sound = WireSound::new(codec).unwrap();
                let heard = g711::decode(&in_pieces(&wire, sizes, |piece| sound.inward(piece)));
                let clear = clearness(&heard[800..15_200], hertz, RATE);
                assert!(clear > 32.0, "{codec:?} in {sizes:?}: {clear} dB");
                let loudest = heard[800..15_200].iter().max().unwrap();
                assert!((7700..8300).contains(loudest), "{codec:?}: {loudest}");
            }
            let ulaw = Bytes::from(g711::encode(&tone(hertz, RATE, 2.0)));
            for sizes in [&[160][..], &[1, 7, 138, 320], &[16_000]] {
                let mut sound = WireSound::new(codec).unwrap();
                let said = from_the_wire(codec, &in_pieces(&ulaw, sizes, |piece| sound.outward(piece)));
                let (from, to) = (rate(codec) as usize / 10, rate(codec) as usize * 19 / 10);
                let clear = clearness(&said[from..to], hertz, rate(codec));
                assert!(clear > 32.0, "{codec:?} in {sizes:?}: {clear} dB");
            }
        }
    }

    #[test]
    fn the_size_of_the_pieces_changes_no_sample() {
        for codec in codecs() {
            let wire = on_the_wire(codec, &tone(440.0, rate(codec), 0.5));
            let mut whole = WireSound::new(codec).unwrap();
            let expected = whole.inward(&wire);
            assert_eq!(expected.len(), 4000, "{codec:?}");
            let mut sound = WireSound::new(codec).unwrap();
            let pieces = in_pieces(&wire, &[1, 1, 3, 640, 77], |piece| sound.inward(piece));
            assert_eq!(pieces, expected, "{codec:?}");
        }
    }

    #[test]
    fn twenty_milliseconds_in_are_twenty_out() {
        for codec in codecs() {
            let mut sound = WireSound::new(codec).unwrap();
            for _ in 0..10 {
                let wire = Bytes::from(vec![0; codec.frame_bytes()]);
                assert_eq!(sound.inward(&wire).len(), 160, "{codec:?}");
                let ulaw = Bytes::from_static(&[0xff; 160]);
                assert_eq!(sound.outward(&ulaw).len(), codec.frame_bytes(), "{codec:?}");
            }
        }
        assert_eq!(WireCodec::Slin(44_100).frame_bytes(), 882 * 2);
    }

    #[test]
    fn many_odd_pieces_lose_nothing() {
        let codec = WireCodec::Slin(44_100);
        let mut sound = WireSound::new(codec).unwrap();
        let (mut sent, mut come) = (0usize, 0usize);
        for round in 0..2000usize {
            let piece = Bytes::from(vec![0; round * 131 % 3527]);
            sent += piece.len();
            come += sound.inward(&piece).len();
            let due = sent / 2 * 80 / 441;
            assert!((due.saturating_sub(160)..=due).contains(&come), "{sent} bytes in, {come} out");
        }
        assert!(sent > 44_100 * 2 * 30);
    }

    #[test]
    fn silence_stays_silence() {
        for codec in codecs() {
            let mut sound = WireSound::new(codec).unwrap();
            let silence = on_the_wire(codec, &vec![0; rate(codec) as usize]);
            let heard = g711::decode(&sound.inward(&silence));
            assert!(heard.iter().all(|sample| sample.abs() <= 8), "{codec:?}");
            let said = from_the_wire(codec, &sound.outward(&Bytes::from_static(&[0xff; 8000])));
            assert!(said.iter().all(|sample| sample.abs() <= 8), "{codec:?}");
        }
    }

    #[test]
    fn the_sessions_own_codec_is_passed_without_a_copy() {
        let mut sound = WireSound::new(WireCodec::Ulaw).unwrap();
        let frame = Bytes::from(vec![1, 2, 3]);
        assert_eq!(sound.inward(&frame).as_ptr(), frame.as_ptr());
        assert_eq!(sound.outward(&frame).as_ptr(), frame.as_ptr());
    }

    #[test]
    fn what_is_above_the_telephone_band_does_not_fold_back() {
        for rate in [12_000, 16_000, 44_100, 192_000] {
            let mut sound = WireSound::new(WireCodec::Slin(rate)).unwrap();
            let heard = g711::decode(&sound.inward(&on_the_wire(WireCodec::Slin(rate), &tone(5500.0, rate, 1.0))));
            let loudest = heard[800..7200].iter().map(|sample| sample.unsigned_abs()).max().unwrap();
            assert!(loudest < 20, "from {rate} Hz an alias of {loudest}");
        }
    }

    #[test]
    fn names_of_asterisk_are_known_and_others_are_not() {
        assert_eq!(WireCodec::of_asterisk("slin44"), Some(WireCodec::Slin(44_100)));
        assert_eq!(WireCodec::of_asterisk("ulaw"), Some(WireCodec::Ulaw));
        assert!(["", "opus", "slin8", "SLIN", "slin1000"].into_iter().all(|name| WireCodec::of_asterisk(name).is_none()));
        assert!(WireSound::new(WireCodec::Slin(0)).is_err());
    }
}
