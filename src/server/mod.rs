//! The server: settings, what must be ready before the first call, and the HTTP routes.
//!
//! [`prepare`] does everything that can fail before a call comes in: dialogs checked, keys found, prompts rendered, recognisers loaded, ledger and
//! index opened. [`Server::run`] then serves until it is told to stop, and lets calls in progress end well. What a request does is decided
//! in `session` and `transport`; a route here translates.
//!
//! A request's way: [`connections`] (how many, how slow, TLS), [`guard`] (whose page, under which name, how often), the route.

mod admission;
mod asterisk;
mod audiosocket;
mod connections;
mod counts;
mod desk;
mod entrance;
mod guard;
mod health;
mod legs;
pub mod library;
mod limits;
mod live;
mod lobby;
mod lookups;
mod memory;
mod origin;
mod pages;
mod proxies;
mod rendering;
mod routes;
mod run;
pub mod settings;
mod start;
mod stop;
mod tls;
mod twilio;
mod webrtc;

pub use crate::at_once::Place;
pub use counts::count_dropped_lines;
pub use live::{Edition, Live};
pub use rendering::prompt_texts;
pub use routes::App;
pub use run::Server;
pub use settings::{Config, SettingsError};
pub use start::{Progress, StartError, ledger_settings, prepare, prepare_with};
