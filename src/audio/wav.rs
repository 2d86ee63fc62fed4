//! Two-channel μ-law WAV in memory: how a turn is kept, as it was carried.
//!
//! RIFF/WAVE with format tag 7 (`WAVE_FORMAT_MULAW`), 8 bits a sample, 8000 Hz; the left channel is the caller, the right the agent.

use zeroize::Zeroizing;

const MULAW: u16 = 7;
const CHANNELS: u16 = 2;
const RATE: u32 = 8000;
/// What comes before the samples: RIFF (12), fmt (8 + 18), fact (8 + 4), data (8).
const HEADER: usize = 58;

/// A file that is not a two-channel μ-law WAV of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a two-channel μ-law WAV at 8000 Hz")]
pub struct NotATurn;

/// The file for two channels of μ-law bytes; a shorter one is filled with silence.
pub fn two_channel_ulaw(caller: &[u8], agent: &[u8]) -> Zeroizing<Vec<u8>> {
    const SILENCE: u8 = 0xff;
    let samples = caller.len().max(agent.len());
    let data = samples as u32 * u32::from(CHANNELS);
    // Whole from the start: a buffer that grows leaves copies behind.
    let mut file = Zeroizing::new(Vec::with_capacity(HEADER + samples * usize::from(CHANNELS)));
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(HEADER as u32 - 8 + data).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&18u32.to_le_bytes());
    file.extend_from_slice(&MULAW.to_le_bytes());
    file.extend_from_slice(&CHANNELS.to_le_bytes());
    file.extend_from_slice(&RATE.to_le_bytes());
    file.extend_from_slice(&(RATE * u32::from(CHANNELS)).to_le_bytes());
    file.extend_from_slice(&CHANNELS.to_le_bytes());
    file.extend_from_slice(&8u16.to_le_bytes());
    file.extend_from_slice(&0u16.to_le_bytes());
    file.extend_from_slice(b"fact");
    file.extend_from_slice(&4u32.to_le_bytes());
    file.extend_from_slice(&(samples as u32).to_le_bytes());
    file.extend_from_slice(b"data");
    file.extend_from_slice(&data.to_le_bytes());
    for at in 0..samples {
        file.push(caller.get(at).copied().unwrap_or(SILENCE));
        file.push(agent.get(at).copied().unwrap_or(SILENCE));
    }
    file
}

/// The μ-law bytes of such a file, caller and agent in turn.
///
/// # Errors
/// [`NotATurn`] for anything but a file of the kind that [`two_channel_ulaw`] makes.
pub fn interleaved_ulaw(file: &[u8]) -> Result<&[u8], NotATurn> {
    let riff = file.strip_prefix(b"RIFF").and_then(|rest| rest.get(4..)).ok_or(NotATurn)?;
    let mut rest = riff.strip_prefix(b"WAVE").ok_or(NotATurn)?;
    let mut known = false;
    loop {
        let (name, after) = rest.split_at_checked(4).ok_or(NotATurn)?;
        let (length, after) = after.split_first_chunk::<4>().ok_or(NotATurn)?;
        let (chunk, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(NotATurn)?;
        match name {
            b"fmt " => known = is_two_channel_ulaw(chunk),
            b"data" if known && chunk.len().is_multiple_of(usize::from(CHANNELS)) => return Ok(chunk),
            b"data" => return Err(NotATurn),
            _ => {}
        }
        // Chunks begin on even bytes.
        rest = after.get(chunk.len() % 2..).ok_or(NotATurn)?;
    }
}

fn is_two_channel_ulaw(format: &[u8]) -> bool {
    let field = |at: usize| format.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let rate = format.get(4..8).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    field(0) == Some(MULAW) && field(2) == Some(CHANNELS) && rate == Some(RATE) && field(14) == Some(8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back() {
        let file = two_channel_ulaw(&[1, 2, 3], &[4]);
        assert_eq!(file.len(), HEADER + 6);
        assert_eq!(interleaved_ulaw(&file), Ok(&[1, 4, 2, 0xff, 3, 0xff][..]));
    }

    #[test]
    fn anything_else_is_refused() {
        let file = two_channel_ulaw(&[1; 100], &[2; 100]);
        assert_eq!(interleaved_ulaw(&file[..file.len() - 1]), Err(NotATurn));
        assert_eq!(interleaved_ulaw(b"OggS"), Err(NotATurn));
        let mut one_channel = file.to_vec();
        one_channel[22] = 1;
        assert_eq!(interleaved_ulaw(&one_channel), Err(NotATurn));
    }
}
