//! eSpeak NG in a subprocess: one process a text. The text goes in through standard input, never through the command line, which
//! every user of the machine may read; the sound comes back through standard output. Nothing touches the disk.

use std::io::{self, Cursor};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use zeroize::Zeroizing;

use super::Sound;
use crate::speech::EspeakSettings;

/// Why a text could not be spoken. Never holds the text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpeakError {
    /// There is no such program.
    #[error("cannot find `{}`; install it (Debian: `apt install espeak-ng`) or set speech.espeak.program", .program.display())]
    NotInstalled {
        /// What was looked for.
        program: PathBuf,
    },
    /// The program could not be run.
    #[error("cannot run `{}`: {source}", .program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The program has no such voice.
    #[error(
        "eSpeak NG has no voice `{voice}` for the language `{language}`; choose one of `espeak-ng --voices` under speech.espeak.voices"
    )]
    NoVoice {
        /// The voice that was asked for.
        voice: String,
        /// The language it was to speak.
        language: String,
    },
    /// The program ended with an error.
    #[error("eSpeak NG ended with {status}")]
    Failed {
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// The program took too long and was ended.
    #[error("eSpeak NG took longer than {limit:?}; see speech.espeak.time_limit_ms and call_time_limit_ms")]
    TooSlow {
        /// The limit.
        limit: Duration,
    },
    /// The program gave no sound: the text has nothing that can be spoken.
    #[error("eSpeak NG gave no sound; is the text empty?")]
    NoSound,
    /// The program gave something that is not the sound it should be.
    #[error("eSpeak NG gave sound that cannot be read: {0}")]
    Unreadable(hound::Error),
}

/// eSpeak NG with its settings.
#[derive(Clone, Debug)]
pub struct Espeak {
    settings: EspeakSettings,
}

impl Espeak {
    /// With these settings; nothing is run yet.
    pub fn new(settings: EspeakSettings) -> Self {
        Espeak { settings }
    }

    /// Its settings.
    pub fn settings(&self) -> &EspeakSettings {
        &self.settings
    }

    /// The version line of the program, without where its data lie.
    ///
    /// # Errors
    /// [`SpeakError`] when the program is missing or does not answer.
    pub async fn version(&self) -> Result<String, SpeakError> {
        let mut command = self.command();
        command.arg("--version").stdin(Stdio::null());
        let output = self.output(command, b"").await?;
        let line = String::from_utf8_lossy(&output);
        Ok(line.split("Data at").next().unwrap_or_default().trim().to_owned())
    }

    /// Speaks `text` in `language`.
    ///
    /// # Errors
    /// [`SpeakError`] when the program is missing, refuses, takes too long or gives nothing.
    pub async fn speak(&self, language: &str, text: &str) -> Result<Sound, SpeakError> {
        let voice = self.settings.voice(language);
        let mut command = self.command();
        // `-b 1`: the text is UTF-8, whatever the locale.
        command.args(["-v", voice, "-s", &self.settings.rate.to_string(), "-b", "1", "--stdin", "--stdout"]);
        command.stdin(Stdio::piped());
        // Double brackets would switch to phonemes.
        let text = Zeroizing::new(text.replace("[[", "[ ["));
        let wav = self.output(command, text.as_bytes()).await.map_err(|error| match error {
            SpeakError::NoVoice { .. } => SpeakError::NoVoice { voice: voice.to_owned(), language: language.to_owned() },
            other => other,
        })?;
        read(wav)
    }

