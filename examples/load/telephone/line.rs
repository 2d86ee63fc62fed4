//! The lines that can be called: what a caller has to know of each dialog to get around in it.

use clap::ValueEnum;
use serde::Serialize;

/// How the server hears its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ears {
    /// It hears that somebody speaks, and understands keys: the web shop's line, in Dutch.
    Vad,
    /// A stand-in for a recogniser, which answers at once: it takes every short sound for the first answer that is expected. The Korean line.
    StandIn,
    /// The recogniser itself, with the Korean model.
    Vosk,
}

/// What a caller knows of the dialog: two questions in a circle.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// How many marks have been played when the consent question has been heard, and how many more when the first question has.
    pub opening: usize,
    pub after_answer: usize,
    /// The keys that lead from the first question to the second, and back.
    pub keys: [&'static str; 2],
    /// The keys that lead from the second question to the end, and from the first to somebody who looks something up.
    pub last: &'static [&'static str],
    pub order: &'static [&'static str],
    /// Whether words are understood.
    pub understands: bool,
    /// The voice that callers have, what they say to the two questions, and the two halves of something else.
    pub voice: &'static str,
    pub answers: [&'static str; 2],
    pub others: [&'static str; 2],
}

/// The line of a server with these ears.
pub fn line(ears: Ears) -> Line {
    match ears {
        Ears::Vad => Line {
            // Two disclosures with the offer of another language between them, and the question.
            opening: 4,
            after_answer: 2,
            keys: ["3", "1"],
            last: &["2"],
            order: &["1", "123456#", "1"],
            understands: false,
            voice: "nl",
            answers: ["openingstijden", "ja graag"],
            others: ["ik wilde eigenlijk vragen of u", "morgen ook nog open bent"],
        },
        Ears::StandIn | Ears::Vosk => Line {
            opening: 3,
            // What became of the answer, what the dialog says to that, and the question.
            after_answer: 3,
            keys: ["1", "1"],
            last: &["2"],
            order: &["1", "2"],
            understands: true,
            voice: "ko+f2",
            answers: ["라면", "네"],
            others: ["오늘 날씨가 정말", "좋습니다 그렇지요"],
        },
    }
}
