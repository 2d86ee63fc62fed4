//! From one leg's codec to another's, 20 ms at a time: a colleague in a browser talks with a caller on a telephone.

use bytes::Bytes;
use zeroize::Zeroizing;

use super::opus::{Content, Decoder, Encoder, OpusError, holds_copy};
use super::{Codec, g711};

/// The telephone's rate, at which libopus encodes and decodes by itself: nothing is resampled.
const RATE: u32 = 8000;
/// Samples of 20 ms at that rate.
const FRAME_SAMPLES: usize = RATE as usize / 50;

/// Carries one direction of sound from one codec to another.
///
/// What it adds to the sound's way: from μ-law to Opus 6.5 ms, in libopus; from Opus to μ-law 20 ms, because a packet waits for the next,
/// which may hold a copy of it should it be lost; nothing where both are the same. What it keeps of the sound is overwritten when it is
/// dropped.
pub struct Transcoder {
    way: Way,
}

enum Way {
    /// Both are the same.
    Through,
    ToOpus {
        encoder: Encoder,
        samples: Zeroizing<Vec<i16>>,
        packet: Zeroizing<Vec<u8>>,
    },
    ToTelephone(Box<ToTelephone>),
}

struct ToTelephone {
    decoder: Decoder,
    waiting: Waiting,
    /// The packet that waits, if one does.
    packet: Zeroizing<Vec<u8>>,
    samples: Zeroizing<Vec<i16>>,
    ulaw: Zeroizing<Vec<u8>>,
}

/// What came 20 ms ago and is to be sent now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// Nothing has come yet.
    Nothing,
    /// It was lost.
    Lost,
    Packet,
}

/// The longest packet of 20 ms is eight frames; one that is larger than what a network carries is no packet of a call.
const LARGEST: usize = 1500;

impl Transcoder {
    /// From one codec to another.
    ///
    /// # Errors
    /// [`OpusError`] when libopus has no memory.
    pub fn new(from: Codec, to: Codec) -> Result<Transcoder, OpusError> {
        let way = match (from, to) {
            (Codec::Ulaw, Codec::Ulaw) | (Codec::Opus, Codec::Opus) => Way::Through,
            (Codec::Ulaw, Codec::Opus) => Way::ToOpus {
                encoder: Encoder::new(RATE, Content::Live)?,
                samples: Zeroizing::new(Vec::with_capacity(FRAME_SAMPLES)),
                packet: Zeroizing::new(Vec::with_capacity(LARGEST)),
            },
            (Codec::Opus, Codec::Ulaw) => Way::ToTelephone(Box::new(ToTelephone {
                decoder: Decoder::new(RATE)?,
                waiting: Waiting::Nothing,
                packet: Zeroizing::new(Vec::with_capacity(LARGEST)),
                // As much as the longest packet there is, 120 ms.
                samples: Zeroizing::new(Vec::with_capacity(6 * FRAME_SAMPLES)),
                ulaw: Zeroizing::new(Vec::with_capacity(FRAME_SAMPLES)),
            })),
        };
        Ok(Transcoder { way })
    }

    /// Takes 20 ms, or the word that they were lost, and gives 20 ms. Nothing comes out where there is nothing to send: before the first
    /// packet from Opus to μ-law has waited, and for what was lost where both codecs are the same (whoever plays it conceals). What
    /// cannot be decoded counts as lost; lost telephone sound is silence.
    pub fn frame(&mut self, frame: Option<&[u8]>) -> Option<Bytes> {
        match &mut self.way {
            Way::Through => frame.map(Bytes::copy_from_slice),
            Way::ToOpus { encoder, samples, packet } => {
                samples.clear();
                let ulaw = frame.unwrap_or_default();
                g711::decode_into(&ulaw[..ulaw.len().min(FRAME_SAMPLES)], samples);
                samples.resize(FRAME_SAMPLES, 0);
                packet.clear();
                encoder.frame(samples, packet).ok()?;
                Some(Bytes::copy_from_slice(packet))
            }
            Way::ToTelephone(way) => way.frame(frame.filter(|packet| packet.len() <= LARGEST)),
        }
    }
}

