//! Whether what comes from the caller is the agent's own voice, brought back by their line or their loudspeaker. Known by its sound, before anybody is taken
//! to have spoken.
//!
//! What the caller hears of the agent is kept for a moment, and so is what comes from them. Whenever there has been a voice for a while, half a second of both is
//! laid over each other at every delay that a telephone can have; where they agree well once, or less well again and again, the line echoes, and that is its delay.
//! From then on a tenth of a second is enough to tell: a voice that agrees with the agent's at this delay is the agent's. A caller who speaks
//! into the echo agrees with nothing, as a voice is louder than its echo.
//!
//! The opening is when this is learned: the agent speaks for ten seconds, and nothing that is said into them answers anything.
//!
//! Agreement is the normalised cross-correlation of the differences of samples, which hold the edges of sound and little of its pitch: voices of one pitch agree
//! otherwise. The limits come from recordings of people against prompts, and from prompts through the paths of lines and rooms (`candor bench barge-in`).

use std::sync::{Arc, OnceLock};

use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use zeroize::{Zeroize, Zeroizing};

use crate::consent::SessionTime;

/// Samples a second of what is compared: a telephone's band.
pub(super) const RATE: usize = 8_000;
/// The longest that an echo can take: twice a slow network, and a loudspeaker in a room.
const LONGEST: usize = RATE * 12 / 10;
/// How much sooner than expected an echo may come: times of frames are as exact as a network.
const EARLY: usize = RATE / 20;
/// How much is laid over the agent's sound while nothing is known.
const LEARNING: usize = RATE / 2;
/// How much is enough when the delay is known.
const JUDGING: usize = RATE / 10;
/// How much voice makes it worth looking.
const VOICE: usize = RATE / 5;
/// Agreement from which on a delay is believed at once; on an average of several it may be less, by the root of their number, as chance is. No recording of
/// a person agreed with a prompt by more than 0.29 at once.
const AT_ONCE: f32 = 0.45;
/// How much of an average is left when another is added.
const REMEMBERED: f32 = 0.8;
/// Agreement that makes an echo: at the delay where it was last, and near it, as networks and clocks move.
const HERE: f32 = 0.22;
const NEAR: f32 = 0.32;
/// How far a delay moves from one moment to the next, and in all.
const STEADY: usize = 16;
const MOVES: usize = RATE * 15 / 1_000;
/// Agent's sound that is quieter than this (root mean square of the differences, of 32,768) is none.
const NOTHING: f32 = 8.0;
/// What is transformed at once.
const SPAN: usize = 16_384;

/// The agent's sound on one line, and what comes back of it.
pub(super) struct Echo {
    agent: Track,
    caller: Track,
    /// Voice since it was last looked for.
    voice: usize,
    search: Search,
    delay: Option<usize>,
}

/// What is known while the delay is not.
#[derive(Default)]
struct Search {
    /// The sum of agreements, signed, for each delay; empty before the first.
    agreements: Vec<f32>,
    /// How many they are, those that are long ago counted for less.
    count: f32,
}

impl Echo {
    pub(super) fn new() -> Echo {
        let agent = Track::new(LONGEST + LEARNING + EARLY);
        Echo { agent, caller: Track::new(LEARNING), voice: 0, search: Search::default(), delay: None }
    }

    /// What the caller hears of the agent from `at` on.
    pub(super) fn agent(&mut self, at: SessionTime, samples: &[i16]) {
        self.agent.put(place(at), samples);
    }

    /// The caller's sound begins anew at `at`.
    pub(super) fn begin(&mut self, at: SessionTime) {
        self.caller.begin(place(at));
    }

    /// Sound from the caller.
    pub(super) fn caller(&mut self, samples: impl ExactSizeIterator<Item = i16>) {
        self.caller.extend(samples);
    }

    /// Whether a voice that has just come, `samples` long, is the agent's.
    pub(super) fn is_it(&mut self, samples: usize) -> bool {
        // A prompt that has been over for longer than any echo takes.
        if self.agent.end + LONGEST < self.caller.end {
            return false;
        }
        if let Some(delay) = self.delay
            && let Some(found) = self.agrees(delay)
        {
            self.delay = Some(found);
            return true;
        }
        self.voice += samples;
        if self.voice >= VOICE {
            self.voice = 0;
            self.learn();
        }
        false
    }

