//! The opening: what the agent is, what it would record, and the question. Run by the engine for every dialog; no file can change it.

use super::*;
use crate::consent::{Judgement, Meaning, Method, SpokenAnswer};

/// The disclosures, while they are said.
#[derive(Debug)]
pub(super) struct Disclosing {
    /// How many disclosure lines there are, and how many were heard to the end.
    wanted: usize,
    heard: usize,
    ended: usize,
    /// Lines of which too much was lost on the way.
    garbled: usize,
    /// Purposes to ask for afterwards.
    ask: Vec<Purpose>,
}

impl Disclosing {
    pub(super) fn line_ended(&mut self, heard: Heard, paced_can_grant: bool) {
        self.ended += 1;
        self.garbled += usize::from(heard == Heard::Garbled);
        let proved = match heard {
            Heard::Complete(Grade::Peer) => true,
            Heard::Complete(Grade::Paced) => paced_can_grant,
            _ => false,
        };
        self.heard += usize::from(proved);
    }
}

/// A question, while it is put and answered.
#[derive(Debug)]
pub(super) struct Asking {
    purpose: Purpose,
    /// The purposes after this one.
    left: Vec<Purpose>,
    /// When the question was heard to its end.
    pub(super) ended: Option<SessionTime>,
    asked_again: bool,
}

impl Asking {
    /// The purpose that is refused, and how the call goes on.
    pub(super) fn refused(&mut self) -> (Purpose, Next) {
        (self.purpose.clone(), Next::Question(std::mem::take(&mut self.left)))
    }
}

impl Flow {
    pub(super) fn begin(&mut self) {
        if matches!(self.phase, Phase::Fresh) {
            self.open(self.settings.offer_languages);
        }
    }

    /// Both disclosures, then the questions.
    pub(super) fn open(&mut self, offer_languages: bool) {
        let mut lines = vec![(self.line("disclosure-automated"), Role::Disclosure)];
        if offer_languages {
            let others = self.dialog.file.languages.iter().map(|l| &l.value).filter(|l| **l != self.language);
            lines.extend(others.map(|other| (self.line_in(other, "language-offer", None), Role::Other)));
        }
        lines.extend(self.recording_disclosures(&|_| true));
        let ask = self.consent_purposes();
        self.disclose(lines, ask);
    }

    /// The caller brings it up: what would be recorded is said again, then asked again.
    pub(super) fn ask_again(&mut self) {
        let open = |flow: &Flow, purpose: &Purpose| flow.consents.state(purpose) != Some(ConsentState::Given);
        let ask: Vec<Purpose> = self.consent_purposes().into_iter().filter(|p| open(self, p)).collect();
        if ask.is_empty() {
            return;
        }
        self.early_no = None;
        self.hush();
        if self.consents.is_broken() {
            return self.pass(&["recording-failed"], Next::Resume);
        }
        if self.consents.is_informed() {
            let lines = self.recording_disclosures(&|purpose| ask.contains(purpose));
            self.disclose(lines, ask);
        } else {
            self.open(false);
        }
    }

    fn recording_disclosures(&self, wanted: &dyn Fn(&Purpose) -> bool) -> Vec<(Line, Role)> {
        let mut lines = Vec::new();
        for terms in self.consents.terms().filter(|terms| wanted(&terms.purpose)) {
            let id = format!("disclosure-{}", terms.basis);
            lines.push((self.line_about(&id, &terms.purpose), Role::Disclosure));
        }
        if lines.is_empty() {
            lines.push((self.line("disclosure-nothing"), Role::Disclosure));
        }
        lines
    }

    fn disclose(&mut self, lines: Vec<(Line, Role)>, ask: Vec<Purpose>) {
        let wanted = lines.iter().filter(|(_, role)| *role == Role::Disclosure).count();
        self.next_turn(TurnKind::Engine);
        self.phase = Phase::Disclosing(Disclosing { wanted, heard: 0, ended: 0, garbled: 0, ask });
        self.listen(true, &[]);
        self.say(lines);
    }