impl ToTelephone {
    fn frame(&mut self, next: Option<&[u8]>) -> Option<Bytes> {
        self.samples.clear();
        let decoder = &mut self.decoder;
        let decoded = match (self.waiting, next) {
            (Waiting::Nothing, _) => None,
            (Waiting::Packet, _) => {
                Some(decoder.decode(&self.packet, &mut self.samples).or_else(|_| decoder.conceal(&mut self.samples)))
            }
            (Waiting::Lost, Some(next)) if holds_copy(next) => Some(decoder.recover(next, &mut self.samples)),
            (Waiting::Lost, _) => Some(decoder.conceal(&mut self.samples)),
        };
        self.packet.clear();
        self.packet.extend_from_slice(next.unwrap_or_default());
        self.waiting = match (next, self.waiting) {
            (Some(_), _) => Waiting::Packet,
            (None, Waiting::Nothing) => Waiting::Nothing,
            (None, _) => Waiting::Lost,
        };
        decoded?.ok()?;
        self.samples.resize(FRAME_SAMPLES, 0);
        self.ulaw.clear();
        g711::encode_into(&self.samples, &mut self.ulaw);
        Some(Bytes::copy_from_slice(&self.ulaw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::opus::is_frame;

    /// A tone of 600 Hz in 8 kHz samples.
    fn tone(frames: usize) -> Vec<i16> {
        let sample = |n: usize| ((n as f64 * 600.0 * std::f64::consts::TAU / 8000.0).sin() * 8000.0) as i16;
        (0..frames * FRAME_SAMPLES).map(sample).collect()
    }

    fn ulaw(frames: usize) -> Vec<Vec<u8>> {
        g711::encode(&tone(frames)).chunks(FRAME_SAMPLES).map(<[u8]>::to_vec).collect()
    }

    fn packets(frames: usize) -> Vec<Bytes> {
        let mut transcoder = Transcoder::new(Codec::Ulaw, Codec::Opus).unwrap();
        ulaw(frames).iter().map(|frame| transcoder.frame(Some(frame)).unwrap()).collect()
    }

    fn level(samples: &[i16]) -> f64 {
        (samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
    }

    #[test]
    fn a_tone_survives_both_ways_at_its_level() {
        let packets = packets(60);
        assert!(packets.iter().all(|packet| is_frame(packet)));
        let mut back = Transcoder::new(Codec::Opus, Codec::Ulaw).unwrap();
        let frames: Vec<_> = packets.iter().map(|packet| back.frame(Some(packet))).collect();
        assert!(frames[0].is_none() && frames[1..].iter().all(|frame| frame.as_ref().is_some_and(|f| f.len() == FRAME_SAMPLES)));
        let heard: Vec<i16> = frames.into_iter().flatten().flat_map(|frame| g711::decode(&frame)).collect();
        let middle = &heard[heard.len() / 4..heard.len() * 3 / 4];
        let ratio = level(middle) / level(&tone(60));
        assert!((0.85..1.15).contains(&ratio), "{ratio}");
        let turns = middle.windows(2).filter(|pair| (pair[0] < 0) != (pair[1] < 0)).count() as f64;
        let hz = turns / 2.0 / (middle.len() as f64 / 8000.0);
        assert!((590.0..610.0).contains(&hz), "{hz} Hz");
    }

    #[test]
    fn lost_packets_are_made_up_for_and_a_long_loss_grows_quiet() {
        let mut back = Transcoder::new(Codec::Opus, Codec::Ulaw).unwrap();
        let mut heard = Vec::new();
        for (number, packet) in packets(100).iter().enumerate() {
            let lost = number % 10 == 7 || number >= 60;
            heard.push(back.frame(Some(&packet[..]).filter(|_| !lost)));
        }
        let heard: Vec<f64> = heard.into_iter().skip(1).map(|frame| level(&g711::decode(&frame.unwrap()))).collect();
        assert!(heard[..58].iter().all(|level| *level > 600.0), "{heard:?}");
        // libopus goes on with what it takes for the noise of the line, which of a lone tone is much.
        assert!(heard[80..].iter().all(|level| *level < heard[30] / 1.5), "{heard:?}");
    }

    #[test]
    fn nothing_comes_out_before_something_has_come_in() {
        let mut back = Transcoder::new(Codec::Opus, Codec::Ulaw).unwrap();
        assert_eq!((back.frame(None), back.frame(None)), (None, None));
    }

    #[test]
    fn lost_telephone_sound_is_silence_and_short_frames_are_filled_up() {
        let mut there = Transcoder::new(Codec::Ulaw, Codec::Opus).unwrap();
        for frame in [None, Some(&[0x55; 10][..]), Some(&[0x55; 400][..])] {
            assert!(is_frame(&there.frame(frame).unwrap()));
        }
    }

    #[test]
    fn what_is_no_packet_is_concealed() {
        let mut back = Transcoder::new(Codec::Opus, Codec::Ulaw).unwrap();
        let packets = packets(20);
        for bytes in [&packets[0][..], &[], &[0xfb, 0], &[7; 3000], &packets[1]].into_iter().chain(packets.iter().map(|p| &p[..]))
        {
            if let Some(frame) = back.frame(Some(bytes)) {
                assert_eq!(frame.len(), FRAME_SAMPLES);
            }
        }
    }

    #[test]
    fn the_same_codec_passes_untouched() {
        for codec in [Codec::Ulaw, Codec::Opus] {
            let mut through = Transcoder::new(codec, codec).unwrap();
            assert_eq!(through.frame(Some(&[1, 2, 3])).unwrap(), [1, 2, 3][..]);
            assert_eq!(through.frame(None), None);
        }
    }
}
