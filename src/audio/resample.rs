//! From one sample rate to another: whole buffers for prompts, a stream for the caller's voice.
//!
//! Both give exactly the samples that belong to the input: the filter's delay is taken off the front, and after
//! [`Resampler::flush`] as many samples have come out as the input lasted. Between 8 and 16 kHz a stream runs 10 ms behind its
//! input, and 20 ms frames go through without waiting for the next.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Indexing, Resampler as _, WindowFunction};
use zeroize::Zeroize;

/// Why sound could not be brought to another rate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResampleError {
    /// The two rates do not go together (one of them is zero, or they share no workable divisor).
    #[error("cannot resample from {from} Hz to {to} Hz: {source}")]
    Rates {
        /// The rate of the input, in Hz.
        from: u32,
        /// The rate that was asked for, in Hz.
        to: u32,
        /// What the resampler said.
        source: rubato::ResamplerConstructionError,
    },
    /// The resampler refused its buffers.
    #[error("resampling failed: {0}")]
    Failed(#[from] rubato::ResampleError),
    /// A buffer has the wrong length for the resampler.
    #[error("resampling failed: {0}")]
    Buffer(#[from] rubato::audioadapter_buffers::SizeError),
}

/// Brings a stream of samples to another rate. What it keeps of the sound itself is wiped when it is dropped.
pub struct Resampler {
    /// Absent when both rates are the same: samples pass untouched.
    engine: Option<Fft<f32>>,
    from: u32,
    to: u32,
    /// Input that does not fill a chunk yet.
    waiting: Vec<f32>,
    /// The output of one chunk.
    chunk: Vec<f32>,
    /// Output samples of the filter's delay that a stream begins with and that are thrown away.
    delay: usize,
    /// Those of them that are still to come.
    delay_left: usize,
    samples_in: u64,
    samples_out: u64,
}

impl Resampler {
    /// A resampler from `from` Hz to `to` Hz, one channel.
    ///
    /// # Errors
    /// [`ResampleError::Rates`] when one of the rates is zero.
    pub fn new(from: u32, to: u32) -> Result<Self, ResampleError> {
        let engine = if from == to && from > 0 { None } else { Some(engine(from, to)?) };
        let (chunk, delay_left) = match &engine {
            Some(engine) => (vec![0.0; engine.output_frames_max()], engine.output_delay()),
            None => (Vec::new(), 0),
        };
        // Two chunks are all that can wait where no more than one comes at once: then nothing is moved, and no copy left behind.
        let waiting = Vec::with_capacity(engine.as_ref().map_or(0, |engine| engine.input_frames_max() * 2));
        Ok(Resampler { engine, from, to, waiting, chunk, delay: delay_left, delay_left, samples_in: 0, samples_out: 0 })
    }

    /// The same for sound that is played while it comes: for every 20 ms that go in, 20 ms come out. The filter's delay is at the front, as
    /// silence, and what is inside at the end is not wanted any more: there is no [`Resampler::flush`] for it.
    ///
    /// # Errors
    /// [`ResampleError::Rates`] when one of the rates is zero.
    pub fn live(from: u32, to: u32) -> Result<Self, ResampleError> {
        let mut resampler = Resampler::new(from, to)?;
        (resampler.delay, resampler.delay_left) = (0, 0);
        Ok(resampler)
    }

    /// Takes samples and puts what comes out behind what `out` already holds.
    ///
    /// # Errors
    /// [`ResampleError::Failed`]; the stream cannot go on after it.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) -> Result<(), ResampleError> {
        self.samples_in += samples.len() as u64;
        let Some(engine) = &mut self.engine else {
            self.samples_out += samples.len() as u64;
            out.extend_from_slice(samples);
            return Ok(());
        };
        self.waiting.extend(samples.iter().map(|&sample| f32::from(sample)));
        let mut taken = 0;
        while self.waiting.len() - taken >= engine.input_frames_next() {
            let (used, given) = run(engine, &self.waiting[taken..], &mut self.chunk, None)?;
            taken += used;
            self.samples_out += emit(&self.chunk[..given], &mut self.delay_left, u64::MAX, out);
        }
        let left = self.waiting.len() - taken;
        self.waiting.copy_within(taken.., 0);
        self.waiting[left..].zeroize();
        self.waiting.truncate(left);
        Ok(())
    }

    /// Ends the stream: gives what is still inside, so that the output lasts as long as the input, and is ready for another.
    ///
    /// # Errors
    /// [`ResampleError::Failed`].
    pub fn flush(&mut self, out: &mut Vec<i16>) -> Result<(), ResampleError> {
        if let Some(engine) = &mut self.engine {
            let due = (self.samples_in * u64::from(self.to)).div_ceil(u64::from(self.from));
            let mut rest = self.waiting.len();
            while self.samples_out < due {
                let (_, given) = run(engine, &self.waiting[..rest], &mut self.chunk, Some(rest))?;
                rest = 0;
                self.samples_out += emit(&self.chunk[..given], &mut self.delay_left, due - self.samples_out, out);
            }
        }
        self.reset();
        Ok(())
    }

    /// Forgets everything that went through, as after a gap in the stream.
    pub fn reset(&mut self) {
        self.waiting.zeroize();
        self.chunk.fill(0.0);
        (self.samples_in, self.samples_out) = (0, 0);
        if let Some(engine) = &mut self.engine {
            engine.reset();
            self.delay_left = self.delay;
        }
    }
}

