//! The packets of a peer, for fuzzing and for a test that does the same in a small way: whatever comes in, what comes out holds.

use bytes::BytesMut;
use tokio_util::codec::{Decoder, Encoder};

use super::{Packet, PacketCodec, Rate};
use crate::transport::wire_sound::{WireCodec, WireSound};

/// The longest packet, its head included.
const LONGEST: usize = 3 + u16::MAX as usize;

/// Reads packets that come in pieces of `piece` bytes, and brings their sound to the session's codec.
///
/// # Panics
/// When more comes of a packet than was in it, when it is not the same written and read again, or when more is kept than one packet.
pub fn packets(bytes: &[u8], piece: usize) {
    let mut buffer = BytesMut::new();
    let mut wire: Option<(Rate, WireSound)> = None;
    for piece in bytes.chunks(piece.max(1)) {
        buffer.extend_from_slice(piece);
        loop {
            match PacketCodec.decode(&mut buffer) {
                Ok(Some(packet)) => {
                    again(&packet);
                    sound(&packet, &mut wire);
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(buffer.len() <= LONGEST);
    }
}

fn again(packet: &Packet) {
    // What is not known is not written.
    if matches!(packet, Packet::Unknown(_)) {
        return;
    }
    let mut bytes = BytesMut::new();
    assert!(PacketCodec.encode(packet.clone(), &mut bytes).is_ok());
    assert!(matches!(PacketCodec.decode(&mut bytes), Ok(Some(read)) if read == *packet) && bytes.is_empty());
}

fn sound(packet: &Packet, wire: &mut Option<(Rate, WireSound)>) {
    let Packet::Sound(rate, held) = packet else { return };
    if wire.as_ref().is_none_or(|(known, _)| known != rate) {
        *wire = WireSound::new(WireCodec::Slin(rate.hz())).ok().map(|sound| (*rate, sound));
    }
    let Some((_, sound)) = wire else { unreachable!("every rate of a packet can be brought to the session's") };
    let heard = sound.inward(held);
    let lasts = held.len().div_ceil(2) * 8000 / rate.hz() as usize;
    assert!(heard.len() <= lasts + 161, "{} of {lasts} samples", heard.len());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    const CALLS: &[&[u8]] = &[
        include_bytes!("../../../fuzz/corpus/audiosocket_packet/call"),
        include_bytes!("../../../fuzz/corpus/audiosocket_packet/wide"),
        include_bytes!("../../../fuzz/corpus/audiosocket_packet/odd"),
    ];

    /// A call with some of its bytes made something else, left out, or put in.
    fn mutated() -> impl Strategy<Value = Vec<u8>> {
        let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 0..12);
        (prop::sample::select(CALLS), changes).prop_map(|(call, changes)| {
            let mut bytes = call.to_vec();
            for (at, byte, how) in changes {
                let at = at.index(bytes.len().max(1));
                match how {
                    0 if at < bytes.len() => bytes[at] = byte,
                    1 if at < bytes.len() => drop(bytes.remove(at)),
                    2 => bytes.insert(at, byte),
                    _ => bytes.truncate(at.max(19)),
                }
            }
            bytes
        })
    }

    #[test]
    fn the_examples_are_calls() {
        CALLS.iter().for_each(|call| super::packets(call, call.len()));
    }

    proptest! {
        #[test]
        fn whatever_a_peer_sends_no_more_comes_of_it(bytes in mutated(), piece in 1..700usize) {
            super::packets(&bytes, piece);
        }
    }
}
