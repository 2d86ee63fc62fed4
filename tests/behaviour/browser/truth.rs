//! Whether every line was true at the moment it was shown: what the state line claimed, in words, against the session's ledger.

use jiff::Timestamp;
use serde_json::Value;

use super::page::Page;
use crate::service::Service;

/// How much earlier than the ledger says a line may be shown, in milliseconds: two clocks are compared.
const CLOCKS: f64 = 150.0;
/// How long a line may stand after it has stopped being true: a notice is under way, and the machine is busy.
const UNDER_WAY: f64 = 1_500.0;

/// What a line claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// This turn is being recorded.
    Recording,
    /// Nothing is being recorded.
    Nothing,
    /// The recorder is on.
    Ready,
    /// What was kept is gone.
    Erased,
    /// The question has been put.
    Asked,
    /// The caller said no.
    Refused,
    /// The caller is being put through.
    PutThrough,
    /// Nobody can take the caller.
    Nobody,
    /// With a person: the recorder has stopped for good.
    Person,
    /// A part of the notice has been heard to its end.
    Heard(usize),
    /// The call is over, as the server says.
    Over,
    /// Nothing that could be false.
    Nowhere,
}

/// The words that claim something, in the page's two languages. A line that holds none of these is not known, and so not true.
const WORDS: [(&str, Claim); 48] = [
    ("Recording this turn", Claim::Recording),
    ("The recorder is running", Claim::Recording),
    ("De opname loopt", Claim::Recording),
    ("Deze beurt wordt opgenomen", Claim::Recording),
    ("Nothing is recorded", Claim::Nothing),
    ("Nothing more is recorded", Claim::Nothing),
    ("This turn is not recorded", Claim::Nothing),
    ("At this moment no turn is recorded", Claim::Nothing),
    ("Er wordt niets opgenomen", Claim::Nothing),
    ("Er wordt niets meer opgenomen", Claim::Nothing),
    ("Deze beurt wordt niet opgenomen", Claim::Nothing),
    ("Op dit moment wordt geen beurt opgenomen", Claim::Nothing),
    ("Your next turn may be recorded", Claim::Ready),
    ("Recording is on", Claim::Ready),
    ("Uw volgende beurt kan worden opgenomen", Claim::Ready),
    ("De opname staat aan", Claim::Ready),
    ("Recording stopped and erased", Claim::Erased),
    ("What was recorded has been erased", Claim::Erased),
    ("Opname gestopt en gewist", Claim::Erased),
    ("Wat was opgenomen, is gewist", Claim::Erased),
    ("You are being asked", Claim::Asked),
    ("U krijgt een vraag", Claim::Asked),
    ("You gave no consent", Claim::Refused),
    ("U gaf geen toestemming", Claim::Refused),
    ("Looking for a person", Claim::Nowhere),
    ("Waiting for a person", Claim::PutThrough),
    ("We zoeken een medewerker voor u", Claim::Nowhere),
    ("Wachten op een medewerker", Claim::PutThrough),
    ("A colleague is coming on the line", Claim::PutThrough),
    ("Een medewerker komt aan de lijn", Claim::PutThrough),
    ("Nobody is free now", Claim::Nobody),
    ("Er is nu niemand vrij", Claim::Nobody),
    ("A colleague talks with you", Claim::Person),
    ("On hold", Claim::Person),
    ("Een medewerker spreekt met u", Claim::Person),
    ("In de wacht", Claim::Person),
    ("part 1: 100 % heard", Claim::Heard(1)),
    ("part 2: 100 % heard", Claim::Heard(2)),
    ("deel 1: 100 % gehoord", Claim::Heard(1)),
    ("deel 2: 100 % gehoord", Claim::Heard(2)),
    ("You hung up. Nothing", Claim::Over),
    ("U hing op. Er", Claim::Over),
    ("No recording: there is no call", Claim::Nowhere),
    ("Geen opname: er is geen gesprek", Claim::Nowhere),
    ("It is not known now whether", Claim::Nowhere),
    ("Of er nu iets wordt opgenomen, is niet bekend", Claim::Nowhere),
    ("This page can no longer see", Claim::Nowhere),
    ("Deze pagina kan niet meer zien", Claim::Nowhere),
];

