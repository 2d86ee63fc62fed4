use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use webrtc::data_channel::DataChannel;
use webrtc::error::Error;

use crate::transport::Notice;

/// How many notices may wait for a page: for its channel to open, or for it to read.
const NOTICES: usize = 64;
/// How often it is looked whether the page has read everything, at the end.
const LOOK: Duration = Duration::from_millis(10);

/// The page's screen: notices out, as JSON. A page that does not read loses progress first, and never holds anything up.
#[derive(Default)]
pub(super) struct Channel {
    channel: Option<Arc<dyn DataChannel>>,
    /// What waits, and whether it can be spared.
    waiting: VecDeque<(String, bool)>,
}

impl Channel {
    /// The page has opened its channel: what waited goes out.
    pub(super) async fn open(&mut self, channel: Arc<dyn DataChannel>) {
        self.channel.get_or_insert(channel);
        self.go_on().await;
    }

    /// Shows something.
    pub(super) async fn tell(&mut self, notice: &Notice) {
        let spared = matches!(notice, Notice::Heard { .. });
        let Ok(text) = serde_json::to_string(notice) else { return };
        if self.waiting.len() >= NOTICES {
            let first = self.waiting.iter().position(|(_, spared)| *spared).unwrap_or(0);
            self.waiting.remove(first);
            metrics::counter!("candor_webrtc_dropped_notices_total").increment(1);
        }
        self.waiting.push_back((text, spared));
        self.go_on().await;
    }

    /// Sends what waits, as far as the page reads.
    pub(super) async fn go_on(&mut self) {
        let Some(channel) = &self.channel else { return };
        while let Some((text, _)) = self.waiting.front() {
            if let Err(error) = channel.try_send_text(text).await {
                if !matches!(error, Error::ErrSendBufferFull) {
                    self.waiting.clear();
                }
                return;
            }
            self.waiting.pop_front();
        }
    }

    /// Waits until the page has read everything.
    pub(super) async fn drain(&mut self) {
        self.go_on().await;
        while let Some(channel) = &self.channel {
            let unread = channel.outstanding_bytes().await;
            if self.waiting.is_empty() && !matches!(unread, Ok(1..)) {
                return;
            }
            tokio::time::sleep(LOOK).await;
            self.go_on().await;
        }
    }
}
