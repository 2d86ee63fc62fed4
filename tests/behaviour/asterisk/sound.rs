//! Whether a prompt is in what was heard. Sound may come by another coding or rate than it was rendered in, and late by parts of a frame, so that it is
//! compared by its shape and not by its bytes.

use std::path::Path;

/// Samples in a second.
const RATE: usize = 8_000;
/// What is compared at a time: 20 ms.
const BLOCK: usize = 160;
/// How alike two blocks are at least that are the same, from -1 to 1.
const ALIKE: f64 = 0.97;
/// A block below this level (root of the mean of squares, of 32 767) has no shape to compare.
const QUIET: f64 = 300.0;
/// How much later than the block before it a block may come: a gap in the line.
const GAP: usize = RATE / 2;

/// Where a prompt was heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Where its loud blocks begin and end, in samples from the beginning of what was heard.
    pub begins: usize,
    pub ends: usize,
    /// The share of its loud blocks that was heard in their order.
    pub share: f64,
}

impl Found {
    /// Whether it was heard whole. A frame that the line has lost is no prompt that was broken off.
    pub fn is_whole(&self) -> bool {
        self.share > 0.98
    }
}

/// Samples of μ-law.
pub fn samples_of(ulaw: &[u8]) -> Vec<i16> {
    ulaw.iter().map(|byte| audio_codec_algorithms::decode_ulaw(*byte)).collect()
}

/// Samples of a file.
pub fn of_file(file: &Path) -> Vec<i16> {
    hound::WavReader::open(file).unwrap().into_samples().map(Result::unwrap).collect()
}

/// Whether a block is loud enough to be compared, or to be heard.
pub fn is_loud(block: &[i16]) -> bool {
    level(block) > QUIET
}

/// Looks for a prompt: for its loudest block first, and for the others from there. Where there are several, the one that is most of it.
pub fn find(heard: &[i16], prompt: &[i16]) -> Option<Found> {
    find_by(heard, prompt, prompt.len())
}

/// The same of a prompt that may have been broken off after this many samples.
pub fn find_begun(heard: &[i16], prompt: &[i16], samples: usize) -> Option<Found> {
    find_by(heard, prompt, samples)
}

fn find_by(heard: &[i16], prompt: &[i16], begun: usize) -> Option<Found> {
    let chunks = prompt.chunks_exact(BLOCK).enumerate();
    let blocks: Vec<Block> =
        chunks.map(|(index, sound)| Block { at: index * BLOCK, sound }).filter(|block| is_loud(block.sound)).collect();
    let begun = blocks.iter().filter(|block| block.at + BLOCK <= begun).count();
    let anchor = (0..begun).max_by(|a, b| level(blocks[*a].sound).total_cmp(&level(blocks[*b].sound)))?;
    let (mut best, mut from): (Option<Found>, usize) = (None, 0);
    while let Some(rough) = (from..heard.len().saturating_sub(BLOCK)).find(|at| is_like(heard, *at, blocks[anchor].sound)) {
        // A block is almost like itself a sample further on.
        let like = |at: &usize| likeness(heard, *at, blocks[anchor].sound);
        let begins = (rough..rough + 8).max_by(|a, b| like(a).total_cmp(&like(b))).unwrap_or(rough);
        let found = follow(heard, &blocks, anchor, begins);
        if best.is_none_or(|best| found.share > best.share) {
            best = Some(found);
        }
        if found.is_whole() {
            break;
        }
        from = begins + BLOCK / 4;
    }
    best
}

/// A block of a prompt, and where in the prompt it is.
struct Block<'a> {
    at: usize,
    sound: &'a [i16],
}

/// Looks for the other blocks from where one of them was heard.
fn follow(heard: &[i16], blocks: &[Block<'_>], anchor: usize, at: usize) -> Found {
    let mut found = Found { begins: at, ends: at + BLOCK, share: 0.0 };
    let mut count = 1;
    let mut near = at;
    for pair in blocks[..=anchor].windows(2).rev() {
        let expected = near.saturating_sub(pair[1].at - pair[0].at);
        let early = (0..=GAP.min(expected)).map(|gap| expected - gap);
        let place = early.into_iter().find(|at| is_like(heard, *at, pair[0].sound));
        near = place.unwrap_or(expected);
        if place.is_some() {
            count += 1;
            found.begins = near;
        }
    }
    near = at;
    for index in anchor + 1..blocks.len() {
        let expected = near + blocks[index].at - blocks[index - 1].at;
        // After a gap two blocks have to be there: one alone is often like another sound.
        let next = |at: usize| match blocks.get(index + 1) {
            Some(next) => is_like(heard, at + next.at - blocks[index].at, next.sound),
            None => true,
        };
        let there = |at: &usize| is_like(heard, *at, blocks[index].sound) && (*at == expected || next(*at));
        let place = (expected..=expected + GAP).find(there);
        near = place.unwrap_or(expected);
        if place.is_some() {
            count += 1;
            found.ends = near + BLOCK;
        }
    }
    found.share = f64::from(count) / blocks.len() as f64;
    found
}

fn level(block: &[i16]) -> f64 {
    (block.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / block.len() as f64).sqrt()
}

fn is_like(heard: &[i16], at: usize, block: &[i16]) -> bool {
    // Most places are told by every tenth sample.
    let rough = |hay: &[i16]| correlation(hay.iter().step_by(10), block.iter().step_by(10));
    let Some(hay) = heard.get(at..at + BLOCK) else { return false };
    rough(hay) > ALIKE - 0.2 && likeness(heard, at, block) > ALIKE
}

fn likeness(heard: &[i16], at: usize, block: &[i16]) -> f64 {
    heard.get(at..at + BLOCK).map_or(-1.0, |hay| correlation(hay.iter(), block.iter()))
}

/// From -1 to 1, whatever the volume.
fn correlation<'a>(one: impl Iterator<Item = &'a i16>, other: impl Iterator<Item = &'a i16>) -> f64 {
    let (mut both, mut ones, mut others) = (0.0, 0.0, 0.0);
    for (a, b) in one.zip(other) {
        let (a, b) = (f64::from(*a), f64::from(*b));
        both += a * b;
        ones += a * a;
        others += b * b;
    }
    if ones == 0.0 || others == 0.0 { 0.0 } else { both / (ones * others).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something that never repeats, as speech does not.
    fn speech(seed: u32, seconds: f64) -> Vec<i16> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16 / 4
        };
        (0..(seconds * RATE as f64) as usize).map(|_| next()).collect()
    }

    #[test]
    fn a_prompt_is_found_whole_whatever_its_volume_and_with_a_gap_in_it() {
        let prompt = speech(1, 2.0);
        let quieter = |sound: &[i16]| sound.iter().map(|sample| sample / 2).collect::<Vec<i16>>();
        let heard = [vec![0; 4_011], quieter(&prompt[..9_600]), vec![0; 333], quieter(&prompt[9_600..]), speech(2, 1.0)].concat();
        let found = find(&heard, &prompt).unwrap();
        assert!(found.is_whole(), "{found:?}");
        assert_eq!((found.begins, found.ends), (4_011, 4_011 + 333 + prompt.len()));
    }

    #[test]
    fn one_that_was_broken_off_is_not_whole() {
        let prompt = speech(1, 2.0);
        let heard = [&prompt[..8_000], &[0; 8_000]].concat();
        let found = find_begun(&heard, &prompt, 4_000).unwrap();
        assert!(!found.is_whole() && found.ends == 8_000, "{found:?}");
        assert_eq!(find(&speech(2, 4.0), &prompt), None);
    }
}
