//! Sound as Whisper sees it: the logarithm of 80 bands of the mel scale, a column for every 10 ms (A. Radford et al., "Robust Speech Recognition via
//! Large-Scale Weak Supervision", 2022, section 2.2; the bands are those of Slaney's auditory toolbox).

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use zeroize::Zeroizing;

use crate::speech::stt::RECOGNITION_RATE;

/// Bands.
pub const BANDS: usize = 80;
/// Samples from one column to the next: 10 ms.
pub const HOP: usize = 160;
/// Samples that a column looks at: 25 ms.
const WINDOW: usize = 400;
/// Frequencies of that window, from 0 to 8 kHz.
const BINS: usize = WINDOW / 2 + 1;

/// A band: where it begins among the frequencies, and what each weighs.
struct Band {
    from: usize,
    weights: Vec<f32>,
}

/// Makes columns of sound.
pub struct Mel {
    transform: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    bands: Vec<Band>,
}

impl Mel {
    /// Everything that is the same for all sound.
    pub fn new() -> Mel {
        let turn = std::f32::consts::TAU;
        Mel {
            transform: RealFftPlanner::new().plan_fft_forward(WINDOW),
            window: (0..WINDOW).map(|n| 0.5 - 0.5 * (turn * n as f32 / WINDOW as f32).cos()).collect(),
            bands: bands(),
        }
    }

    /// So many columns of sound at [`RECOGNITION_RATE`], band by band; silence follows where the sound is shorter, and what is longer is left out.
    pub fn of(&self, samples: &[i16], columns: usize) -> Zeroizing<Vec<f32>> {
        let length = (columns * HOP) as isize;
        // Beyond its ends sound is mirrored.
        let sample = |at: isize| {
            let inside = if at < 0 {
                -at
            } else if at >= length {
                2 * (length - 1) - at
            } else {
                at
            };
            samples.get(inside as usize).map_or(0.0, |sample| f32::from(*sample) / 32_768.0)
        };
        let mut seen = Zeroizing::new(vec![0.0; BANDS * columns]);
        let mut piece = Zeroizing::new(vec![0.0; WINDOW]);
        let mut spectrum = vec![Complex::default(); BINS];
        let mut scratch = self.transform.make_scratch_vec();
        for column in 0..columns {
            let begin = (column * HOP) as isize - WINDOW as isize / 2;
            for (n, (value, weight)) in piece.iter_mut().zip(&self.window).enumerate() {
                *value = sample(begin + n as isize) * weight;
            }
            // Every length is the plan's own.
            let _ = self.transform.process_with_scratch(&mut piece, &mut spectrum, &mut scratch);
            for (number, band) in self.bands.iter().enumerate() {
                let energy: f32 =
                    spectrum[band.from..].iter().zip(&band.weights).map(|(bin, weight)| bin.norm_sqr() * weight).sum();
                seen[number * columns + column] = energy.max(1e-10).log10();
            }
        }
        spectrum.fill(Complex::default());
        scratch.fill(Complex::default());
        // What is 80 dB below the loudest is as good as nothing.
        let floor = seen.iter().copied().fold(f32::MIN, f32::max) - 8.0;
        for value in seen.iter_mut() {
            *value = (value.max(floor) + 4.0) / 4.0;
        }
        seen
    }
}

/// 80 triangles from 0 to 8 kHz, evenly spread over the mel scale, each of the same area.
fn bands() -> Vec<Band> {
    let hertz_of_bin = |bin: usize| bin as f64 * f64::from(RECOGNITION_RATE) / WINDOW as f64;
    let top = mel(f64::from(RECOGNITION_RATE) / 2.0);
    let edge = |number: usize| hertz(top * number as f64 / (BANDS + 1) as f64);
    let band = |number: usize| {
        let (low, middle, high) = (edge(number), edge(number + 1), edge(number + 2));
        let weight = |bin: usize| {
            let at = hertz_of_bin(bin);
            ((at - low) / (middle - low)).min((high - at) / (high - middle)).max(0.0) * 2.0 / (high - low)
        };
        let from = (0..BINS).find(|bin| weight(*bin) > 0.0).unwrap_or(0);
        let weights = (from..BINS).map(weight).take_while(|weight| *weight > 0.0).map(|weight| weight as f32).collect();
        Band { from, weights }
    };
    (0..BANDS).map(band).collect()
}

/// Slaney's scale: straight up to 1 kHz, logarithmic from there.
fn mel(hertz: f64) -> f64 {
    if hertz < 1_000.0 { hertz * 3.0 / 200.0 } else { 15.0 + (hertz / 1_000.0).ln() * 27.0 / 6.4f64.ln() }
}

fn hertz(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1_000.0 * ((mel - 15.0) * 6.4f64.ln() / 27.0).exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_the_same_everywhere() {
        let seen = Mel::new().of(&[0; 8_000], 100);
        assert_eq!(seen.len(), BANDS * 100);
        assert!(seen.iter().all(|value| (value + 1.5).abs() < 1e-6), "log10(1e-10) is -10, and (-10 + 4) / 4 is -1.5");
    }

    #[test]
    fn a_tone_is_loudest_in_its_own_band_and_only_as_long_as_it_lasts() {
        let tone: Vec<i16> =
            (0..16_000).map(|n| (8_000.0 * (f64::from(n) * std::f64::consts::TAU * 1_000.0 / 16_000.0).sin()) as i16).collect();
        let columns = 200;
        let seen = Mel::new().of(&tone, columns);
        let loudest = |column: usize| (0..BANDS).max_by(|a, b| seen[a * columns + column].total_cmp(&seen[b * columns + column]));
        // 1 kHz is 15 mel of 45.2: band 15 * 81 / 45.2 - 1.
        assert!((25..=26).contains(&loudest(50).unwrap()), "{:?}", loudest(50));
        let level = |column: usize| (0..BANDS).map(|band| seen[band * columns + column]).fold(f32::MIN, f32::max);
        assert!(level(50) - level(150) > 1.9, "{} and {}", level(50), level(150));
    }

    #[test]
    fn every_band_hears_something() {
        assert!(bands().iter().all(|band| !band.weights.is_empty()));
        let area = |band: &Band| band.weights.iter().sum::<f32>() * 40.0;
        // Wide bands have many frequencies to be measured by.
        assert!(bands()[60..].iter().all(|band| (area(band) - 1.0).abs() < 0.05));
    }
}
