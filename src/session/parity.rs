use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

/// Waits are counted by the second up to an hour; what is longer counts as an hour.
const LONGEST: usize = 3600;
/// Below so many a comparison says little, and the summary says so.
const ENOUGH: u64 = 30;

/// How a caller answered the question whether they may be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// A purpose was given at some moment of the call, withdrawn later or not.
    Consenting,
    /// They were asked, and gave none.
    Refusing,
    /// They were not asked: the dialog does not record, or they were gone or with a person before the question.
    NotAsked,
}

impl Group {
    const ALL: [Group; 3] = [Group::Consenting, Group::Refusing, Group::NotAsked];

    /// The name as it stands in the counts.
    pub fn as_str(self) -> &'static str {
        match self {
            Group::Consenting => "consenting",
            Group::Refusing => "refusing",
            Group::NotAsked => "not-asked",
        }
    }
}

/// One time that a caller was to reach a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandoverFigures {
    /// From the moment they asked (or were passed on) until somebody answered, or until it was clear that nobody would. `None` where that
    /// moment is not known: a phone system that has passed them on tells of an answer when the talk is over.
    pub waited: Option<Duration>,
    /// Whether somebody answered.
    pub answered: bool,
}

/// What one call comes to. Nothing of it tells who called or what they said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// How they answered.
    pub group: Group,
    /// Each time they were to reach a person.
    pub handovers: Vec<HandoverFigures>,
    /// Whether the dialog came to its end.
    pub completed: bool,
    /// Turns of the dialog, the engine's own (disclosures, questions, waiting) not counted.
    pub turns: u32,
}

/// What callers got, by how they answered, since the server started: in memory, as sums, of nobody in particular.
///
/// It is how it is noticed that refusing costs something after all: the same numbers side by side, for `/metrics` and `/parity`.
pub struct Parity {
    since: Timestamp,
    groups: Mutex<[Sums; 3]>,
}

#[derive(Default)]
struct Sums {
    sessions: u64,
    completed: u64,
    turns: u64,
    handovers: u64,
    answered: u64,
    waits: Waits,
}

/// How long callers waited, where it is known: how many, the sum, and how many for each number of seconds.
struct Waits {
    count: u64,
    total: Duration,
    seconds: Vec<u32>,
}

impl Default for Waits {
    fn default() -> Waits {
        Waits { count: 0, total: Duration::ZERO, seconds: vec![0; LONGEST + 1] }
    }
}

impl Waits {
    fn add(&mut self, wait: Duration) {
        self.count += 1;
        self.total += wait;
        let second = usize::try_from(wait.as_secs()).unwrap_or(LONGEST).min(LONGEST);
        if let Some(count) = self.seconds.get_mut(second) {
            *count = count.saturating_add(1);
        }
    }

    /// So many percent waited less than a second longer than this, in whole seconds. `None` of nobody.
    fn percentile(&self, percent: u64) -> Option<u64> {
        let all: u64 = self.seconds.iter().map(|count| u64::from(*count)).sum();
        let wanted = (all * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let found = self.seconds.iter().position(|count| {
            seen += u64::from(*count);
            seen >= wanted
        });
        found.map(|second| second as u64)
    }
}

impl Parity {
    /// Counts from `since` on. The counts of all groups are there from the beginning, so that none is missing for want of callers.
    pub fn new(since: Timestamp) -> Parity {
        for group in Group::ALL.map(Group::as_str) {
            metrics::counter!("candor_parity_sessions_total", "group" => group).absolute(0);
            metrics::counter!("candor_parity_completed_total", "group" => group).absolute(0);
            metrics::counter!("candor_parity_turns_total", "group" => group).absolute(0);
            for answered in ["yes", "no"] {
                metrics::counter!("candor_parity_handovers_total", "group" => group, "answered" => answered).absolute(0);
            }
        }
        Parity { since, groups: Mutex::default() }
    }

