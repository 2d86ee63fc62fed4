//! What a caller hears while they wait for a person: soft chords with a few bells over them, made by arithmetic alone, so that it is
//! nobody's. It begins and ends in silence and may be played again and again.

use std::f64::consts::{PI, TAU};

use zeroize::Zeroizing;

use super::Sound;

/// Names what this file makes. Another version is other music: change it with anything below.
pub const VERSION: &str = "candor hold music 1";

/// Nothing in it is higher than a few kHz.
const RATE: u32 = 24_000;
/// How loud it is, as root mean square: -24 dB of full scale, below speech.
const LEVEL: f64 = 0.063;
/// How long a chord lasts until the next, in seconds; it fades while the next begins.
const CHORD: f64 = 5.5;
const FADE: f64 = 2.5;

/// Four chords, each with the notes of its bells, as MIDI numbers.
const CHORDS: [([f64; 4], [f64; 3]); 4] = [
    ([48.0, 55.0, 64.0, 71.0], [76.0, 79.0, 83.0]),
    ([45.0, 52.0, 60.0, 67.0], [79.0, 76.0, 72.0]),
    ([41.0, 53.0, 60.0, 64.0], [72.0, 76.0, 81.0]),
    ([43.0, 50.0, 59.0, 64.0], [79.0, 74.0, 71.0]),
];

/// One round of it: about 25 seconds.
pub fn hold_music() -> Sound {
    let seconds = CHORD * CHORDS.len() as f64 + FADE + 0.5;
    let mut mix = vec![0.0; (seconds * f64::from(RATE)) as usize];
    for (number, (chord, bells)) in CHORDS.iter().enumerate() {
        let begin = number as f64 * CHORD;
        for note in chord {
            add(&mut mix, begin, CHORD + FADE, |time| swell(time) * pad(hertz(*note), time));
        }
        for (number, note) in bells.iter().enumerate() {
            let begin = begin + 1.0 + 1.5 * number as f64;
            add(&mut mix, begin, FADE, |time| 0.5 * struck(time) * (hertz(*note) * TAU * time).sin());
        }
    }
    let power = mix.iter().map(|sample| sample * sample).sum::<f64>() / mix.len() as f64;
    let gain = LEVEL * f64::from(i16::MAX) / power.sqrt();
    let samples = mix.iter().map(|sample| (sample * gain).round() as i16).collect();
    Sound { rate: RATE, samples: Zeroizing::new(samples) }
}

/// Adds a sound that begins at `begin` and lasts for `length`, both in seconds.
fn add(mix: &mut [f64], begin: f64, length: f64, sound: impl Fn(f64) -> f64) {
    let rate = f64::from(RATE);
    let from = ((begin * rate) as usize).min(mix.len());
    for (n, sample) in mix[from..].iter_mut().take((length * rate) as usize).enumerate() {
        *sample += sound(n as f64 / rate);
    }
}

/// The frequency of a note, tuned to 440 Hz.
fn hertz(note: f64) -> f64 {
    440.0 * 2f64.powf((note - 69.0) / 12.0)
}

/// Two slightly different tones with soft overtones, which beat slowly against each other.
fn pad(hz: f64, time: f64) -> f64 {
    let tone = |hz: f64| {
        let phase = TAU * hz * time;
        phase.sin() + 0.35 * (2.0 * phase).sin() + 0.12 * (3.0 * phase).sin()
    };
    tone(hz) + tone(hz + 0.35)
}

/// From nothing and back to nothing over a chord.
fn swell(time: f64) -> f64 {
    let ramp = |share: f64| (1.0 - (PI * share.clamp(0.0, 1.0)).cos()) / 2.0;
    ramp(time / 1.5) * ramp((CHORD + FADE - time) / FADE)
}

/// A soft stroke that dies away.
fn struck(time: f64) -> f64 {
    (time / 0.03).min(1.0) * (-2.0 * time).exp() * (1.0 - time / FADE).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(samples: &[i16]) -> f64 {
        (samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64).sqrt() / f64::from(i16::MAX)
    }

    #[test]
    fn it_is_quiet_and_unclipped_and_between_silences() {
        let Sound { rate, samples } = hold_music();
        let seconds = samples.len() as f64 / f64::from(rate);
        assert!((20.0..30.0).contains(&seconds), "{seconds} s");
        let decibels = 20.0 * level(&samples).log10();
        assert!((-24.5..-23.5).contains(&decibels), "{decibels} dB");
        assert!(samples.iter().all(|sample| sample.unsigned_abs() < 16_384));
        let tenth = rate as usize / 10;
        assert!(level(&samples[..tenth]) < 0.002 && level(&samples[samples.len() - 3 * tenth..]) < 0.001);
    }

    #[test]
    fn it_never_falls_silent_in_between_and_never_jumps() {
        let Sound { rate, samples } = hold_music();
        let second = rate as usize;
        let whole = &samples[second..samples.len() - 2 * second];
        assert!(whole.chunks_exact(second).all(|part| level(part) > 0.015));
        let steepest = samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max().unwrap();
        assert!(steepest < 4_000, "{steepest}");
    }

    #[test]
    fn it_is_always_the_same() {
        assert!(hold_music().samples == hold_music().samples);
    }
}
