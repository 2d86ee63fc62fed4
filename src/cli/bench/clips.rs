use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::consent::{AnswerGrammar, Meaning};
use crate::server::{library, prompt_texts};
use crate::speech::tts::espeak::Espeak;
use crate::speech::tts::{Sound, recorded};

/// What an answer really is, by the words that were said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A yes.
    Yes,
    /// A no.
    No,
    /// Speech that is neither: a hedge, a question, another sentence.
    Neither,
    /// No speech: noise, or somebody who coughs.
    Noise,
}

/// What kind of sound a clip is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Somebody says something.
    Speech,
    /// Nobody does.
    Noise,
    /// Somebody is heard who says nothing: a cough, a sneeze, a laugh.
    Cough,
}

impl Kind {
    /// By its name in a manifest. Everything that is not named here is speech.
    fn of(name: &str) -> Kind {
        match name {
            "noise" => Kind::Noise,
            "cough" => Kind::Cough,
            _ => Kind::Speech,
        }
    }
}

impl Class {
    /// In tables.
    pub fn name(self) -> &'static str {
        match self {
            Class::Yes => "a yes",
            Class::No => "a no",
            Class::Neither => "neither",
            Class::Noise => "noise",
        }
    }
}

/// Where a clip comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The manifest of a folder of recordings.
    Manifest,
    /// A folder of which it is only known that nothing in it is a yes.
    NotAYes,
    /// A sentence that eSpeak NG says.
    Spoken,
    /// What the agent says, as it comes back.
    Echo,
}

/// Clips that stand in one line of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Group {
    /// Where they come from.
    pub origin: Origin,
    /// What they are.
    pub class: Class,
}

impl Group {
    /// In tables.
    pub fn name(self) -> String {
        let class = self.class.name();
        match self.origin {
            Origin::Manifest => class.to_owned(),
            Origin::NotAYes => "recordings without a yes".to_owned(),
            Origin::Spoken => format!("{class}, by eSpeak NG"),
            Origin::Echo => "the agent's own voice".to_owned(),
        }
    }
}

/// One recording, or a sentence to be spoken.
pub struct Clip {
    sound: From,
    /// The language it is in; absent: none, or it does not matter.
    pub language: Option<String>,
    /// The words, where they are known.
    words: Option<String>,
    /// What kind of sound it is.
    pub kind: Kind,
}

/// Where a sound comes from.
enum From {
    /// Somebody recorded it.
    File(PathBuf),
    /// eSpeak NG says it, in this voice.
    Voice(String),
    /// The agent says it, and it comes back so many decibels quieter.
    Agent(u32),
}

/// eSpeak NG's variants that speak sentences: two women, two men.
const VOICES: [&str; 4] = ["f2", "f4", "m3", "m7"];

/// Decibels from the agent's own sound down to its echo.
pub const ECHOES: [u32; 3] = [20, 30, 40];

impl Clip {
    /// For people.
    pub fn name(&self) -> String {
        match &self.sound {
            From::File(path) => path.display().to_string(),
            From::Voice(voice) => format!("{voice}: {}", self.words()),
            From::Agent(decibels) => format!("echo at -{decibels} dB: {}", self.words()),
        }
    }

    /// What it is as an answer in a language. Speech of unknown words is neither: it was chosen so. Speech of another language is neither as well, unless
    /// it is a yes or a no there: "yeah" is what a Dutch caller may say, and nothing can be learned from it here. What the agent says is never an answer.
    pub fn class(&self, language: &str) -> Option<Class> {
        if let From::Agent(_) = &self.sound {
            return (self.language.as_deref() == Some(language)).then_some(Class::Neither);
        }
        if self.kind != Kind::Speech {
            return Some(Class::Noise);
        }
        let (Some(words), Some(of)) = (&self.words, &self.language) else { return Some(Class::Neither) };
        let class = match AnswerGrammar::for_language(of).map(|grammar| grammar.meaning(words)) {
            Some(Meaning::Grant(_)) => Class::Yes,
            Some(Meaning::Refusal) => Class::No,
            Some(Meaning::Neither) | None => Class::Neither,
        };
        (of == language || class == Class::Neither).then_some(class)
    }

