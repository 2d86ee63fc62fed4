use bytes::Bytes;
use opus::{Application, Channels, Decoder, Encoder, Repacketizer, packet};

use super::jitter::{FRAME_SAMPLES, Released};

/// The longest Opus packet (RFC 6716, section 3.2.5: three frames of at most 1275 bytes, and what a packet of 120 ms may take).
const LONGEST_PACKET: usize = 6 * 1276 + 7;
/// Samples of 120 ms, the longest a packet may last.
const LONGEST_SAMPLES: usize = 5760;
const RATE: u32 = 48_000;

/// How many samples at 48 000 Hz a packet lasts (RFC 6716, section 3.1); `None`: it is not Opus.
pub(super) fn samples(payload: &[u8]) -> Option<u64> {
    if payload.is_empty() || payload.len() > LONGEST_PACKET {
        return None;
    }
    let samples = packet::get_nb_samples(payload, RATE).ok()?;
    // Parsed once here: what comes after may rely on it.
    packet::parse(payload).ok()?;
    (samples > 0).then_some(samples as u64)
}

/// Turns packets of any length into packets of 20 ms. Ours are asked for in the SDP (`ptime`), but nobody has to obey.
///
/// What lasts 20 ms goes through as it is. Longer packets made of frames that fill 20 ms, and shorter ones, are re-cut without touching the
/// sound. What cannot be cut (frames of 40 or 60 ms, packets of different kinds) is decoded and encoded again.
pub(super) struct Frames {
    repacketizer: Option<Repacketizer>,
    transcoder: Option<Transcoder>,
    /// Packets shorter than 20 ms, until there is enough.
    waiting: Vec<Bytes>,
}

struct Transcoder {
    decoder: Decoder,
    encoder: Encoder,
    /// What was decoded and does not fill a frame yet.
    left: Vec<i16>,
}

impl Frames {
    pub(super) fn new() -> Frames {
        Frames { repacketizer: None, transcoder: None, waiting: Vec::new() }
    }

    /// Takes what comes out of the jitter buffer; gives frames of 20 ms.
    pub(super) fn take(&mut self, released: Released, mut give: impl FnMut(Released)) {
        let payload = match released {
            Released::Packet(payload) => payload,
            Released::Lost => {
                self.waiting.clear();
                return give(Released::Lost);
            }
        };
        let Some(samples) = samples(&payload) else { return };
        if samples == FRAME_SAMPLES && self.waiting.is_empty() && self.transcoder.is_none() {
            return give(Released::Packet(payload));
        }
        metrics::counter!("candor_webrtc_recut_packets_total").increment(1);
        if self.transcoder.is_none() && self.cut(&payload, samples, &mut give).is_some() {
            return;
        }
        // From here on all is decoded: the encoder's sound has to continue itself.
        let waiting = std::mem::take(&mut self.waiting);
        for payload in waiting.iter().chain([&payload]) {
            self.transcode(payload, &mut give);
        }
    }

    /// Cuts without decoding; `None` where that is not possible, with nothing given.
    fn cut(&mut self, payload: &Bytes, samples: u64, give: &mut impl FnMut(Released)) -> Option<()> {
        let frame = packet::get_samples_per_frame(payload, RATE).ok()? as u64;
        if self.repacketizer.is_none() {
            self.repacketizer = Repacketizer::new().ok();
        }
        let repacketizer = self.repacketizer.as_mut()?;
        if samples < FRAME_SAMPLES {
            // Frames of 2.5, 5 and 10 ms fill 20 ms; all have to be of one kind.
            let kind = |packet: &Bytes| packet.first().map(|toc| toc & 0xfc);
            let same = self.waiting.first().is_none_or(|first| kind(first) == kind(payload));
            let filled = samples + self.waiting.iter().filter_map(|packet| self::samples(packet)).sum::<u64>();
            if !same || filled > FRAME_SAMPLES {
                return None;
            }
            if filled < FRAME_SAMPLES {
                self.waiting.push(payload.clone());
                return Some(());
            }
            let parts: Vec<&[u8]> = self.waiting.iter().chain([payload]).map(|part| &part[..]).collect();
            let mut out = vec![0; parts.iter().map(|part| part.len() + 2).sum::<usize>() + 2];
            let length = repacketizer.combine(&parts, &mut out).ok()?;
            out.truncate(length);
            self.waiting.clear();
            give(Released::Packet(out.into()));
            return Some(());
        }
        if !self.waiting.is_empty()
            || frame > FRAME_SAMPLES
            || !FRAME_SAMPLES.is_multiple_of(frame)
            || !samples.is_multiple_of(FRAME_SAMPLES)
        {
            return None;
        }
        let frames = (FRAME_SAMPLES / frame) as usize;
        let mut state = repacketizer.begin();
        state.cat(payload).ok()?;
        let mut cut = Vec::new();
        for begin in (0..state.get_nb_frames()).step_by(frames) {
            let mut out = vec![0; payload.len() + 8];
            let length = state.out_range(begin, begin + frames, &mut out).ok()?;
            out.truncate(length);
            cut.push(Bytes::from(out));
        }
        cut.into_iter().for_each(|packet| give(Released::Packet(packet)));
        Some(())
    }