    /// Where near the delay the latest sound agrees with the agent's, if it does.
    fn agrees(&self, delay: usize) -> Option<usize> {
        let end = self.caller.end;
        let heard = differences(self.caller.slice(end.checked_sub(JUDGING + 1)?, end)?);
        let from = (end + EARLY).checked_sub(delay + MOVES + JUDGING + 1)?;
        let said = differences(&self.agent.padded(from, from + JUDGING + 1 + 2 * MOVES));
        let at = |shift: usize| agreement(&heard, &said[shift..shift + JUDGING]);
        // A shift further into the agent's sound is a shorter delay.
        let best = |shifts: std::ops::RangeInclusive<usize>| {
            shifts.map(|shift| (at(shift), delay + MOVES - shift)).max_by(|(one, _), (other, _)| one.total_cmp(other))
        };
        let (here, steady) = best(MOVES - STEADY..=MOVES + STEADY)?;
        if here >= HERE {
            return Some(steady);
        }
        best(0..=2 * MOVES).filter(|(near, _)| *near >= NEAR).map(|(_, moved)| moved)
    }

    /// Looks for the delay, where both have sounded for half a second.
    fn learn(&mut self) {
        if self.compare().is_none() {
            return;
        }
        let Search { agreements, count } = &self.search;
        let best = agreements.iter().enumerate().max_by(|(_, one), (_, other)| one.abs().total_cmp(&other.abs()));
        let Some((delay, sum)) = best else { return };
        if sum.abs() / count >= AT_ONCE / count.sqrt() {
            if self.delay.is_none() {
                metrics::counter!("candor_ears_echoing_lines_total").increment(1);
            }
            self.delay = Some(delay);
            self.search = Search::default();
        }
    }

    /// Lays the latest sound of both over each other, at every delay. Nothing where there is too little.
    fn compare(&mut self) -> Option<()> {
        let end = self.caller.end;
        let begin = end.checked_sub(LEARNING)?;
        let heard = differences(self.caller.slice(begin, end)?);
        // From the longest delay to the shortest; what is not there was silence.
        let from = (begin + EARLY).saturating_sub(LONGEST);
        let said = differences(&self.agent.padded(from, (end + EARLY).min(from + LONGEST + LEARNING)));
        let overlaps = said.len().checked_sub(heard.len())? + 1;
        let products = correlate(&heard, &said, overlaps)?;
        let own = power(&heard);
        let mut power = power(&said[..heard.len()]);
        let Search { agreements, count } = &mut self.search;
        agreements.resize(LONGEST + 1, 0.0);
        agreements.iter_mut().for_each(|sum| *sum *= REMEMBERED);
        *count = *count * REMEMBERED + 1.0;
        for (shift, product) in products.iter().enumerate() {
            let delay = (begin + EARLY).saturating_sub(from + shift);
            if power > NOTHING * NOTHING * heard.len() as f32
                && let Some(sum) = agreements.get_mut(delay)
            {
                *sum += product / (own * power).sqrt().max(1.0);
            }
            if shift + 1 < overlaps {
                power += said[shift + heard.len()].powi(2) - said[shift].powi(2);
            }
        }
        Some(())
    }
}

/// Where a time is among samples.
fn place(at: SessionTime) -> usize {
    (at.since(SessionTime::START).as_micros() as usize * RATE) / 1_000_000
}

/// The latest sound of one side, each sample at its place since the call began.
struct Track {
    samples: Zeroizing<Vec<i16>>,
    /// How many must be kept.
    kept: usize,
    /// The place after the last.
    end: usize,
}

impl Track {
    fn new(kept: usize) -> Track {
        Track { samples: Zeroizing::new(Vec::with_capacity(kept + RATE / 5)), kept, end: 0 }
    }

    /// Puts sound to its place. A little too early or late is where the last sound ends: clocks jitter, and a hole in a voice would be none of it.
    fn put(&mut self, at: usize, samples: &[i16]) {
        if at > self.end + MOVES {
            let hole = at - self.end;
            if hole >= self.kept {
                self.begin(at);
            } else {
                self.extend(std::iter::repeat_n(0, hole));
            }
        }
        self.extend(samples.iter().copied());
    }

    fn begin(&mut self, at: usize) {
        self.samples.zeroize();
        self.end = at;
    }

    /// Never moves to another place in memory.
    fn extend(&mut self, samples: impl ExactSizeIterator<Item = i16>) {
        let count = samples.len().min(self.samples.capacity());
        if self.samples.capacity() - self.samples.len() < count {
            let keep = self.kept.min(self.samples.len()).min(self.samples.capacity() - count);
            let from = self.samples.len() - keep;
            self.samples.copy_within(from.., 0);
            self.samples[keep..].zeroize();
            self.samples.truncate(keep);
        }
        self.end += samples.len();
        // Of more than there is room for, the end: what is there ends at `end`.
        let begin = samples.len() - count;
        self.samples.extend(samples.skip(begin));
    }

