//! Where sound is taken up again that was broken off in the middle. Pure: encoded sound goes in, a frame comes out.

use zeroize::Zeroizing;

use super::opus::Decoder;
use super::{Codec, Encoded, g711};

/// What was said last before it was broken off went under in the voice that broke it off: 80 ms until a voice is noticed, and what it takes to hear that
/// one is spoken to. So much is always said again: 300 ms.
const NEAREST: usize = 15;
/// The word that was cut is said again from its beginning, and with it the one before at most: two words take 800 ms. More sounds like a record that is
/// stuck.
const FURTHEST: usize = 40;
/// Power below which a frame is silence, whatever is left in it: -50 dB of full scale.
const SILENCE: i64 = 100 * 100;
/// Hz at which packets are looked at; what tells a pause from a vowel lies far below 4 kHz.
const RATE: u32 = 8000;
/// Packets that a decoder is shown before those that count, as each leans on those before it.
const LED_IN: usize = 4;

/// From which frame `sound` is said again to somebody who has heard the frames before `heard`: the quietest place from 300 to 800 ms back, the last of
/// several that are silent, so that it begins between words and without a click. Never from before `since`, where it was last taken up: nobody hears
/// the same piece three times. What had hardly begun there begins there once more.
pub fn taken_up_at(sound: &Encoded, heard: usize, since: usize) -> usize {
    let heard = heard.min(sound.frames());
    if heard.saturating_sub(since) <= FURTHEST {
        return since.min(heard);
    }
    let (from, to) = (heard - FURTHEST, heard - NEAREST);
    // The last of equals: the least is looked for from behind.
    let quietest = powers(sound, from, to).into_iter().enumerate().rev().min_by_key(|(_, power)| (*power).max(SILENCE));
    quietest.map_or(from, |(place, _)| from + place)
}

/// The mean square of the frames from `from` to before `to`; a packet that cannot be decoded counts as loud.
fn powers(sound: &Encoded, from: usize, to: usize) -> Vec<i64> {
    let mut decoder = Decoder::new(RATE).ok().filter(|_| sound.codec() == Codec::Opus);
    let led_in = if decoder.is_some() { from.saturating_sub(LED_IN) } else { from };
    let mut samples = Zeroizing::new(Vec::with_capacity(RATE as usize));
    let powers = (led_in..to).map(|number| {
        samples.clear();
        let frame = sound.frame(number).unwrap_or_default();
        let known = match (&mut decoder, sound.codec()) {
            (_, Codec::Ulaw) => {
                g711::decode_into(&frame, &mut samples);
                true
            }
            (Some(decoder), Codec::Opus) => decoder.decode(&frame, &mut samples).is_ok(),
            (None, Codec::Opus) => false,
        };
        if !known {
            return i64::MAX;
        }
        let squares: i64 = samples.iter().map(|sample| i64::from(*sample).pow(2)).sum();
        squares / (samples.len().max(1) as i64)
    });
    let powers: Vec<i64> = powers.collect();
    powers[from - led_in..].to_vec()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::audio::opus::{Content, encode};

    /// A voice at `rate` that is silent in these frames.
    fn voice(rate: usize, frames: usize, silent: &[usize]) -> Vec<i16> {
        let frame = rate / 50;
        let sample =
            |n: usize| if silent.contains(&(n / frame)) { 0.0 } else { 9000.0 * (n as f32 * 1500.0 / rate as f32).sin() };
        (0..frames * frame).map(|n| sample(n) as i16).collect()
    }

    fn telephone(frames: usize, silent: &[usize]) -> Encoded {
        Encoded::of_samples(Codec::Ulaw, Bytes::from(g711::encode(&voice(8000, frames, silent))))
    }

    #[test]
    fn it_goes_on_from_the_last_pause_between_words() {
        let sound = telephone(200, &[30, 65, 72, 73, 90]);
        assert_eq!(taken_up_at(&sound, 100, 0), 73, "not from 90, which went under, nor from 65 or 30, which are far back");
    }

    #[test]
    fn without_a_pause_it_goes_on_from_the_quietest_place() {
        let mut samples = voice(8000, 200, &[]);
        samples[66 * 160..67 * 160].iter_mut().for_each(|sample| *sample /= 3);
        let sound = Encoded::of_samples(Codec::Ulaw, Bytes::from(g711::encode(&samples)));
        assert_eq!(taken_up_at(&sound, 100, 0), 66);
    }

    #[test]
    fn packets_have_pauses_as_well() {
        let sound = encode(&voice(48_000, 200, &[68, 69, 70, 71, 72, 73, 74]), Content::Voice).unwrap();
        let place = taken_up_at(&sound, 100, 0);
        assert!((69..=75).contains(&place), "{place}");
    }

    #[test]
    fn what_had_hardly_begun_begins_once_more_and_nothing_is_said_three_times() {
        let sound = telephone(200, &[10]);
        assert_eq!(taken_up_at(&sound, 30, 0), 0);
        assert_eq!(taken_up_at(&sound, 110, 75), 75);
        assert_eq!(taken_up_at(&sound, 75, 75), 75);
        let further = taken_up_at(&sound, 150, 75);
        assert!((110..135).contains(&further), "{further}");
    }

    #[test]
    fn a_place_beyond_the_end_is_none() {
        let sound = telephone(20, &[]);
        assert_eq!((taken_up_at(&sound, 900, 0), taken_up_at(&sound, 0, 0)), (0, 0));
        assert_eq!(taken_up_at(&telephone(0, &[]), 5, 9), 0);
    }
}
