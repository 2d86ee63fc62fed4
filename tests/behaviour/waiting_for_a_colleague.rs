//! A session with a caller in the line for the desk: colleagues who come, who come late, who are lost. The two legs are the test's; the session,
//! the desk and the ledger are real.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use candor::audio::Codec;
use candor::dialog::flow::Button;
use candor::handover;
use candor::handover::desk::{self, CallBacks, Desk, IN_STORAGE, Reach, Seat};
use candor::ledger::{self, Ledger};
use candor::recording::{self, Recordings, TurnMemory};
use candor::server::library;
use candor::session::{
    self, Arrival, Calls, Control, ConversationEnd, DeskEnd, DeskNews, Handle, Parity, ReturnLeg, Script, Services, Settings,
};
use candor::speech::stt::Recognisers;
use candor::speech::{self, PromptCache, PromptText};
use candor::transport::{CHANNEL, Evidence, Inbound, Leg, Outbound, Pacing, PeerEnd, Profile};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, sleep_until, timeout};

use crate::service::project;

const ANNA: &str = "annas own token of the desk";
const BERT: &str = "berts own token of the desk";
/// Longer than anything here takes.
const SOON: Duration = Duration::from_secs(40);
/// How long a colleague may take until they are on the line.
const CONNECTING: Duration = Duration::from_secs(15);
/// Lines that nobody has to listen to.
const SHORT: [&str; 7] =
    ["handover-plain", "handover-nobody", "handover-lost", "handover-back", "queue-choices", "shutdown", "shutdown-nobody"];

/// What a server has behind its doors.
struct House {
    services: Arc<Services>,
    script: Arc<Script>,
    _folder: tempfile::TempDir,
}

async fn house(target: Value) -> House {
    let folder = tempfile::tempdir().unwrap();
    let targets: handover::Settings = serde_json::from_value(json!({"targets": {"service-desk": target}})).unwrap();
    let targets = targets.check().unwrap();
    let settings = json!({"colleagues": {"anna": {"token": ANNA}, "bert": {"token": BERT}}});
    let settings: desk::Settings = serde_json::from_value(settings).unwrap();
    let settings = settings.check(&targets).unwrap();
    let call_backs = CallBacks::open(folder.path(), &folder.path().join(IN_STORAGE), settings.call_back_term).unwrap();
    let ledger_settings = ledger::Settings::in_storage(folder.path());
    let ledger = Ledger::open(&ledger_settings).unwrap();
    let kept = recording::Settings::in_storage(folder.path());
    let services = Services {
        recognisers: Recognisers::load(&speech::Settings::default(), &[]).await.0,
        speech: speech::Settings::default(),
        recordings: Recordings::open(&kept, &ledger_settings, &[]).await.unwrap(),
        turn_memory: TurnMemory::of(usize::MAX),
        ledger: Arc::new(ledger),
        targets,
        desk: Desk::new(settings, vec!["nl".into(), "en".into()], call_backs),
        lookups: candor::lookup::Client::new(candor::lookup::Settings::default(), 1).unwrap().into(),
        parity: Parity::new(Timestamp::now()),
        settings: Settings::default(),
        calls: Calls::new(10),
    };
    let dialog = library::load(&project("dialogs/webshop.yaml"), &project("prompts"), None).unwrap().dialog;
    let script = Arc::new(Script { dialog: Arc::new(dialog), sounds: prompts(folder.path()).await });
    House { services: Arc::new(services), script, _folder: folder }
}

/// A third of a second for everything that is said here, the music too.
async fn prompts(folder: &Path) -> PromptCache {
    let file = folder.join("short.wav");
    let spec = hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut wav = hound::WavWriter::create(&file, spec).unwrap();
    (0..2_400).for_each(|at: u16| wav.write_sample(((f64::from(at) * 0.4).sin() * 9_000.0) as i16).unwrap());
    wav.finalize().unwrap();
    let line = |id: &&str| PromptText {
        id: format!("webshop/{id}/keys"),
        language: "nl".into(),
        text: String::new(),
        source: Some(file.clone()).into(),
    };
    let mut texts: Vec<PromptText> = SHORT.iter().map(line).collect();
    texts.push(PromptText::hold_music(Some(file.clone())));
    let espeak = speech::Settings { espeak: speech::EspeakSettings { rate: 400, ..Default::default() }, ..Default::default() };
    PromptCache::prepare(&folder.join("prompts"), &espeak.espeak, &[Codec::Ulaw], texts, |_| {}).await.unwrap()
}

/// A caller with a screen, who is played by the test.
struct Caller {
    handle: Handle,
    say: mpsc::Sender<Inbound>,
    shown: watch::Receiver<Vec<Value>>,
}

