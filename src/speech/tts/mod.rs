//! Where the agent's voice comes from: [`espeak`], a subprocess, or [`recorded`], a file that wins over it. Both give a [`Sound`];
//! [`Sound::to_ulaw`] makes telephone sound of it.

pub mod espeak;
pub mod recorded;

use zeroize::Zeroizing;

use crate::audio::resample::{ResampleError, resample};
use crate::audio::{Codec, g711};

/// Linear sound, one channel. Wiped when it is dropped: it may say something about the caller.
pub struct Sound {
    /// Samples a second, in Hz.
    pub rate: u32,
    /// The samples.
    pub samples: Zeroizing<Vec<i16>>,
}

/// What is left of the silence before and after speech, in milliseconds.
const EDGE_MS: usize = 100;

/// The level of speech that synthesis is brought to, as root mean square of its active parts: -20 dB of full scale. Telephone
/// networks are planned for speech a little below (ITU-T G.100 and P.56), prompts are usually a little above.
const SPEECH_LEVEL: f64 = 0.1;

/// How loud the loudest sample may become: -1 dB of full scale.
const PEAK: f64 = 0.89;

/// The measures above, as part of a cache key: sound made with others is other sound.
pub(super) const SHAPE: &str = "edge 100 ms, level -20 dB, peak -1 dB";

impl Sound {
    /// The sound at 8000 Hz in G.711 μ-law.
    ///
    /// # Errors
    /// [`ResampleError`] when the rate of the sound is not a rate.
    pub fn to_ulaw(&self) -> Result<Zeroizing<Vec<u8>>, ResampleError> {
        let samples = Zeroizing::new(resample(&self.samples, self.rate, Codec::Ulaw.sample_rate())?);
        Ok(Zeroizing::new(g711::encode(&samples)))
    }

    /// The same with the silence at both edges cut to 100 ms and the speech brought to the level of telephone prompts, for
    /// synthesis, whose edges and level nobody chose.
    ///
    /// # Errors
    /// [`ResampleError`] when the rate of the sound is not a rate.
    pub fn to_level_ulaw(&self) -> Result<Zeroizing<Vec<u8>>, ResampleError> {
        let rate = Codec::Ulaw.sample_rate() as usize;
        let mut samples = Zeroizing::new(resample(&self.samples, self.rate, rate as u32)?);
        let active = active_windows(&samples, rate / 100);
        let (Some(&(first, _)), Some(&(last, _))) = (active.first(), active.last()) else {
            return Ok(Zeroizing::new(g711::encode(&samples)));
        };
        let edge = rate * EDGE_MS / 1000;
        let from = first.saturating_sub(edge);
        let to = (last + rate / 100 + edge).min(samples.len());
        let power = active.iter().map(|&(_, power)| power).sum::<f64>() / active.len() as f64;
        let peak = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(1);
        let full = f64::from(i16::MAX);
        let gain = (SPEECH_LEVEL * full / power.sqrt()).min(PEAK * full / f64::from(peak.max(1)));
        for sample in &mut samples[from..to] {
            *sample = (f64::from(*sample) * gain).round() as i16;
        }
        Ok(Zeroizing::new(g711::encode(&samples[from..to])))
    }
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

    #[test]
    fn the_edges_become_a_tenth_of_a_second() {
        let ulaw = sound(8000, 3000.0, 8000).to_level_ulaw().unwrap();
        assert!((9600..9840).contains(&ulaw.len()), "{}", ulaw.len());
    }

    #[test]
    fn quiet_and_loud_come_out_equally_loud_and_unclipped() {
        for amplitude in [300.0, 3000.0, 32000.0] {
            let samples = g711::decode(&sound(800, amplitude, 8000).to_level_ulaw().unwrap());
            let peak = samples.iter().map(|s| s.unsigned_abs()).max().unwrap();
            // A sine of this level peaks at the square root of two times it.
            assert!((4300..5000).contains(&peak), "{amplitude} became {peak}");
        }
    }

    #[test]
    fn a_single_peak_holds_the_level_down() {
        let mut sound = sound(0, 300.0, 8000);
        sound.samples[4000] = 30000;
        let samples = g711::decode(&sound.to_level_ulaw().unwrap());
        assert!(samples.iter().all(|s| s.unsigned_abs() <= 30000));
    }

    #[test]
    fn silence_stays_silence() {
        let ulaw = sound(4000, 0.0, 0).to_level_ulaw().unwrap();
        assert!(ulaw.iter().all(|&byte| byte == Codec::Ulaw.silence()));
    }
}
