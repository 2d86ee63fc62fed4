//! What the caller has heard: μ-law, one byte a sample, from the moment the first stream began, gaps filled with silence.
//!
//! μ-law passes through unchanged, so what a server meant to say can be searched for byte by byte.

use std::path::Path;
use std::time::Duration;

use super::PhoneError;
use super::playout::{FRAME_BYTES, SILENCE};

/// Samples (bytes) in a second.
const RATE: u64 = 8_000;
/// A sample is audible above this linear amplitude (of 32 767): over the noise of any encoder, under the faintest speech.
const AUDIBLE: i16 = 400;
/// How far apart two neighbouring blocks of a prompt may be heard, in bytes, and still count as the same saying of it.
const LARGEST_GAP: usize = RATE as usize / 2;

/// Whether a μ-law sample is more than silence.
pub fn is_audible(ulaw: u8) -> bool {
    audio_codec_algorithms::decode_ulaw(ulaw).unsigned_abs() > AUDIBLE.unsigned_abs()
}

/// Everything heard so far.
#[derive(Clone, Default)]
pub struct Heard {
    begins: Option<Duration>,
    ulaw: Vec<u8>,
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Heard({:.1} s)", self.length().as_secs_f64())
    }
}

impl Heard {
    /// A stream begins at `at` (from the ringing): silence fills the time since the last one.
    pub(super) fn stream_begins(&mut self, at: Duration) {
        match self.begins {
            None => self.begins = Some(at),
            Some(begins) => {
                let bytes = (at.saturating_sub(begins).as_millis() as u64 * RATE / 1000) as usize;
                if bytes > self.ulaw.len() {
                    self.ulaw.resize(bytes, SILENCE);
                }
            }
        }
    }

    /// Appends what has just begun to sound.
    pub(super) fn hear(&mut self, frame: &[u8]) {
        self.ulaw.extend_from_slice(frame);
    }

    /// When the first byte was heard, from the ringing; `None` when no stream ever opened.
    pub fn begins(&self) -> Option<Duration> {
        self.begins
    }

    /// The bytes, μ-law, 8 000 a second.
    pub fn ulaw(&self) -> &[u8] {
        &self.ulaw
    }

    /// How long was listened.
    pub fn length(&self) -> Duration {
        Duration::from_millis(self.ulaw.len() as u64 * 1000 / RATE)
    }

    /// What was heard from `at` (from the ringing) on.
    pub fn since(&self, at: Duration) -> &[u8] {
        let begins = self.begins.unwrap_or_default();
        let skipped = (at.saturating_sub(begins).as_millis() as u64 * RATE / 1000) as usize;
        self.ulaw.get(skipped..).unwrap_or_default()
    }

    /// When (from the ringing) the whole of `needle` began to be heard without an interruption, silence at its ends left
    /// out; the first time, if it was said more than once. `None`: never, or not to its end.
    pub fn find(&self, needle: &[u8]) -> Option<Duration> {
        self.find_all(needle).first().copied()
    }

    /// Every time (from the ringing) that the whole of `needle` was heard without an interruption.
    pub fn find_all(&self, needle: &[u8]) -> Vec<Duration> {
        let (lead, needle) = without_silent_ends(needle);
        let (mut from, mut times) = (0, Vec::new());
        while let Some(position) = find_bytes(&self.ulaw[from..], needle) {
            let begins = (from + position).saturating_sub(lead) as u64;
            times.push(self.begins.unwrap_or_default() + Duration::from_millis(begins * 1000 / RATE));
            from += position + needle.len();
        }
        times
    }

    /// The share (0 to 1) of `needle`'s audible 20 ms blocks that were heard in their order, wherever they lie in the
    /// caller's own frames. A prompt that was cut off in the middle gives about a half.
    pub fn share_heard(&self, needle: &[u8]) -> f64 {
        let (_, needle) = without_silent_ends(needle);
        let blocks: Vec<&[u8]> = needle.chunks_exact(FRAME_BYTES).filter(|block| block.iter().any(|b| is_audible(*b))).collect();
        if blocks.is_empty() {
            return if self.find(needle).is_some() { 1.0 } else { 0.0 };
        }
        let mut found = 0_usize;
        let mut from = 0;
        for block in &blocks {
            let until = if found == 0 { self.ulaw.len() } else { self.ulaw.len().min(from + LARGEST_GAP) };
            if let Some(position) = find_bytes(&self.ulaw[from..until], block) {
                found += 1;
                from += position + FRAME_BYTES;
            }
        }
        found as f64 / blocks.len() as f64
    }

