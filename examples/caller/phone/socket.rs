//! Opening the WebSocket of a stream: asked for at its public address, found at the address under test.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::PhoneError;
use super::webhook::{PublicAddress, Webhooks};

/// How long a server may take to answer the upgrade.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much is read at once, in bytes. Many calls in one process are cheaper with little.
const READ_BUFFER: usize = 4 * 1024;
/// The largest message taken from a server, in bytes.
const LARGEST_MESSAGE: usize = 1 << 20;

/// Opens the WebSocket of a stream at its public address, through the address under test.
pub(super) async fn open(webhooks: &Webhooks, public: &PublicAddress) -> Result<WebSocketStream<TcpStream>, PhoneError> {
    let refused = |reason: String, status| PhoneError::StreamRefused { place: public.place(), status, reason };
    let mut address = webhooks.address(&public.url);
    // http → ws is a change between two schemes of the same kind: it cannot be refused.
    if address.set_scheme("ws").is_err() {
        return Err(refused("the address has no WebSocket".to_owned(), None));
    }
    let mut request = address.as_str().into_client_request().map_err(|error| refused(error.to_string(), None))?;
    for (name, value) in webhooks.signature(&public.written, &[]) {
        let value = value.parse().map_err(|_| refused(format!("{name} cannot be sent as a header"), None))?;
        request.headers_mut().insert(name, value);
    }
    let sockets = address.socket_addrs(|| None).map_err(|error| refused(error.to_string(), None))?;
    let socket = TcpStream::connect(&sockets[..]).await.map_err(|error| refused(error.to_string(), None))?;
    // Small messages every 20 ms: waiting to fill a packet would make the clock uneven. A refusal costs only that.
    let _ = socket.set_nodelay(true);
    let limits = WebSocketConfig::default().max_message_size(Some(LARGEST_MESSAGE)).max_frame_size(Some(LARGEST_MESSAGE));
    let limits = limits.read_buffer_size(READ_BUFFER);
    match timeout(PATIENCE, tokio_tungstenite::client_async_with_config(request, socket, Some(limits))).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(tungstenite::Error::Http(response))) => {
            Err(refused("the server refused the upgrade".to_owned(), Some(response.status().as_u16())))
        }
        Ok(Err(error)) => Err(refused(error.to_string(), None)),
        Err(_) => Err(refused(format!("no answer to the upgrade within {} s", PATIENCE.as_secs()), None)),
    }
}
