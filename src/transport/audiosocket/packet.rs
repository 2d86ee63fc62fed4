use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder};
use uuid::Uuid;

/// The bytes before what a packet holds: its kind, and how long it is.
const HEAD: usize = 3;
/// The longest sound in one packet, in parts of a second: 200 ms, ten times what Asterisk sends.
const SHARE: u32 = 5;
/// The longest packet whose kind is not known, in bytes.
const UNKNOWN_BYTES: usize = 1024;

const HANG_UP: u8 = 0x00;
const UUID: u8 = 0x01;
const KEY: u8 = 0x03;
const ERROR: u8 = 0xff;

/// How the sound of a packet is encoded: signed 16-bit samples, little endian, one channel, at the rate that the packet's kind stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate(u8);

impl Rate {
    /// 8000 Hz, which every version of Asterisk speaks.
    pub const TELEPHONE: Rate = Rate(0x10);

    /// Every kind of sound that there is, in Hz, from the first on.
    const HZ: [u32; 9] = [8000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000];

    fn of(kind: u8) -> Option<Rate> {
        let place = kind.checked_sub(Rate::TELEPHONE.0)?;
        (usize::from(place) < Rate::HZ.len()).then_some(Rate(kind))
    }

    /// Samples a second.
    pub fn hz(self) -> u32 {
        // A rate is made by `of` alone, which looks.
        Rate::HZ.get(usize::from(self.0 - Rate::TELEPHONE.0)).copied().unwrap_or(Rate::HZ[0])
    }
}

/// One packet, in either direction.
#[derive(Clone, PartialEq, Eq)]
pub enum Packet {
    /// The connection is over, in an orderly manner.
    HangUp,
    /// Which call this is; the first that Asterisk sends.
    Uuid(Uuid),
    /// A key that the caller has pressed, as Asterisk wrote it.
    Key(u8),
    /// Sound.
    Sound(Rate, Bytes),
    /// Something has failed at the other side; the code is its own.
    Error(Option<u8>),
    /// A packet of a kind that is not known.
    Unknown(u8),
}

/// Never shows keys, sound or the name of a call.
impl std::fmt::Debug for Packet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Packet::Sound(rate, sound) => write!(f, "Sound({} Hz, {} bytes)", rate.hz(), sound.len()),
            packet => f.write_str(packet.kind()),
        }
    }
}

impl Packet {
    /// Its kind, for counts and the log.
    pub fn kind(&self) -> &'static str {
        match self {
            Packet::HangUp => "hang-up",
            Packet::Uuid(_) => "uuid",
            Packet::Key(_) => "key",
            Packet::Sound(..) => "sound",
            Packet::Error(_) => "error",
            Packet::Unknown(_) => "unknown",
        }
    }
}

/// Why nothing more can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// The connection broke.
    #[error(transparent)]
    Connection(#[from] io::Error),
    /// A packet is longer, or shorter, than its kind can be. What follows cannot be told from garbage.
    #[error("a packet of kind {kind:#04x} with {length} bytes: is something other than Asterisk connected here?")]
    Length {
        /// As on the wire.
        kind: u8,
        /// As on the wire.
        length: usize,
    },
}

/// Packets to and from bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct PacketCodec;

impl Decoder for PacketCodec {
    type Item = Packet;
    type Error = PacketError;

    fn decode(&mut self, bytes: &mut BytesMut) -> Result<Option<Packet>, PacketError> {
        let Some(&[kind, high, low]) = bytes.first_chunk::<HEAD>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        // Before the rest is waited for: nobody fills memory by promising much.
        if !may_be_so_long(kind, length) {
            return Err(PacketError::Length { kind, length });
        }
        if bytes.len() < HEAD + length {
            bytes.reserve(HEAD + length - bytes.len());
            return Ok(None);
        }
        bytes.advance(HEAD);
        let held = bytes.split_to(length).freeze();
        Ok(Some(match kind {
            HANG_UP => Packet::HangUp,
            UUID => match Uuid::from_slice(&held) {
                Ok(uuid) => Packet::Uuid(uuid),
                Err(_) => return Err(PacketError::Length { kind, length }),
            },
            KEY => match held.first() {
                Some(&key) => Packet::Key(key),
                None => return Err(PacketError::Length { kind, length }),
            },
            ERROR => Packet::Error(held.first().copied()),
            kind => match Rate::of(kind) {
                Some(rate) => Packet::Sound(rate, held),
                None => Packet::Unknown(kind),
            },
        }))
    }
}