impl House {
    /// A caller who has asked for a person and is in the line.
    async fn waiting_caller(&self) -> Caller {
        let caller = self.caller();
        caller.sees(0, |notice| notice["type"] == "saying").await;
        caller.say.send(Inbound::Button(Button::Person)).await.unwrap();
        caller.sees(0, |notice| notice["type"] == "queue").await;
        caller
    }

    fn caller(&self) -> Caller {
        let (leg, say, mut hear) = leg("a caller", true);
        let arrival = Arrival {
            call: "a call".into(),
            script: self.script.clone(),
            language: "nl".into(),
            language_chosen: true,
            pbx: None,
        };
        let handle = session::start(self.services.clone(), arrival, leg).unwrap();
        let (show, shown) = watch::channel(Vec::new());
        let back = say.clone();
        tokio::spawn(async move {
            while let Some(message) = hear.recv().await {
                match message {
                    Outbound::Mark(mark) => drop(back.try_send(Inbound::Played(mark))),
                    Outbound::Tell(notice) => show.send_modify(|shown| shown.push(serde_json::to_value(notice).unwrap())),
                    Outbound::End => return,
                    Outbound::Audio(_) | Outbound::Clear => {}
                }
            }
        });
        Caller { handle, say, shown }
    }

    fn colleague(&self, token: &str) -> Seat {
        let seat = self.services.desk.sign_in(token).unwrap();
        seat.serve(Some(Reach::default()));
        seat
    }
}

impl Caller {
    fn seen(&self) -> usize {
        self.shown.borrow().len()
    }

    /// Waits for something that is shown after the first `from` notices.
    async fn sees(&self, from: usize, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut shown = self.shown.clone();
        let waited = timeout(SOON, shown.wait_for(|shown| shown.iter().skip(from).any(&wanted))).await;
        let found = waited.ok().and_then(Result::ok).and_then(|shown| shown.iter().skip(from).find(|n| wanted(n)).cloned());
        found.unwrap_or_else(|| panic!("not shown: {:#?}", &self.shown.borrow()[from..]))
    }

    async fn hears(&self, from: usize, prompt: &str) {
        self.sees(from, |notice| notice["type"] == "saying" && notice["prompt"] == prompt).await;
    }

    /// A colleague takes the caller: their leg, and what they are told.
    async fn taken_by(&self, seat: &Seat) -> Colleague {
        let taken = seat.take().expect("a caller in line");
        assert_eq!(taken.request.session, self.handle.session);
        taken.handed_over();
        self.joined().await
    }

    async fn joined(&self) -> Colleague {
        let (leg, say, hear) = leg("a colleague", false);
        let (news, told) = mpsc::channel(16);
        assert!(self.handle.tell(Control::DeskLeg(ReturnLeg(leg), news)).await);
        Colleague { say, told, _hear: hear }
    }
}

struct Colleague {
    say: mpsc::Sender<Inbound>,
    told: mpsc::Receiver<DeskNews>,
    _hear: mpsc::Receiver<Outbound>,
}

impl Colleague {
    async fn speaks(&self) {
        self.say.send(Inbound::Audio(Bytes::from_static(&[0x40; 160]))).await.unwrap();
    }

    async fn is_told(&mut self) -> DeskNews {
        timeout(SOON, self.told.recv()).await.expect("news in time").expect("the session's news")
    }
}

impl House {
    /// How often callers were to reach a person, and how often somebody answered.
    fn handovers(&self) -> (u64, u64) {
        let summary = self.services.parity.summary();
        let groups: Vec<&Value> = summary["groups"].as_object().unwrap().values().collect();
        let sum = |name: &str| groups.iter().map(|group| group[name].as_u64().unwrap()).sum();
        (sum("handovers-asked"), sum("handovers-answered"))
    }
}

fn leg(name: &'static str, shows: bool) -> (Leg, mpsc::Sender<Inbound>, mpsc::Receiver<Outbound>) {
    let profile = Profile { name, codec: Codec::Ulaw, pacing: Pacing::Ours, evidence: Evidence::Paced, shows };
    let (say, inbound) = mpsc::channel(CHANNEL);
    let (outbound, hear) = mpsc::channel(CHANNEL);
    (Leg { profile, inbound, outbound }, say, hear)
}

fn desk_target() -> Value {
    json!({"desk": true})
}

#[tokio::test]
async fn a_take_that_came_to_nothing_is_forgotten_and_the_caller_goes_on_hearing_their_place() {
    let house = house(desk_target()).await;
    let anna = house.colleague(ANNA);
    let caller = house.waiting_caller().await;
    let from = caller.seen();
    let take = anna.take().unwrap();
    caller.sees(from, |notice| notice["state"] == "connecting").await;
    drop(take);
    caller.sees(from, |notice| *notice == json!({"type": "queue", "place": 1})).await;
    sleep(CONNECTING + Duration::from_secs(1)).await;
    let from = caller.seen();
    caller.hears(from, "queue-place").await;
    caller.hears(from, "queue-choices").await;
}

