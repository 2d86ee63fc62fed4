//! Where the agent's sound comes from: [`espeak`], a subprocess, or [`recorded`], a file that wins over it; [`music`] for those who wait.
//! All give a [`Sound`];
//! [`Sound::encode`] makes of it what a leg carries.

pub mod espeak;
pub mod music;
pub mod recorded;

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::audio::opus::{self, Content, OpusError};
use crate::audio::resample::{ResampleError, resample};
use crate::audio::{Codec, Encoded, g711};

/// Linear sound, one channel. Wiped when it is dropped: it may say something about the caller.
pub struct Sound {
    /// Samples a second, in Hz.
    pub rate: u32,
    /// The samples.
    pub samples: Zeroizing<Vec<i16>>,
}

/// What is left of the silence before and after speech, in milliseconds. Before it hardly any: every caller waits for it after every answer.
const LEAD_MS: usize = 20;
const TRAIL_MS: usize = 100;

/// The level of speech that synthesis is brought to, as root mean square of its active parts: -20 dB of full scale. Telephone
/// networks are planned for speech a little below (ITU-T G.100 and P.56), prompts are usually a little above.
const SPEECH_LEVEL: f64 = 0.1;

/// How loud the loudest sample may become: -1 dB of full scale.
const PEAK: f64 = 0.89;

/// The measures above, as part of a cache key: sound made with others is other sound.
pub(super) const SHAPE: &str = "edges 20 and 100 ms, level -20 dB, peak -1 dB";

/// Why sound could not be encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The rate of the sound is not a rate.
    #[error(transparent)]
    Resample(#[from] ResampleError),
    /// The encoder refused.
    #[error(transparent)]
    Opus(#[from] OpusError),
}

impl Sound {
    /// The sound as a leg with this codec carries it. Wiped when the last copy goes.
    ///
    /// # Errors
    /// [`EncodeError`].
    pub fn encode(&self, codec: Codec, content: Content) -> Result<Encoded, EncodeError> {
        Ok(encoded(&self.at(codec.sample_rate())?, codec, content)?)
    }

    /// The same with the silence before it cut to 20 ms and that after it to 100, and the speech brought to the level of telephone prompts, for
    /// synthesis, whose edges and level nobody chose.
    ///
    /// # Errors
    /// [`EncodeError`].
    pub fn encode_level(&self, codec: Codec) -> Result<Encoded, EncodeError> {
        let mut samples = self.at(codec.sample_rate())?;
        let whole = level(&mut samples, codec.sample_rate() as usize);
        Ok(encoded(whole, codec, Content::Voice)?)
    }

    /// Whether there is nothing to hear in it.
    pub fn is_silent(&self) -> bool {
        self.samples.iter().all(|&sample| sample == 0)
    }

    fn at(&self, rate: u32) -> Result<Zeroizing<Vec<i16>>, ResampleError> {
        Ok(Zeroizing::new(resample(&self.samples, self.rate, rate)?))
    }
}

fn encoded(samples: &[i16], codec: Codec, content: Content) -> Result<Encoded, OpusError> {
    match codec {
        Codec::Ulaw => {
            let ulaw = Zeroizing::new(g711::encode(samples));
            Ok(Encoded::of_samples(codec, Bytes::from_owner(ulaw)))
        }
        Codec::Opus => opus::encode(samples, content),
    }
}

/// Brings speech to its level and gives the part between its edges; silence is left as it is.
fn level(samples: &mut [i16], rate: usize) -> &[i16] {
    let active = active_windows(samples, rate / 100);
    let (Some(&(first, _)), Some(&(last, _))) = (active.first(), active.last()) else { return samples };
    let from = first.saturating_sub(rate * LEAD_MS / 1000);
    let to = (last + rate / 100 + rate * TRAIL_MS / 1000).min(samples.len());
    let power = active.iter().map(|&(_, power)| power).sum::<f64>() / active.len() as f64;
    let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(1);
    let full = f64::from(i16::MAX);
    let gain = (SPEECH_LEVEL * full / power.sqrt()).min(PEAK * full / f64::from(peak.max(1)));
    for sample in &mut samples[from..to] {
        *sample = (f64::from(*sample) * gain).round() as i16;
    }
    &samples[from..to]
}

/// The windows that are no silence, compared with the loudest one: where they begin, and their mean power.
fn active_windows(samples: &[i16], window: usize) -> Vec<(usize, f64)> {
    let power = |part: &[i16]| part.iter().map(|&s| f64::from(s) * f64::from(s)).sum::<f64>() / part.len() as f64;
    let windows: Vec<_> = samples.chunks(window).enumerate().map(|(n, part)| (n * window, power(part))).collect();
    let loudest = windows.iter().map(|&(_, power)| power).fold(0.0, f64::max);
    // 40 dB below the loudest window nothing is speech any more.
    windows.into_iter().filter(|&(_, power)| power > 0.0 && power >= loudest * 1e-4).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(silence: usize, amplitude: f64, tone: usize) -> Sound {
        let mut samples = vec![0i16; silence];
        samples.extend((0..tone).map(|n| (amplitude * (n as f64 * 0.3).sin()) as i16));
        samples.extend(vec![0i16; silence]);
        Sound { rate: 8000, samples: Zeroizing::new(samples) }
    }

    fn decoded(sound: &Encoded) -> Vec<i16> {
        if sound.codec() == Codec::Ulaw {
            return g711::decode(sound.bytes());
        }
        let (mut decoder, mut samples) = (opus::Decoder::new(8000).unwrap(), Vec::new());
        sound.iter().for_each(|packet| decoder.decode(&packet, &mut samples).unwrap());
        samples
    }

    #[test]
    fn hardly_any_silence_is_left_before_and_a_tenth_of_a_second_after() {
        for codec in [Codec::Ulaw, Codec::Opus] {
            let level = sound(8000, 3000.0, 8000).encode_level(codec).unwrap();
            assert!((1120..1160).contains(&level.duration().as_millis()), "{codec:?}: {:?}", level.duration());
        }
    }

    #[test]
    fn quiet_and_loud_come_out_equally_loud_and_unclipped() {
        for amplitude in [300.0, 3000.0, 32000.0] {
            for codec in [Codec::Ulaw, Codec::Opus] {
                let samples = decoded(&sound(800, amplitude, 8000).encode_level(codec).unwrap());
                let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
                let power = middle.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / middle.len() as f64;
                assert!((2900.0..3600.0).contains(&power.sqrt()), "{codec:?}: {amplitude} became {}", power.sqrt());
            }
        }
    }

    #[test]
    fn a_single_peak_holds_the_level_down() {
        let mut sound = sound(0, 300.0, 8000);
        sound.samples[4000] = 30000;
        let samples = decoded(&sound.encode_level(Codec::Ulaw).unwrap());
        assert!(samples.iter().all(|s| s.unsigned_abs() <= 30000));
    }

    #[test]
    fn silence_stays_silence() {
        let silent = sound(4000, 0.0, 0);
        assert!(silent.is_silent());
        for codec in [Codec::Ulaw, Codec::Opus] {
            // Opus leaves noise far below anything that can be heard.
            let samples = decoded(&silent.encode_level(codec).unwrap());
            assert!(samples.iter().all(|&sample| sample.abs() < 4), "{codec:?}");
        }
    }
}
