//! Ogg Opus files (RFC 7845) in memory: how prompts lie in the cache, and what turns are kept in.
//!
//! Header, tags and serial number are fixed: the same packets always give the same file, so that its hash names the sound.

use std::io::{self, Cursor};

use bytes::Bytes;
use ogg::{PacketReader, PacketWriteEndInfo, PacketWriter};
use zeroize::{Zeroize, Zeroizing};

use super::opus::{PRE_SKIP, is_frame};
use super::{Codec, Encoded};

/// Samples of one packet, at 48 kHz.
pub(super) const PACKET: u64 = 960;
/// Packets on one page: a second, as RFC 7845 section 6 advises.
const PAGE: usize = 50;
/// Any number will do where a file has one stream.
const SERIAL: u32 = 1;
const TAGS: &[u8] = b"OpusTags\x06\0\0\0candor\0\0\0\0";

/// Why a file could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OggOpusError {
    /// Not such a file, or damaged.
    #[error("not an Ogg Opus file of ours: {0}")]
    NotOurs(&'static str),
    /// The pages do not hold together.
    #[error("not an Ogg file: {0}")]
    Pages(#[from] ogg::OggReadError),
    /// The file could not be put together.
    #[error("an Ogg file could not be written: {0}")]
    Write(#[from] io::Error),
    /// libopus refused.
    #[error(transparent)]
    Opus(#[from] super::opus::OpusError),
}

/// The file for one channel of packets.
///
/// # Errors
/// [`OggOpusError::Write`].
pub fn mono(sound: &Encoded) -> Result<Zeroizing<Vec<u8>>, OggOpusError> {
    let packets: Vec<Bytes> = sound.iter().collect();
    write(&Head::Mono, packets.iter().map(|packet| &packet[..]), packets.len() as u64 * PACKET)
}

/// The packets of such a file.
///
/// # Errors
/// [`OggOpusError`] for anything but a whole file of the kind that [`mono`] makes, of at least one packet.
pub fn read_mono(file: &[u8]) -> Result<Encoded, OggOpusError> {
    let (mut bytes, mut lengths) = (Vec::with_capacity(file.len()), Vec::new());
    let end = read(file, &Head::Mono, |packet| {
        if !is_frame(packet) {
            return Err(OggOpusError::NotOurs("a packet is not one channel of 20 ms"));
        }
        bytes.extend_from_slice(packet);
        lengths.push(packet.len());
        Ok(())
    })?;
    if lengths.is_empty() || end != lengths.len() as u64 * PACKET {
        return Err(OggOpusError::NotOurs("it does not last as long as its packets"));
    }
    Ok(Encoded::of_packets(Codec::Opus, Bytes::from(bytes), lengths))
}

/// The two kinds of files that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// One channel.
    Mono,
    /// Two channels, left and right, each a stream of its own.
    TwoStreams,
}

impl Head {
    /// The identification header (RFC 7845 section 5.1).
    fn bytes(self) -> Vec<u8> {
        let mut head = b"OpusHead\x01".to_vec();
        head.push(if self == Head::Mono { 1 } else { 2 });
        head.extend_from_slice(&PRE_SKIP.to_le_bytes());
        head.extend_from_slice(&Codec::Opus.sample_rate().to_le_bytes());
        head.extend_from_slice(&0i16.to_le_bytes());
        match self {
            Head::Mono => head.push(0),
            // Mapping family 1, two streams, none of them coupled; the first is the left channel.
            Head::TwoStreams => head.extend_from_slice(&[1, 2, 0, 0, 1]),
        }
        head
    }
}

/// Writes a file. `end` is the granule position of its last page: all samples that are to be heard, and [`PRE_SKIP`].
pub(super) fn write<'a>(
    head: &Head,
    packets: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    end: u64,
) -> Result<Zeroizing<Vec<u8>>, OggOpusError> {
    let head = head.bytes();
    let last = packets.len().saturating_sub(1);
    let sizes: usize = packets.clone().map(|packet| packet.len() + packet.len() / 255 + 1).sum();
    let mut file = Zeroizing::new(Vec::with_capacity(sizes + (packets.len() / PAGE + sizes / 255 + 4) * 28 + 256));
    let mut pages = PacketWriter::new(&mut *file);
    pages.write_packet(&head[..], SERIAL, PacketWriteEndInfo::EndPage, 0)?;
    pages.write_packet(TAGS, SERIAL, PacketWriteEndInfo::EndPage, 0)?;
    for (at, packet) in packets.enumerate() {
        let (position, info) = match at {
            at if at == last => (end, PacketWriteEndInfo::EndStream),
            at if at % PAGE == PAGE - 1 => ((at as u64 + 1) * PACKET, PacketWriteEndInfo::EndPage),
            at => ((at as u64 + 1) * PACKET, PacketWriteEndInfo::NormalPacket),
        };
        pages.write_packet(packet, SERIAL, info, position)?;
    }
    drop(pages);
    Ok(file)
}

/// Reads a whole file with that very head: hands each packet over and gives the granule position of the end. What the packets were read
/// into is wiped.
pub(super) fn read(
    file: &[u8],
    head: &Head,
    mut take: impl FnMut(&[u8]) -> Result<(), OggOpusError>,
) -> Result<u64, OggOpusError> {
    let mut packets = PacketReader::new(Cursor::new(file));
    let mut number = 0;
    while let Some(mut packet) = packets.read_packet()? {
        let taken = match number {
            0 if packet.data == head.bytes() => Ok(()),
            0 => Err(OggOpusError::NotOurs("its first packet is another header")),
            1 if packet.data.starts_with(b"OpusTags") => Ok(()),
            1 => Err(OggOpusError::NotOurs("its second packet holds no tags")),
            _ => take(&packet.data),
        };
        packet.data.zeroize();
        taken?;
        number += 1;
        if packet.last_in_stream() {
            return Ok(packet.absgp_page());
        }
    }
    Err(OggOpusError::NotOurs("it has no end"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::opus::{Content, SILENCE, encode};

    fn sound(frames: usize) -> Encoded {
        let samples: Vec<i16> = (0..frames * 960 - 500).map(|n| ((n as f64 * 0.05).sin() * 8000.0) as i16).collect();
        encode(&samples, Content::Voice).unwrap()
    }

    #[test]
    fn what_was_written_is_read_back() {
        for frames in [1, 49, 50, 51, 260] {
            let sound = sound(frames);
            let file = mono(&sound).unwrap();
            assert_eq!(sound.frames(), frames);
            assert_eq!(read_mono(&file).unwrap(), sound);
            assert_eq!(file, mono(&sound).unwrap());
            // The buffer never grew, so that no copy stayed behind.
            assert!(file.capacity() < file.len() + file.len() / 8 + 400, "{} for {}", file.capacity(), file.len());
        }
    }

    #[test]
    fn packets_of_several_segments_are_read_back() {
        let long = vec![0xf8; 700];
        let packets = [&SILENCE[..], &long, &SILENCE, &[0xf8; 255], &[0xf8; 256]];
        let file = write(&Head::Mono, packets.into_iter(), 5 * PACKET).unwrap();
        let mut read_back = Vec::new();
        let end = read(&file, &Head::Mono, |packet| {
            read_back.push(packet.to_vec());
            Ok(())
        });
        assert_eq!((end.unwrap(), &read_back[..]), (5 * PACKET, &packets.map(<[u8]>::to_vec)[..]));
    }

    #[test]
    fn anything_else_is_refused() {
        let file = mono(&sound(60)).unwrap();
        for cut in [0, 20, 60, 200, file.len() - 1] {
            assert!(read_mono(&file[..cut]).is_err(), "cut at {cut}");
        }
        for at in (0..file.len()).step_by(37) {
            let mut changed = file.to_vec();
            changed[at] ^= 4;
            assert!(read_mono(&changed).is_err(), "changed at {at}");
        }
        assert!(read_mono(b"RIFF").is_err());
        let stereo = write(&Head::TwoStreams, [&SILENCE[..]].into_iter(), PACKET).unwrap();
        assert!(read_mono(&stereo).is_err());
        let odd = write(&Head::Mono, [&[0x18, 1, 2][..]].into_iter(), PACKET).unwrap();
        assert!(read_mono(&odd).is_err());
    }
}
