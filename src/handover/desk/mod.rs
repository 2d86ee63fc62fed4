//! The desk: colleagues who take callers over in their browser, and the callers who wait for them.
//!
//! [`Queue`] is the whole order, pure. [`Desk`] is that queue with people around it: a session joins and watches its [`Ticket`], a
//! colleague's connection signs in and works with its [`Seat`]. Both learn of changes through channels that keep the newest word only, so that
//! neither ever waits for the other. [`CallBacks`] keeps the numbers of those who do not want to wait, sealed.
//!
//! What a caller chose about being recorded is shown to the colleague and is no part of the order: the queue is not told.
//!
//! It never touches sound: a session connects the two, and what a colleague sees here ends with the wait.

mod call_backs;
mod colleagues;
mod key;
mod people;
mod queue;
#[cfg(test)]
mod queue_tests;
mod seat;
mod settings;
#[cfg(test)]
mod tests;
mod ticket;

pub use call_backs::{CallBack, CallBackError, CallBacks, IN_STORAGE};
pub use key::{DeskKey, KeyError, NewDeskKey, make_key, public_key_file};
pub use people::{Desk, Staffing};
pub use queue::{Caller, Colleagues, Queue, Reach, SeatId, TicketId};
pub use seat::{Replaced, Seat, SeatChanges, Taken, View, Waits, WrapUp};
pub use settings::{Checked, ColleagueSettings, Settings, SettingsError};
pub use ticket::{Ticket, Waiting};