impl Drop for Resampler {
    fn drop(&mut self) {
        self.reset();
    }
}

/// Brings a whole buffer of one channel from `from` Hz to `to` Hz. The result lasts as long, rounded up to a whole sample.
///
/// # Errors
/// [`ResampleError::Rates`] when one of the rates is zero.
pub fn resample(samples: &[i16], from: u32, to: u32) -> Result<Vec<i16>, ResampleError> {
    let mut resampler = Resampler::new(from, to)?;
    let mut out = Vec::with_capacity(samples.len() * to as usize / from as usize + 1);
    resampler.push(samples, &mut out)?;
    resampler.flush(&mut out)?;
    Ok(out)
}

/// An engine whose chunk is about 20 ms, the length of a frame on the telephone.
fn engine(from: u32, to: u32) -> Result<Fft<f32>, ResampleError> {
    let chunk = (from / 50).max(1) as usize;
    Fft::new_custom(from as usize, to as usize, chunk, 1, 1, WindowFunction::BlackmanHarris2, FixedSync::Both)
        .map_err(|source| ResampleError::Rates { from, to, source })
}

fn run(
    engine: &mut Fft<f32>,
    input: &[f32],
    output: &mut [f32],
    partial: Option<usize>,
) -> Result<(usize, usize), ResampleError> {
    let padded;
    // The adapter wants a full chunk to look at, even where only part of it counts.
    let input = match partial {
        Some(_) => {
            let mut chunk = zeroize::Zeroizing::new(vec![0.0; engine.input_frames_next()]);
            chunk[..input.len()].copy_from_slice(input);
            padded = chunk;
            &padded[..]
        }
        None => input,
    };
    let frames = output.len();
    let source = InterleavedSlice::new(input, 1, input.len())?;
    let mut sink = InterleavedSlice::new_mut(output, 1, frames)?;
    let indexing = partial.map(|frames| Indexing::new().partial_len(frames));
    Ok(engine.process_into_buffer(&source, &mut sink, indexing.as_ref())?)
}

