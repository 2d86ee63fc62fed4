//! OpenAI's interface for transcriptions, which many servers of one's own have as well: a WAV file goes there, its words come back.

use std::io::Cursor;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::multipart::{Form, Part};
use reqwest::{Url, redirect, retry};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use zeroize::Zeroizing;

use super::{CONNECT, LONGEST_ANSWER, RemoteSettings, transcript};
use crate::speech::stt::kept::Kept;
use crate::speech::stt::waiting::wait_for;
use crate::speech::stt::{Expectation, Hypothesis, RECOGNITION_RATE, Recogniser, Recognition, RecognitionError};

/// How much of an utterance is sent, in samples: thirty seconds, more than one may last.
const LONGEST: usize = 30 * RECOGNITION_RATE as usize;
/// The head of a WAV file, with room to spare, in bytes.
const HEAD: usize = 128;

/// A server with OpenAI's interface, hearing one language.
pub(super) struct Transcriptions {
    language: String,
    ask: Ask,
    limit: Duration,
}

/// What every request needs.
#[derive(Clone)]
struct Ask {
    http: reqwest::Client,
    url: Url,
    model: String,
    language: String,
    logprobs: bool,
    runtime: Handle,
}

impl Transcriptions {
    pub(super) fn new(language: &str, settings: &RemoteSettings) -> Result<Transcriptions, String> {
        let mut url = settings.address.url().clone();
        let path = format!("{}/audio/transcriptions", url.path().trim_end_matches('/'));
        url.set_path(&path);
        let mut headers = HeaderMap::new();
        if let Some(token) = &settings.token {
            let value = HeaderValue::from_str(&Zeroizing::new(format!("Bearer {}", token.expose())));
            let mut value = value.map_err(|_| "its token holds what no header can".to_owned())?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("candor/", env!("CARGO_PKG_VERSION")))
            .http1_only()
            .default_headers(headers)
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT);
        let http =
            http.build().map_err(|_| "the system has no certificates of authorities: install ca-certificates".to_owned())?;
        let ask = Ask {
            http,
            url,
            model: settings.model.clone().unwrap_or_default(),
            // ISO 639-1: no region.
            language: language.split('-').next().unwrap_or(language).to_owned(),
            logprobs: settings.logprobs,
            runtime: Handle::current(),
        };
        Ok(Transcriptions { language: language.to_owned(), ask, limit: settings.answer_limit() })
    }
}

impl Recogniser for Transcriptions {
    fn language(&self) -> &str {
        &self.language
    }

    fn start(&self, expectation: &Expectation) -> Result<Box<dyn Recognition>, RecognitionError> {
        Ok(Box::new(Utterance {
            ask: self.ask.clone(),
            limit: self.limit,
            samples: Kept::at_most(LONGEST),
            heard_out: expectation.second_look,
            asked: None,
        }))
    }

    fn unknown_words(&self, _: &[String]) -> Vec<String> {
        // Such models spell.
        Vec::new()
    }

    fn has_grammar(&self) -> bool {
        false
    }
}

struct Utterance {
    ask: Ask,
    limit: Duration,
    samples: Kept,
    /// Whether every sound counts to the very end, as in an answer to a consent question.
    heard_out: bool,
    /// What was asked in the pause that lasts.
    asked: Option<Asked>,
}

/// A request that is under way, and breaks off when this goes.
struct Asked {
    answer: Receiver<Result<Hypothesis, RecognitionError>>,
    _task: AbortOnDropHandle<()>,
}

impl Recognition for Utterance {
    fn push(&mut self, samples: &[i16]) -> Result<(), RecognitionError> {
        self.samples.push(samples);
        Ok(())
    }

    fn pause(&mut self, gone_on: &AtomicBool) -> Result<(), RecognitionError> {
        // Its answer is not waited for here: the caller may go on.
        self.asked = (!self.heard_out && !gone_on.load(Ordering::Relaxed))
            .then(|| self.ask.begin(self.samples.samples(), false))
            .transpose()?;
        Ok(())
    }

    fn goes_on(&mut self) {
        self.asked = None;
    }

    fn so_far(&mut self) -> Option<Zeroizing<String>> {
        None
    }

    fn finish(mut self: Box<Self>, abandoned: &AtomicBool) -> Result<Hypothesis, RecognitionError> {
        let asked = match self.asked.take() {
            Some(asked) => asked,
            None => self.ask.begin(self.samples.samples(), self.heard_out)?,
        };
        wait_for(&asked.answer, self.limit, || !abandoned.load(Ordering::Relaxed)).flatten()
    }
}

impl Ask {
    /// `consent`: whether it may be an answer to a consent question.
    fn begin(&self, samples: &[i16], consent: bool) -> Result<Asked, RecognitionError> {
        let sound = Bytes::from_owner(wav(samples)?);
        let (give, answer) = sync_channel(1);
        let ask = self.clone();
        let task = self.runtime.spawn(async move {
            let _ = give.try_send(ask.transcription(sound, consent).await);
        });
        Ok(Asked { answer, _task: AbortOnDropHandle::new(task) })
    }

    async fn transcription(self, sound: Bytes, consent: bool) -> Result<Hypothesis, RecognitionError> {
        let length = sound.len() as u64;
        let file = Part::stream_with_length(sound, length).file_name("utterance.wav");
        let file = file.mime_str("audio/wav").map_err(|_| RecognitionError::Start)?;
        let form =
            Form::new().part("file", file).text("model", self.model).text("language", self.language).text("temperature", "0");
        let form = if self.logprobs {
            form.text("response_format", "json").text("include[]", "logprobs")
        } else {
            let form = form.text("response_format", "verbose_json");
            form.text("timestamp_granularities[]", "word").text("timestamp_granularities[]", "segment")
        };
        let request = self.http.post(self.url).multipart(form).send();
        let failed =
            |error: reqwest::Error| if error.is_connect() { RecognitionError::Unreachable } else { RecognitionError::Decode };
        let mut response = request.await.map_err(failed)?;
        if !response.status().is_success() {
            // What it says of it may hold what was said.
            return Err(RecognitionError::Refused);
        }
        let mut body = Zeroizing::new(Vec::with_capacity(LONGEST_ANSWER));
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > LONGEST_ANSWER {
                return Err(RecognitionError::Answer);
            }
            body.extend_from_slice(&chunk);
        }
        transcript::read(&body, consent)
    }
}

/// A WAV file of an utterance, in memory.
fn wav(samples: &[i16]) -> Result<Zeroizing<Vec<u8>>, RecognitionError> {
    let mut file = Zeroizing::new(Vec::with_capacity(HEAD + 2 * samples.len()));
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RECOGNITION_RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let failed = |_| RecognitionError::Start;
    let mut writer = hound::WavWriter::new(Cursor::new(&mut *file), spec).map_err(failed)?;
    let mut into = writer.get_i16_writer(samples.len() as u32);
    samples.iter().for_each(|sample| into.write_sample(*sample));
    into.flush().map_err(failed)?;
    writer.finalize().map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_utterance_becomes_a_file_that_any_program_reads() {
        let samples: Vec<i16> = (0..1_000).map(|n| n - 500).collect();
        let file = wav(&samples).unwrap();
        let mut reader = hound::WavReader::new(Cursor::new(&**file)).unwrap();
        assert_eq!((reader.spec().sample_rate, reader.spec().channels), (16_000, 1));
        assert_eq!(reader.samples::<i16>().map(Result::unwrap).collect::<Vec<_>>(), samples);
        assert!(file.capacity() <= HEAD + 2 * samples.len(), "it has moved, and left a copy behind");
    }
}