    /// Adds a call that is over.
    pub fn record(&self, figures: &Figures) {
        let group = figures.group.as_str();
        metrics::counter!("candor_parity_sessions_total", "group" => group).increment(1);
        metrics::counter!("candor_parity_completed_total", "group" => group).increment(u64::from(figures.completed));
        metrics::counter!("candor_parity_turns_total", "group" => group).increment(u64::from(figures.turns));
        for handover in &figures.handovers {
            let answered = if handover.answered { "yes" } else { "no" };
            metrics::counter!("candor_parity_handovers_total", "group" => group, "answered" => answered).increment(1);
            if let Some(waited) = handover.waited {
                metrics::histogram!("candor_parity_waiting_seconds", "group" => group).record(waited);
            }
        }
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let sums = &mut groups[figures.group as usize];
        sums.sessions += 1;
        sums.completed += u64::from(figures.completed);
        sums.turns += u64::from(figures.turns);
        for handover in &figures.handovers {
            sums.handovers += 1;
            sums.answered += u64::from(handover.answered);
            if let Some(waited) = handover.waited {
                sums.waits.add(waited);
            }
        }
    }

    /// Everything side by side, and what a refusing caller got for each unit that a consenting one got.
    pub fn summary(&self) -> Value {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let [consenting, refusing, not_asked] = &*groups;
        let ratio = |figure: fn(&Sums) -> Rate| compare(figure(refusing), figure(consenting));
        json!({
            "since": self.since.to_string(),
            "groups": {
                "consenting": consenting.shown(),
                "refusing": refusing.shown(),
                "not-asked": not_asked.shown(),
            },
            "refusing-to-consenting": {
                "answer-rate": ratio(Sums::answer_rate),
                "mean-waiting-seconds": ratio(Sums::mean_wait),
                "completed-rate": ratio(Sums::completed_rate),
                "mean-turns": ratio(Sums::mean_turns),
            },
            "note": format!(
                "a ratio of 1 is parity; `enough` is false where either side counts fewer than {ENOUGH}, and then the ratio says little"
            ),
        })
    }
}

/// A sum over a number of cases.
#[derive(Clone, Copy)]
struct Rate {
    sum: f64,
    of: u64,
}

impl Rate {
    fn value(self) -> Option<f64> {
        (self.of > 0).then(|| self.sum / self.of as f64)
    }
}

impl Sums {
    fn answer_rate(&self) -> Rate {
        Rate { sum: self.answered as f64, of: self.handovers }
    }

    fn mean_wait(&self) -> Rate {
        Rate { sum: self.waits.total.as_secs_f64(), of: self.waits.count }
    }

    fn completed_rate(&self) -> Rate {
        Rate { sum: self.completed as f64, of: self.sessions }
    }

    fn mean_turns(&self) -> Rate {
        Rate { sum: self.turns as f64, of: self.sessions }
    }

