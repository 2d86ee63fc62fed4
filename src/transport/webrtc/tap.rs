use std::collections::VecDeque;
use std::time::Instant;

use rtc::interceptor::{Interceptor, Packet, Slot, StreamInfo, TaggedPacket, convert_twcc};
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::transport_feedbacks::transport_layer_cc::TransportLayerCc;
use rtc::sansio::Protocol;
use rtc::sdp::extmap::TRANSPORT_CC_URI;
use rtc::shared::error::Error;
use tokio::sync::mpsc;

use super::wire_event::WireEvent;

/// Where the tap sits: next to the interceptor that numbers packets for transport-wide feedback, nearer to the wire, so that what goes out
/// is seen with its number.
pub(super) const SLOT: Slot = Slot::Custom(1_500);
/// How many packets on their way are remembered by number: five seconds.
const NUMBERED: usize = 256;

/// Reads the other side's reports, which the library keeps to itself, and hands on what they say of our sound.
pub(super) struct Tap {
    events: mpsc::Sender<WireEvent>,
    /// Our stream, and the header extension that carries the transport-wide number.
    ssrc: u32,
    extension: Option<u8>,
    /// Transport-wide number and RTP number of what went out, at the place that the former says.
    numbered: Vec<Option<(u16, u16)>>,
    incoming: VecDeque<TaggedPacket>,
    outgoing: VecDeque<TaggedPacket>,
}

impl Tap {
    pub(super) fn new(ssrc: u32, events: mpsc::Sender<WireEvent>) -> Tap {
        Tap {
            events,
            ssrc,
            extension: None,
            numbered: vec![None; NUMBERED],
            incoming: VecDeque::new(),
            outgoing: VecDeque::new(),
        }
    }

    fn went_out(&mut self, packet: &Packet) -> Option<()> {
        let Packet::Rtp(packet) = packet else { return None };
        let number = packet.header.get_extension(self.extension?)?;
        let number = u16::from_be_bytes(number.get(..2)?.try_into().ok()?);
        self.numbered[usize::from(number) % NUMBERED] = Some((number, packet.header.sequence_number));
        Some(())
    }

    fn came_in(&mut self, packet: &Packet) {
        let Packet::Rtcp(packets) = packet else { return };
        // Whatever it says, it was signed: the caller is there.
        let _ = self.events.try_send(WireEvent::Report);
        for packet in packets {
            let packet = packet.as_any();
            if let Some(feedback) = packet.downcast_ref::<TransportLayerCc>() {
                self.feedback(feedback);
            } else if let Some(report) = packet.downcast_ref::<ReceiverReport>() {
                self.reports(&report.reports);
            } else if let Some(report) = packet.downcast_ref::<SenderReport>() {
                self.reports(&report.reports);
            }
        }
    }

    fn feedback(&mut self, feedback: &TransportLayerCc) {
        let arrived: Vec<u16> = convert_twcc(feedback)
            .into_iter()
            .filter(|acknowledgement| acknowledgement.arrived)
            .filter_map(|acknowledgement| {
                let number = acknowledgement.sequence_number;
                self.numbered[usize::from(number) % NUMBERED].filter(|(numbered, _)| *numbered == number)
            })
            .map(|(_, sequence)| sequence)
            .collect();
        self.send(WireEvent::Arrived(arrived));
    }

    fn reports(&mut self, reports: &[ReceptionReport]) {
        for report in reports.iter().filter(|report| report.ssrc == self.ssrc) {
            // The upper half counts the receiver's own turns of the counter.
            let (highest, missed) = (report.last_sequence_number as u16, report.total_lost);
            self.send(WireEvent::Reported { highest, missed });
        }
    }

    fn send(&self, event: WireEvent) {
        if self.events.try_send(event).is_err() {
            metrics::counter!("candor_webrtc_dropped_frames_total", "where" => "reports").increment(1);
        }
    }
}

impl Protocol<TaggedPacket, TaggedPacket, ()> for Tap {
    type Rout = TaggedPacket;
    type Wout = TaggedPacket;
    type Eout = ();
    type Error = Error;
    type Time = Instant;

    fn handle_read(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.came_in(&message.message.packet);
        self.incoming.push_back(message);
        Ok(())
    }

    fn poll_read(&mut self) -> Option<TaggedPacket> {
        self.incoming.pop_front()
    }

    fn handle_write(&mut self, message: TaggedPacket) -> Result<(), Error> {
        self.went_out(&message.message.packet);
        self.outgoing.push_back(message);
        Ok(())
    }

    fn poll_write(&mut self) -> Option<TaggedPacket> {
        self.outgoing.pop_front()
    }
}

impl Interceptor for Tap {
    fn bind_local_stream(&mut self, info: &StreamInfo) {
        if info.ssrc == self.ssrc {
            let extension = info.rtp_header_extensions.iter().find(|extension| extension.uri == TRANSPORT_CC_URI);
            self.extension = extension.and_then(|extension| u8::try_from(extension.id).ok()).filter(|id| *id > 0);
        }
    }

    fn unbind_local_stream(&mut self, _: &StreamInfo) {}

    fn bind_remote_stream(&mut self, _: &StreamInfo) {}

    fn unbind_remote_stream(&mut self, _: &StreamInfo) {}
}
