//! Prompts that a person recorded: WAV files of any usual rate, depth and number of channels.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavReader};
use zeroize::Zeroizing;

use super::Sound;

/// Why a recorded prompt cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordedError {
    /// The file cannot be opened or read.
    #[error("cannot read the recorded prompt {}: {source}", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not a WAV file that can be read.
    #[error("cannot read the recorded prompt {} as WAV: {source}. Save it as PCM WAV (16 or 24 bit) or 32 bit float", .file.display())]
    Format {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: hound::Error,
    },
    /// The file holds no sound.
    #[error("the recorded prompt {} holds no sound", .file.display())]
    Empty {
        /// The file.
        file: PathBuf,
    },
}

/// Reads the bytes of the WAV file that is called `file`. Several channels are mixed to one.
///
/// # Errors
/// [`RecordedError`] names the file and what is wrong with it.
pub fn decode(file: &Path, bytes: &[u8]) -> Result<Sound, RecordedError> {
    let format = |source| RecordedError::Format { file: file.to_owned(), source };
    let reader = WavReader::new(Cursor::new(bytes)).map_err(format)?;
    let spec = reader.spec();
    let samples = match (spec.sample_format, spec.bits_per_sample) {
        (SampleFormat::Float, 32) => mixed(reader.into_samples::<f32>().map(|s| s.map(f64::from)), spec.channels),
        (SampleFormat::Int, bits @ 1..=32) => {
            let full = f64::from(1u32 << (bits - 1));
            mixed(reader.into_samples::<i32>().map(|s| s.map(|s| f64::from(s) / full)), spec.channels)
        }
        _ => Err(hound::Error::Unsupported),
    };
    let samples = samples.map_err(format)?;
    if samples.is_empty() || spec.sample_rate == 0 {
        return Err(RecordedError::Empty { file: file.to_owned() });
    }
    Ok(Sound { rate: spec.sample_rate, samples: Zeroizing::new(samples) })
}

/// The mean of the channels, from full scale 1 to 16 bit.
fn mixed(samples: impl Iterator<Item = hound::Result<f64>>, channels: u16) -> hound::Result<Vec<i16>> {
    let channels = usize::from(channels.max(1));
    let mut out = Vec::new();
    let (mut sum, mut of) = (0.0, 0);
    for sample in samples {
        sum += sample?;
        of += 1;
        if of == channels {
            out.push((sum / channels as f64 * 32768.0).round() as i16);
            (sum, of) = (0.0, 0);
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hound::{WavSpec, WavWriter};

    fn spec(channels: u16, sample_rate: u32, bits_per_sample: u16, sample_format: SampleFormat) -> WavSpec {
        WavSpec { channels, sample_rate, bits_per_sample, sample_format }
    }

    /// A second at half of full scale, the channels alternating between all and nothing of it.
    fn wav(spec: WavSpec) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
        for n in 0..spec.sample_rate * u32::from(spec.channels) {
            let value = if n % u32::from(spec.channels) == 0 { 0.5 } else { 0.0 };
            match spec.sample_format {
                SampleFormat::Float => writer.write_sample(value as f32).unwrap(),
                SampleFormat::Int => {
                    writer.write_sample((value * f64::from(1u32 << (spec.bits_per_sample - 1))) as i32).unwrap();
                }
            }
        }
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_usual_depth_and_channel_count_is_read_at_its_level() {
        let file = Path::new("hallo.wav");
        for channels in [1, 2] {
            for (bits, format) in [
                (8, SampleFormat::Int),
                (16, SampleFormat::Int),
                (24, SampleFormat::Int),
                (32, SampleFormat::Int),
                (32, SampleFormat::Float),
            ] {
                let sound = decode(file, &wav(spec(channels, 44_100, bits, format))).unwrap();
                assert_eq!((sound.rate, sound.samples.len()), (44_100, 44_100));
                let expected = 16384 / i32::from(channels);
                assert!(
                    (i32::from(sound.samples[100]) - expected).abs() <= 1,
                    "{channels} channels, {bits} bit: {}",
                    sound.samples[100]
                );
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_with_the_way_out() {
        let error = decode(Path::new("prompts/nl/hallo.wav"), b"OggS, not a WAV file at all").err().unwrap().to_string();
        assert!(error.contains("prompts/nl/hallo.wav") && error.contains("PCM WAV"), "{error}");
    }

    #[test]
    fn a_file_cut_short_is_refused() {
        let bytes = wav(spec(1, 8_000, 16, SampleFormat::Int));
        assert!(decode(Path::new("x.wav"), &bytes[..bytes.len() / 2]).is_err());
    }

    #[test]
    fn a_file_without_sound_is_refused() {
        let mut bytes = Cursor::new(Vec::new());
        WavWriter::new(&mut bytes, spec(1, 8_000, 16, SampleFormat::Int)).unwrap().finalize().unwrap();
        assert!(matches!(decode(Path::new("x.wav"), &bytes.into_inner()), Err(RecordedError::Empty { .. })));
    }
}
