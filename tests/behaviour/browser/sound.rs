//! What a browser's microphone plays, and how what arrives is judged.

use std::path::Path;

use candor::audio::g711;
use serde::Deserialize;

/// Samples a second of what is written.
const RATE: u32 = 8_000;
/// How long it is silent before and after a phrase, in samples.
const AROUND: usize = RATE as usize * 2 / 5;
/// A level (root mean square, 1 is full scale) from which on there is sound.
pub const AUDIBLE: f64 = 0.005;

/// A WAV that is played over and over.
pub struct Microphone {
    samples: Vec<i16>,
    phrases: Vec<&'static str>,
    traced: bool,
}

impl Microphone {
    /// Nothing.
    pub fn silent() -> Microphone {
        Microphone { samples: vec![0; RATE as usize], phrases: Vec::new(), traced: false }
    }

    /// One tone that swells twice a second, so that no noise suppression takes it for a hum.
    pub fn tone(hertz: f64) -> Microphone {
        let at = |sample: u32| f64::from(sample) / f64::from(RATE);
        let swell = |time: f64| 0.6 - 0.4 * (time * 2.0 * std::f64::consts::TAU).cos();
        let sound = |time: f64| swell(time) * (time * hertz * std::f64::consts::TAU).sin();
        let samples = (0..RATE * 10).map(|sample| (sound(at(sample)) * 12_000.0) as i16).collect();
        Microphone { samples, phrases: Vec::new(), traced: false }
    }

    /// Phrases, one in each slot, as μ-law at 8 kHz. The person says nothing until they are told to.
    pub fn phrases(phrases: &[(&'static str, Vec<u8>)]) -> Microphone {
        let longest = phrases.iter().map(|(_, ulaw)| ulaw.len()).max().unwrap_or_default();
        // Whole tenths of a second, so that no round is cut short.
        let slot = (longest + 2 * AROUND).next_multiple_of(RATE as usize / 10);
        let mut samples = Vec::new();
        for (_, ulaw) in phrases {
            let from = samples.len();
            samples.resize(from + AROUND, 0);
            samples.extend(g711::decode(ulaw));
            samples.resize(from + slot, 0);
        }
        Microphone { samples, phrases: phrases.iter().map(|(name, _)| *name).collect(), traced: false }
    }

    /// Has the page write down every packet that it sends.
    pub fn traced(mut self) -> Microphone {
        self.traced = true;
        self
    }

    pub fn is_traced(&self) -> bool {
        self.traced
    }

    /// How many slots there are; none where it is open all the time.
    pub fn slots(&self) -> usize {
        self.phrases.len()
    }

    /// How long each slot is, in milliseconds.
    pub fn slot_length(&self) -> usize {
        self.samples.len() * 1_000 / RATE as usize / self.slots()
    }

    /// In which slot a phrase is.
    pub fn slot_of(&self, phrase: &str) -> usize {
        self.phrases.iter().position(|name| *name == phrase).unwrap_or_else(|| panic!("no phrase {phrase:?}"))
    }

    pub fn write(&self, file: &Path) {
        let format =
            hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let mut writer = hound::WavWriter::create(file, format).unwrap();
        for sample in &self.samples {
            writer.write_sample(*sample).unwrap();
        }
        writer.finalize().unwrap();
    }
}

/// A moment of what a page has heard.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Moment {
    /// The loudest frequency.
    pub hz: f64,
    /// Root mean square, 1 is full scale.
    pub level: f64,
}

/// The share (0 to 1) of moments in which this tone is the loudest and can be heard.
pub fn share_of_tone(heard: &[Moment], hertz: f64) -> f64 {
    share(heard, |moment| moment.level > AUDIBLE && (moment.hz - hertz).abs() < 25.0)
}

/// The share of moments in which anything can be heard.
pub fn share_of_sound(heard: &[Moment]) -> f64 {
    share(heard, |moment| moment.level > AUDIBLE)
}

fn share(heard: &[Moment], wanted: impl Fn(&Moment) -> bool) -> f64 {
    heard.iter().filter(|moment| wanted(moment)).count() as f64 / heard.len().max(1) as f64
}