    /// After each disclosure: a caller who has said no does not have to hear what would have been recorded. What the agent is, they do.
    pub(super) fn disclosure_cut_short(&mut self) -> bool {
        let Phase::Disclosing(disclosing) = &self.phase else { return false };
        if self.early_no.is_none() || disclosing.ended == 0 || !self.can_be_refused() {
            return false;
        }
        self.hush();
        self.disclosures_ended();
        true
    }

    /// Whether a no to the recording can end the disclosures: only when all of it is a matter of consent.
    fn can_be_refused(&self) -> bool {
        self.consents.terms().all(|terms| terms.basis == Basis::Consent)
    }

    pub(super) fn disclosures_ended(&mut self) {
        let Phase::Disclosing(disclosing) = &mut self.phase else { return };
        let informed = disclosing.heard == disclosing.wanted;
        if disclosing.garbled > 0 && self.early_no.is_none() && self.repetitions < REPETITIONS {
            // The line was bad: said again, and only given up when it stays so.
            self.repetitions += 1;
            return self.open(false);
        }
        let ask = std::mem::take(&mut disclosing.ask);
        let early_no = self.early_no.take();
        self.introduced = true;
        if informed && !self.consents.is_informed() {
            let changes = self.consents.informed(self.now);
            self.note_changes(changes);
        }
        match early_no {
            Some(method) => {
                for purpose in &ask {
                    if self.consents.state(purpose) != Some(ConsentState::Withdrawn) {
                        self.refuse(purpose, "refused", method.clone());
                    }
                }
                self.untold.get_or_insert(withdrawal::Untold::Refused);
                self.tell(Vec::new(), Next::Resume);
            }
            None if self.consents.is_broken() && !self.consents.is_empty() => {
                self.refuse_open("refused");
                self.pass(&["recording-failed"], Next::Resume);
            }
            None if ask.is_empty() => self.resume(),
            None if informed => self.ask_next(ask),
            None => {
                for purpose in &ask {
                    let change = self.consents.refuse(purpose);
                    self.note_changes(change.into_iter().collect());
                }
                self.pass(&["not-informed"], Next::Resume);
            }
        }
    }

    pub(super) fn ask_next(&mut self, mut left: Vec<Purpose>) {
        if left.is_empty() {
            return self.resume();
        }
        let purpose = left.remove(0);
        let Some(change) = self.consents.request(&purpose) else { return self.ask_next(left) };
        self.note(Fact::Consent(change));
        let line = self.line_about("consent-question", &purpose);
        self.put(line, Asking { purpose, left, ended: None, asked_again: false });
    }

    fn put(&mut self, line: Line, asking: Asking) {
        let role = Role::Question(asking.purpose.clone());
        self.next_turn(TurnKind::Engine);
        self.phase = Phase::Asking(asking);
        self.listen(true, &[]);
        self.say(vec![(line, role)]);
    }

    /// The question has been said; only a question that was heard to its end can be answered with yes.
    pub(super) fn question_ended(&mut self, heard: Heard) {
        let proved = match heard {
            Heard::Complete(Grade::Peer) => true,
            Heard::Complete(Grade::Paced) => self.settings.paced_can_grant,
            _ => false,
        };
        let (now, window) = (self.now, self.settings.consent_window);
        let Phase::Asking(asking) = &mut self.phase else { return };
        if proved {
            asking.ended = Some(now);
            self.deadline = Some(now + window);
        } else if heard == Heard::Garbled && self.repetitions < REPETITIONS {
            self.repetitions += 1;
            self.ask_the_same();
        } else {
            self.refused("unclear", Method::Engine);
        }
    }

    pub(super) fn question_silent(&mut self) {
        self.no_answer("silence", Method::Silence);
    }

