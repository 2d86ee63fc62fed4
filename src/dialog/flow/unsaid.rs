//! A text with a caller's values that could not be spoken: nobody confirms what they have not heard, and nobody is left without a way on.

use super::*;

impl Flow {
    /// A line with slots was left out of what is being said; `rest` are the lines after it. Gives whether something else is done.
    pub(super) fn line_left_out(&mut self, rest: Vec<(Line, Role)>) -> bool {
        match &self.phase {
            Phase::Dialog(waiting) if waiting.reads_back() => self.not_read_back(),
            // Nobody is asked whether they meant what they have not heard; the question is put again, as one more try.
            Phase::Dialog(waiting) if waiting.confirms() => self.no_match("no-match"),
            Phase::CallBack(_) if self.confirms_number() => {
                self.forget_number();
                self.hush();
                self.pass(&["call-back-failed"], Next::Wait);
            }
            Phase::Passing(Next::Close(_)) => self.person_says_it(),
            Phase::Dialog(_) | Phase::Passing(_) => {
                self.hush();
                let lines = [(self.line("cannot-be-said"), Role::Other)].into_iter().chain(rest);
                self.say(lines.collect());
            }
            _ => return false,
        }
        true
    }

    /// The digits are asked for once more, by a text that is always ready; if they cannot be read back then either, a person helps.
    fn not_read_back(&mut self) {
        self.unread += 1;
        if self.unread == 1 { self.collect_again("read-back-failed") } else { self.person_says_it() }
    }

    /// What was to be said last, or twice, cannot be: a person says it.
    fn person_says_it(&mut self) {
        self.hush();
        self.last_words = vec!["cannot-be-said".to_owned()];
        self.knock(LeaveReason::EngineFailed);
    }
}
