//! Recognisers on other machines, for who outgrows one: the same contract as the engines that are built in, spoken over the network.
//!
//! A caller's voice leaves this machine only for an address that the configuration names, and only to an engine of which the configuration says that it
//! keeps nothing: `candor check` and the start refuse the other. The network is waited for by tasks of their own; the engine's thread waits for
//! its answer, for as long as `answer_ms` says.

#[cfg(any(fuzzing, test))]
pub mod parsers;
mod settings;
mod transcript;
mod transcription;
mod vosk_reply;
mod vosk_server;

use std::sync::Arc;
use std::time::Duration;

pub(in crate::speech) use settings::check;
pub use settings::{Address, Protocol, RemoteSettings, RemoteSettingsError};

use super::Recogniser;

/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(2);
/// The longest answer that is read, in bytes: more than somebody says in the time that an utterance may last.
const LONGEST_ANSWER: usize = 256 << 10;

/// A recogniser of `language` by these settings. Connects to nothing yet.
///
/// # Errors
/// A sentence when the system gives no TLS.
pub(super) fn recogniser(language: &str, settings: &RemoteSettings) -> Result<Arc<dyn Recogniser>, String> {
    // The one implementation of cryptography that this program has; where it was chosen before, that is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(match settings.protocol {
        Protocol::VoskServer => Arc::new(vosk_server::VoskServer::new(language, settings)),
        Protocol::OpenAi => Arc::new(transcription::Transcriptions::new(language, settings)?),
    })
}