    pub(super) fn question_unclear(&mut self) {
        self.no_answer("unclear", Method::Unclear);
    }

    /// Nothing but noise: the window goes on, and silence in it is silence.
    pub(super) fn noise_after_question(&mut self) {
        self.noises += 1;
        if self.noises >= NOISES {
            return self.question_silent();
        }
        self.deadline = Some(self.now + self.settings.consent_window);
    }

    /// Not a yes: asked once more, then it is a no.
    pub(super) fn no_answer(&mut self, outcome: &'static str, method: Method) {
        let Phase::Asking(asking) = &mut self.phase else { return };
        if std::mem::replace(&mut asking.asked_again, true) {
            return self.refused(outcome, method);
        }
        let again =
            Asking { purpose: asking.purpose.clone(), left: std::mem::take(&mut asking.left), ended: None, asked_again: true };
        self.note(Fact::Answer { purpose: again.purpose.clone(), outcome, method });
        self.hush();
        let line = self.line("consent-reask");
        self.put(line, again);
    }

    /// The caller wants to hear the question again.
    pub(super) fn ask_the_same(&mut self) {
        let Phase::Asking(asking) = &mut self.phase else { return };
        let (purpose, left, asked_again) = (asking.purpose.clone(), std::mem::take(&mut asking.left), asking.asked_again);
        self.hush();
        self.put_again(Asking { purpose, left, ended: None, asked_again });
    }

    /// Puts a question that was broken off from its beginning; nothing that came before counts as an answer.
    pub(super) fn put_again(&mut self, asking: Asking) {
        let line = self.line_about("consent-question", &asking.purpose);
        self.put(line, Asking { ended: None, ..asking });
    }

    /// A digit during the opening; `true` when it was for the opening.
    pub(super) fn key_in_opening(&mut self, key: char) {
        let question_ended = match &self.phase {
            Phase::Asking(asking) => asking.ended,
            _ => None,
        };
        match (&self.phase, key) {
            (Phase::Disclosing(_) | Phase::Asking(_), '1') if question_ended.is_none() => self.too_early(Method::Key(key)),
            (Phase::Disclosing(disclosing), '2') if !disclosing.ask.is_empty() => self.early_no(Method::Key(key)),
            (Phase::Asking(_), '1') => self.given(Method::Key(key)),
            (Phase::Asking(_), '2') => self.refused("refused", Method::Key(key)),
            (Phase::Asking(_), _) if question_ended.is_some() => self.question_unclear(),
            _ => {}
        }
    }

    /// Yes or no by a button: as by key, but it can mean nothing else.
    pub(super) fn button_in_opening(&mut self, yes: bool) {
        match (&self.phase, yes) {
            (Phase::Asking(Asking { ended: Some(_), .. }), true) => self.given(Method::Button),
            (_, true) => self.too_early(Method::Button),
            (Phase::Asking(_), false) => self.refused("refused", Method::Button),
            (Phase::Disclosing(disclosing), false) if !disclosing.ask.is_empty() => self.early_no(Method::Button),
            _ => {}
        }
    }

    pub(super) fn spoken_during_disclosure(&mut self, utterance: &Utterance) {
        let Phase::Disclosing(Disclosing { ask: asked_for, .. }) = &self.phase else { return };
        match self.grammar.as_ref().map(|grammar| grammar.meaning(&utterance.text)) {
            Some(Meaning::Refusal) if !asked_for.is_empty() => self.early_no(Method::Speech { entry: None, confidence: None }),
            Some(Meaning::Grant(_)) => self.too_early(Method::Speech { entry: None, confidence: None }),
            _ => {}
        }
    }

