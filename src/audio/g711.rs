//! G.711 μ-law (ITU-T G.711, `PCMU` in RFC 3551): one byte a sample at 8000 Hz, to and from 16-bit linear samples; and A-law (`PCMA`), to
//! and from μ-law.

use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};

/// Encodes linear samples: one byte for each.
pub fn encode(samples: &[i16]) -> Vec<u8> {
    samples.iter().map(|&sample| encode_ulaw(sample)).collect()
}

/// Encodes behind what `ulaw` already holds, for callers that keep (and wipe) their own buffer.
pub fn encode_into(samples: &[i16], ulaw: &mut Vec<u8>) {
    ulaw.extend(samples.iter().map(|&sample| encode_ulaw(sample)));
}

/// The μ-law of each sample, for callers that have a place of their own for it.
pub fn encode_each(samples: &[i16]) -> impl Iterator<Item = u8> {
    samples.iter().map(|&sample| encode_ulaw(sample))
}

/// Decodes μ-law: one sample for each byte.
pub fn decode(ulaw: &[u8]) -> Vec<i16> {
    ulaw.iter().map(|&byte| decode_ulaw(byte)).collect()
}

/// Decodes μ-law behind what `samples` already holds, for callers that keep (and wipe) their own buffer.
pub fn decode_into(ulaw: &[u8], samples: &mut Vec<i16>) {
    samples.extend(ulaw.iter().map(|&byte| decode_ulaw(byte)));
}

/// A-law from μ-law, byte by byte.
pub fn ulaw_to_alaw(ulaw: &[u8]) -> Vec<u8> {
    ulaw.iter().map(|&byte| encode_alaw(decode_ulaw(byte))).collect()
}

/// μ-law from A-law, byte by byte.
pub fn alaw_to_ulaw(alaw: &[u8]) -> Vec<u8> {
    alaw.iter().map(|&byte| encode_ulaw(decode_alaw(byte))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Codec;

    #[test]
    fn silence_is_zero_and_zero_is_silence() {
        assert_eq!(encode(&[0]), [Codec::Ulaw.silence()]);
        assert_eq!(decode(&[Codec::Ulaw.silence()]), [0]);
    }

    #[test]
    fn every_code_word_survives_decoding_and_encoding() {
        for byte in 0..=255u8 {
            let again = encode(&decode(&[byte]))[0];
            // 0x7f is the negative zero, which linear samples cannot tell from the positive one.
            let expected = if byte == 0x7f { 0xff } else { byte };
            assert_eq!(again, expected, "code word {byte:#04x}");
        }
    }

    #[test]
    fn the_extremes_are_those_of_the_recommendation() {
        assert_eq!(decode(&[0x00, 0x80]), [-32124, 32124]);
        assert_eq!(encode(&[i16::MIN, i16::MAX]), [0x00, 0x80]);
    }

    #[test]
    fn the_error_stays_within_half_a_step_of_the_segment() {
        for sample in (-32000..32000).step_by(7) {
            let back = i32::from(decode(&encode(&[sample as i16]))[0]);
            let step = (i32::abs(sample) + 132) / 16;
            assert!((back - sample).abs() <= step, "{sample} came back as {back}");
        }
    }

    #[test]
    fn a_law_and_back_is_the_same_loudness_within_a_step() {
        for byte in 0..=255u8 {
            let there = i32::from(decode(&[byte])[0]);
            let back = i32::from(decode(&alaw_to_ulaw(&ulaw_to_alaw(&[byte])))[0]);
            assert!((there - back).abs() <= i32::abs(there) / 16 + 8, "code word {byte:#04x}: {there} came back as {back}");
        }
    }

    #[test]
    fn the_silence_of_one_law_is_that_of_the_other_within_the_smallest_step() {
        assert_eq!(ulaw_to_alaw(&[0xff]), [0xd5]);
        assert!(decode(&alaw_to_ulaw(&[0xd5, 0x55])).iter().all(|sample| sample.abs() <= 8));
    }
}
