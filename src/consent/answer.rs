use std::time::Duration;

use super::SessionTime;

/// What counts as a yes and as a no in one language: a versioned file of this module.
#[derive(Debug)]
pub struct AnswerGrammar {
    version: String,
    grants: Vec<(String, Vec<String>)>,
    /// An answer that begins with one is a no …
    refusals: Vec<Vec<String>>,
    /// … and one that is one of these as a whole.
    refusals_alone: Vec<Vec<String>>,
}

/// What words alone mean as an answer to "may I record?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A clear yes: the entry that matched, with the grammar's version, such as `nl-1/ja-hoor`.
    Grant(String),
    /// A clear no.
    Refusal,
    /// Neither: a hedge, a question back, something else.
    Neither,
}

/// An answer as a recogniser gave it.
#[derive(Clone, Copy)]
pub struct SpokenAnswer<'a> {
    /// The words.
    pub text: &'a str,
    /// The words of a second, open look at the same sound. An engine that could only choose among the expected answers has none
    /// of its own to offer: without this there is no grant.
    pub second_look: Option<&'a str>,
    /// 0 to 1.
    pub confidence: f32,
    /// Whether the engine has finished; a partial hypothesis grants nothing.
    pub is_final: bool,
    /// When the caller began to speak.
    pub began: SessionTime,
    /// How long there was a voice.
    pub speech: Duration,
    /// How far the voice was above the noise of the line, in decibels; infinite where there was none, or none is known.
    pub above_noise: f32,
}

/// Why an answer that may have sounded like a yes is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It is neither a yes nor a no: a hedge, a question back, something else.
    NoAnswer,
    /// Begun before the question had ended.
    TooEarly,
    /// The engine had not finished.
    Partial,
    /// The engine was not sure enough.
    LowConfidence,
    /// The second, open look did not hear the same yes.
    NotConfirmed,
    /// Shorter or longer than these words take.
    WrongLength,
    /// Said into noise, in which a recogniser hears a "yeah" in a "no", and is sure of it.
    Noise,
}

/// What an answer comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// A yes: the entry that matched, with the grammar's version.
    Grant(String),
    /// A no.
    Refusal,
    /// Not a yes, and not clearly a no.
    Doubt(Doubt),
}

/// What a spoken yes must reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// The least confidence, 0 to 1.
    pub confidence: f32,
    /// The least time of voice a word takes.
    pub least_per_word: Duration,
    /// The most time of voice for any answer …
    pub most: Duration,
    /// … and what each of its words adds.
    pub most_per_word: Duration,
    /// How far the voice must be above the noise of the line, in decibels.
    pub above_noise: f32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            confidence: 0.85,
            least_per_word: Duration::from_millis(60),
            most: Duration::from_millis(900),
            most_per_word: Duration::from_millis(600),
            above_noise: 12.0,
        }
    }
}

impl AnswerGrammar {
    /// The grammar of a language (BCP 47; the region is not looked at), if there is one. Without one, keys alone can grant.
    pub fn for_language(language: &str) -> Option<AnswerGrammar> {
        let source = match language.split('-').next()? {
            "nl" => include_str!("answers/nl.txt"),
            "en" => include_str!("answers/en.txt"),
            "ko" => include_str!("answers/ko.txt"),
            _ => return None,
        };
        Some(AnswerGrammar::read(source))
    }

    fn read(source: &str) -> AnswerGrammar {
        let mut grammar =
            AnswerGrammar { version: String::new(), grants: Vec::new(), refusals: Vec::new(), refusals_alone: Vec::new() };
        let mut section = "";
        for line in source.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(version) = line.strip_prefix("version:") {
                grammar.version = version.trim().to_owned();
            } else if line.starts_with('[') {
                section = line;
            } else if section == "[refusal]" {
                grammar.refusals.push(words(line));
            } else if section == "[refusal alone]" {
                grammar.refusals_alone.push(words(line));
            } else if let Some((entry, phrase)) = line.split_once(':') {
                grammar.grants.push((entry.to_owned(), words(phrase)));
            }
        }
        grammar
    }

    /// The version of the grammar's file.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// All phrases, for a recogniser that wants to know what to expect.
    pub fn phrases(&self) -> Vec<String> {
        let grants = self.grants.iter().map(|(_, phrase)| phrase.join(" "));
        grants.chain(self.refusals.iter().map(|phrase| phrase.join(" "))).collect()
    }

    /// What the words mean. A grant must be the whole utterance.
    pub fn meaning(&self, text: &str) -> Meaning {
        let said = words(text);
        if let Some((entry, _)) = self.grants.iter().find(|(_, phrase)| *phrase == said) {
            return Meaning::Grant(format!("{}/{entry}", self.version));
        }
        let refused = self.refusals.iter().any(|phrase| said.starts_with(phrase)) || self.refusals_alone.contains(&said);
        if refused { Meaning::Refusal } else { Meaning::Neither }
    }

    /// Judges an answer to a question that ended at `question_ended` (`None`: it has not, or nothing proves that it has).
    ///
    /// A no is taken at any moment and from any engine; a yes only when nothing at all speaks against it.
    pub fn judge(&self, answer: &SpokenAnswer<'_>, question_ended: Option<SessionTime>, limits: &Thresholds) -> Judgement {
        let entry = match self.meaning(answer.text) {
            Meaning::Refusal => return Judgement::Refusal,
            Meaning::Neither => return Judgement::Doubt(Doubt::NoAnswer),
            Meaning::Grant(entry) => entry,
        };
        let count = words(answer.text).len() as u32;
        let length = limits.least_per_word * count..=limits.most + limits.most_per_word * count;
        let doubt = if question_ended.is_none_or(|ended| answer.began < ended) {
            Doubt::TooEarly
        } else if !answer.is_final {
            Doubt::Partial
        } else if answer.confidence.is_nan() || answer.confidence < limits.confidence {
            Doubt::LowConfidence
        } else if !length.contains(&answer.speech) {
            Doubt::WrongLength
        } else if answer.above_noise.is_nan() || answer.above_noise < limits.above_noise {
            Doubt::Noise
        } else {
            match answer.second_look.map(|text| self.meaning(text)) {
                Some(Meaning::Grant(_)) => return Judgement::Grant(entry),
                Some(Meaning::Refusal) => return Judgement::Refusal,
                _ => Doubt::NotConfirmed,
            }
        };
        Judgement::Doubt(doubt)
    }
}

