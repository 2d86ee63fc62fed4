use std::time::Duration;

use zeroize::Zeroizing;

use super::ListenError;
use super::utterance::Samples;
use crate::audio::opus::{Decoder, holds_copy};
use crate::audio::resample::Resampler;
use crate::audio::{Codec, FRAME, g711};
use crate::speech::stt::RECOGNITION_RATE;

/// Samples of 20 ms at the recogniser's rate.
const FRAME_SAMPLES: usize = RECOGNITION_RATE as usize / 50;

/// From the leg's codec to the recogniser's rate. Each call puts its samples behind what `out` already holds.
pub(super) enum Intake {
    /// G.711: samples, brought to another rate.
    Telephone {
        resampler: Box<Resampler>,
        samples: Samples,
        /// Whether the frame before was digital silence: what the filter still holds of it is nothing either.
        idle: bool,
    },
    /// Opus: packets, which libopus decodes to the rate that is wanted.
    Opus(Decoder),
}

impl Intake {
    pub(super) fn new(codec: Codec) -> Result<Intake, ListenError> {
        Ok(match codec {
            Codec::Ulaw => {
                let resampler = Box::new(Resampler::new(codec.sample_rate(), RECOGNITION_RATE)?);
                let second = codec.bytes_in(Duration::from_secs(1));
                Intake::Telephone { resampler, samples: Zeroizing::new(Vec::with_capacity(second)), idle: false }
            }
            Codec::Opus => Intake::Opus(Decoder::new(RECOGNITION_RATE)?),
        })
    }

    /// A frame as parts that fit the buffers: one of samples may be long, a packet is whole.
    pub(super) fn parts<'a>(&self, frame: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let size = match self {
            Intake::Telephone { samples, .. } => samples.capacity().max(1),
            Intake::Opus(_) => frame.len().max(1),
        };
        frame.chunks(size)
    }

    /// Sound that has come; gives how long it lasts. A packet that cannot be decoded is 20 ms of silence, and counted.
    pub(super) fn hear(&mut self, part: &[u8], out: &mut Samples) -> Result<Duration, ListenError> {
        match self {
            Intake::Telephone { resampler, samples, idle } => {
                samples.clear();
                g711::decode_into(part, samples);
                let whole = samples.len() >= Codec::Ulaw.bytes_in(FRAME);
                let was_idle = std::mem::replace(idle, whole && samples.iter().all(|sample| *sample == 0));
                if *idle && was_idle {
                    // Most of a call on a digital line: its caller listens. Nothing comes of nothing, to the last bit; what is merely quiet is left as it
                    // is, as a recogniser hears the end of a word in it.
                    let silence = samples.len() * RECOGNITION_RATE as usize / Codec::Ulaw.sample_rate() as usize;
                    out.extend(std::iter::repeat_n(0, silence));
                } else {
                    resampler.push(samples, out)?;
                }
                Ok(Codec::Ulaw.duration(part.len()))
            }
            Intake::Opus(decoder) => {
                let before = out.len();
                if decoder.decode(part, out).is_err() {
                    metrics::counter!("candor_ears_undecodable_total").increment(1);
                    out.resize(before + FRAME_SAMPLES, 0);
                }
                Ok(length_of(out.len() - before))
            }
        }
    }

    /// 20 ms that were lost before `next`: from the copy that it holds, or made up. Gives whether somebody really said it.
    pub(super) fn recover(&mut self, next: &[u8], out: &mut Samples) -> Result<bool, ListenError> {
        match self {
            Intake::Opus(decoder) if holds_copy(next) => {
                let before = out.len();
                if decoder.recover(next, out).is_err() {
                    out.resize(before + FRAME_SAMPLES, 0);
                }
                Ok(true)
            }
            _ => self.conceal(out).map(|()| false),
        }
    }

    /// 20 ms that were lost and that nothing is known of.
    pub(super) fn conceal(&mut self, out: &mut Samples) -> Result<(), ListenError> {
        match self {
            Intake::Opus(decoder) => {
                let before = out.len();
                if decoder.conceal(out).is_err() {
                    out.resize(before + FRAME_SAMPLES, 0);
                }
                Ok(())
            }
            Intake::Telephone { .. } => self.silence(out),
        }
    }

    /// 20 ms in which nothing was sent.
    pub(super) fn silence(&mut self, out: &mut Samples) -> Result<(), ListenError> {
        match self {
            Intake::Telephone { .. } => self.hear(&[Codec::Ulaw.silence(); 160], out).map(drop),
            Intake::Opus(_) => {
                let length = out.len() + FRAME_SAMPLES;
                out.resize(length, 0);
                Ok(())
            }
        }
    }

    /// Forgets what went through, as at the beginning of a stream.
    pub(super) fn reset(&mut self) {
        match self {
            Intake::Telephone { resampler, idle, .. } => {
                resampler.reset();
                *idle = false;
            }
            Intake::Opus(decoder) => decoder.reset(),
        }
    }

    /// How long what [`Intake::silence`], [`Intake::conceal`] and [`Intake::recover`] give lasts.
    pub(super) const SLOT: Duration = FRAME;
}

/// How long `samples` of the recogniser's rate last.
pub(super) fn length_of(samples: usize) -> Duration {
    Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(RECOGNITION_RATE))
}
