use clap::ValueEnum;
use serde::Serialize;

use crate::audio::opus::Content;
use crate::audio::resample::resample;
use crate::audio::{Codec, Encoded};
use crate::speech::tts::Sound;

/// What lies between the caller's mouth and the agent's ear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// A browser: Opus, the whole band.
    Browser,
    /// A telephone: μ-law at 8 kHz.
    Telephone,
    /// A telephone, and noise 20 dB below the voice.
    Noise20,
    /// A telephone, and noise 10 dB below the voice.
    Noise10,
    /// A telephone, and noise 5 dB below the voice.
    Noise5,
    /// A telephone, and somebody else who talks all the time, 10 dB below the voice.
    Voice10,
}

impl Condition {
    /// In the order of tables.
    pub const ALL: [Condition; 6] =
        [Condition::Browser, Condition::Telephone, Condition::Noise20, Condition::Noise10, Condition::Noise5, Condition::Voice10];

    /// In tables.
    pub fn name(self) -> &'static str {
        match self {
            Condition::Browser => "browser (Opus)",
            Condition::Telephone => "telephone (μ-law)",
            Condition::Noise20 => "telephone, noise at 20 dB",
            Condition::Noise10 => "telephone, noise at 10 dB",
            Condition::Noise5 => "telephone, noise at 5 dB",
            Condition::Voice10 => "telephone, another voice at 10 dB",
        }
    }

    /// Decibels from the voice down to what is beside it.
    fn beside(self) -> Option<f32> {
        match self {
            Condition::Browser | Condition::Telephone => None,
            Condition::Noise20 => Some(20.0),
            Condition::Noise10 | Condition::Voice10 => Some(10.0),
            Condition::Noise5 => Some(5.0),
        }
    }

    /// Whether there is noise in it already.
    pub fn is_noisy(self) -> bool {
        matches!(self, Condition::Noise20 | Condition::Noise10 | Condition::Noise5)
    }

    pub fn codec(self) -> Codec {
        if self == Condition::Browser { Codec::Opus } else { Codec::Ulaw }
    }

    /// The sound as it arrives, with silence before it and after it, through which the noise or the other voice goes on.
    pub fn carry(self, sound: &Sound, beside: &Sound, before_ms: u32, after_ms: u32) -> Result<Encoded, String> {
        let count = |ms: u32| (u64::from(sound.rate) * u64::from(ms) / 1000) as usize;
        let mut samples = vec![0; count(before_ms)];
        samples.extend_from_slice(&sound.samples);
        samples.resize(samples.len() + count(after_ms), 0);
        if let Some(decibels) = self.beside() {
            mix(&mut samples, level(&sound.samples), sound.rate, beside, decibels)?;
        }
        Sound { samples: samples.into(), rate: sound.rate }.encode(self.codec(), Content::Live).map_err(|error| error.to_string())
    }
}

/// Adds a sound that is so many decibels quieter than a voice of `voice`, again and again from its beginning.
fn mix(samples: &mut [i16], voice: f32, rate: u32, beside: &Sound, decibels: f32) -> Result<(), String> {
    let beside = resample(&beside.samples, beside.rate, rate).map_err(|error| error.to_string())?;
    let own = level(&beside);
    if beside.is_empty() || own <= 0.0 {
        return Err("there is nothing to be mixed in: the manifest has no noise, or no sentence".to_owned());
    }
    let gain = voice / own / 10f32.powf(decibels / 20.0);
    for (sample, beside) in samples.iter_mut().zip(beside.iter().cycle()) {
        *sample = (f32::from(*sample) + f32::from(*beside) * gain) as i16;
    }
    Ok(())
}

/// How loud a voice is where it can be heard: the mean of the louder half of its twentieths of a second.
fn level(samples: &[i16]) -> f32 {
    let power = |piece: &[i16]| piece.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / piece.len() as f32;
    let mut powers: Vec<f32> = samples.chunks(400).map(power).collect();
    powers.sort_by(f32::total_cmp);
    let louder = &powers[powers.len() / 2..];
    if louder.is_empty() { 0.0 } else { (louder.iter().sum::<f32>() / louder.len() as f32).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_as_far_below_the_voice_as_it_is_said_to_be() {
        let voice: Vec<i16> = (0..16_000).map(|n| if n % 2 == 0 { 8_000 } else { -8_000 }).collect();
        let noise = Sound { samples: [100, -100].repeat(500).into(), rate: 16_000 };
        let mut samples = vec![0; 16_000];
        mix(&mut samples, level(&voice), 16_000, &noise, 20.0).unwrap();
        assert!((level(&samples) - 800.0).abs() < 20.0, "{}", level(&samples));
        assert!(mix(&mut samples, 1.0, 16_000, &Sound { samples: Vec::new().into(), rate: 16_000 }, 5.0).is_err());
    }
}
