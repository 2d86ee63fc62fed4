use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::transport::{TokenError, Tokens, TooManyTokens};

/// How long a call may take from its announcement to its connection.
const LIFE: Duration = Duration::from_secs(10);

/// Calls that have been announced and have not connected yet, each under a UUID that works once. Bounded; what expires makes room.
pub struct Announcements<C>(Tokens<C>);

impl<C> Announcements<C> {
    /// For at most `capacity` calls.
    pub fn new(capacity: usize) -> Announcements<C> {
        Announcements(Tokens::new(capacity, LIFE))
    }

    /// A new name for a call, version 4: 122 random bits.
    ///
    /// # Errors
    /// [`TooManyTokens`] when as many are waiting as there is room for.
    pub fn announce(&self, call: C, now: Instant) -> Result<Uuid, TooManyTokens> {
        let uuid = Uuid::new_v4();
        self.0.keep(&name(uuid), call, now)?;
        Ok(uuid)
    }

    /// Takes the call of this name: it works once.
    ///
    /// # Errors
    /// [`TokenError`] for a name that was never given, has been used or has expired.
    pub fn take(&self, uuid: Uuid, now: Instant) -> Result<C, TokenError> {
        self.0.take(&name(uuid), now)
    }

    /// How many of those that `which` takes may still connect.
    pub fn waiting(&self, now: Instant, which: impl Fn(&C) -> bool) -> usize {
        self.0.waiting(now, which)
    }
}

fn name(uuid: Uuid) -> String {
    uuid.simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_works_once_and_for_a_while() {
        let announced = Announcements::new(2);
        let now = Instant::now();
        let uuid = announced.announce("first", now).unwrap();
        assert_eq!(uuid.get_version_num(), 4);
        assert_eq!(announced.waiting(now, |_| true), 1);
        assert_eq!(announced.take(uuid, now), Ok("first"));
        assert_eq!(announced.take(uuid, now), Err(TokenError::Unknown));
        let late = announced.announce("late", now).unwrap();
        assert_eq!(announced.take(late, now + LIFE), Err(TokenError::Expired));
        assert_eq!(announced.take(Uuid::nil(), now), Err(TokenError::Unknown));
    }

    #[test]
    fn there_are_never_more_than_there_is_room_for() {
        let announced = Announcements::new(1);
        let now = Instant::now();
        announced.announce(1, now).unwrap();
        assert!(announced.announce(2, now).is_err());
        assert!(announced.announce(3, now + LIFE).is_ok());
    }
}
