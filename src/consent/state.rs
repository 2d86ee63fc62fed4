use serde::{Deserialize, Serialize};

use super::{Basis, Passage, Purpose, SessionTime, Terms, TurnKind, TurnPermit};

/// The state of one purpose in one session. The names are those of the Data Privacy Vocabulary (`dpv:ConsentGiven`, …).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConsentState {
    /// Not asked yet.
    Unknown,
    /// The question is being put.
    Requested,
    /// A clear yes to a heard question.
    Given,
    /// A no, or nothing that was a yes.
    Refused,
    /// Taken back by the caller after it was given, or an objection to another basis (GDPR articles 7(3) and 21).
    Withdrawn,
    /// Over without a new choice: the agent left the call.
    Expired,
    /// No longer valid: what it rested on has changed, such as the language of the notice.
    Invalidated,
}

impl ConsentState {
    /// The name as it stands in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            ConsentState::Unknown => "unknown",
            ConsentState::Requested => "requested",
            ConsentState::Given => "given",
            ConsentState::Refused => "refused",
            ConsentState::Withdrawn => "withdrawn",
            ConsentState::Expired => "expired",
            ConsentState::Invalidated => "invalidated",
        }
    }
}

/// By which act a state came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A key was pressed.
    Key(char),
    /// A button on a screen was pressed.
    Button,
    /// It was said: the id of the entry of the answer grammar, for grants alone.
    Speech {
        /// The entry of the answer grammar, with the grammar's version.
        entry: Option<String>,
        /// The recogniser's confidence, 0 to 1.
        confidence: Option<f32>,
    },
    /// Nothing came.
    Silence,
    /// Something came that was not clear, twice.
    Unclear,
    /// The engine's own doing: not informed, hand over, language, end of call.
    Engine,
}

/// A state that has changed, for the ledger.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// Of which purpose.
    pub purpose: Purpose,
    /// On which basis.
    pub basis: Basis,
    /// From which state.
    pub from: ConsentState,
    /// To which.
    pub to: ConsentState,
}

/// What exists only while a purpose may record. Never leaves this module.
#[derive(Debug)]
struct Grant {
    since: SessionTime,
    /// Unlike any other grant of the session, so that a permit from an earlier grant cannot pass with a later one.
    number: u64,
}

#[derive(Debug)]
struct Entry {
    terms: Terms,
    state: ConsentState,
    grant: Option<Grant>,
    /// A grant has lived since the last withdrawal, whatever became of it: something may be kept on it.
    may_be_kept: bool,
}

/// All purposes of one session: the state machine and the gate.
#[derive(Debug)]
pub struct Consents {
    entries: Vec<Entry>,
    informed: bool,
    /// The ledger, the disk or the index failed in this session: no grant any more.
    broken: bool,
    grants_made: u64,
}

impl Consents {
    /// Nothing asked, nothing granted.
    pub fn new(terms: Vec<Terms>) -> Consents {
        let entries = terms
            .into_iter()
            .map(|terms| Entry { terms, state: ConsentState::Unknown, grant: None, may_be_kept: false })
            .collect();
        Consents { entries, informed: false, broken: false, grants_made: 0 }
    }

    /// Both disclosures have been heard to the end, with evidence. From here on the bases that are announced and not asked hold
    /// (unless the caller has objected already), and a question may be put.
    pub fn informed(&mut self, at: SessionTime) -> Vec<Change> {
        self.informed = true;
        if self.broken {
            return Vec::new();
        }
        let number = &mut self.grants_made;
        let mut changes = Vec::new();
        for entry in &mut self.entries {
            let open = matches!(entry.state, ConsentState::Unknown | ConsentState::Invalidated | ConsentState::Expired);
            if entry.terms.basis != Basis::Consent && open {
                *number += 1;
                entry.grant = Some(Grant { since: at, number: *number });
                changes.push(entry.to(ConsentState::Given));
            }
        }
        changes
    }

    /// Whether the disclosures were heard.
    pub fn is_informed(&self) -> bool {
        self.informed
    }

    /// The question for `purpose` is being put. Only after the disclosures, and only for a purpose that rests on consent and is
    /// not given; `None` otherwise.
    pub fn request(&mut self, purpose: &Purpose) -> Option<Change> {
        if !self.informed {
            return None;
        }
        let entry = self.entry(purpose)?;
        if entry.terms.basis != Basis::Consent || matches!(entry.state, ConsentState::Given | ConsentState::Requested) {
            return None;
        }
        Some(entry.to(ConsentState::Requested))
    }

