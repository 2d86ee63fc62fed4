//! The bare echo: every packet goes back as it came, on the same crate and with nothing else.

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_remote::TrackRemoteEvent;

use super::peer::Peer;
use crate::Failure;

/// Answers offers until the process ends.
pub async fn serve(listen: SocketAddr) -> Result<(), Failure> {
    let router = Router::new().route("/readyz", get(async || "ok\n")).route("/webrtc", post(offer));
    let listener = tokio::net::TcpListener::bind(listen).await?;
    Ok(axum::serve(listener, router).await?)
}

async fn offer(offer: String) -> Result<(StatusCode, String), (StatusCode, String)> {
    let refused = |error: Failure| (StatusCode::BAD_REQUEST, error.to_string());
    let mut peer = Peer::new().await.map_err(refused)?;
    let answer = peer.answer(offer).await.map_err(refused)?;
    tokio::spawn(async move {
        echo(&mut peer).await;
        let _ = peer.connection.close().await;
    });
    Ok((StatusCode::CREATED, answer))
}

async fn echo(peer: &mut Peer) {
    let Some(track) = peer.tracks.recv().await else { return };
    let (out, ssrc) = (peer.out.clone(), peer.ssrc);
    let back = async {
        while let Some(event) = track.poll().await {
            if let TrackRemoteEvent::OnRtpPacket(mut packet) = event {
                packet.header.ssrc = ssrc;
                if out.write_rtp(packet).await.is_err() {
                    return;
                }
            }
        }
    };
    tokio::select! {
        () = back => {}
        () = peer.gone() => {}
    }
}
