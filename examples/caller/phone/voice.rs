//! The caller's voice: text through eSpeak NG, or a WAV file, as μ-law at 8 kHz.

use std::io::Cursor;
use std::path::Path;
use std::process::Stdio;

use audio_codec_algorithms::encode_ulaw;
use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};
use tokio::io::AsyncWriteExt as _;

use super::PhoneError;

/// Hertz of a telephone call.
const TELEPHONE_RATE: u32 = 8_000;
/// How many samples the resampler takes at a time.
const CHUNK: usize = 1_024;

/// How fast a text is spoken: as someone who wants to be understood.
const WORDS_PER_MINUTE: &str = "150";

/// Speaks `text` with a voice of eSpeak NG: a language (`nl`, `en`, `ko`, …), or one with a variant (`ko+f2`).
///
/// # Errors
/// `espeak-ng` is not installed, does not know the voice, or says nothing for the text.
pub async fn from_text(text: &str, voice: &str) -> Result<Vec<u8>, PhoneError> {
    let failed = |reason: String| PhoneError::Synthesis { voice: voice.to_owned(), reason };
    let mut program = tokio::process::Command::new("espeak-ng")
        .args(["-v", voice, "-s", WORDS_PER_MINUTE, "--stdin", "--stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("espeak-ng cannot be started ({error}); is it installed?")))?;
    if let Some(mut input) = program.stdin.take() {
        input.write_all(text.as_bytes()).await.map_err(|error| failed(error.to_string()))?;
    }
    let output = program.wait_with_output().await.map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let mut wav = output.stdout;
    write_true_lengths(&mut wav);
    let ulaw = from_wav(Cursor::new(wav)).map_err(|error| failed(error.to_string()))?;
    if ulaw.is_empty() { Err(failed("nothing was spoken".to_owned())) } else { Ok(ulaw) }
}

/// A second of a line's noise, the same each time: white, at so many decibels of full scale (-50 is a line in a quiet room).
pub fn noise(decibels: f64) -> Vec<u8> {
    // Evenly spread over ±1 it would have -4.8 dB.
    let loudest = f64::from(i16::MAX) * 10f64.powf(decibels / 20.0) * 3f64.sqrt();
    let mut random = 1u32;
    let mut sample = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(random >> 8) / f64::from(1 << 23) - 1.0
    };
    (0..TELEPHONE_RATE).map(|_| encode_ulaw((sample() * loudest) as i16)).collect()
}

/// Reads a WAV file: 8 to 32 bits or floating point, any rate; the first channel is taken.
///
/// # Errors
/// The file is missing or is no WAV file.
pub fn from_file(path: &Path) -> Result<Vec<u8>, PhoneError> {
    let failed = |reason: String| PhoneError::Audio { file: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    from_wav(Cursor::new(bytes)).map_err(|error| failed(error.to_string()))
}

/// A program that writes a WAV to a pipe cannot know its length beforehand: the header of eSpeak NG's is corrected here.
fn write_true_lengths(wav: &mut [u8]) {
    const HEADER: usize = 44;
    let length = wav.len();
    if length >= HEADER && &wav[36..40] == b"data" {
        // A call's sentence is far below 4 GiB.
        let whole = u32::try_from(length - 8).unwrap_or(u32::MAX);
        let data = u32::try_from((length - HEADER) & !1).unwrap_or(u32::MAX);
        wav[4..8].copy_from_slice(&whole.to_le_bytes());
        wav[40..44].copy_from_slice(&data.to_le_bytes());
    }
}

fn from_wav(wav: Cursor<Vec<u8>>) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let reader = hound::WavReader::new(wav)?;
    let format = reader.spec();
    let channels = usize::from(format.channels.max(1));
    let samples: Vec<f32> = match format.sample_format {
        hound::SampleFormat::Float => reader.into_samples::<f32>().step_by(channels).collect::<Result<_, _>>()?,
        hound::SampleFormat::Int => {
            let full_scale = 2_f32.powi(i32::from(format.bits_per_sample) - 1);
            let samples = reader.into_samples::<i32>().step_by(channels);
            samples.map(|sample| sample.map(|sample| sample as f32 / full_scale)).collect::<Result<_, _>>()?
        }
    };
    let telephone = at_telephone_rate(samples, format.sample_rate)?;
    Ok(telephone.into_iter().map(|sample| encode_ulaw((sample.clamp(-1.0, 1.0) * 32_767.0) as i16)).collect())
}

fn at_telephone_rate(samples: Vec<f32>, rate: u32) -> Result<Vec<f32>, Box<dyn std::error::Error + Send + Sync>> {
    if rate == TELEPHONE_RATE || samples.is_empty() {
        return Ok(samples);
    }
    let mut resampler = Fft::<f32>::new(rate as usize, TELEPHONE_RATE as usize, CHUNK, 1, FixedSync::Input)?;
    let input = InterleavedSlice::new(&samples, 1, samples.len())?;
    Ok(resampler.process_all(&input, samples.len(), None)?.take_data())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use audio_codec_algorithms::decode_ulaw;

    #[test]
    fn the_noise_of_a_line_is_as_loud_as_it_is_said_to_be() {
        for decibels in [-30.0, -50.0] {
            let power: f64 = noise(decibels).iter().map(|byte| f64::from(decode_ulaw(*byte)).powi(2)).sum::<f64>() / 8_000.0;
            let level = 20.0 * (power.sqrt() / 32_768.0).log10();
            assert!((level - decibels).abs() < 1.0, "{level} dB where {decibels} were asked for");
        }
    }

    #[test]
    fn a_wav_of_another_rate_keeps_its_length_and_its_loudness() {
        let format =
            hound::WavSpec { channels: 2, sample_rate: 22_050, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let mut file = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut file, format).unwrap();
        for sample in 0..22_050 {
            let tone = (f64::from(sample) * 440.0 * std::f64::consts::TAU / 22_050.0).sin() * 16_384.0;
            writer.write_sample(tone as i16).unwrap();
            writer.write_sample(0_i16).unwrap();
        }
        writer.finalize().unwrap();
        let ulaw = from_wav(Cursor::new(file.into_inner())).unwrap();
        assert!((7_990..=8_010).contains(&ulaw.len()), "{} samples", ulaw.len());
        let loudest = ulaw.iter().map(|byte| decode_ulaw(*byte).unsigned_abs()).max().unwrap();
        assert!((15_000..18_500).contains(&loudest), "loudest {loudest}");
    }

    #[test]
    fn the_length_that_a_pipe_could_not_know_is_corrected() {
        let mut wav = vec![0; 44];
        wav[36..40].copy_from_slice(b"data");
        wav.extend([0; 10]);
        write_true_lengths(&mut wav);
        assert_eq!((&wav[4..8], &wav[40..44]), (&46_u32.to_le_bytes()[..], &10_u32.to_le_bytes()[..]));
    }
}