    /// A clear yes to the question that is being put, at the moment it was said or pressed.
    pub fn give(&mut self, purpose: &Purpose, at: SessionTime) -> Option<Change> {
        if !self.informed || self.broken {
            return None;
        }
        let number = self.grants_made + 1;
        let entry = self.entry(purpose)?;
        if entry.terms.basis != Basis::Consent || entry.state != ConsentState::Requested {
            return None;
        }
        entry.grant = Some(Grant { since: at, number });
        let change = entry.to(ConsentState::Given);
        self.grants_made = number;
        Some(change)
    }

    /// Not a yes: a no, silence, doubt. Before the question as well as after it.
    pub fn refuse(&mut self, purpose: &Purpose) -> Option<Change> {
        let entry = self.entry(purpose)?;
        let open = !matches!(entry.state, ConsentState::Given | ConsentState::Refused | ConsentState::Withdrawn);
        (open && entry.terms.basis == Basis::Consent).then(|| entry.to(ConsentState::Refused))
    }

    /// The caller wants no recording any more: every consent on which something may be kept is withdrawn, every open one refused, and
    /// the legitimate interest objected to. That a consent has ended by itself, or was asked for again since and refused, does not make
    /// what was kept on it stay. A contract's evidence stays: it is announced as what the agreement needs.
    pub fn withdraw_all(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for entry in &mut self.entries {
            match (entry.terms.basis, entry.state) {
                (Basis::Contract, _) => {}
                _ if std::mem::take(&mut entry.may_be_kept) => changes.push(entry.to(ConsentState::Withdrawn)),
                (Basis::Consent, ConsentState::Unknown | ConsentState::Requested | ConsentState::Invalidated) => {
                    changes.push(entry.to(ConsentState::Refused))
                }
                (Basis::LegitimateInterest, ConsentState::Unknown) => changes.push(entry.to(ConsentState::Withdrawn)),
                _ => {}
            }
        }
        changes
    }

    /// The agent leaves the call: every grant ends.
    pub fn expire_all(&mut self) -> Vec<Change> {
        self.end_grants(ConsentState::Expired)
    }

    /// What records cannot be relied on any more: every grant ends, and none can follow in this session.
    pub fn fail_all(&mut self) -> Vec<Change> {
        self.broken = true;
        self.end_grants(ConsentState::Invalidated)
    }

    /// Whether recording has failed in this session.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether nothing was announced: a dialog that never records.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What the grants rested on is no longer true (language, version of the notice): they end, and so does a question that is being put.
    /// The opening starts anew. What the caller has refused, withdrawn or objected to stays so until they say otherwise.
    pub fn invalidate_all(&mut self) -> Vec<Change> {
        self.informed = false;
        let open = |entry: &&mut Entry| matches!(entry.state, ConsentState::Given | ConsentState::Requested);
        self.entries.iter_mut().filter(open).map(|entry| entry.to(ConsentState::Invalidated)).collect()
    }

    /// The state of `purpose`, if it was announced.
    pub fn state(&self, purpose: &Purpose) -> Option<ConsentState> {
        self.entries.iter().find(|e| e.terms.purpose == *purpose).map(|e| e.state)
    }

    /// Every purpose with its basis and state, in the order of the dialog file.
    pub fn states(&self) -> impl Iterator<Item = (&Purpose, Basis, ConsentState)> {
        self.entries.iter().map(|e| (&e.terms.purpose, e.terms.basis, e.state))
    }

    /// What was announced, in the order of the dialog file.
    pub fn terms(&self) -> impl Iterator<Item = &Terms> {
        self.entries.iter().map(|e| &e.terms)
    }

    /// Whether any turn could be kept now.
    pub fn is_recording(&self) -> bool {
        self.entries.iter().any(|e| e.grant.is_some())
    }

    /// The purposes that could be recorded for now.
    pub fn recording_for(&self) -> Vec<Purpose> {
        self.entries.iter().filter(|e| e.grant.is_some()).map(|e| e.terms.purpose.clone()).collect()
    }