    pub(super) fn spoken_answer(&mut self, utterance: &Utterance) {
        let (Phase::Asking(asking), Some(grammar)) = (&self.phase, &self.grammar) else { return };
        let answer = SpokenAnswer {
            text: &utterance.text,
            second_look: utterance.second_look.as_ref().map(|text| text.as_str()),
            confidence: utterance.confidence,
            is_final: true,
            began: utterance.began,
            speech: utterance.speech,
            above_noise: utterance.above_noise,
        };
        let silent = utterance.text.trim().is_empty();
        let ended = asking.ended;
        match grammar.judge(&answer, ended.map(|at| at + REACTION), &self.settings.thresholds) {
            Judgement::Grant(entry) => {
                let confidence = Some(utterance.confidence);
                self.given(Method::Speech { entry: Some(entry), confidence });
            }
            Judgement::Refusal => self.refused("refused", Method::Speech { entry: None, confidence: None }),
            Judgement::Doubt(crate::consent::Doubt::TooEarly) => self.too_early(Method::Speech { entry: None, confidence: None }),
            Judgement::Doubt(_) if silent && ended.is_some() => self.noise_after_question(),
            Judgement::Doubt(_) if ended.is_some() => self.question_unclear(),
            Judgement::Doubt(_) => {}
        }
    }

    /// A yes before the question has ended: ignored and counted.
    fn too_early(&mut self, method: Method) {
        let purpose = match &self.phase {
            Phase::Asking(asking) => Some(asking.purpose.clone()),
            Phase::Disclosing(disclosing) => disclosing.ask.first().cloned(),
            _ => None,
        };
        if let Some(purpose) = purpose {
            self.note(Fact::Answer { purpose, outcome: "too-early", method });
        }
        // What was said early and went on past the end of the question leaves the window open for a clear answer.
        if let Phase::Asking(Asking { ended: Some(_), .. }) = &self.phase {
            self.deadline = Some(self.now + self.settings.consent_window);
        }
    }

    /// A no during the disclosures: taken at once.
    pub(super) fn early_no(&mut self, method: Method) {
        self.early_no.get_or_insert(method);
        self.disclosure_cut_short();
    }

    fn given(&mut self, method: Method) {
        let Phase::Asking(asking) = &mut self.phase else { return };
        let (purpose, left) = (asking.purpose.clone(), std::mem::take(&mut asking.left));
        self.hush();
        if let Some(change) = self.consents.give(&purpose, self.now) {
            self.note(Fact::Answer { purpose, outcome: "given", method });
            self.note(Fact::Consent(change));
            self.pass(&["consent-given"], Next::Question(left));
        } else {
            self.refused("unclear", Method::Engine);
        }
    }

    fn refused(&mut self, outcome: &'static str, method: Method) {
        let Phase::Asking(asking) = &mut self.phase else { return };
        let (purpose, left) = (asking.purpose.clone(), std::mem::take(&mut asking.left));
        self.hush();
        self.refuse(&purpose, outcome, method);
        self.pass(&["consent-refused"], Next::Question(left));
    }

    pub(super) fn refuse(&mut self, purpose: &Purpose, outcome: &'static str, method: Method) {
        // For a refusal the outcome alone: neither the words nor how sure we were of them.
        let method = if let Method::Speech { .. } = method { Method::Speech { entry: None, confidence: None } } else { method };
        self.note(Fact::Answer { purpose: purpose.clone(), outcome, method });
        let change = self.consents.refuse(purpose);
        self.note_changes(change.into_iter().collect());
    }

    /// The purposes of an opening that is cut short by something else, so that none stays open. Who said no before it was cut has refused.
    pub(super) fn refuse_open(&mut self, outcome: &'static str) {
        let (outcome, method) = self.early_no.take().map_or((outcome, Method::Engine), |method| ("refused", method));
        for purpose in self.consent_purposes() {
            if self.is_open(&purpose) {
                self.refuse(&purpose, outcome, method.clone());
            }
        }
    }

    pub(super) fn is_open(&self, purpose: &Purpose) -> bool {
        matches!(self.consents.state(purpose), Some(ConsentState::Unknown | ConsentState::Requested))
    }
}
