//! One-time tokens: what one request knew about a call travels to the connection that follows it under a name that nobody can guess and
//! that works once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Why no token was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} tokens are waiting to be used, which is as many as this server keeps")]
pub struct TooManyTokens(usize);

/// Why a token was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Never given, or used before.
    #[error("the token was never given or has been used")]
    Unknown,
    /// Too late.
    #[error("the token has expired")]
    Expired,
}

/// Tokens that have been given and not yet used, each with its claim. Bounded; what expires makes room.
///
/// Only SHA-256 hashes are kept, and looked up by: the time of a look-up tells nothing about a token, and a dump of memory holds none.
pub struct Tokens<C> {
    table: Mutex<HashMap<[u8; 32], (Instant, C)>>,
    life: Duration,
    capacity: usize,
}

impl<C> Tokens<C> {
    /// A table for at most `capacity` unused tokens that live for `life`.
    pub fn new(capacity: usize, life: Duration) -> Tokens<C> {
        Tokens { table: Mutex::new(HashMap::new()), life, capacity }
    }

    /// A new token for `claim`: 256 random bits in base64url, 43 characters.
    pub fn give(&self, claim: C, now: Instant) -> Result<String, TooManyTokens> {
        let mut random = [0u8; 32];
        rand::fill(&mut random);
        let token = URL_SAFE_NO_PAD.encode(random);
        self.keep(&token, claim, now)?;
        Ok(token)
    }

    /// Keeps `claim` under a token that was made elsewhere and that nobody can guess.
    pub fn keep(&self, token: &str, claim: C, now: Instant) -> Result<(), TooManyTokens> {
        let mut table = self.table();
        if table.len() >= self.capacity {
            table.retain(|_, (until, _)| *until > now);
        }
        if table.len() >= self.capacity {
            return Err(TooManyTokens(self.capacity));
        }
        table.insert(hash(token), (now + self.life, claim));
        Ok(())
    }

    /// Takes `token` out of the table: it works once.
    pub fn take(&self, token: &str, now: Instant) -> Result<C, TokenError> {
        let (until, claim) = self.table().remove(&hash(token)).ok_or(TokenError::Unknown)?;
        if until > now { Ok(claim) } else { Err(TokenError::Expired) }
    }

    /// Takes every claim that has expired unused: calls that were announced and never came.
    pub fn expired(&self, now: Instant) -> Vec<C> {
        let mut table = self.table();
        table.extract_if(|_, (until, _)| *until <= now).map(|(_, (_, claim))| claim).collect()
    }

    /// Forgets every claim that `which` takes.
    pub fn forget(&self, which: impl Fn(&C) -> bool) {
        self.table().retain(|_, (_, claim)| !which(claim));
    }

    /// How many of those that `which` takes are good and have not been used.
    pub fn waiting(&self, now: Instant, which: impl Fn(&C) -> bool) -> usize {
        self.table().values().filter(|(until, claim)| *until > now && which(claim)).count()
    }

    /// How many are waiting.
    pub fn len(&self) -> usize {
        self.table().len()
    }

    /// Whether none is waiting.
    pub fn is_empty(&self) -> bool {
        self.table().is_empty()
    }

    /// The lock is held for a look-up, never across a wait; a panic inside one leaves a whole table.
    fn table(&self) -> MutexGuard<'_, HashMap<[u8; 32], (Instant, C)>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_secs(30);

    #[test]
    fn a_token_works_once() {
        let tokens = Tokens::new(10, LIFE);
        let now = Instant::now();
        let token = tokens.give("call", now).unwrap();
        assert_eq!(token.len(), 43);
        assert_eq!(tokens.take(&token, now), Ok("call"));
        assert_eq!(tokens.take(&token, now), Err(TokenError::Unknown));
        assert_eq!(tokens.take("", now), Err(TokenError::Unknown));
    }

    #[test]
    fn a_token_expires() {
        let tokens = Tokens::new(10, LIFE);
        let now = Instant::now();
        let token = tokens.give("late", now).unwrap();
        assert_eq!(tokens.take(&token, now + LIFE), Err(TokenError::Expired));
        let unused = tokens.give("never came", now).unwrap();
        assert_eq!(tokens.expired(now), [] as [&str; 0]);
        let waiting = |at| (tokens.waiting(at, |_| true), tokens.waiting(at, |claim| claim.starts_with("no")));
        assert_eq!((waiting(now), tokens.waiting(now, |claim| claim.is_empty()), waiting(now + LIFE)), ((1, 0), 0, (0, 0)));
        assert_eq!(tokens.expired(now + LIFE), ["never came"]);
        assert_eq!(tokens.take(&unused, now), Err(TokenError::Unknown));
    }

    #[test]
    fn the_table_is_bounded_and_expired_tokens_make_room() {
        let tokens = Tokens::new(2, LIFE);
        let now = Instant::now();
        let first = tokens.give(1, now).unwrap();
        let second = tokens.give(2, now).unwrap();
        assert_ne!(first, second);
        assert_eq!(tokens.give(3, now), Err(TooManyTokens(2)));
        assert!(tokens.give(3, now + LIFE).is_ok());
        assert_eq!(tokens.len(), 1);
    }
}
