//! What callers say: rendered once, before the first of them calls.

use std::sync::Arc;
use std::time::Duration;

use crate::phone::voice;

/// Pauses within what a caller says at length, one after the other: none, a breath, a thought.
const PAUSES_MS: [u64; 5] = [0, 150, 250, 350, 450];
/// μ-law: samples in a millisecond, silence, and how quiet a sample is that nobody hears.
const PER_MS: usize = 8;
const SILENCE: u8 = 0xff;

/// One thing to say, in μ-law.
pub type Words = Arc<[u8]>;

/// Everything that callers say in a dialog.
pub struct Vocabulary {
    /// What answers each of the two questions.
    pub answers: [Words; 2],
    /// Something else, in two halves with a pause between them.
    pub others: Vec<Words>,
    /// How it was made, for whoever reads the figures.
    pub made_by: String,
}

impl Vocabulary {
    /// By eSpeak NG where it is installed; else syllables of a synthetic voice, which are speech to a voice detector and to nobody else.
    pub async fn of(voice: &str, answers: [&str; 2], halves: [&str; 2]) -> Vocabulary {
        match rendered(voice, answers, halves).await {
            Some((answers, halves)) => Vocabulary::new(answers, &halves, format!("eSpeak NG, voice {voice}")),
            None => {
                let syllables = [1, 2, 4, 5].map(syllables);
                let [short, shorter, first, second] = syllables;
                Vocabulary::new([short, shorter], &[first, second], "synthetic syllables (espeak-ng is not installed)".to_owned())
            }
        }
    }

    fn new(answers: [Vec<u8>; 2], halves: &[Vec<u8>; 2], made_by: String) -> Vocabulary {
        let joined = |pause: u64| [&halves[0][..], &vec![SILENCE; pause as usize * PER_MS], &halves[1][..]].concat();
        let others = PAUSES_MS.iter().map(|pause| Words::from(joined(*pause))).collect();
        Vocabulary { answers: answers.map(Words::from), others, made_by }
    }
}

/// How long something lasts when it is said.
pub fn duration(words: &[u8]) -> Duration {
    Duration::from_millis((words.len() / PER_MS) as u64)
}

async fn rendered(voice: &str, answers: [&str; 2], halves: [&str; 2]) -> Option<([Vec<u8>; 2], [Vec<u8>; 2])> {
    let mut all = Vec::new();
    for text in answers.into_iter().chain(halves) {
        all.push(without_silent_ends(&voice::from_text(text, voice).await.ok()?).to_vec());
    }
    let [one, two, first, second] = all.try_into().ok()?;
    Some(([one, two], [first, second]))
}

/// Pauses are to be as long as they are said to be.
fn without_silent_ends(ulaw: &[u8]) -> &[u8] {
    let audible = |byte: &u8| audio_codec_algorithms::decode_ulaw(*byte).unsigned_abs() > 400;
    let (Some(first), Some(last)) = (ulaw.iter().position(audible), ulaw.iter().rposition(audible)) else { return ulaw };
    &ulaw[first..=last]
}

/// So many syllables of a quarter of a second: a low voice with ten harmonics.
fn syllables(count: u32) -> Vec<u8> {
    let turn = std::f64::consts::TAU;
    let sample = |n: u32| {
        let seconds = f64::from(n) / 8000.0;
        let swell = (turn * 2.0 * seconds).sin().abs();
        let pitch = 120.0 + 20.0 * (turn * seconds).sin();
        let voice: f64 =
            (1..=10).map(|harmonic| (turn * pitch * f64::from(harmonic) * seconds).sin() / f64::from(harmonic)).sum();
        audio_codec_algorithms::encode_ulaw((9_000.0 * swell * voice / 2.9) as i16)
    };
    (0..count * 2000).map(sample).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_at_length_has_every_pause() {
        let halves = [vec![0; 800], vec![0; 1600]];
        let words = Vocabulary::new([vec![0; 8], vec![0; 8]], &halves, String::new());
        let lengths: Vec<u64> = words.others.iter().map(|words| duration(words).as_millis() as u64).collect();
        assert_eq!(lengths, [300, 450, 550, 650, 750]);
        assert_eq!(words.others[1][800..2000], [SILENCE; 1200]);
    }

    #[test]
    fn silence_around_words_is_cut_off() {
        let padded = [vec![SILENCE; 500], vec![0; 100], vec![SILENCE; 50], vec![0x80; 10], vec![SILENCE; 9]].concat();
        assert_eq!(without_silent_ends(&padded).len(), 160);
    }

    #[test]
    fn syllables_last_a_quarter_of_a_second_each_and_can_be_heard() {
        assert_eq!(duration(&syllables(4)), Duration::from_secs(1));
        assert!(without_silent_ends(&syllables(1)).len() > 1500);
    }
}
