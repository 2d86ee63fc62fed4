use std::fmt;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;
use webrtc::runtime::{AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime, TokioRuntime};

use super::Ports;
use super::socket::Virtual;
use super::table::Place;
use super::tcp::Listener;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The library's view of the world for one call: tasks that are counted, a part of the shared ports, and no way out. What a caller writes
/// into an offer makes this server neither connect nor look up anything.
pub(in crate::transport::webrtc) struct OneCall {
    ports: Arc<Ports>,
    place: Arc<Place>,
    tasks: TaskTracker,
}

impl OneCall {
    pub(in crate::transport::webrtc) fn new(ports: Arc<Ports>, place: Arc<Place>, tasks: TaskTracker) -> OneCall {
        OneCall { ports, place, tasks }
    }
}

impl fmt::Debug for OneCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneCall")
    }
}

struct Task(tokio::task::JoinHandle<()>);

impl JoinHandle for Task {
    fn detach(&self) {}

    fn abort(&self) {
        self.0.abort();
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

impl Runtime for OneCall {
    fn spawn(&self, future: BoxFuture<'static, ()>) -> Box<dyn JoinHandle> {
        Box::new(Task(self.tasks.spawn(future)))
    }

    /// The socket that was bound is let go at once: it has lent its address, which tells the library's paths apart.
    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let address = socket.local_addr()?;
        let (place, shared) = (self.place.clone(), self.ports.udp.clone());
        Ok(Arc::new(Virtual { address, place, shared, mapped: self.ports.mapped }))
    }

    fn wrap_tcp_listener(&self, listener: TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        let address = listener.local_addr()?;
        let connections = self.place.take_connections().ok_or_else(|| io::Error::other("a call has one listener"))?;
        let connections = tokio::sync::Mutex::new(connections);
        Ok(Arc::new(Listener { address, place: self.place.clone(), connections, tasks: self.tasks.clone() }))
    }

    fn connect_tcp<'a>(&'a self, _: SocketAddr) -> BoxFuture<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }

    fn resolve_host<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        TokioRuntime.sleep(duration)
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn name(&self) -> &'static str {
        "candor"
    }
}
