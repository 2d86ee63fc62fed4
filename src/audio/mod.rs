//! Sound as it is carried: 20 ms frames, codecs, rates.
//!
//! This room knows samples and nothing of calls, consent or files. Frames stay in the codec of the leg they came from, all the
//! way into a recording; only recognition and synthesis see linear samples.

mod codec;
mod encoded;
pub mod g711;
pub mod ogg_opus;
pub mod opus;
pub mod resample;
mod room;
mod taking_up;
pub mod transcode;
pub mod two_streams;
pub mod wav;

pub use codec::{Codec, FRAME};
pub use encoded::Encoded;
pub use room::make_room;
pub use taking_up::taken_up_at;
