//! `speech`: the voice detector, the prompt cache, and the recogniser where its Korean model is installed.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use candor::audio::Codec;
use candor::speech::stt::{Expectation, RECOGNITION_RATE, Recogniser, Recognisers};
use candor::speech::tts::espeak::Espeak;
use candor::speech::vad::Vad;
use candor::speech::{EspeakSettings, PromptCache, PromptSource, PromptText, Settings, VadSettings};
use criterion::{Criterion, Throughput};

/// Two seconds of something like a voice: ten harmonics in syllables of a quarter of a second.
pub fn voice(rate: u32) -> Vec<i16> {
    let turn = std::f64::consts::TAU;
    let sample = |n: u32| {
        let seconds = f64::from(n) / f64::from(rate);
        let swell = (turn * 2.0 * seconds).sin().abs();
        let pitch = 120.0 + 20.0 * (turn * seconds).sin();
        let voice: f64 =
            (1..=10).map(|harmonic| (turn * pitch * f64::from(harmonic) * seconds).sin() / f64::from(harmonic)).sum();
        (9_000.0 * swell * voice / 2.9) as i16
    };
    (0..2 * rate).map(sample).collect()
}

pub fn benches(criterion: &mut Criterion) {
    let samples = voice(RECOGNITION_RATE);
    let mut group = criterion.benchmark_group("vad");
    group.throughput(Throughput::Elements(1));
    group.bench_function("16 ms", |bench| {
        let mut vad = Vad::new(VadSettings::default());
        let mut steps = samples.chunks_exact(256).cycle();
        bench.iter(|| {
            vad.hear(steps.next().unwrap(), |heard| {
                std::hint::black_box(heard);
            });
        });
    });
    group.finish();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    prompts(criterion, &runtime);
    recogniser(criterion, &runtime);
}

/// Finding a fixed prompt when it is to be said, among as many as a large dialog has.
fn prompts(criterion: &mut Criterion, runtime: &tokio::runtime::Runtime) {
    let folder = tempfile::tempdir().unwrap();
    let texts = (0..40).map(|number| PromptText {
        id: format!("bench/prompt-{number}/keys"),
        language: "en".to_owned(),
        text: format!("{number}."),
        source: PromptSource::Synthesis,
    });
    let cache = runtime.block_on(PromptCache::prepare(
        folder.path(),
        &EspeakSettings::default(),
        &[Codec::Ulaw],
        texts.collect(),
        |_| {},
    ));
    // Without eSpeak NG there are no prompts to be found.
    let Ok(cache) = cache else { return eprintln!("prompt cache: left out, espeak-ng is not installed") };
    criterion.bench_function("prompt cache/look-up", |bench| {
        bench.iter(|| cache.get(Codec::Ulaw, "en", "bench/prompt-27/keys").unwrap());
    });
}

/// Sound through the recogniser: a second of it in a second is one speaking caller, so the rate is how many a core can bear.
fn recogniser(criterion: &mut Criterion, runtime: &tokio::runtime::Runtime) {
    let models = std::env::var_os("CANDOR_SPEECH__MODELS").map(Into::into);
    let (recognisers, notes) =
        runtime.block_on(Recognisers::load(&Settings { models, ..Settings::default() }, &["ko".to_owned()]));
    let Some(recogniser) = recognisers.get("ko") else { return eprintln!("recogniser: left out. {}", notes[0]) };
    let espeak = Espeak::new(EspeakSettings { voices: [("ko".to_owned(), "ko+f2".to_owned())].into(), ..Default::default() });
    let Ok(sound) = runtime.block_on(espeak.speak("ko", "오늘 날씨가 정말 좋습니다 그리고 라면")) else { return };
    let samples = candor::audio::resample::resample(&sound.samples, sound.rate, RECOGNITION_RATE).unwrap();
    let mut group = criterion.benchmark_group("recogniser, Korean, whole vocabulary");
    // An element is a hundredth of a second of speech.
    group.throughput(Throughput::Elements(samples.len() as u64 * 100 / u64::from(RECOGNITION_RATE)));
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    group.bench_function("a sentence", |bench| bench.iter(|| hear(&recogniser, &samples)));
    group.finish();
}

fn hear(recogniser: &Arc<dyn Recogniser>, samples: &[i16]) -> f32 {
    let mut recognition = recogniser.start(&Expectation::default()).unwrap();
    for piece in samples.chunks(RECOGNITION_RATE as usize / 50) {
        recognition.push(piece).unwrap();
    }
    recognition.finish(&AtomicBool::new(false)).unwrap().confidence
}
