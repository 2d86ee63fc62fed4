//! The server at work: what runs beside the calls, from the first connection to the last.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::connections::{self, Door};
use super::live::Editor;
use super::stop::{LAST_WORDS, drain_calls, empty};
use super::tls::Renewal;
use super::{App, audiosocket, memory, routes};
use crate::{ledger, recording};

/// Everything that calls need, ready.
pub struct Server {
    pub(super) app: Arc<App>,
    pub(super) listener: TcpListener,
    pub(super) audiosocket: Option<TcpListener>,
    pub(super) door: Door,
    pub(super) renewal: Option<Renewal>,
    pub(super) editor: Editor,
    pub(super) drain_limit: Duration,
    pub(super) stop_limit: Duration,
    pub(super) ledger: ledger::Settings,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What its routes share.
    pub fn app(&self) -> Arc<App> {
        self.app.clone()
    }

    /// Serves until `drain`; then takes no new call and lets those in progress end, for as long as the settings say or until `stop`. Those that
    /// are left are told, and passed to a person; when they are gone this ends. `stop` without `drain` tells them at once.
    pub async fn run(self, drain: impl Future<Output = ()> + Send + 'static, stop: impl Future<Output = ()> + Send + 'static) {
        let Server { app, listener, audiosocket, door, renewal, editor, drain_limit, stop_limit, ledger } = self;
        let services = app.services.clone();
        let (stop_sweeping, sweeping_stops) = oneshot::channel::<()>();
        let sweep = tokio::spawn(recording::sweep_until(
            services.recordings.settings().clone(),
            ledger,
            services.recordings.index().clone(),
            async move {
                let _ = sweeping_stops.await;
            },
        ));
        let (stop_keeping, keeping_stops) = oneshot::channel::<()>();
        let desk = services.desk.clone();
        let keep = tokio::spawn(async move {
            let stopped = async {
                let _ = keeping_stops.await;
            };
            desk.keep_until(stopped).await;
        });
        let renewal = renewal.map(|renewal| tokio::spawn(renewal.keep()));
        let editing = tokio::spawn(editor.keep());
        let memory = tokio::spawn(memory::watch(services.clone()));
        let router = routes::router(app.clone());
        let emptied = {
            let app = app.clone();
            async move {
                let mut stop = pin!(stop);
                tokio::select! {
                    () = &mut stop => {}
                    () = drain => drain_calls(&app, drain_limit, stop).await,
                }
                empty(&app, stop_limit).await;
            }
        };
        let over = CancellationToken::new();
        let audiosocket = audiosocket.map(|listener| tokio::spawn(audiosocket::serve(listener, app.clone(), over.clone())));
        let (emptied_at, is_empty) = oneshot::channel::<()>();
        let emptied = async move {
            emptied.await;
            over.cancel();
            let _ = emptied_at.send(());
        };
        // A request that never ends does not keep the process.
        let at_the_latest = async move {
            let _ = is_empty.await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        tokio::select! {
            () = connections::serve(listener, router, door, emptied) => {}
            () = at_the_latest => {}
        }
        // Every caller there is told before the process ends: it would be a reset otherwise.
        if let Some(audiosocket) = audiosocket {
            let _ = tokio::time::timeout(LAST_WORDS, audiosocket).await;
        }
        editing.abort();
        if let Some(renewal) = renewal {
            renewal.abort();
        }
        memory.abort();
        let _ = stop_sweeping.send(());
        let _ = stop_keeping.send(());
        let _ = tokio::time::timeout(LAST_WORDS, async { tokio::join!(sweep, keep) }).await;
    }
}