    fn slice(&self, from: usize, to: usize) -> Option<&[i16]> {
        let begin = self.end - self.samples.len();
        self.samples.get(from.checked_sub(begin)?..to.checked_sub(begin)?)
    }

    /// The same, with silence where there is nothing.
    fn padded(&self, from: usize, to: usize) -> Zeroizing<Vec<i16>> {
        let begin = self.end - self.samples.len();
        let (first, last) = (from.clamp(begin, self.end), to.clamp(begin, self.end));
        let mut whole = Zeroizing::new(vec![0; to.saturating_sub(from)]);
        if first < last && first >= from {
            whole[first - from..last - from].copy_from_slice(&self.samples[first - begin..last - begin]);
        }
        whole
    }
}

fn differences(samples: &[i16]) -> Zeroizing<Vec<f32>> {
    Zeroizing::new(samples.windows(2).map(|pair| f32::from(pair[1]) - f32::from(pair[0])).collect())
}

fn power(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum()
}

/// From 0 (nothing) to 1 (the same, however loud, upside down as well).
fn agreement(one: &[f32], other: &[f32]) -> f32 {
    let (own, others) = (power(one), power(other));
    if others <= NOTHING * NOTHING * other.len() as f32 {
        return 0.0;
    }
    let product: f32 = one.iter().zip(other).map(|(one, other)| one * other).sum();
    product.abs() / (own * others).sqrt().max(1.0)
}

/// The two transforms, made once.
type Transforms = (Arc<dyn RealToComplex<f32>>, Arc<dyn ComplexToReal<f32>>);

fn transforms() -> &'static Transforms {
    static MADE: OnceLock<Transforms> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut planner = RealFftPlanner::new();
        (planner.plan_fft_forward(SPAN), planner.plan_fft_inverse(SPAN))
    })
}