/// Results of a handover after which nobody is there for the caller.
const UNANSWERED: [&str; 5] = ["no-answer", "busy", "queue-full", "closed", "failed"];

/// What the ledger says happened, each at its moment in milliseconds of the epoch.
struct Account {
    /// How long a line may stand after it has stopped being true, in milliseconds.
    leeway: f64,
    events: Vec<(f64, Value)>,
    /// When the session began.
    began: f64,
}

impl Account {
    fn of(service: &Service, session: &str, leeway: f64) -> Account {
        let file = service.data().join(format!("ledger/sessions/{session}.jsonl"));
        let text = std::fs::read_to_string(file).unwrap();
        let entries: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let written = |entry: &Value| entry["at"].as_str().unwrap().parse::<Timestamp>().unwrap().as_millisecond() as f64;
        let began = written(&entries[0]);
        // Events that happen in the call say when; the entry itself may be written a little later.
        let moment = |entry: &Value| {
            let event = &entry["event"];
            let within = event["at-ms"].as_f64().or(event["ended-ms"].as_f64().filter(|_| event["type"] == "disclosure"));
            within.map_or_else(|| written(entry), |within| (began + within).min(written(entry)))
        };
        Account { leeway, events: entries.iter().map(|entry| (moment(entry), entry["event"].clone())).collect(), began }
    }

    /// When something like this happened first.
    fn first(&self, wanted: impl Fn(&Value) -> bool) -> Option<f64> {
        self.events.iter().find(|(_, event)| wanted(event)).map(|(at, _)| *at)
    }

    fn had(&self, at: f64, wanted: impl Fn(&Value) -> bool) -> bool {
        self.first(wanted).is_some_and(|moment| moment <= at + CLOCKS)
    }

    /// The times in which the recorder was on.
    fn recorder(&self) -> Vec<(f64, f64)> {
        let of =
            |name: &str| self.events.iter().filter(|(_, event)| event["type"] == name).map(|(at, _)| *at).collect::<Vec<_>>();
        let stopped = of("recorder.stopped");
        let until = |from: f64| stopped.iter().copied().find(|to| *to >= from).unwrap_or(f64::INFINITY);
        of("recorder.started").into_iter().map(|from| (from, until(from))).collect()
    }

    /// The turns that were stored: from when to when.
    fn stored(&self) -> Vec<(f64, f64)> {
        let sealed = self.events.iter().filter(|(_, event)| event["type"] == "turn.sealed");
        let at = |event: &Value, name: &str| self.began + event[name].as_f64().unwrap();
        sealed.map(|(_, event)| (at(event, "began-ms"), at(event, "ended-ms"))).collect()
    }

    /// Whether the claim was true from `from` on, and until `to`, when the line was replaced.
    fn holds(&self, claim: Claim, from: f64, to: f64) -> bool {
        let consent = |state: &'static str| move |event: &Value| event["type"] == "consent" && event["to"] == state;
        let on = |from: f64, to: f64| self.recorder().iter().any(|(on, off)| *on <= from + CLOCKS && *off >= to - self.leeway);
        match claim {
            // A turn that began after the recorder was switched on, and not one that goes on after it was switched off.
            Claim::Recording => on(from, to) && self.had(from, |event| event["type"] == "recorder.started"),
            Claim::Ready => on(from, to),
            // Beside every turn whose sound was stored, whatever became of it.
            Claim::Nothing => self.stored().iter().all(|(began, ended)| ended.min(to) - began.max(from) <= self.leeway),
            Claim::Nowhere => true,
            Claim::Erased => self.had(from, |event| event["type"] == "wraps.deleted"),
            Claim::Asked => self.had(from, consent("requested")),
            Claim::Refused => self.had(from, consent("refused")),
            Claim::PutThrough => self.had(from, |event| event["type"] == "handover.requested"),
            Claim::Nobody => self
                .had(from, |event| event["type"] == "handover.result" && UNANSWERED.contains(&event["result"].as_str().unwrap())),
            Claim::Person => {
                let put_through = self.first(|event| event["type"] == "handover.requested");
                let never_since = |(on, off): &(f64, f64)| *off <= from + CLOCKS || *on > to;
                put_through.is_some_and(|at| at <= from + CLOCKS) && self.recorder().iter().all(never_since)
            }
            Claim::Heard(part) => {
                let heard = |(at, event): &&(f64, Value)| {
                    *at <= from + CLOCKS
                        && event["type"] == "disclosure"
                        && event["outcome"] == "heard"
                        && event["evidence"] == "peer"
                };
                self.events.iter().filter(heard).count() >= part
            }
            Claim::Over => self.had(from, |event| event["type"] == "session.closed"),
        }
    }
}

