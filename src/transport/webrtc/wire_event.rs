use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use webrtc::data_channel::DataChannel;

/// What a call's task hears from the library.
pub(super) enum WireEvent {
    /// An RTP packet of the caller.
    Packet {
        /// Payload type, sequence number and timestamp.
        payload_type: u8,
        number: u16,
        timestamp: u32,
        payload: Bytes,
    },
    /// RTCP of any kind.
    Report,
    /// These packets of ours arrived, by RTP sequence number (transport-wide feedback).
    Arrived(Vec<u16>),
    /// A receiver report: the highest sequence number that was heard, and how many were missed in all.
    Reported { highest: u16, missed: u32 },
    /// The page has opened its data channel.
    Channel(Arc<dyn DataChannel>),
    /// A message on it.
    Message { is_text: bool, data: BytesMut },
    /// It is closed.
    ChannelClosed,
}