/// The sum of products of `heard` with `said` from each of the first `count` places of it on.
fn correlate(heard: &[f32], said: &[f32], count: usize) -> Option<Zeroizing<Vec<f32>>> {
    let (forward, inverse) = transforms();
    let spectrum = |samples: &[f32]| {
        let mut padded = Zeroizing::new(vec![0.0; SPAN]);
        padded.get_mut(..samples.len())?.copy_from_slice(samples);
        let mut spectrum = forward.make_output_vec();
        forward.process(&mut padded, &mut spectrum).ok()?;
        Some(spectrum)
    };
    let (mut of_heard, mut product) = (spectrum(heard)?, spectrum(said)?);
    for (said, heard) in product.iter_mut().zip(&of_heard) {
        *said *= heard.conj();
    }
    let mut sums = Zeroizing::new(vec![0.0; SPAN]);
    let done = inverse.process(&mut product, &mut sums);
    // What can be turned back into a voice is wiped.
    of_heard.iter_mut().chain(&mut product).for_each(|value| (value.re, value.im) = (0.0, 0.0));
    done.ok()?;
    sums.iter_mut().for_each(|sum| *sum /= SPAN as f32);
    sums.truncate(count);
    Some(sums)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const FRAME: usize = 160;

    /// Something like speech: bursts of a changing pitch with noise in it.
    fn speech(seed: u32, seconds: usize) -> Vec<i16> {
        let mut state = seed;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as f32 / 32_768.0 - 1.0
        };
        let mut phase = 0.0f32;
        (0..seconds * RATE)
            .map(|n| {
                let time = n as f32 / RATE as f32;
                phase += (120.0 + 40.0 * (time * (1.3 + seed as f32 % 5.0)).sin()) / RATE as f32;
                let loud = (0.6 + 0.4 * (time * 9.0 + seed as f32).sin()).max(0.0);
                let voice = (phase.fract() - 0.5) + 0.4 * noise();
                (voice * loud * 9_000.0) as i16
            })
            .collect()
    }

    /// As a line brings it back: late, quieter, and with its own colour.
    fn back(said: &[i16], delay: usize, gain: f32) -> Vec<i16> {
        let path = [(0, 1.0f32), (3, -0.6), (9, 0.35), (22, -0.2), (41, 0.1)];
        let at = |n: usize, by: usize| n.checked_sub(delay + by).map_or(0.0, |place| f32::from(said[place]));
        (0..said.len()).map(|n| (path.iter().map(|(by, share)| at(n, *by) * share).sum::<f32>() * gain) as i16).collect()
    }

    fn at(frame: usize) -> SessionTime {
        SessionTime(Duration::from_millis(frame as u64 * 20))
    }

    /// Lets both be heard; gives for each frame of the caller's whether it is the agent.
    fn judged(echo: &mut Echo, said: &[i16], heard: &[i16]) -> Vec<bool> {
        let frames = said.chunks(FRAME).zip(heard.chunks(FRAME)).enumerate();
        frames
            .map(|(n, (said, heard))| {
                if said.iter().any(|sample| *sample != 0) {
                    echo.agent(at(n), said);
                }
                echo.caller(heard.iter().copied());
                echo.is_it(FRAME)
            })
            .collect()
    }

    fn share(judged: &[bool]) -> f32 {
        judged.iter().filter(|echo| **echo).count() as f32 / judged.len() as f32
    }

    #[test]
    fn a_voice_that_comes_back_is_known_after_a_second_and_from_then_on() {
        for (delay, gain) in [(400, 0.1), (2_000, 0.03), (8_800, 0.05)] {
            let said = speech(1, 6);
            let judged = judged(&mut Echo::new(), &said, &back(&said, delay, gain));
            let learned = delay / FRAME + 100;
            assert!(share(&judged[learned..]) > 0.95, "{delay}: {} of the time", share(&judged[learned..]));
        }
    }

    #[test]
    fn another_voice_is_never_the_agents_and_neither_is_one_over_the_echo() {
        let (said, other) = (speech(1, 5), speech(7, 5));
        assert_eq!(share(&judged(&mut Echo::new(), &said, &other)), 0.0);
        let mut echo = Echo::new();
        let back = back(&said, 1_200, 0.05);
        assert!(share(&judged(&mut echo, &said, &back)[100..]) > 0.95);
        let both: Vec<i16> = back.iter().zip(&other).map(|(back, other)| back.saturating_add(*other / 2)).collect();
        echo.caller.begin(5 * RATE);
        echo.agent.begin(5 * RATE);
        let frames = said.chunks(FRAME).zip(both.chunks(FRAME)).enumerate();
        let judged: Vec<bool> = frames
            .map(|(n, (said, both))| {
                echo.agent(at(250 + n), said);
                echo.caller(both.iter().copied());
                echo.is_it(FRAME)
            })
            .collect();
        assert!(share(&judged[20..]) < 0.2, "{}", share(&judged[20..]));
    }

    #[test]
    fn an_agent_who_has_long_been_silent_has_no_echo() {
        let said = speech(1, 4);
        let mut echo = Echo::new();
        judged(&mut echo, &said, &back(&said, 1_200, 0.05));
        assert!(echo.delay.is_some());
        let other = speech(7, 6);
        assert_eq!(share(&judged(&mut echo, &vec![0; 6 * RATE], &other)), 0.0);
    }

    #[test]
    fn a_delay_that_drifts_is_followed() {
        let said = speech(1, 10);
        let mut back = back(&said, 1_000, 0.1);
        // One sample too many in each half second: worse than any clock.
        for n in (0..back.len()).step_by(4_000).rev() {
            back.insert(n, back[n]);
        }
        let judged = judged(&mut Echo::new(), &said, &back[..said.len()]);
        assert!(share(&judged[110..]) > 0.9, "{}", share(&judged[110..]));
    }

    #[test]
    fn what_is_kept_stays_where_it_is_and_does_not_grow() {
        let mut track = Track::new(LEARNING);
        let (room, place) = (track.samples.capacity(), track.samples.as_ptr());
        for n in 0..500 {
            track.put(n * FRAME, &[n as i16; FRAME]);
            assert!(track.slice(track.end.saturating_sub(LEARNING).max(track.end - track.samples.len()), track.end).is_some());
        }
        assert_eq!((track.samples.capacity(), track.samples.as_ptr()), (room, place));
        assert_eq!(track.slice(track.end - FRAME, track.end).unwrap(), [499i16; FRAME]);
        let long: Vec<i16> = (0..2 * room as i16).collect();
        track.put(track.end, &long);
        assert_eq!(track.slice(track.end - FRAME, track.end).unwrap(), &long[long.len() - FRAME..]);
        track.put(track.end + 10 * RATE, &[1; FRAME]);
        assert_eq!(track.slice(track.end - FRAME, track.end).unwrap(), [1i16; FRAME]);
        assert_eq!(track.padded(track.end - 2 * FRAME, track.end).len(), 2 * FRAME);
        assert_eq!(track.samples.capacity(), room);
    }
}
