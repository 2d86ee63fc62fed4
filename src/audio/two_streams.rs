//! Two channels of Opus packets in one file, as they were carried: an Ogg Opus file of two streams of one channel each (RFC 7845
//! section 5.1.1.2, mapping family 1), the caller left, the agent right.
//!
//! A packet of such a file is a packet of each stream, one behind the other; the first says itself how long it is (RFC 6716
//! appendix B). Nothing is encoded anew.

use ::opus::{MSDecoder, packet};
use zeroize::{Zeroize, Zeroizing};

use super::ogg_opus::{Head, OggOpusError, PACKET, read, write};
use super::opus::{OpusError, PRE_SKIP, SILENCE, is_frame};
use super::{Codec, make_room};

/// The left channel is the first stream, the right the second.
const MAPPING: [u8; 2] = [0, 1];

/// A file, and what had to be left out of it.
pub struct TwoStreams {
    /// The file.
    pub file: Zeroizing<Vec<u8>>,
    /// How many packets were silenced because they were not one channel of 20 ms: a file cannot hold others.
    pub silenced: usize,
}

/// Puts two channels of 20 ms slots into a file that lasts as long: each slot is a packet, or empty for silence. The shorter channel is
/// filled with silence.
///
/// # Errors
/// [`OggOpusError::Write`].
pub fn two_streams<'a>(
    caller: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    agent: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
) -> Result<TwoStreams, OggOpusError> {
    let slots = caller.len().max(agent.len());
    // One slot more: the sound of the last leaves a decoder a little later.
    let filled = |channel: &mut dyn Iterator<Item = &'a [u8]>| channel.next().unwrap_or_default();
    let room = |packet: &[u8]| packet.len().max(SILENCE.len());
    let bytes: usize = caller.clone().chain(agent.clone()).map(room).sum::<usize>() + (slots + 1) * (2 + 2 * SILENCE.len());
    // Whole from the start: a buffer that grows leaves copies behind.
    let mut packets = Zeroizing::new(Vec::with_capacity(bytes));
    let mut ends = Zeroizing::new(Vec::with_capacity(slots + 1));
    let (mut caller, mut agent) = (caller, agent);
    let mut silenced = 0;
    for _ in 0..=slots {
        for (channel, delimited) in [(filled(&mut caller), true), (filled(&mut agent), false)] {
            let usable = is_frame(channel);
            silenced += usize::from(!usable && !channel.is_empty());
            let packet = if usable { channel } else { &SILENCE };
            if delimited { delimit(packet, &mut packets)? } else { packets.extend_from_slice(packet) }
        }
        ends.push(packets.len());
    }
    let begin = |slot: usize| slot.checked_sub(1).map_or(0, |before| ends[before]);
    let slices = (0..ends.len()).map(|slot| &packets[begin(slot)..ends[slot]]);
    let file = write(&Head::TwoStreams, slices, u64::from(PRE_SKIP) + slots as u64 * PACKET)?;
    Ok(TwoStreams { file, silenced })
}

/// Writes a packet so that its end can be found in what follows: the length of its last frame is put before its frames.
fn delimit(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), OpusError> {
    let packet = packet::parse(bytes)?;
    let last = packet.frames.last().map_or(0, |frame| frame.len());
    out.extend_from_slice(&bytes[..packet.payload_offset]);
    // RFC 6716 section 3.1: one byte up to 251, else two.
    if last < 252 {
        out.push(last as u8);
    } else {
        let low = 252 + (last & 3);
        out.extend_from_slice(&[low as u8, ((last - low) >> 2) as u8]);
    }
    out.extend_from_slice(&bytes[packet.payload_offset..]);
    Ok(())
}

