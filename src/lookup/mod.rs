//! Lookups: what a dialog's `fetch` asks of a service over HTTP.
//!
//! [`Client`] sends what the flow wants to be looked up ([`crate::dialog::flow::Lookup`]) to an address of the configuration, with its secrets,
//! and gives back the fields that the dialog takes. It asks again where that does no harm (`failure`), within limits of time, of size and of
//! how many at once; follows no redirect and no proxy; and reads JSON alone (`answer`).
//!
//! What is sent and what is answered belongs to the caller: it is wiped when it has been used, and no log line, metric or error of this room
//! holds any of it, nor a value of the configuration ([`Settings`]).

mod answer;
mod client;
mod failure;
mod settings;
mod template;

pub use client::{Client, ClientError, Reach};
pub use settings::{Settings, SettingsError};
pub use template::TemplateError;
