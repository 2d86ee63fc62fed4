use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::SinkExt;
use futures_util::stream::SplitSink;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};

use super::message::ToPage;
use crate::handover::desk::Seat;

/// How many messages may wait for a page. One that takes none for so long is gone.
pub(super) const WAITING: usize = 64;
/// How long a page may take for one message.
const WRITE: Duration = Duration::from_secs(10);
/// How often a page hears something, so that it knows a dead connection from a quiet desk: it is promised ten seconds at most.
const ALIVE: Duration = Duration::from_secs(8);
/// How long lists rest after they were sent; what changes meanwhile is in the next.
const REST: Duration = Duration::from_millis(100);

/// Writes to a page: what is said to it, in order, in between the newest lists, and now and then that the connection lives. A page that reads slowly misses lists that are no longer
/// true, and nothing else. Ends when nothing more will be said, or when the page takes nothing any more.
pub(super) async fn write(mut sink: SplitSink<WebSocket, Message>, mut said: mpsc::Receiver<Message>, seat: Arc<Seat>) {
    let (mut line, mut call_backs) = (seat.changes(), seat.call_back_changes());
    line.mark_changed();
    call_backs.mark_changed();
    let mut resting = Instant::now();
    let mut alive = interval_at(resting + ALIVE, ALIVE);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // A seat that is another's has no lists any more, and may still have something to be told.
    let mut ours = true;
    loop {
        let message = tokio::select! {
            biased;
            message = said.recv() => match message {
                Some(message) => message,
                None => break,
            },
            _ = alive.tick() => Message::Text(ToPage::Alive.text().into()),
            changed = async { sleep_until(resting).await; line.changed().await }, if ours => {
                if changed.is_err() {
                    ours = false;
                    continue;
                }
                resting = Instant::now() + REST;
                Message::Text(ToPage::queue(&seat.view()).text().into())
            }
            changed = async { sleep_until(resting).await; call_backs.changed().await }, if ours => {
                if changed.is_err() {
                    continue;
                }
                Message::Text(ToPage::CallBacks { call_backs: &seat.call_backs() }.text().into())
            }
        };
        if !matches!(timeout(WRITE, sink.send(message)).await, Ok(Ok(()))) {
            return;
        }
    }
    let _ = timeout(WRITE, sink.close()).await;
}