    /// Whether `needle` was heard to its end: in one piece, or with nothing but pauses in between (a server that sends
    /// just in time may leave some).
    pub fn contains_audio(&self, needle: &[u8]) -> bool {
        self.find(needle).is_some() || self.share_heard(needle) > 0.999
    }

    /// Writes a WAV file: one channel, 16 bits, 8 kHz.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write_wav(&self, path: &Path) -> Result<(), PhoneError> {
        let written = || -> Result<(), hound::Error> {
            let format = hound::WavSpec {
                channels: 1,
                sample_rate: RATE as u32,
                bits_per_sample: 16,
                sample_format: hound::SampleFormat::Int,
            };
            let mut file = hound::WavWriter::create(path, format)?;
            for byte in &self.ulaw {
                file.write_sample(audio_codec_algorithms::decode_ulaw(*byte))?;
            }
            file.finalize()
        };
        written().map_err(|error| PhoneError::Audio { file: path.to_owned(), reason: error.to_string() })
    }
}

/// The part between the first and the last audible sample, and how many bytes were before it; all of it when none is.
fn without_silent_ends(ulaw: &[u8]) -> (usize, &[u8]) {
    let first = ulaw.iter().position(|byte| is_audible(*byte));
    let last = ulaw.iter().rposition(|byte| is_audible(*byte));
    match (first, last) {
        (Some(first), Some(last)) => (first, &ulaw[first..=last]),
        _ => (0, ulaw),
    }
}

/// Where `needle` first lies in `hay`; nothing is found for an empty needle. μ-law has two zeros, which linear samples on the way make one.
fn find_bytes(hay: &[u8], needle: &[u8]) -> Option<usize> {
    let with_one_zero = |ulaw: &[u8]| -> Vec<u8> { ulaw.iter().map(|&byte| if byte == 0x7f { SILENCE } else { byte }).collect() };
    if needle.is_empty() {
        return None;
    }
    memchr::memmem::find(&with_one_zero(hay), &with_one_zero(needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something that never repeats, as speech does not.
    fn speech(seed: u32, length: usize) -> Vec<u8> {
        let mut state = seed;
        (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect()
    }

    fn heard(ulaw: Vec<u8>) -> Heard {
        Heard { begins: Some(Duration::from_secs(1)), ulaw }
    }

    #[test]
    fn a_prompt_is_found_whatever_its_offset_in_the_frames() {
        let prompt = speech(1, 1_000);
        let twice = [vec![SILENCE; 8_011], prompt.clone(), vec![SILENCE; 77], prompt.clone()];
        let heard = heard(twice.concat());
        assert_eq!(heard.find_all(&prompt), [Duration::from_millis(2_001), Duration::from_millis(2_136)]);
        assert!(heard.contains_audio(&[vec![SILENCE; 320], prompt, vec![SILENCE; 5]].concat()));
        assert!(!heard.contains_audio(&speech(2, 1_000)));
    }

    #[test]
    fn the_two_zeros_are_one_silence() {
        let heard = heard([&[0x12, 0x7f, 0xff, 0x34], &[SILENCE; 100][..]].concat());
        assert!(heard.contains_audio(&[0x12, 0xff, 0x7f, 0x34]));
        assert!(!heard.contains_audio(&[0x12, 0xff, 0x7e, 0x34]));
    }

    #[test]
    fn a_prompt_cut_off_in_the_middle_is_half_heard_and_does_not_count() {
        let prompt = speech(1, 16_000);
        let heard = heard([&prompt[..8_000], &[SILENCE; 8_000]].concat());
        assert!(!heard.contains_audio(&prompt));
        assert!((heard.share_heard(&prompt) - 0.5).abs() < 0.02);
    }

    #[test]
    fn a_pause_between_two_blocks_does_not_hide_a_prompt() {
        let prompt = [vec![0; 1], speech(1, 1_599)].concat();
        let heard = heard([&prompt[..320], &[SILENCE; 160], &prompt[320..]].concat());
        assert_eq!(heard.find(&prompt), None);
        assert!(heard.contains_audio(&prompt));
    }

    #[test]
    fn nothing_is_heard_in_silence() {
        assert!([SILENCE, 0x7F, 0x7E, 0xFE].iter().all(|byte| !is_audible(*byte)));
        assert!(is_audible(0x00) && is_audible(0x80));
    }

    #[test]
    fn the_time_between_two_streams_is_silence() {
        let mut heard = Heard::default();
        heard.stream_begins(Duration::from_secs(1));
        heard.hear(&[0; 160]);
        heard.stream_begins(Duration::from_secs(2));
        heard.hear(&[1; 160]);
        assert_eq!(heard.length(), Duration::from_millis(1_020));
        assert_eq!(heard.since(Duration::from_secs(2)), &[1; 160]);
    }
}
