//! Saying lines, and telling the ears what may come back.

use super::*;

impl Flow {
    /// Says lines. Who has not been told yet that they cannot be heard is told so before the next thing that they could answer.
    pub(super) fn say(&mut self, mut lines: Vec<(Line, Role)>) {
        lines.splice(..0, self.untold_unheard());
        let play = PlayId(self.next_play);
        self.next_play += 1;
        self.deadline = None;
        self.noises = 0;
        self.actions.push(Action::Say { play, lines: lines.iter().map(|(line, _)| line.clone()).collect() });
        self.plays.insert(play, lines);
        self.current = Some(play);
    }

    /// Says lines of the engine's in a turn of its own, then goes on. What the caller must still be told of a no comes first.
    pub(super) fn pass<S: AsRef<str>>(&mut self, ids: &[S], next: Next) {
        let ids = ids.iter().map(|id| id.as_ref().to_owned());
        if self.absent {
            // Nobody is there to hear it: it is said when they are back.
            self.phase = Phase::Lapsed(absence::Broken::Said(ids.collect(), next));
            return;
        }
        self.passing = self.take_untold().map(str::to_owned).into_iter().chain(ids).collect();
        if self.passing.is_empty() {
            return self.go_on(next);
        }
        let lines = self.passing.iter().map(|id| (self.line(id), Role::Other)).collect();
        self.next_turn(TurnKind::Engine);
        self.phase = Phase::Passing(next);
        self.listen(false, &[]);
        self.say(lines);
    }

    pub(super) fn hush(&mut self) {
        if self.current.take().is_some() {
            self.came_of_it(Interruption::Otherwise);
            self.actions.push(Action::Hush);
        }
    }

    pub(super) fn line(&self, id: &str) -> Line {
        self.line_in(&self.language, id, None)
    }

    pub(super) fn line_about(&self, id: &str, purpose: &Purpose) -> Line {
        self.line_in(&self.language, id, Some(purpose.clone()))
    }

    pub(super) fn line_in(&self, language: &str, id: &str, purpose: Option<Purpose>) -> Line {
        Line {
            id: id.to_owned(),
            language: language.to_owned(),
            hearing: self.hearing(language),
            purpose,
            slots: self.dialog.texts.has_slots(language, id),
            place: None,
        }
    }

    pub(super) fn hearing(&self, language: &str) -> Hearing {
        let can = self.settings.can_hear.contains(language) && self.failed.is_none();
        if can { Hearing::Voice } else { Hearing::Keys }
    }

    pub(super) fn can_hear(&self) -> bool {
        self.hearing(&self.language) == Hearing::Voice
    }

    /// Tells the ears what may be said now, the commands included.
    pub(super) fn listen(&mut self, consent: bool, options: &[String]) {
        let mut phrases: Vec<String> = options.to_vec();
        if consent && let Some(grammar) = &self.grammar {
            phrases.extend(grammar.phrases());
        }
        for command in commands::COMMANDS {
            phrases.extend(self.dialog.texts.hear(&self.language, command.id()).iter().cloned());
        }
        self.actions.push(Action::Listen(Expecting { phrases, consent, value: self.wanted() }));
    }
}