    /// In which line of a table it is counted as an answer in a language.
    pub fn group(&self, language: &str) -> Option<Group> {
        let origin = match &self.sound {
            From::Agent(_) => Origin::Echo,
            From::Voice(_) => Origin::Spoken,
            From::File(_) if self.words.is_none() => Origin::NotAYes,
            From::File(_) => Origin::Manifest,
        };
        Some(Group { origin, class: self.class(language)? })
    }

    /// Whether somebody says something in a language.
    pub fn is_speech(&self, language: &str) -> bool {
        self.kind == Kind::Speech && self.language.as_deref() == Some(language)
    }

    /// What is said, as far as it is known.
    pub fn words(&self) -> &str {
        self.words.as_deref().unwrap_or_default()
    }

    /// Whether somebody has recorded a sentence of several words that is no answer.
    pub fn is_sentence(&self) -> bool {
        let (From::File(_), Some(words), Some(language)) = (&self.sound, &self.words, &self.language) else { return false };
        words.split_whitespace().count() > 4 && self.class(language) == Some(Class::Neither)
    }

    /// Its sound, which eSpeak NG may have to speak.
    pub async fn sound(&self, espeak: &Espeak) -> Result<Sound, String> {
        match &self.sound {
            From::File(_) => self.recorded(),
            From::Voice(voice) => {
                let spoken = espeak.speak(voice, self.words()).await;
                spoken.map_err(|error| format!("{}: {error}", self.name()))
            }
            From::Agent(decibels) => {
                let spoken = espeak.speak(self.language.as_deref().unwrap_or_default(), self.words()).await;
                let Sound { samples, rate } = spoken.map_err(|error| format!("{}: {error}", self.name()))?;
                let gain = 10f32.powf(-(*decibels as f32) / 20.0);
                Ok(Sound {
                    samples: samples.iter().map(|sample| (f32::from(*sample) * gain) as i16).collect::<Vec<_>>().into(),
                    rate,
                })
            }
        }
    }