fn may_be_so_long(kind: u8, length: usize) -> bool {
    match (kind, Rate::of(kind)) {
        (UUID, _) => length == size_of::<Uuid>(),
        (KEY, _) => length == 1,
        (_, Some(rate)) => length <= (rate.hz() / SHARE) as usize * 2,
        (_, None) => length <= UNKNOWN_BYTES,
    }
}

impl Encoder<Packet> for PacketCodec {
    type Error = PacketError;

    fn encode(&mut self, packet: Packet, bytes: &mut BytesMut) -> Result<(), PacketError> {
        let mut put = |kind: u8, held: &[u8]| {
            let length = u16::try_from(held.len()).map_err(|_| PacketError::Length { kind, length: held.len() })?;
            bytes.reserve(HEAD + held.len());
            bytes.put_u8(kind);
            bytes.put_u16(length);
            bytes.put_slice(held);
            Ok(())
        };
        match packet {
            Packet::HangUp => put(HANG_UP, &[]),
            Packet::Uuid(uuid) => put(UUID, uuid.as_bytes()),
            Packet::Key(key) => put(KEY, &[key]),
            Packet::Sound(rate, sound) => put(rate.0, &sound),
            Packet::Error(code) => put(ERROR, code.as_slice()),
            Packet::Unknown(kind) => put(kind, &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<Packet>, PacketError> {
        let mut bytes = BytesMut::from(bytes);
        let mut packets = Vec::new();
        while let Some(packet) = PacketCodec.decode(&mut bytes)? {
            packets.push(packet);
        }
        Ok(packets)
    }

    #[test]
    fn what_asterisk_sends_is_understood() {
        let mut wire = hex::decode("01001040325ec25efd4bd3805f53576e581d13").unwrap();
        wire.extend_from_slice(&[0x10, 0x01, 0x40]);
        wire.extend_from_slice(&[7; 320]);
        wire.extend_from_slice(&[0x03, 0, 1, b'5', 0x00, 0, 0]);
        let uuid = Uuid::parse_str("40325ec2-5efd-4bd3-805f-53576e581d13").unwrap();
        let sound = Packet::Sound(Rate::TELEPHONE, Bytes::from(vec![7; 320]));
        assert_eq!(read(&wire).unwrap(), [Packet::Uuid(uuid), sound, Packet::Key(b'5'), Packet::HangUp]);
    }

    #[test]
    fn every_kind_of_sound_has_its_rate() {
        let rates: Vec<u32> = (0..=u8::MAX).filter_map(Rate::of).map(Rate::hz).collect();
        assert_eq!(rates, [8000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000]);
    }

    #[test]
    fn a_packet_that_cannot_be_is_refused_by_its_head() {
        for head in [[0x01, 0, 15], [0x01, 0, 17], [0x03, 0, 0], [0x03, 0, 2], [0x10, 0x0c, 0x81], [0x77, 0xff, 0xff], *b"GET"] {
            assert!(matches!(read(&head), Err(PacketError::Length { .. })), "{head:?}");
        }
        assert_eq!(read(&[0x10, 0x0c, 0x80]).unwrap(), [], "200 ms may come");
        assert_eq!(read(&[0x42, 0, 1, 9, 0xff, 0, 1, 4]).unwrap(), [Packet::Unknown(0x42), Packet::Error(Some(4))]);
    }

    #[test]
    fn debug_output_shows_nothing_of_a_caller() {
        let uuid = Uuid::parse_str("40325ec2-5efd-4bd3-805f-53576e581d13").unwrap();
        let packets = [Packet::Key(b'7'), Packet::Uuid(uuid), Packet::Sound(Rate::TELEPHONE, Bytes::from_static(&[1, 2]))];
        assert_eq!(format!("{packets:?}"), "[key, uuid, Sound(8000 Hz, 2 bytes)]");
    }

    proptest! {
        #[test]
        fn any_bytes_give_packets_or_an_error_however_they_are_cut(
            bytes in prop::collection::vec(any::<u8>(), 0..2000),
            cuts in prop::collection::vec(1usize..60, 1..20),
        ) {
            let whole = read(&bytes).map_err(|_| ());
            let (mut buffer, mut rest, mut packets, mut failed) = (BytesMut::new(), &bytes[..], Vec::new(), false);
            for size in cuts.iter().cycle() {
                let (piece, after) = rest.split_at((*size).min(rest.len()));
                buffer.extend_from_slice(piece);
                rest = after;
                loop {
                    match PacketCodec.decode(&mut buffer) {
                        Ok(Some(packet)) => packets.push(packet),
                        Ok(None) => break,
                        Err(_) => { failed = true; break }
                    }
                }
                if failed || rest.is_empty() { break }
            }
            prop_assert_eq!(if failed { Err(()) } else { Ok(packets) }, whole);
        }
    }
}
