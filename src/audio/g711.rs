//! G.711 μ-law (ITU-T G.711, `PCMU` in RFC 3551): one byte a sample at 8000 Hz, to and from 16-bit linear samples.

use audio_codec_algorithms::{decode_ulaw, encode_ulaw};

/// Encodes linear samples: one byte for each.
pub fn encode(samples: &[i16]) -> Vec<u8> {
    samples.iter().map(|&sample| encode_ulaw(sample)).collect()
}

/// Encodes behind what `ulaw` already holds, for callers that keep (and wipe) their own buffer.
pub fn encode_into(samples: &[i16], ulaw: &mut Vec<u8>) {
    ulaw.extend(samples.iter().map(|&sample| encode_ulaw(sample)));
}

/// Decodes μ-law: one sample for each byte.
pub fn decode(ulaw: &[u8]) -> Vec<i16> {
    ulaw.iter().map(|&byte| decode_ulaw(byte)).collect()
}

/// Decodes μ-law behind what `samples` already holds, for callers that keep (and wipe) their own buffer.
pub fn decode_into(ulaw: &[u8], samples: &mut Vec<i16>) {
    samples.extend(ulaw.iter().map(|&byte| decode_ulaw(byte)));
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
}
