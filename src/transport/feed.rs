use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Inbound, PeerEnd};

/// How many keys, buttons and marks may wait for a session that takes nothing, beyond its channel. A session so far behind is gone.
const PENDING: usize = 4096;
/// How long the session may take to hear the last word.
const LAST_WORD: Duration = Duration::from_secs(5);

/// The way to the session. Sound is dropped where the channel is full; all else waits beside it, in its order.
pub(in crate::transport) struct Feed {
    session: mpsc::Sender<Inbound>,
    pending: VecDeque<Inbound>,
    dropped: fn(),
}

impl Feed {
    /// `dropped` counts a frame that found no room.
    pub(in crate::transport) fn new(session: mpsc::Sender<Inbound>, dropped: fn()) -> Feed {
        Feed { session, pending: VecDeque::new(), dropped }
    }

    /// Sound, or that it was lost: now or never.
    pub(in crate::transport) fn sound(&mut self, sound: Inbound) {
        let dropped = !self.pending.is_empty() || matches!(self.session.try_send(sound), Err(mpsc::error::TrySendError::Full(_)));
        if dropped {
            (self.dropped)();
        }
    }

    /// What must not be lost.
    pub(in crate::transport) fn tell(&mut self, said: Inbound) {
        if !self.pending.is_empty() {
            self.pending.push_back(said);
        } else if let Err(mpsc::error::TrySendError::Full(said)) = self.session.try_send(said) {
            self.pending.push_back(said);
        }
    }

    /// Whether something waits.
    pub(in crate::transport) fn is_behind(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether the session is so far behind that it must be taken for gone.
    pub(in crate::transport) fn is_stuck(&self) -> bool {
        self.pending.len() > PENDING
    }

    /// Waits until the session takes the first that waits. Nothing is lost where this is given up half way.
    pub(in crate::transport) async fn make_way(&mut self) {
        match self.session.reserve().await {
            Ok(place) => {
                if let Some(said) = self.pending.pop_front() {
                    place.send(said);
                }
            }
            // The session is gone: nobody will ask.
            Err(_) => self.pending.clear(),
        }
    }

    /// The last word. A session that does not take it in time sees the channel close.
    pub(in crate::transport) async fn end(&mut self, end: PeerEnd) {
        self.tell(Inbound::Ended(end));
        let _ = timeout(LAST_WORD, async {
            while self.is_behind() {
                self.make_way().await;
            }
        })
        .await;
    }
}