/// Decodes such a file: both channels in turn, 48 000 samples a second each.
///
/// # Errors
/// [`OggOpusError`] for anything but a whole file of the kind that [`two_streams`] makes.
pub fn decode(file: &[u8]) -> Result<Zeroizing<Vec<i16>>, OggOpusError> {
    let opus = |error: ::opus::Error| OggOpusError::from(OpusError::from(error));
    let mut decoder = MSDecoder::new(Codec::Opus.sample_rate(), 2, 0, &MAPPING).map_err(opus)?;
    let mut slot = Zeroizing::new([0i16; 2 * PACKET as usize]);
    let mut samples = Zeroizing::new(Vec::new());
    let (mut skip, mut decoded) = (2 * usize::from(PRE_SKIP), 0);
    let end = read(file, &Head::TwoStreams, |packet| {
        let given = decoder.decode(packet, &mut slot[..], false).map_err(opus)?;
        decoded += given as u64;
        let heard = &slot[..2 * given];
        let (_, heard) = heard.split_at(skip.min(heard.len()));
        skip -= 2 * given - heard.len();
        let length = samples.len() + heard.len();
        make_room(&mut samples, length);
        samples.extend_from_slice(heard);
        Ok(())
    });
    let _ = decoder.reset_state();
    let end = end?;
    if end < u64::from(PRE_SKIP) || end > decoded {
        return Err(OggOpusError::NotOurs("it does not last as long as its packets"));
    }
    let heard = 2 * (end as usize - usize::from(PRE_SKIP));
    samples[heard..].zeroize();
    samples.truncate(heard);
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::audio::opus::{Content, encode};

    /// A tone at 48 kHz as packets.
    fn tone(hz: f64, amplitude: f64, slots: usize) -> Vec<bytes::Bytes> {
        let samples: Vec<i16> = (0..slots * 960 - 312)
            .map(|n| ((n as f64 * hz * std::f64::consts::TAU / 48_000.0).sin() * amplitude) as i16)
            .collect();
        encode(&samples, Content::Voice).unwrap().iter().collect()
    }

    fn file(caller: &[&[u8]], agent: &[&[u8]]) -> TwoStreams {
        two_streams(caller.iter().copied(), agent.iter().copied()).unwrap()
    }

    /// The level of a channel (0 left, 1 right) in each slot, as root mean square.
    fn levels(samples: &[i16], channel: usize) -> Vec<f64> {
        let power = |slot: &[i16]| slot.iter().skip(channel).step_by(2).map(|s| f64::from(*s).powi(2)).sum::<f64>() / 960.0;
        samples.chunks(1920).map(|slot| power(slot).sqrt()).collect()
    }

    #[test]
    fn both_channels_come_back_where_they_were() {
        let (caller, agent) = (tone(440.0, 6000.0, 10), tone(880.0, 3000.0, 20));
        let empty: &[u8] = &[];
        // The caller speaks in the slots from 30 to 40, the agent in those from 10 to 30.
        let left: Vec<&[u8]> = std::iter::repeat_n(empty, 30).chain(caller.iter().map(|p| &p[..])).collect();
        let mut right: Vec<&[u8]> = std::iter::repeat_n(empty, 10).chain(agent.iter().map(|p| &p[..])).collect();
        right.resize(50, empty);
        let file = file(&left, &right);
        assert_eq!(file.silenced, 0);
        let samples = decode(&file.file).unwrap();
        assert_eq!(samples.len(), 50 * 960 * 2);
        for (channel, from, to, level) in [(0, 30, 40, 4243.0), (1, 10, 30, 2121.0)] {
            for (slot, found) in levels(&samples, channel).into_iter().enumerate() {
                if slot + 1 < from || slot > to {
                    assert!(found < 20.0, "channel {channel}, slot {slot}: {found}");
                } else if slot > from + 1 && slot + 2 < to {
                    assert!((level * 0.85..level * 1.15).contains(&found), "channel {channel}, slot {slot}: {found}");
                }
            }
        }
    }

    #[test]
    fn the_same_packets_give_the_same_file_and_the_buffer_never_moved() {
        let packets = tone(300.0, 9000.0, 120);
        let slices: Vec<&[u8]> = packets.iter().map(|packet| &packet[..]).collect();
        let (first, second) = (file(&slices, &[]), file(&slices, &[]));
        assert_eq!(first.file, second.file);
        assert!(first.file.capacity() < first.file.len() + first.file.len() / 4 + 400);
    }

    #[test]
    fn packets_that_no_call_carries_are_silenced_and_counted() {
        let good = tone(300.0, 9000.0, 1).remove(0);
        let stereo: &[u8] = &[0xfc, 0xff, 0xfe];
        let file = file(&[&good, stereo, &[0x18, 1, 2], &[0xfb, 0]], &[&[9; 4]]);
        assert_eq!(file.silenced, 3, "two channels in a packet are mixed by whoever plays the file");
        let samples = decode(&file.file).unwrap();
        assert_eq!(samples.len(), 4 * 960 * 2);
    }

    #[test]
    fn no_slot_at_all_is_a_file_without_sound() {
        assert!(decode(&file(&[], &[]).file).unwrap().is_empty());
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let file = file(&[&SILENCE[..]; 60], &[]).file;
        for cut in [0, 30, file.len() / 2, file.len() - 1] {
            assert!(decode(&file[..cut]).is_err());
        }
        let mut changed = file.to_vec();
        changed[file.len() / 2] ^= 1;
        assert!(decode(&changed).is_err());
    }

    /// Packets of every framing (RFC 6716 section 3.2) that last 20 ms; what is in them does not matter here.
    fn any_frame() -> impl Strategy<Value = Vec<u8>> {
        let content = |longest: usize| proptest::collection::vec(any::<u8>(), 0..longest);
        let whole = (content(1270), Just(0xf8u8)).prop_map(|(content, toc)| [&[toc][..], &content].concat());
        // Two of 10 ms: equal lengths, then different ones.
        let equal = content(600).prop_map(|half| [&[0xf1][..], &half, &half].concat());
        let unequal = (content(600), content(600)).prop_map(|(one, other)| {
            let length = one.len();
            let mut packet = vec![0xf2];
            if length < 252 {
                packet.push(length as u8);
            } else {
                let low = 252 + (length & 3);
                packet.extend([low as u8, ((length - low) >> 2) as u8]);
            }
            [packet, one, other].concat()
        });
        // Four of 5 ms with one length for all and some padding.
        let many = (content(250), 0..200u8).prop_map(|(quarter, padding)| {
            let head = [0xe8 | 3, 0x40 | 4, padding];
            [&head[..], &quarter.repeat(4), &vec![0; usize::from(padding)]].concat()
        });
        prop_oneof![whole, equal, unequal, many]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn every_framing_is_taken_apart_again_by_libopus(left in any_frame(), right in any_frame()) {
            prop_assert!(is_frame(&left) && is_frame(&right));
            let made = file(&[&left], &[&right]);
            prop_assert_eq!(made.silenced, 0);
            let mut packets = Vec::new();
            read(&made.file, &Head::TwoStreams, |packet| { packets.push(packet.to_vec()); Ok(()) }).unwrap();
            // The second stream lies whole behind the first.
            prop_assert!(packets[0].ends_with(&right));
            prop_assert!(packets[0].len() <= left.len() + 2 + right.len() && packets[0].len() > left.len() + right.len());
            let mut decoder = MSDecoder::new(48_000, 2, 0, &MAPPING).unwrap();
            let mut samples = vec![0; 2 * 5760];
            prop_assert_eq!(decoder.decode(&packets[0], &mut samples, false).ok(), Some(960));
        }

        #[test]
        fn whatever_comes_in_makes_a_whole_file(slots in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..40), proptest::collection::vec(any::<u8>(), 0..40)), 0..70)) {
            let left: Vec<&[u8]> = slots.iter().map(|(left, _)| &left[..]).collect();
            let right: Vec<&[u8]> = slots.iter().map(|(_, right)| &right[..]).collect();
            let samples = decode(&file(&left, &right).file).unwrap();
            prop_assert_eq!(samples.len(), slots.len() * 960 * 2);
        }
    }
}