#[tokio::test]
async fn whoever_takes_the_caller_after_a_take_that_came_to_nothing_has_their_own_time() {
    let house = house(desk_target()).await;
    let (anna, bert) = (house.colleague(ANNA), house.colleague(BERT));
    let caller = house.waiting_caller().await;
    let (began, from) = (tokio::time::Instant::now(), caller.seen());
    drop(anna.take().unwrap());
    caller.sees(from, |notice| notice["type"] == "queue").await;
    sleep_until(began + CONNECTING - Duration::from_secs(4)).await;
    let mut second = caller.taken_by(&bert).await;
    sleep_until(began + CONNECTING + Duration::from_secs(2)).await;
    second.speaks().await;
    assert_eq!(second.is_told().await, DeskNews::Connected);
}

#[tokio::test]
async fn two_takes_that_are_heard_of_as_one_are_not_one() {
    let house = house(desk_target()).await;
    let (anna, bert) = (house.colleague(ANNA), house.colleague(BERT));
    let caller = house.waiting_caller().await;
    let (began, from) = (tokio::time::Instant::now(), caller.seen());
    let first = anna.take().unwrap();
    caller.sees(from, |notice| notice["state"] == "connecting").await;
    sleep_until(began + CONNECTING - Duration::from_secs(4)).await;
    // Nothing runs in between on this thread: the session is told of the last alone.
    drop(first);
    let mut second = caller.taken_by(&bert).await;
    sleep_until(began + CONNECTING + Duration::from_secs(2)).await;
    second.speaks().await;
    assert_eq!(second.is_told().await, DeskNews::Connected);
}

#[tokio::test]
async fn a_colleague_who_never_comes_on_the_line_gives_the_caller_back_who_hears_their_place_again() {
    let house = house(desk_target()).await;
    let anna = house.colleague(ANNA);
    let caller = house.waiting_caller().await;
    let from = caller.seen();
    let mut colleague = caller.taken_by(&anna).await;
    assert_eq!(colleague.is_told().await, DeskNews::Ended(ConversationEnd::Lost));
    caller.sees(from, |notice| notice["type"] == "queue").await;
    caller.hears(from, "queue-choices").await;
}

#[tokio::test]
async fn a_limit_of_waiting_holds_over_colleagues_who_are_lost() {
    let house = house(json!({"desk": true, "time_limit": "6s"})).await;
    let (anna, _bert) = (house.colleague(ANNA), house.colleague(BERT));
    let caller = house.waiting_caller().await;
    let (began, from) = (Instant::now(), caller.seen());
    // Taken and let go: no more time than there was.
    let mut colleague = caller.taken_by(&anna).await;
    caller.handle.tell(Control::DeskEnd(DeskEnd::HungUp)).await;
    assert_eq!(colleague.is_told().await, DeskNews::Ended(ConversationEnd::WaitsOn));
    anna.finish(true);
    anna.wrap_up(desk::WrapUp::Helped);
    caller.sees(from, |notice| notice["type"] == "queue").await;
    caller.hears(from, "handover-nobody").await;
    assert!(began.elapsed() < CONNECTING);
}

#[tokio::test]
async fn after_a_conversation_that_broke_the_caller_waits_as_long_as_anybody() {
    let house = house(json!({"desk": true, "time_limit": "5s"})).await;
    let (anna, _bert) = (house.colleague(ANNA), house.colleague(BERT));
    let caller = house.waiting_caller().await;
    let mut colleague = caller.taken_by(&anna).await;
    colleague.speaks().await;
    assert_eq!(colleague.is_told().await, DeskNews::Connected);
    // Longer than the limit: talking is not waiting.
    sleep(Duration::from_secs(6)).await;
    let from = caller.seen();
    colleague.say.send(Inbound::Ended(PeerEnd::Lost)).await.unwrap();
    assert_eq!(colleague.is_told().await, DeskNews::Ended(ConversationEnd::Lost));
    caller.hears(from, "handover-lost").await;
    caller.hears(from, "queue-choices").await;
    caller.hears(from, "handover-nobody").await;
}

