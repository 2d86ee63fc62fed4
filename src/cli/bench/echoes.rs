//! The agent's own voice as it comes back: by the line, as a telephone network's hybrid returns it, and by the room, as a telephone that lies on a table does.

use std::time::Duration;

use super::over_prompt::Incoming;
use crate::audio::Codec;
use crate::audio::opus::Content;
use crate::speech::tts::Sound;

/// How long it is on its way, there and back.
const DELAY: Duration = Duration::from_millis(180);
/// Silence between the prompt that was heard before and the one that is looked at.
const BETWEEN: Duration = Duration::from_millis(600);
/// How long it is listened to after the end of the prompt.
const AFTER: Duration = Duration::from_secs(2);

/// Which way it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Few reflections within five milliseconds.
    Line,
    /// Many within a tenth of a second, together as strong as what comes directly.
    Room,
}

impl Way {
    pub const ALL: [Way; 2] = [Way::Line, Way::Room];

    pub fn name(self) -> &'static str {
        match self {
            Way::Line => "line",
            Way::Room => "room",
        }
    }

    /// How much of a sample comes back after so many more, at 8 kHz; its power is 1.
    fn taps(self) -> Vec<f32> {
        let mut state = 1u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        let (count, fades, direct) = match self {
            Way::Line => (40, 10.0, 0.5),
            Way::Room => (800, 250.0, 6.4),
        };
        let mut taps: Vec<f32> = (0..count).map(|n| noise() * (-(n as f32) / fades).exp()).collect();
        taps[0] += direct;
        let power: f32 = taps.iter().map(|tap| tap * tap).sum();
        taps.iter_mut().for_each(|tap| *tap /= power.sqrt());
        taps
    }
}

/// A prompt that comes back so many decibels quieter while it is being said from `begin` on, on a line that has brought back all of it before, as it does in every
/// opening. `over` it the caller says something, `after` it has begun; or nothing.
pub fn echo(prompt: &[i16], begin: usize, way: Way, decibels: u32, over: Option<(&[i16], Duration)>) -> Result<Incoming, String> {
    let rate = Codec::Ulaw.sample_rate();
    let count = |length: Duration| Codec::Ulaw.bytes_in(length);
    let silence = |length| std::iter::repeat_n(0, count(length));
    let said: Vec<i16> =
        prompt.iter().copied().chain(silence(BETWEEN)).chain(prompt[begin..].iter().copied()).chain(silence(AFTER)).collect();
    let gain = 10f32.powf(-(decibels as f32) / 20.0);
    let taps = way.taps();
    let back = |n: usize| {
        let Some(latest) = n.checked_sub(count(DELAY)) else { return 0 };
        let sum: f32 = taps.iter().zip(said[..=latest].iter().rev()).map(|(tap, said)| tap * f32::from(*said)).sum();
        (sum * gain) as i16
    };
    let mut heard: Vec<i16> = (0..said.len()).map(back).collect();
    let from = Codec::Ulaw.duration(prompt.len()) + BETWEEN;
    let mut alone = Vec::new();
    if let Some((voice, after)) = over {
        let place = count(from + after);
        heard.resize(heard.len().max(place + voice.len() + count(AFTER)), 0);
        heard[place..].iter_mut().zip(voice).for_each(|(heard, voice)| *heard = heard.saturating_add(*voice));
        alone.resize(place, 0);
        alone.extend_from_slice(voice);
    }
    let encoded = |samples: Vec<i16>| {
        Sound { samples: samples.into(), rate }.encode(Codec::Ulaw, Content::Live).map_err(|error| error.to_string())
    };
    Ok(Incoming { sound: encoded(heard)?, agent: Some(encoded(said)?), once_silent: Some(encoded(alone)?), from })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::g711;

    fn loudness(samples: &[i16]) -> f32 {
        (samples.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn an_echo_is_late_and_as_much_quieter_as_it_is_said_to_be() {
        let mut state = 1u32;
        let prompt: Vec<i16> = (0..16_000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 18) as i16 - 8_192
            })
            .collect();
        for way in Way::ALL {
            let Incoming { sound, from, .. } = echo(&prompt, 8_000, way, 20, None).unwrap();
            assert_eq!(from, Duration::from_millis(2_600));
            let heard = g711::decode(sound.bytes());
            assert!(heard[..1_440].iter().all(|sample| sample.abs() < 8), "{way:?}");
            let ratio = loudness(&heard[3_000..16_000]) / loudness(&prompt);
            assert!((0.08..0.125).contains(&ratio), "{way:?}: {ratio}");
        }
    }
}