fn claims(text: &str) -> Vec<Claim> {
    WORDS.iter().filter(|(words, _)| text.contains(words)).map(|(_, claim)| *claim).collect()
}

/// Every line that the page has shown in this session's call was true when it was shown and as long as it stood, and its timeline
/// says of each turn what the ledger says.
pub async fn assert_true_when_shown(page: &Page, service: &Service, session: &str) {
    assert_true_when_shown_but_for(page, service, session, UNDER_WAY).await;
}

/// The same where the page may be cut off without knowing it, for so many milliseconds.
pub async fn assert_true_when_shown_but_for(page: &Page, service: &Service, session: &str, leeway: f64) {
    let account = Account::of(service, session, leeway);
    let shown = page.shown("state").await;
    let ends = shown.iter().skip(1).map(|next| next.at).chain([f64::INFINITY]);
    for (line, until) in shown.iter().zip(ends) {
        let claims = claims(&line.text);
        assert!(!claims.is_empty(), "nobody has judged these words: [{}] {:?}", line.state, line.text);
        assert!(
            !(claims.contains(&Claim::Recording) && claims.contains(&Claim::Nothing)),
            "it says both: [{}] {:?}",
            line.state,
            line.text
        );
        for claim in claims {
            assert!(
                account.holds(claim, line.at, until.min(line.at + 600_000.0)),
                "{claim:?} was not true at {:.0} (until {until:.0}): [{}] {:?}\n{:#?}\n{shown:#?}",
                line.at,
                line.state,
                line.text,
                account.events
            );
        }
    }
    let turns = turns(page).await;
    let last = turns.last().map(|turn| turn.0);
    for turn in turns {
        let sealed = account.first(|event| event["type"] == "turn.sealed" && event["turn"] == turn.0).is_some();
        let erased = account.first(|event| event["type"] == "wraps.deleted").is_some();
        match turn.1.as_str() {
            "kept" => assert!(sealed && !erased, "turn {} is said to be kept: {:#?}", turn.0, account.events),
            "erased" => assert!(sealed && erased, "turn {} is said to be erased: {:#?}", turn.0, account.events),
            "not-kept" => assert!(!sealed, "turn {} is said not to be kept: {:#?}", turn.0, account.events),
            // The end of a call may overtake what became of its last turn; so may a network that is gone. The page says so.
            "unknown" if leeway > UNDER_WAY || Some(turn.0) == last => {}
            other => panic!("turn {} is left {other}", turn.0),
        }
    }
}

/// The turns of the timeline and what is said of each, with the words beside them.
pub async fn turns(page: &Page) -> Vec<(u32, String)> {
    let turns: Vec<(String, String)> =
        page.run("return [...document.querySelectorAll('#timeline [data-turn]')].map((turn) => [turn.dataset.turn, turn.dataset.kept]);").await;
    turns.into_iter().map(|(turn, kept)| (turn.parse().unwrap(), kept)).collect()
}