/// Puts at most `limit` samples behind `out`, without those of the delay; gives how many.
fn emit(samples: &[f32], delay_left: &mut usize, limit: u64, out: &mut Vec<i16>) -> u64 {
    let skipped = (*delay_left).min(samples.len());
    *delay_left -= skipped;
    let kept = samples[skipped..].iter().take(usize::try_from(limit).unwrap_or(usize::MAX));
    let before = out.len();
    // `as` saturates, which is what a sample beyond full scale wants. It cuts off, and `round` is a call of the C library for each sample.
    out.extend(kept.map(|&sample| (sample + 0.5f32.copysign(sample)) as i16));
    (out.len() - before) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f64, rate: u32, samples: usize) -> Vec<i16> {
        let step = hertz * std::f64::consts::TAU / f64::from(rate);
        (0..samples).map(|n| (8000.0 * (step * n as f64).sin()) as i16).collect()
    }

    fn largest_difference(left: &[i16], right: &[i16]) -> i32 {
        left.iter().zip(right).map(|(&l, &r)| (i32::from(l) - i32::from(r)).abs()).max().unwrap_or(0)
    }

    #[test]
    fn the_length_is_that_of_the_input_at_every_usual_rate() {
        for from in [8000, 11025, 16000, 22050, 32000, 44100, 48000] {
            for samples in [0usize, 1, 159, 160, 161, 4000, 22051] {
                let out = resample(&tone(440.0, from, samples), from, 8000).unwrap();
                assert_eq!(out.len(), (samples * 8000).div_ceil(from as usize), "{samples} samples at {from} Hz");
            }
        }
    }

    #[test]
    fn a_tone_keeps_its_place_and_its_level() {
        for (from, to) in [(8000, 16000), (22050, 8000), (48000, 8000)] {
            let out = resample(&tone(1000.0, from, from as usize), from, to).unwrap();
            let expected = tone(1000.0, to, to as usize);
            let middle = (to as usize / 10)..(to as usize * 9 / 10);
            let error = largest_difference(&out[middle.clone()], &expected[middle]);
            // Half a sample of the input is allowed: the filter's own delay may lie between two samples.
            let allowed = (8000.0 * std::f64::consts::PI * 1000.0 / f64::from(from)) as i32 + 80;
            assert!(error < allowed, "from {from} to {to} Hz: off by {error}");
        }
    }

    #[test]
    fn what_is_above_the_telephone_band_does_not_fold_back() {
        let out = resample(&tone(6000.0, 22050, 22050), 22050, 8000).unwrap();
        let loudest = out[800..7200].iter().map(|s| s.unsigned_abs()).max().unwrap();
        assert!(loudest < 20, "an alias of {loudest}");
    }

    #[test]
    fn a_stream_in_uneven_pieces_gives_what_the_whole_buffer_gives() {
        let input = tone(700.0, 8000, 8000);
        let whole = resample(&input, 8000, 16000).unwrap();
        let mut resampler = Resampler::new(8000, 16000).unwrap();
        for _ in 0..2 {
            let mut out = Vec::new();
            let mut rest = &input[..];
            for size in [1, 160, 7, 400, 160, 33].into_iter().cycle() {
                let (piece, after) = rest.split_at(size.min(rest.len()));
                resampler.push(piece, &mut out).unwrap();
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            resampler.flush(&mut out).unwrap();
            assert_eq!(out, whole);
        }
    }

    #[test]
    fn a_stream_of_telephone_frames_runs_ten_milliseconds_behind() {
        let mut resampler = Resampler::new(8000, 16000).unwrap();
        let mut out = Vec::new();
        for frame in tone(300.0, 8000, 1600).chunks(160) {
            resampler.push(frame, &mut out).unwrap();
        }
        assert_eq!(3200 - out.len(), 160);
    }

    #[test]
    fn live_sound_lasts_as_long_as_what_went_in_and_begins_with_the_delay() {
        for rate in [12_000, 16_000, 44_100, 48_000, 192_000] {
            let mut there = Resampler::live(8000, rate).unwrap();
            let mut out = Vec::new();
            for (number, frame) in tone(300.0, 8000, 1600).chunks(160).enumerate() {
                there.push(frame, &mut out).unwrap();
                assert_eq!(out.len(), (number + 1) * rate as usize / 50, "{rate} Hz");
            }
            assert!(largest_difference(&out[..rate as usize / 200], &[0; 960]) < 500, "{rate} Hz");
        }
    }

    #[test]
    fn a_rate_of_zero_is_an_error() {
        assert!(matches!(Resampler::new(0, 8000), Err(ResampleError::Rates { .. })));
        assert!(matches!(Resampler::new(8000, 0), Err(ResampleError::Rates { .. })));
        assert!(matches!(resample(&[1], 0, 0), Err(ResampleError::Rates { .. })));
    }
}
