//! The agent's lines on this machine's own loudspeaker, through its speech service. It can give no samples, so it is no call's voice.

#[cfg(feature = "aloud")]
pub(super) use service::Voice;
#[cfg(not(feature = "aloud"))]
pub(super) use silent::Voice;

#[cfg(feature = "aloud")]
mod service {
    use std::collections::BTreeMap;
    use std::sync::mpsc::{self, Receiver};
    use std::time::Duration;

    use tts::Tts;

    /// No letter takes longer, with a moment for the service to begin. A service that does not say in this time that it has finished (there may be
    /// no loudspeaker) gets no further line: an author is not made to wait for each.
    const LETTER: Duration = Duration::from_millis(150);
    const BEGINNING: Duration = Duration::from_secs(5);

    /// The speech service of this machine.
    pub(in super::super) struct Voice {
        service: Tts,
        ended: Receiver<()>,
        /// The voice that speaks a language.
        voices: BTreeMap<String, tts::Voice>,
        speaks: String,
        /// It has not said in time that a line was spoken.
        given_up: bool,
    }

    impl Voice {
        /// Connects, and sees that there is a voice for `language`.
        pub(in super::super) fn new(language: &str) -> Result<Voice, String> {
            let service = Tts::default().map_err(|error| {
                format!(
                    "nothing speaks here ({error}): --aloud needs speech-dispatcher with a voice; on Debian, \
                     `apt install speech-dispatcher speech-dispatcher-espeak-ng`, and hear it with `spd-say hello`"
                )
            })?;
            let mut voices = BTreeMap::new();
            for voice in service.voices().unwrap_or_default() {
                let primary = voice.language().primary_language().to_owned();
                voices.entry(primary).or_insert(voice);
            }
            if !voices.contains_key(primary(language)) {
                return Err(format!("the speech service has no voice for `{language}`; `spd-say -L` lists those it has"));
            }
            let (end, ended) = mpsc::channel();
            let stop = end.clone();
            let told = service
                .on_utterance_end(Some(Box::new(move |_| {
                    let _ = end.send(());
                })))
                .and_then(|()| {
                    service.on_utterance_stop(Some(Box::new(move |_| {
                        let _ = stop.send(());
                    })))
                });
            told.map_err(|error| format!("the speech service does not say when it has finished: {error}"))?;
            Ok(Voice { service, ended, voices, speaks: String::new(), given_up: false })
        }

        /// Says a line, and comes back when it was said.
        pub(in super::super) fn say(&mut self, language: &str, text: &str) {
            if self.given_up {
                return;
            }
            if self.speaks != language
                && let Some(voice) = self.voices.get(primary(language))
                && self.service.set_voice(voice).is_ok()
            {
                self.speaks = language.to_owned();
            }
            while self.ended.try_recv().is_ok() {}
            let letters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
            let spoken = match self.service.speak(text, false) {
                Ok(_) => self.ended.recv_timeout(BEGINNING + LETTER.saturating_mul(letters)).is_ok(),
                Err(_) => false,
            };
            if !spoken {
                self.given_up = true;
                eprintln!(
                    "the speech service has not spoken this line; the conversation goes on without it. Try `spd-say hello`"
                );
            }
        }
    }

    fn primary(language: &str) -> &str {
        language.split('-').next().unwrap_or(language)
    }
}

#[cfg(not(feature = "aloud"))]
mod silent {
    /// In this build nothing speaks.
    pub(in super::super) enum Voice {}

    impl Voice {
        pub(in super::super) fn new(_: &str) -> Result<Voice, String> {
            let how = "`apt install libspeechd-dev libclang-dev`, then `cargo build --features aloud`";
            Err(format!("this program was built without --aloud; on Debian: {how} (docs/talk.md)"))
        }

        pub(in super::super) fn say(&mut self, _: &str, _: &str) {
            match *self {}
        }
    }
}