    /// Leave to hold the turn that begins now, if a live grant covers it.
    pub fn open_turn(&self, ordinal: u32, began: SessionTime, kind: &TurnKind) -> Option<TurnPermit> {
        let TurnKind::Dialog { evidence_for } = kind else { return None };
        let grants: Vec<_> = self
            .entries
            .iter()
            .filter(|e| e.terms.basis != Basis::Contract || evidence_for.contains(&e.terms.purpose))
            .filter_map(|e| {
                let grant = e.grant.as_ref().filter(|grant| grant.since <= began)?;
                Some((e.terms.purpose.clone(), grant.number))
            })
            .collect();
        (!grants.is_empty()).then_some(TurnPermit { ordinal, began, grants })
    }

    /// The gate: whether the turn that `permit` was given for may be kept as far as `ended`, which is now. Every grant that it began with
    /// must be live.
    pub fn pass(&self, permit: &TurnPermit, ended: SessionTime) -> Option<Passage> {
        let held = |entry: &&Entry| {
            let live = entry.grant.as_ref().map(|grant| grant.number);
            permit.grants.iter().any(|(purpose, number)| *purpose == entry.terms.purpose && live == Some(*number))
        };
        let terms: Vec<Terms> = self.entries.iter().filter(held).map(|entry| entry.terms.clone()).collect();
        let all = terms.len() == permit.grants.len() && ended >= permit.began;
        (all && !terms.is_empty()).then_some(Passage { ordinal: permit.ordinal, began: permit.began, ended, terms })
    }

    fn end_grants(&mut self, to: ConsentState) -> Vec<Change> {
        self.entries.iter_mut().filter(|e| e.grant.is_some()).map(|e| e.to(to)).collect()
    }

    fn entry(&mut self, purpose: &Purpose) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|e| e.terms.purpose == *purpose)
    }
}

