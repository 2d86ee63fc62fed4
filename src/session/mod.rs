//! One live call: joins transport, ears, mouth, dialog, recorder, ledger and handover.
//!
//! A session is one task ([`call`]). It moves frames on a 20 ms clock of its own, feeds what happens into the pure [`crate::dialog::flow`], and
//! carries out the actions that come back: [`mouth`] says lines and collects the evidence that they were heard, [`turns`] holds the
//! running turn in memory while the gate allows it, [`evidence`] turns facts into ledger entries. [`Calls`] knows the sessions that are open,
//! so that a handover's result and a caller who comes back find theirs.
//!
//! **Architecture invariant:** nothing on this task waits for recognition, synthesis, disk or database; they answer through channels.

mod at_desk;
mod call;
mod calls;
mod control;
mod conversation;
mod departure;
mod doing;
mod evidence;
mod figures;
mod looking_up;
mod mouth;
mod parity;
mod pbx_recorder;
mod screen;
mod script;
mod settings;
mod turns;

use std::sync::Arc;

pub use call::{Arrival, start};
pub use calls::{AfterStream, Calls, Handle, Place};
pub use control::{Control, ReturnLeg};
pub use conversation::{ConversationEnd, DeskEnd, DeskNews};
pub use mouth::prompt_key;
pub use parity::{Figures, Group, HandoverFigures, Parity};
pub use pbx_recorder::OnPbx;
pub use script::Script;
pub use settings::Settings;

use crate::handover::Targets;
use crate::handover::desk::Desk;
use crate::ledger::Ledger;
use crate::lookup;
use crate::recording::{Recordings, TurnMemory};
use crate::speech::stt::Recognisers;

/// What all sessions of a server share.
pub struct Services {
    /// The languages that callers can be heard in.
    pub recognisers: Recognisers,
    /// How speech is heard.
    pub speech: crate::speech::Settings,
    /// The account of what was said and done.
    pub ledger: Arc<Ledger>,
    /// Where consented turns go.
    pub recordings: Recordings,
    /// What the sound of turns may take in memory, of all calls together.
    pub turn_memory: TurnMemory,
    /// Where callers can go.
    pub targets: Targets,
    /// The desk, where colleagues take callers over.
    pub desk: Desk,
    /// What dialogs ask of services over HTTP.
    pub lookups: Arc<lookup::Client>,
    /// What refusing and consenting callers got, side by side.
    pub parity: Parity,
    /// How sessions behave.
    pub settings: Settings,
    /// The sessions that are open.
    pub calls: Calls,
}
