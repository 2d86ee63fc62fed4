//! What may happen in a call, at random.

use candor::dialog::flow::{Button, Grade, HandoverEnd, Heard};
use proptest::prelude::*;

use super::world::heard;

/// What a caller, a phone system or a fault may do next.
#[derive(Clone, Debug)]
pub enum Step {
    Key(char),
    Say {
        words: &'static str,
        second: &'static str,
        confidence: f32,
        late: bool,
    },
    Voice,
    Mumble,
    LineEnds(Heard),
    Wait(u64),
    EngineFails,
    RecordingFails,
    Erased(bool, bool),
    Handover(HandoverEnd),
    Returns,
    Button(Button),
    Language(&'static str),
    Lapse,
    Resume,
    Place(u32),
    NobodyTakes,
    Connect,
    Hold(bool),
    GiveBack,
    LoseColleague,
    CallBackLeft(bool),
    /// Six digits at once and a hash sign, as one who knows them types them.
    Digits(&'static str),
    /// A lookup is answered: which of those that were begun, counted from the last, and with what.
    Answer(usize, Looked),
    Stop,
    HangUp,
}

/// What came of a lookup.
#[derive(Clone, Copy, Debug)]
pub enum Looked {
    Found { open: bool },
    Missing,
    Failed,
}

/// What is typed at the steps of `every-step`: unlike anything else in a call.
pub const CARD: &str = "918273";
pub const ORDER: &str = "604819";

pub const WORDS: [&str; 39] = [
    "ja",
    "nee",
    "ja maar",
    "ja hoor",
    "stop opname",
    "medewerker",
    "retour",
    "toch opnemen",
    "herhaal",
    "english",
    "",
    "iets heel anders",
    "ja ja",
    "oké",
    "[unk]",
    "waarmee kan ik u helpen",
    "toets één voor ja",
    "een twee drie vier",
    "drie december",
    "morgen",
    "eenendertig februari",
    "half drie",
    "drie uur 's nachts",
    "1234 anton bernard",
    "twaalf euro vijftig",
    "zeven stuks",
    "waarden",
    "vijfentwintig uur",
    "retoer",
    "geen retour",
    "ja misschien",
    "openingstijdn",
    "bestellin",
    "afsprekn",
    "mijn nummer is zes nul vier acht een negen",
    "dubbel vijf",
    "twelve thirty-four",
    "1234 5678 9012 3456 7890 1234 5678 9012 3456",
    "een twee nee drie",
];

pub fn step() -> impl Strategy<Value = Step> {
    let heard = prop_oneof![
        24 => Just(Heard::Complete(Grade::Peer)),
        1 => Just(Heard::Complete(Grade::Paced)),
        1 => Just(Heard::Cut),
        1 => Just(Heard::Failed),
        1 => Just(Heard::NoEvidence),
        1 => Just(Heard::Garbled),
    ];
    let buttons = vec![
        Button::Yes,
        Button::No,
        Button::Person,
        Button::Stop,
        Button::AskAgain,
        Button::Repeat,
        Button::Agent,
        Button::CallBack,
    ];
    let words = || prop::sample::select(&WORDS[..]);
    let end = prop::sample::select(vec![
        HandoverEnd::Answered,
        HandoverEnd::NobodyAnswered,
        HandoverEnd::Busy,
        HandoverEnd::QueueFull,
        HandoverEnd::Closed,
        HandoverEnd::CallerLeft,
        HandoverEnd::Failed,
        HandoverEnd::Unknown,
    ]);
    prop_oneof![
        30 => heard.prop_map(Step::LineEnds),
        14 => prop::sample::select("1234567890*#".chars().collect::<Vec<_>>()).prop_map(Step::Key),
        6 => prop::sample::select("11289".chars().collect::<Vec<_>>()).prop_map(Step::Key),
        10 => (words(), words(), 0.5f32..1.0, any::<bool>())
            .prop_map(|(words, second, confidence, late)| Step::Say { words, second, confidence, late }),
        5 => Just(Step::Say { words: "ja", second: "ja", confidence: 0.99, late: true }),
        5 => Just(Step::Voice),
        3 => Just(Step::Mumble),
        10 => (1u64..12_000).prop_map(Step::Wait),
        1 => Just(Step::EngineFails),
        1 => Just(Step::RecordingFails),
        4 => (any::<bool>(), any::<bool>()).prop_map(|(complete, kept)| Step::Erased(complete, kept)),
        3 => end.prop_map(Step::Handover),
        3 => Just(Step::Returns),
        8 => prop::sample::select(buttons).prop_map(Step::Button),
        2 => prop::sample::select(vec!["en", "nl", "xx"]).prop_map(Step::Language),
        3 => Just(Step::Lapse),
        6 => Just(Step::Resume),
        4 => (1u32..4).prop_map(Step::Place),
        1 => Just(Step::NobodyTakes),
        4 => Just(Step::Connect),
        2 => any::<bool>().prop_map(Step::Hold),
        2 => Just(Step::GiveBack),
        2 => Just(Step::LoseColleague),
        3 => any::<bool>().prop_map(Step::CallBackLeft),
        8 => prop::sample::select(vec![CARD, ORDER, "0312", "31022027", "1430", "12342122", "1250"]).prop_map(Step::Digits),
        10 => (prop_oneof![4 => Just(0usize), 1 => 1usize..3], looked()).prop_map(|(back, looked)| Step::Answer(back, looked)),
        1 => Just(Step::Stop),
        1 => Just(Step::HangUp),
    ]
}

fn looked() -> impl Strategy<Value = Looked> {
    prop_oneof![
        6 => any::<bool>().prop_map(|open| Looked::Found { open }),
        1 => Just(Looked::Missing),
        1 => Just(Looked::Failed),
    ]
}

/// A call: often it gets some way in good order (as many lines heard to the end, then a yes) before anything can happen.
pub fn call(opening: usize) -> impl Strategy<Value = Vec<Step>> {
    let good = prop_oneof![Just(0), 0..=opening, Just(opening), Just(opening)];
    (good, any::<bool>(), prop::collection::vec(step(), 0..80)).prop_map(move |(good, yes, steps)| {
        let mut call = vec![heard(); good];
        if yes && good == opening {
            call.extend([Step::Key('1'), heard(), heard()]);
        }
        call.extend(steps);
        call
    })
}