/// Lower case, letters, digits and apostrophes only, cut at white space.
fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| {
            let kept = word.chars().filter(|c| c.is_alphanumeric() || *c == '\'');
            kept.flat_map(char::to_lowercase).collect::<String>()
        })
        .filter(|word| !word.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> SpokenAnswer<'_> {
        SpokenAnswer {
            text,
            second_look: Some(text),
            confidence: 0.95,
            is_final: true,
            began: SessionTime(Duration::from_secs(11)),
            speech: Duration::from_millis(400),
            above_noise: f32::INFINITY,
        }
    }

    fn judged(language: &str, answer: SpokenAnswer<'_>) -> Judgement {
        let ended = Some(SessionTime(Duration::from_secs(10)));
        AnswerGrammar::for_language(language).expect("a grammar").judge(&answer, ended, &Thresholds::default())
    }

    #[test]
    fn clear_answers_are_taken() {
        assert_eq!(judged("nl", said("Ja, hoor.")), Judgement::Grant("nl-2/ja-hoor".into()));
        assert_eq!(judged("en-GB", said("Yeah")), Judgement::Grant("en-2/yeah".into()));
        assert_eq!(judged("nl", said("nee liever niet")), Judgement::Refusal);
        assert_eq!(judged("en", said("I'd rather not, thanks")), Judgement::Refusal);
        assert_eq!(judged("ko", said("아니요")), Judgement::Refusal);
    }

    #[test]
    fn what_is_left_of_a_no_on_a_bad_line_is_one_and_what_begins_like_it_is_not() {
        assert_eq!((judged("nl", said("Mee.")), judged("nl", said("me"))), (Judgement::Refusal, Judgement::Refusal));
        for (language, other) in [("nl", "mee eens"), ("nl", "me dunkt van wel"), ("en", "me")] {
            assert_eq!(judged(language, said(other)), Judgement::Doubt(Doubt::NoAnswer), "{other}");
        }
    }

    #[test]
    fn hedges_and_questions_are_no_yes() {
        for hedge in
            ["ja maar", "ja maar waarom", "misschien", "weet niet", "moet dat", "is goed hoor als het moet", "", "ja nee"]
        {
            assert_eq!(judged("nl", said(hedge)), Judgement::Doubt(Doubt::NoAnswer), "{hedge}");
        }
        for hedge in ["yes but", "maybe", "do i have to", "yes if i must", "[unk]", "yes [unk]"] {
            assert_eq!(judged("en", said(hedge)), Judgement::Doubt(Doubt::NoAnswer), "{hedge}");
        }
    }

    #[test]
    fn every_doubt_stops_a_yes() {
        let yes = said("ja");
        let second = |text| SpokenAnswer { second_look: text, ..yes };
        let doubts = [
            (SpokenAnswer { began: SessionTime(Duration::from_secs(9)), ..yes }, Doubt::TooEarly),
            (SpokenAnswer { is_final: false, ..yes }, Doubt::Partial),
            (SpokenAnswer { confidence: 0.84, ..yes }, Doubt::LowConfidence),
            (SpokenAnswer { confidence: f32::NAN, ..yes }, Doubt::LowConfidence),
            (SpokenAnswer { above_noise: 11.9, ..yes }, Doubt::Noise),
            (SpokenAnswer { above_noise: f32::NAN, ..yes }, Doubt::Noise),
            (SpokenAnswer { speech: Duration::from_millis(20), ..yes }, Doubt::WrongLength),
            (SpokenAnswer { speech: Duration::from_secs(4), ..yes }, Doubt::WrongLength),
            (second(None), Doubt::NotConfirmed),
            (second(Some("ja maar")), Doubt::NotConfirmed),
            (second(Some("")), Doubt::NotConfirmed),
        ];
        for (answer, doubt) in doubts {
            assert_eq!(judged("nl", answer), Judgement::Doubt(doubt));
        }
        assert_eq!(judged("nl", second(Some("nee"))), Judgement::Refusal);
    }

    #[test]
    fn a_question_without_proof_of_its_end_gets_no_yes() {
        let grammar = AnswerGrammar::for_language("nl").expect("a grammar");
        assert_eq!(grammar.judge(&said("ja"), None, &Thresholds::default()), Judgement::Doubt(Doubt::TooEarly));
        assert_eq!(grammar.judge(&said("nee"), None, &Thresholds::default()), Judgement::Refusal);
    }
}