impl Entry {
    /// Changes the state; whatever is not `given` has no grant.
    fn to(&mut self, to: ConsentState) -> Change {
        let from = std::mem::replace(&mut self.state, to);
        if to == ConsentState::Given {
            self.may_be_kept = true;
        } else {
            self.grant = None;
        }
        Change { purpose: self.terms.purpose.clone(), basis: self.terms.basis, from, to }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> SessionTime {
        SessionTime(Duration::from_secs(seconds))
    }

    fn terms(name: &str, basis: Basis) -> Terms {
        let purpose = Purpose::new(name).unwrap();
        Terms { purpose, basis, necessity: "a test".into(), retention: Duration::from_secs(86_400) }
    }

    fn asked() -> (Consents, Purpose) {
        let mut consents = Consents::new(vec![terms("quality", Basis::Consent)]);
        let quality = Purpose::new("quality").unwrap();
        consents.informed(at(10));
        consents.request(&quality).unwrap();
        (consents, quality)
    }

    const DIALOG: TurnKind = TurnKind::Dialog { evidence_for: Vec::new() };

    #[test]
    fn a_turn_that_began_before_the_grant_is_never_kept() {
        let (mut consents, quality) = asked();
        consents.give(&quality, at(20)).unwrap();
        assert!(consents.open_turn(1, at(19), &DIALOG).is_none());
        let permit = consents.open_turn(2, at(20), &DIALOG).unwrap();
        assert_eq!(consents.pass(&permit, at(25)).unwrap().with(1, at(19), ()).began(), at(20));
    }

    #[test]
    fn a_permit_of_an_earlier_grant_does_not_pass_with_a_later_one() {
        let (mut consents, quality) = asked();
        consents.give(&quality, at(20)).unwrap();
        let permit = consents.open_turn(1, at(21), &DIALOG).unwrap();
        consents.withdraw_all();
        consents.request(&quality).unwrap();
        consents.give(&quality, at(30)).unwrap();
        assert!(consents.pass(&permit, at(31)).is_none());
    }

    #[test]
    fn a_yes_counts_only_after_the_disclosures_and_to_the_question() {
        let mut consents = Consents::new(vec![terms("quality", Basis::Consent)]);
        let quality = Purpose::new("quality").unwrap();
        assert!(consents.request(&quality).is_none());
        assert!(consents.give(&quality, at(1)).is_none());
        consents.informed(at(2));
        assert!(consents.give(&quality, at(3)).is_none());
        consents.request(&quality).unwrap();
        consents.refuse(&quality).unwrap();
        assert!(consents.give(&quality, at(4)).is_none());
        assert_eq!(consents.state(&quality), Some(ConsentState::Refused));
    }

    #[test]
    fn a_contract_covers_only_the_turns_that_are_its_evidence_and_outlives_a_withdrawal() {
        let mut consents = Consents::new(vec![terms("quality", Basis::Consent), terms("agreement", Basis::Contract)]);
        let agreement = Purpose::new("agreement").unwrap();
        consents.informed(at(10));
        assert!(consents.open_turn(1, at(11), &DIALOG).is_none());
        let evidence = TurnKind::Dialog { evidence_for: vec![agreement.clone()] };
        let permit = consents.open_turn(2, at(11), &evidence).unwrap();
        consents.withdraw_all();
        let turn = consents.pass(&permit, at(12)).unwrap().with(1, at(11), ());
        assert_eq!(turn.terms().iter().map(|t| &t.purpose).collect::<Vec<_>>(), [&agreement]);
    }

    #[test]
    fn a_turn_that_is_no_evidence_after_all_is_kept_for_the_other_purposes_alone() {
        let mut consents = Consents::new(vec![terms("quality", Basis::Consent), terms("agreement", Basis::Contract)]);
        let (quality, agreement) = (Purpose::new("quality").unwrap(), [Purpose::new("agreement").unwrap()]);
        consents.informed(at(10));
        let evidence = TurnKind::Dialog { evidence_for: agreement.to_vec() };
        let permit = consents.open_turn(2, at(11), &evidence).unwrap();
        assert!(consents.pass(&permit.without(&agreement), at(12)).is_none(), "without a purpose nothing is kept");
        consents.request(&quality).unwrap();
        consents.give(&quality, at(13)).unwrap();
        let permit = consents.open_turn(3, at(14), &evidence).unwrap();
        let turn = consents.pass(&permit.without(&agreement), at(15)).unwrap().with(1, at(14), ());
        assert_eq!(turn.terms().iter().map(|t| &t.purpose).collect::<Vec<_>>(), [&quality]);
    }

    #[test]
    fn an_objection_ends_a_legitimate_interest_even_before_it_began() {
        let mut consents = Consents::new(vec![terms("disputes", Basis::LegitimateInterest)]);
        assert_eq!(consents.withdraw_all().len(), 1);
        assert!(consents.informed(at(10)).is_empty());
        assert!(!consents.is_recording());
    }

    #[test]
    fn what_was_kept_can_be_withdrawn_whatever_became_of_the_grant() {
        #[derive(Clone, Copy, PartialEq)]
        enum Since {
            Nothing,
            AskedAgain,
            Refused,
        }
        for since in [Since::Nothing, Since::AskedAgain, Since::Refused] {
            for end in [Consents::expire_all, Consents::invalidate_all] {
                let (mut consents, quality) = asked();
                consents.give(&quality, at(20)).unwrap();
                end(&mut consents);
                if since != Since::Nothing {
                    consents.informed(at(30));
                    consents.request(&quality).unwrap();
                }
                if since == Since::Refused {
                    consents.refuse(&quality).unwrap();
                }
                let changes = consents.withdraw_all();
                assert_eq!(changes.iter().map(|change| change.to).collect::<Vec<_>>(), [ConsentState::Withdrawn]);
                assert!(consents.withdraw_all().is_empty(), "it is gone");
            }
        }
        let (mut consents, _) = asked();
        consents.invalidate_all();
        assert_eq!(consents.withdraw_all()[0].to, ConsentState::Refused, "nothing can be kept of what was never given");
    }

    #[test]
    fn an_objection_outlives_a_change_of_language_and_a_consent_does_not() {
        let mut consents = Consents::new(vec![terms("quality", Basis::Consent), terms("disputes", Basis::LegitimateInterest)]);
        let (quality, disputes) = (Purpose::new("quality").unwrap(), Purpose::new("disputes").unwrap());
        consents.informed(at(10));
        consents.withdraw_all();
        consents.request(&quality).unwrap();
        consents.give(&quality, at(20)).unwrap();
        consents.invalidate_all();
        assert!(consents.informed(at(30)).is_empty());
        assert_eq!(consents.state(&disputes), Some(ConsentState::Withdrawn));
        assert_eq!(consents.state(&quality), Some(ConsentState::Invalidated));
        assert!(!consents.is_recording());
        assert!(consents.request(&quality).is_some());
    }

    #[test]
    fn after_a_failure_there_is_no_grant_any_more() {
        let (mut consents, quality) = asked();
        consents.give(&quality, at(20)).unwrap();
        consents.fail_all();
        assert!(consents.request(&quality).is_none_or(|_| consents.give(&quality, at(30)).is_none()));
        assert!(!consents.is_recording());
    }
}