    /// How phrases sound: for each of them its phonemes (IPA), without stress. One process for all.
    ///
    /// # Errors
    /// [`SpeakError`] as for [`Espeak::speak`]; [`SpeakError::NoSound`] when the program does not answer phrase by phrase.
    pub async fn phonemes(&self, language: &str, phrases: &[&str]) -> Result<Vec<Vec<String>>, SpeakError> {
        if phrases.is_empty() {
            return Ok(Vec::new());
        }
        let voice = self.settings.voice(language);
        let mut command = self.command();
        command.args(["-q", "--ipa", "--sep=_", "-v", voice, "-b", "1", "--stdin"]);
        command.stdin(Stdio::piped());
        // A phrase in a paragraph of its own comes back on a line of its own.
        let text = phrases.join("\n\n").replace("[[", "[ [");
        let output = self.output(command, text.as_bytes()).await.map_err(|error| match error {
            SpeakError::NoVoice { .. } => SpeakError::NoVoice { voice: voice.to_owned(), language: language.to_owned() },
            other => other,
        })?;
        let output = String::from_utf8_lossy(&output);
        let lines: Vec<Vec<String>> = output.lines().map(phonemes_of).filter(|phonemes| !phonemes.is_empty()).collect();
        if lines.len() == phrases.len() { Ok(lines) } else { Err(SpeakError::NoSound) }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.settings.program);
        command.kill_on_drop(true).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command, gives it `input` and takes its output, all within the time limit.
    async fn output(&self, command: Command, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, SpeakError> {
        let limit = self.settings.time_limit();
        tokio::time::timeout(limit, self.run(command, input)).await.unwrap_or(Err(SpeakError::TooSlow { limit }))
    }

    async fn run(&self, mut command: Command, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, SpeakError> {
        let program = || self.settings.program.clone();
        let failed = |source| SpeakError::Run { program: program(), source };
        let mut child = command.spawn().map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => SpeakError::NotInstalled { program: program() },
            _ => failed(source),
        })?;
        let stdin = child.stdin.take();
        let mut output = Zeroizing::new(Vec::with_capacity(1 << 20));
        let mut complaint = Vec::new();
        let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
        let give = async {
            if let Some(mut stdin) = stdin {
                // A program that ends without reading says why with its status.
                let _ = stdin.write_all(input).await;
            }
        };
        let take = async {
            match &mut stdout {
                Some(stdout) => stdout.read_to_end(&mut output).await.map(drop),
                None => Ok(()),
            }
        };
        let listen = async {
            match &mut stderr {
                Some(stderr) => stderr.read_to_end(&mut complaint).await.map(drop),
                None => Ok(()),
            }
        };
        let ((), taken, listened) = tokio::join!(give, take, listen);
        taken.and(listened).map_err(failed)?;
        let status = child.wait().await.map_err(failed)?;
        if String::from_utf8_lossy(&complaint).contains("voice does not exist") {
            return Err(SpeakError::NoVoice { voice: String::new(), language: String::new() });
        }
        if status.success() { Ok(output) } else { Err(SpeakError::Failed { status }) }
    }
}

/// The phonemes of a line: between spaces and low lines, without marks of stress and of joining.
fn phonemes_of(line: &str) -> Vec<String> {
    let mut aside = false;
    // In brackets: that a word is spoken as in another language.
    let spoken = line.chars().filter(|c| {
        aside = *c == '(' || (aside && *c != ')');
        !aside && !matches!(c, ')' | 'ˈ' | 'ˌ' | '\u{200d}')
    });
    let spoken: String = spoken.collect();
    spoken.split([' ', '_']).filter(|phoneme| !phoneme.is_empty()).map(str::to_owned).collect()
}

/// The bytes of a WAV header as eSpeak NG writes it.
const HEADER: usize = 44;

/// Reads the WAV, whose header was written before anybody knew how long it would become.
fn read(mut wav: Zeroizing<Vec<u8>>) -> Result<Sound, SpeakError> {
    let length = wav.len().checked_sub(HEADER).filter(|&length| length > 1).ok_or(SpeakError::NoSound)?;
    let length = u32::try_from(length & !1).unwrap_or(u32::MAX);
    wav[4..8].copy_from_slice(&length.saturating_add(36).to_le_bytes());
    wav[40..44].copy_from_slice(&length.to_le_bytes());
    let mut reader = hound::WavReader::new(Cursor::new(&wav[..])).map_err(SpeakError::Unreadable)?;
    let rate = reader.spec().sample_rate;
    let mut samples = Zeroizing::new(Vec::with_capacity(reader.len() as usize));
    for sample in reader.samples::<i16>() {
        samples.push(sample.map_err(SpeakError::Unreadable)?);
    }
    Ok(Sound { rate, samples })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn espeak(program: &str) -> Espeak {
        Espeak::new(EspeakSettings { program: program.into(), time_limit_ms: 2_000, ..Default::default() })
    }

    #[tokio::test]
    async fn a_missing_program_is_named() {
        let error = espeak("no-such-espeak").speak("nl", "hallo").await.err().unwrap();
        assert!(matches!(&error, SpeakError::NotInstalled { program } if program == &PathBuf::from("no-such-espeak")));
    }

    #[test]
    fn a_line_of_phonemes_is_taken_apart() {
        let phonemes = phonemes_of("ʋ_ˈɑ_t z_ˈɛ\u{200d}ɪ (en)h_ə(nl) y");
        assert_eq!(phonemes, ["ʋ", "ɑ", "t", "z", "ɛɪ", "h", "ə", "y"]);
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("hangs");
        std::fs::write(&program, "#!/bin/sh\nexec sleep 60\n").unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let settings = EspeakSettings { program, time_limit_ms: 100, ..Default::default() };
        let error = Espeak::new(settings).speak("nl", "hallo").await.err().unwrap();
        assert!(matches!(error, SpeakError::TooSlow { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_program_that_fails_says_so_without_the_text() {
        let error = espeak("false").speak("nl", "geheim").await.err().unwrap();
        assert!(matches!(error, SpeakError::Failed { .. }));
        assert!(!error.to_string().contains("geheim"));
    }

    #[tokio::test]
    async fn a_program_without_sound_is_no_sound() {
        assert!(matches!(espeak("true").speak("nl", "").await, Err(SpeakError::NoSound)));
    }
}