    /// The sound of a recording.
    pub fn recorded(&self) -> Result<Sound, String> {
        let From::File(path) = &self.sound else { return Err(format!("{}: it is no recording", self.name())) };
        let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        recorded::decode(path, &bytes).map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// The clips of a manifest. Its first line names the columns.
pub fn of_manifest(folder: &Path) -> Result<Vec<Clip>, String> {
    let file = folder.join("MANIFEST.tsv");
    let text = std::fs::read_to_string(&file)
        .map_err(|error| format!("{}: {error}. A folder of recordings says in it what was said, in columns", file.display()))?;
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    let column = |name: &str| {
        let found = columns.iter().position(|column| *column == name);
        found.ok_or_else(|| format!("{}:1: there is no column {name:?}", file.display()))
    };
    let (path, language, words, kind) = (column("path")?, column("language")?, column("words")?, column("kind")?);
    let clip = |(number, line): (usize, &str)| {
        let cells: Vec<&str> = line.split('\t').collect();
        let cell = |at: usize| {
            let cell = cells.get(at).copied();
            cell.ok_or_else(|| format!("{}:{}: {} columns, expected {}", file.display(), number + 2, cells.len(), columns.len()))
        };
        Ok(Clip {
            sound: From::File(folder.join(cell(path)?)),
            language: Some(cell(language)?.to_owned()),
            words: Some(cell(words)?.replace("[machine transcript]", "")),
            kind: Kind::of(cell(kind)?),
        })
    };
    lines.enumerate().filter(|(_, line)| !line.trim().is_empty()).map(clip).collect()
}

/// Every WAV below a folder, none of which is a yes.
pub fn not_a_yes(folder: &Path) -> Result<Vec<Clip>, String> {
    let (mut clips, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for entry in entries {
            let path = entry.map_err(|error| format!("{}: {error}", folder.display()))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "wav") {
                clips.push(Clip { sound: From::File(path), language: None, words: None, kind: Kind::Speech });
            }
        }
    }
    clips.sort_by_key(Clip::name);
    Ok(clips)
}

/// Sentences of a language that are no yes, each in several voices of eSpeak NG; none where there are no sentences.
pub fn spoken(language: &str) -> Vec<Clip> {
    let sentences = match language {
        "nl" => include_str!("sentences/nl.txt"),
        "en" => include_str!("sentences/en.txt"),
        _ => "",
    };
    let sentences = sentences.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let clip = |sentence: &str, voice: &str| Clip {
        sound: From::Voice(format!("{language}+{voice}")),
        language: Some(language.to_owned()),
        words: Some(sentence.to_owned()),
        kind: Kind::Speech,
    };
    sentences.flat_map(|sentence| VOICES.map(|voice| clip(sentence, voice))).collect()
}

/// What the agent says to every caller of a dialog, spoken by eSpeak NG and quieter: what comes back of it, as if nothing kept it out.
pub fn echoes(dialog: &Path, prompts: &Path) -> Result<Vec<Clip>, String> {
    let loaded = library::load(dialog, prompts, None).map_err(|problems| problems.render(false).to_string())?;
    let said: BTreeSet<(String, String)> =
        prompt_texts(&loaded)?.into_iter().map(|prompt| (prompt.language, prompt.text)).collect();
    let clip = |(language, text): &(String, String), decibels: u32| Clip {
        sound: From::Agent(decibels),
        language: Some(language.clone()),
        words: Some(text.clone()),
        kind: Kind::Speech,
    };
    Ok(said.iter().flat_map(|said| ECHOES.map(|decibels| clip(said, decibels))).collect())
}

/// Where there is a voice in a recording, in samples: from the first to the last fiftieth of a second within 25 dB of its loudest.
pub fn voiced(sound: &Sound) -> std::ops::Range<usize> {
    let piece = (sound.rate as usize / 50).max(1);
    let power = |piece: &[i16]| piece.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / piece.len() as f32;
    let powers: Vec<f32> = sound.samples.chunks(piece).map(power).collect();
    let least = powers.iter().copied().fold(0.0, f32::max) / 316.0;
    let first = powers.iter().position(|power| *power >= least).unwrap_or(0);
    let last = powers.iter().rposition(|power| *power >= least).map_or(0, |last| last + 1);
    first * piece..(last * piece).min(sound.samples.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sentence_that_is_spoken_is_a_yes() {
        for language in ["nl", "en"] {
            let clips = spoken(language);
            assert!(clips.len() > 250, "{}", clips.len());
            let yes: Vec<String> = clips.iter().filter(|clip| clip.class(language) == Some(Class::Yes)).map(Clip::name).collect();
            assert_eq!(yes, Vec::<String>::new());
        }
        assert!(spoken("ko").is_empty());
    }

    #[test]
    fn a_manifest_says_what_was_said_and_by_that_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let lines = "path\tlanguage\twords\tkind\n\
                     a.wav\tnl\tJa, hoor!\tisolated\n\
                     b.wav\tnl\tNee.\tisolated\n\
                     c.wav\tnl\tJa, maar waarom?\tsentence\n\
                     d.wav\tnone\t\tnoise\n\
                     e.wav\tnone\t\tcough\n";
        std::fs::write(folder.path().join("MANIFEST.tsv"), lines).unwrap();
        let clips = of_manifest(folder.path()).unwrap();
        let classes: Vec<Class> = clips.iter().filter_map(|clip| clip.class("nl")).collect();
        assert_eq!(classes, [Class::Yes, Class::No, Class::Neither, Class::Noise, Class::Noise]);
        assert_eq!((clips[3].kind, clips[4].kind), (Kind::Noise, Kind::Cough));
        assert_eq!((clips[0].class("en"), clips[2].class("en")), (None, Some(Class::Neither)));
        assert_eq!(clips[2].group("en").unwrap().name(), "neither");
        std::fs::write(folder.path().join("f.wav"), "").unwrap();
        assert_eq!(not_a_yes(folder.path()).unwrap()[0].group("en").unwrap().name(), "recordings without a yes");
        assert_eq!(spoken("nl")[0].group("nl").unwrap().origin, Origin::Spoken);
    }

    #[test]
    fn a_manifest_that_cannot_be_used_says_where() {
        let folder = tempfile::tempdir().unwrap();
        assert!(of_manifest(folder.path()).err().unwrap().contains("MANIFEST.tsv"));
        std::fs::write(folder.path().join("MANIFEST.tsv"), "path\twords\n").unwrap();
        assert!(of_manifest(folder.path()).err().unwrap().contains("no column \"language\""));
        std::fs::write(folder.path().join("MANIFEST.tsv"), "path\tlanguage\twords\tkind\na.wav\tnl\n").unwrap();
        assert!(of_manifest(folder.path()).err().unwrap().contains(":2: 2 columns, expected 4"));
    }
}