    fn shown(&self) -> Value {
        json!({
            "sessions": self.sessions,
            "completed": self.completed,
            "completed-rate": rounded(self.completed_rate().value()),
            "turns": self.turns,
            "mean-turns": rounded(self.mean_turns().value()),
            "handovers-asked": self.handovers,
            "handovers-answered": self.answered,
            "answer-rate": rounded(self.answer_rate().value()),
            "waiting-seconds": {
                "count": self.waits.count,
                "sum": rounded(Some(self.waits.total.as_secs_f64())),
                "mean": rounded(self.mean_wait().value()),
                "p50": self.waits.percentile(50),
                "p95": self.waits.percentile(95),
            },
        })
    }
}

fn compare(refusing: Rate, consenting: Rate) -> Value {
    let ratio = match (refusing.value(), consenting.value()) {
        (Some(refusing), Some(consenting)) if consenting > 0.0 => Some(refusing / consenting),
        _ => None,
    };
    json!({
        "ratio": rounded(ratio),
        "n-refusing": refusing.of,
        "n-consenting": consenting.of,
        "enough": refusing.of.min(consenting.of) >= ENOUGH,
    })
}

/// Three places: what is behind them is noise.
fn rounded(value: Option<f64>) -> Option<f64> {
    value.map(|value| (value * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(group: Group, waited: Option<(u64, bool)>, completed: bool, turns: u32) -> Figures {
        let handovers =
            waited.map(|(seconds, answered)| HandoverFigures { waited: Some(Duration::from_secs(seconds)), answered });
        Figures { group, handovers: handovers.into_iter().collect(), completed, turns }
    }

    #[test]
    fn groups_stand_side_by_side_with_their_ratio() {
        let parity = Parity::new(Timestamp::UNIX_EPOCH);
        for second in 0..40 {
            parity.record(&figures(Group::Consenting, Some((second, true)), true, 4));
            parity.record(&figures(Group::Refusing, Some((second, second % 2 == 0)), true, 3));
        }
        parity.record(&figures(Group::NotAsked, None, false, 0));
        let summary = parity.summary();
        assert_eq!(summary["since"], "1970-01-01T00:00:00Z");
        let groups = &summary["groups"];
        assert_eq!((&groups["consenting"]["sessions"], &groups["refusing"]["sessions"]), (&json!(40), &json!(40)));
        assert_eq!(groups["refusing"]["handovers-answered"], 20);
        assert_eq!(groups["not-asked"]["completed-rate"], 0.0);
        assert_eq!(groups["not-asked"]["answer-rate"], Value::Null);
        let ratio = &summary["refusing-to-consenting"];
        assert_eq!(ratio["answer-rate"], json!({"ratio": 0.5, "n-refusing": 40, "n-consenting": 40, "enough": true}));
        assert_eq!(ratio["mean-waiting-seconds"]["ratio"], 1.0);
        assert_eq!(ratio["mean-turns"]["ratio"], 0.75);
    }

    #[test]
    fn percentiles_are_of_the_waits_and_bounded() {
        let parity = Parity::new(Timestamp::UNIX_EPOCH);
        assert_eq!(parity.summary()["groups"]["refusing"]["waiting-seconds"]["p50"], Value::Null);
        for second in 1..=100 {
            parity.record(&figures(Group::Refusing, Some((second, true)), false, 1));
        }
        let waits = &parity.summary()["groups"]["refusing"]["waiting-seconds"];
        assert_eq!((&waits["p50"], &waits["p95"], &waits["mean"]), (&json!(50), &json!(95), &json!(50.5)));
        for _ in 0..1000 {
            parity.record(&figures(Group::Refusing, Some((1_000_000, false)), false, 1));
        }
        assert_eq!(parity.summary()["groups"]["refusing"]["waiting-seconds"]["p95"], LONGEST);
    }

    #[test]
    fn a_wait_that_is_not_known_counts_as_an_answer_and_not_as_a_wait() {
        let parity = Parity::new(Timestamp::UNIX_EPOCH);
        parity.record(&figures(Group::Refusing, Some((10, false)), false, 1));
        let unknown = HandoverFigures { waited: None, answered: true };
        parity.record(&Figures { handovers: vec![unknown], ..figures(Group::Refusing, None, false, 1) });
        let refusing = &parity.summary()["groups"]["refusing"];
        assert_eq!((&refusing["handovers-asked"], &refusing["handovers-answered"]), (&json!(2), &json!(1)));
        let waits = &refusing["waiting-seconds"];
        assert_eq!((&waits["count"], &waits["sum"], &waits["mean"]), (&json!(1), &json!(10.0), &json!(10.0)));
    }

    #[test]
    fn few_callers_are_said_to_be_few() {
        let parity = Parity::new(Timestamp::UNIX_EPOCH);
        parity.record(&figures(Group::Refusing, None, true, 2));
        let ratio = &parity.summary()["refusing-to-consenting"]["completed-rate"];
        assert_eq!(*ratio, json!({"ratio": null, "n-refusing": 1, "n-consenting": 0, "enough": false}));
    }
}