    fn transcode(&mut self, payload: &[u8], give: &mut impl FnMut(Released)) {
        if self.transcoder.is_none() {
            let decoder = Decoder::new(RATE, Channels::Mono);
            let encoder = Encoder::new(RATE, Channels::Mono, Application::Voip);
            self.transcoder =
                decoder.ok().zip(encoder.ok()).map(|(decoder, encoder)| Transcoder { decoder, encoder, left: Vec::new() });
        }
        let Some(Transcoder { decoder, encoder, left }) = &mut self.transcoder else { return };
        let mut samples = [0; LONGEST_SAMPLES];
        let Ok(decoded) = decoder.decode(payload, &mut samples, false) else { return };
        left.extend_from_slice(&samples[..decoded]);
        let whole = left.len() - left.len() % FRAME_SAMPLES as usize;
        for frame in left[..whole].chunks_exact(FRAME_SAMPLES as usize) {
            if let Ok(packet) = encoder.encode_vec(frame, 1275) {
                give(Released::Packet(packet.into()));
            }
        }
        left.drain(..whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Opus packets of `samples` each, half a second of a tone.
    fn encoded(samples: usize, application: Application) -> Vec<Bytes> {
        let mut encoder = Encoder::new(RATE, Channels::Mono, application).unwrap();
        let tone: Vec<i16> = (0..24_000).map(|n| ((n as f32 * 0.05).sin() * 8000.0) as i16).collect();
        tone.chunks_exact(samples).map(|frame| encoder.encode_vec(frame, 1275).unwrap().into()).collect()
    }

    fn recut(packets: Vec<Bytes>) -> Vec<Bytes> {
        let mut frames = Frames::new();
        let mut out = Vec::new();
        for packet in packets {
            frames.take(Released::Packet(packet), |released| {
                let Released::Packet(packet) = released else { panic!("nothing was lost") };
                out.push(packet);
            });
        }
        out
    }

    fn loudness(packets: &[Bytes]) -> f64 {
        let mut decoder = Decoder::new(RATE, Channels::Mono).unwrap();
        let mut all = Vec::new();
        for packet in packets {
            let mut samples = [0; LONGEST_SAMPLES];
            let decoded = decoder.decode(packet, &mut samples, false).unwrap();
            all.extend_from_slice(&samples[..decoded]);
        }
        (all.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / all.len() as f64).sqrt()
    }

    #[test]
    fn every_length_becomes_twenty_milliseconds_with_the_sound_it_had() {
        // 2.5, 5, 10 and 20 ms as CELT can, 40 and 60 ms in one frame as SILK does.
        for (samples, application) in [
            (120, Application::LowDelay),
            (240, Application::LowDelay),
            (480, Application::LowDelay),
            (960, Application::Voip),
            (1920, Application::Voip),
            (2880, Application::Voip),
        ] {
            let before = encoded(samples, application);
            let expected = before.len() * samples / 960;
            let wanted = loudness(&before);
            let after = recut(before);
            assert!(after.iter().all(|packet| super::samples(packet) == Some(960)), "packets of {samples}");
            assert_eq!(after.len(), expected, "packets of {samples}");
            let got = loudness(&after);
            assert!((got / wanted - 1.0).abs() < 0.2, "packets of {samples}: {wanted} became {got}");
        }
    }

    #[test]
    fn several_frames_in_one_packet_are_cut_without_touching_them() {
        let single = encoded(960, Application::Audio);
        let mut repacketizer = Repacketizer::new().unwrap();
        let mut triples = Vec::new();
        for three in single[..24].chunks_exact(3) {
            let parts: Vec<&[u8]> = three.iter().map(|part| &part[..]).collect();
            let mut out = vec![0; 4000];
            let length = repacketizer.combine(&parts, &mut out).unwrap();
            triples.push(Bytes::copy_from_slice(&out[..length]));
        }
        assert_eq!(recut(triples), single[..24].to_vec());
    }

    #[test]
    fn what_is_not_opus_has_no_length() {
        assert_eq!(samples(&[]), None);
        assert_eq!(samples(&[0xff]), None, "code 3 without a frame count");
        assert_eq!(samples(&[0xf8, 0xff, 0xfe]), Some(960));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_do_no_harm(packets in proptest::collection::vec(proptest::collection::vec(proptest::num::u8::ANY, 0..60), 0..20)) {
            let mut frames = Frames::new();
            for packet in packets {
                frames.take(Released::Packet(packet.into()), |released| {
                    if let Released::Packet(packet) = released {
                        assert_eq!(samples(&packet), Some(FRAME_SAMPLES));
                    }
                });
            }
        }
    }
}
