use super::clips::{Clip, Kind};
use super::conditions::Condition;
use crate::speech::tts::Sound;

/// How many other voices there are at most, and that they are of different people: a manifest has those of one speaker together.
const VOICES: usize = 20;
const APART: usize = 3;

/// What is heard beside a voice, from the same folder.
pub struct Beside {
    noises: Vec<Sound>,
    /// Sentences that are no answer: whoever talks in the room is not the one who is asked.
    voices: Vec<Sound>,
    nothing: Sound,
}

impl Beside {
    /// The noises and some of the sentences of a manifest.
    pub fn of(clips: &[Clip]) -> Result<Beside, String> {
        let noises = clips.iter().filter(|clip| clip.kind == Kind::Noise).map(Clip::recorded).collect::<Result<_, String>>()?;
        let sentences = clips.iter().filter(|clip| clip.is_sentence()).step_by(APART).take(VOICES);
        let voices = sentences.map(Clip::recorded).collect::<Result<_, String>>()?;
        Ok(Beside { noises, voices, nothing: Sound { samples: Vec::new().into(), rate: 16_000 } })
    }

    /// Whether there is what a condition needs.
    pub fn has(&self, condition: Condition) -> bool {
        let has = !self.sounds(condition).is_some_and(<[Sound]>::is_empty);
        if !has {
            eprintln!("candor: {}: not measured, as the folder has nothing of it", condition.name());
        }
        has
    }

    /// What is beside the recording of this number.
    pub fn of_number(&self, condition: Condition, number: usize) -> &Sound {
        match self.sounds(condition) {
            Some(sounds) if !sounds.is_empty() => &sounds[number % sounds.len()],
            _ => &self.nothing,
        }
    }

    fn sounds(&self, condition: Condition) -> Option<&[Sound]> {
        match condition {
            Condition::Browser | Condition::Telephone => None,
            Condition::Noise20 | Condition::Noise10 | Condition::Noise5 => Some(&self.noises),
            Condition::Voice10 => Some(&self.voices),
        }
    }
}