#[tokio::test]
async fn a_colleague_who_comes_while_the_caller_is_gone_is_told_so_and_has_answered_nobody_yet() {
    for comes_back in [true, false] {
        let house = house(desk_target()).await;
        let anna = house.colleague(ANNA);
        let caller = house.waiting_caller().await;
        let from = caller.seen();
        caller.say.send(Inbound::Lapsed).await.unwrap();
        caller.sees(from, |notice| *notice == json!({"type": "phase", "phase": "lapsed"})).await;
        let mut colleague = caller.taken_by(&anna).await;
        colleague.speaks().await;
        assert_eq!(colleague.is_told().await, DeskNews::Connected);
        assert_eq!(colleague.is_told().await, DeskNews::Interrupted(true));
        if comes_back {
            caller.say.send(Inbound::Resumed).await.unwrap();
            assert_eq!(colleague.is_told().await, DeskNews::Interrupted(false));
        }
        caller.say.send(Inbound::Ended(PeerEnd::Lost)).await.unwrap();
        assert_eq!(colleague.is_told().await, DeskNews::Ended(ConversationEnd::CallerLost));
        timeout(SOON, caller.handle.over()).await.unwrap();
        house.services.calls.all_closed().await;
        assert_eq!(house.handovers(), (1, u64::from(comes_back)));
    }
}

#[tokio::test]
async fn a_colleague_who_is_gone_before_their_leg_came_gives_the_caller_back() {
    let house = house(desk_target()).await;
    let (anna, _bert) = (house.colleague(ANNA), house.colleague(BERT));
    let caller = house.waiting_caller().await;
    let from = caller.seen();
    anna.take().unwrap().handed_over();
    caller.handle.tell(Control::DeskEnd(DeskEnd::Lost)).await;
    let began = Instant::now();
    caller.sees(from, |notice| *notice == json!({"type": "queue", "place": 1})).await;
    assert!(began.elapsed() < CONNECTING, "at once, and not because nobody came");
}

#[tokio::test]
async fn a_colleague_learns_how_it_ended_and_where_the_caller_is() {
    let house = house(desk_target()).await;
    let anna = house.colleague(ANNA);
    let again = || {
        anna.finish(true);
        anna.wrap_up(desk::WrapUp::Helped);
    };
    let caller = house.waiting_caller().await;
    // Let go before anybody was heard, in both ways that there are.
    for end in [DeskEnd::HungUp, DeskEnd::Return] {
        let from = caller.seen();
        let mut colleague = caller.taken_by(&anna).await;
        caller.handle.tell(Control::DeskEnd(end)).await;
        assert_eq!(colleague.is_told().await, DeskNews::Ended(ConversationEnd::WaitsOn));
        caller.sees(from, |notice| *notice == json!({"type": "queue", "place": 1})).await;
        again();
    }
    // Their own connection.
    let mut colleague = caller.taken_by(&anna).await;
    colleague.say.send(Inbound::Ended(PeerEnd::Lost)).await.unwrap();
    assert_eq!(colleague.is_told().await, DeskNews::Ended(ConversationEnd::Lost));
    again();
    // Given back.
    let from = caller.seen();
    caller.sees(0, |notice| notice["type"] == "queue").await;
    let mut colleague = caller.taken_by(&anna).await;
    colleague.speaks().await;
    assert_eq!(colleague.is_told().await, DeskNews::Connected);
    caller.handle.tell(Control::DeskEnd(DeskEnd::Return)).await;
    assert_eq!(colleague.is_told().await, DeskNews::Ended(ConversationEnd::Returned));
    again();
    caller.hears(from, "handover-back").await;
    // Asked for once more, and the caller goes on with the agent after all.
    let from = caller.seen();
    caller.say.send(Inbound::Button(Button::Person)).await.unwrap();
    caller.sees(from, |notice| *notice == json!({"type": "expecting", "answer": "waiting"})).await;
    caller.sees(from, |notice| notice["type"] == "queue").await;
    let mut colleague = caller.taken_by(&anna).await;
    caller.say.send(Inbound::Button(Button::Agent)).await.unwrap();
    assert_eq!(colleague.is_told().await, DeskNews::Ended(ConversationEnd::WentBack));
    again();
    // The same, and their leg comes too late.
    let from = caller.seen();
    caller.say.send(Inbound::Button(Button::Person)).await.unwrap();
    caller.sees(from, |notice| notice["type"] == "queue").await;
    anna.take().unwrap().handed_over();
    caller.say.send(Inbound::Button(Button::Agent)).await.unwrap();
    caller.hears(from, "handover-back").await;
    assert_eq!(caller.joined().await.is_told().await, DeskNews::Ended(ConversationEnd::WentBack));
    again();
    // And hangs up on the last one.
    let from = caller.seen();
    caller.say.send(Inbound::Button(Button::Person)).await.unwrap();
    caller.sees(from, |notice| notice["type"] == "queue").await;
    let mut colleague = caller.taken_by(&anna).await;
    colleague.speaks().await;
    assert_eq!(colleague.is_told().await, DeskNews::Connected);
    caller.say.send(Inbound::HangUp).await.unwrap();
    assert_eq!(colleague.is_told().await, DeskNews::Ended(ConversationEnd::Caller));
}
