use std::fmt;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::net::UdpSocket;
use webrtc::runtime::{AsyncUdpSocket, RecvMeta, Transmit};

use super::table::{Place, dropped};

/// The socket that the library sees: one call's part of the port that all calls share.
///
/// Its address is one that the library bound for a moment and that nobody else hears of. Sending never waits: what the kernel does not
/// take at once is dropped, as the network would.
pub(super) struct Virtual {
    pub(super) address: SocketAddr,
    pub(super) place: Arc<Place>,
    pub(super) shared: Arc<UdpSocket>,
    /// Whether the shared socket is of IPv6 and reaches IPv4 by mapped addresses.
    pub(super) mapped: bool,
}

impl fmt::Debug for Virtual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Virtual({})", self.address)
    }
}

impl AsyncUdpSocket for Virtual {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn poll_send(&self, _: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let mut to = self.place.outward(transmit.destination, transmit.contents);
        if let (true, IpAddr::V4(ip)) = (self.mapped, to.ip()) {
            to.set_ip(IpAddr::V6(ip.to_ipv6_mapped()));
        }
        if self.shared.try_send_to(transmit.contents, to).is_err() {
            dropped("not-sent");
        }
        Poll::Ready(Ok(transmit.contents.len()))
    }

    fn poll_recv(
        &self,
        context: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let (Some(buf), Some(meta)) = (bufs.first_mut(), meta.first_mut()) else { return Poll::Ready(Ok(0)) };
        let Poll::Ready((from, datagram)) = self.place.poll(context) else { return Poll::Pending };
        let length = datagram.len().min(buf.len());
        buf[..length].copy_from_slice(&datagram[..length]);
        *meta = RecvMeta::default();
        (meta.len, meta.stride, meta.addr) = (length, length.max(1), from);
        Poll::Ready(Ok(1))
    }
}
