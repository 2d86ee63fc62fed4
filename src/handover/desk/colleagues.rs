use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::queue::Reach;

/// Somebody who may sign in. Holds a hash of their token, not the token.
#[derive(Clone)]
pub(super) struct Colleague {
    pub(super) name: String,
    token: [u8; 32],
    /// What they may serve.
    pub(super) reach: Reach,
}

impl Colleague {
    pub(super) fn new(name: &str, token: &str, reach: Reach) -> Colleague {
        Colleague { name: name.to_owned(), token: hash(token), reach }
    }
}

/// Not the hash either: whoever has it can try tokens at home.
impl fmt::Debug for Colleague {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Colleague").field("name", &self.name).field("reach", &self.reach).finish_non_exhaustive()
    }
}

/// Everybody who may sign in.
#[derive(Clone, Debug, Default)]
pub(super) struct Colleagues(Vec<Colleague>);

impl Colleagues {
    /// Enters one; gives the name of another who has the same token, and then does not.
    pub(super) fn add(&mut self, colleague: Colleague) -> Option<String> {
        let same = self.0.iter().find(|other| bool::from(other.token.ct_eq(&colleague.token)));
        if let Some(other) = same {
            return Some(other.name.clone());
        }
        self.0.push(colleague);
        None
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whose token this is. Compares hashes of one length in constant time, with every colleague, whether one has matched or not.
    pub(super) fn of_token(&self, token: &str) -> Option<&Colleague> {
        let token = hash(token);
        let matches = |found: Option<usize>, (index, colleague): (usize, &Colleague)| {
            let same = bool::from(colleague.token.ct_eq(&token));
            if same { Some(index) } else { found }
        };
        self.0.iter().enumerate().fold(None, matches).and_then(|index| self.0.get(index))
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_finds_its_colleague_and_nothing_else_does() {
        let mut colleagues = Colleagues::default();
        for (name, token) in [("anna", "0123456789abcdef"), ("bert", "fedcba9876543210")] {
            assert_eq!(colleagues.add(Colleague::new(name, token, Reach::default())), None);
        }
        let name = |token| colleagues.of_token(token).map(|colleague| colleague.name.clone());
        assert_eq!(name("fedcba9876543210").as_deref(), Some("bert"));
        assert_eq!(name("fedcba987654321"), None);
        assert_eq!(name(""), None);
    }
}
