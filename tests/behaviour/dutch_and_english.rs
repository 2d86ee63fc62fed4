//! Whole calls by voice in Dutch and English: recordings of people over the telephone into Whisper, and what the server made of it. The sentences
//! that nobody has recorded are eSpeak NG's, in English, which the model understands.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use candor::audio::resample::resample;
use candor::audio::{Codec, g711};
use candor::consent::{AnswerGrammar, Judgement, SessionTime, SpokenAnswer, Thresholds};
use candor::speech::stt::{Expectation, RECOGNITION_RATE, Recogniser, Recognisers};
use candor::speech::tts::{music::hold_music, recorded};
use candor::speech::{Ears, Heard, Settings};
use serde_json::Value;

use crate::korean::{answer, synthesised};
use crate::phone::{Call, voice};
use crate::service::{Plan, Service, of_type, project};

const MODEL: &str = "whisper-base";
/// How fast the agent speaks, in words per minute.
const AGENT: u32 = 260;
/// Somebody's "no".
pub const NO: &str = "en/no/sc_no_03401e93_nohash_0.wav";
/// What the shop says of its opening hours, and what is said when nothing can be heard.
const OPEN: &str = "You can order day and night. Our colleagues are there from Monday to Friday, nine to five.";
const CANNOT_HEAR: &str = "I cannot hear you properly just now. Please use the keys, or press zero for a colleague.";
/// Marks that have come back when the question has been heard.
const QUESTION: usize = 4;

/// A server for the web shop in this language, and the folder of recordings; or nothing (and why).
pub fn line(language: &str) -> Option<(Plan, PathBuf)> {
    let speech = std::env::var_os("CANDOR_HUMAN_SPEECH").map_or_else(|| PathBuf::from("../shared/speech"), PathBuf::from);
    let models = std::env::var_os("CANDOR_SPEECH__MODELS").map(Into::into);
    let models = Settings { models, ..Default::default() }.models_folder();
    if !cfg!(feature = "whisper") || !models.join(MODEL).is_dir() || !speech.join("MANIFEST.tsv").is_file() {
        eprintln!("skipped: it needs the model {MODEL} in {} and recordings of people in {}", models.display(), speech.display());
        return None;
    }
    let dialogs = tempfile::tempdir().unwrap().keep();
    let webshop = std::fs::read_to_string(project("dialogs/webshop.yaml")).unwrap();
    let (first, other) = if language == "nl" { ("nl", "en") } else { ("en", "nl") };
    let webshop = webshop.replace("languages: [nl, en]", &format!("languages: [{first}, {other}]"));
    std::fs::write(dialogs.join("webshop.yaml"), webshop).unwrap();
    let plan = Plan::of(dialogs, project("prompts")).rate(AGENT).with("SPEECH__MODELS", models.to_str()?);
    let plan = plan.with(&format!("SPEECH__RECOGNISERS__{}", language.to_uppercase()), &format!("[\"{MODEL}\"]"));
    // Many calls share few cores here: what is understood late is still understood.
    Some((plan.with("SPEECH__RECOGNITION__TIME_LIMIT_MS", "20000").with("SESSION__CONSENT_WINDOW_MS", "5000"), speech))
}

/// Says a recording when the question has been heard, and gives the answer in the ledger.
async fn says(service: &Service, call: &Call, recording: PathBuf, number: usize) -> Value {
    call.wait_for_completed_marks(QUESTION + number - 1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    call.say_wav(recording).await.unwrap();
    answer(service, number).await
}

/// A recording as it goes over the line.
pub fn recorded_ulaw(recording: &Path) -> Vec<u8> {
    let sound = recorded::decode(recording, &std::fs::read(recording).unwrap()).unwrap();
    g711::encode(&resample(&sound.samples, sound.rate, 8_000).unwrap())
}

/// A number as somebody says it, digit by digit.
pub fn digits(speech: &Path, speaker: &str, number: &str) -> Vec<u8> {
    let folder: Vec<_> = std::fs::read_dir(speech.join("en/other")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let digit = |digit: char| {
        let begins = format!("fsdd_{digit}_{speaker}_");
        let file = folder.iter().find(|file| file.file_name().unwrap().to_string_lossy().starts_with(&begins));
        let pause = vec![Codec::Ulaw.silence(); Codec::Ulaw.bytes_in(Duration::from_millis(120))];
        [recorded_ulaw(file.expect("a recording of each digit")), pause].concat()
    };
    number.chars().flat_map(digit).collect()
}

/// A sentence by eSpeak NG, as it goes over the line.
pub async fn synthetic(voice: &str, text: &str) -> Vec<u8> {
    synthesised(text, voice, 150).await
}

async fn leave(service: &Service, call: Call) -> Vec<Value> {
    call.hang_up().await.unwrap();
    let outcome = call.outcome().await;
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    service.closed().await
}

fn nothing_granted(service: &Service, events: &[Value]) {
    assert!(events.iter().all(|event| event["to"] != "given" && event["outcome"] != "given"), "{events:#?}");
    assert!(of_type(events, "recorder.started").is_empty() && service.sealed_turns().is_empty(), "{events:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_in_english_grants_and_an_option_and_a_person_are_understood() {
    let Some((plan, speech)) = line("en") else { return };
    let service = plan.start();
    let call = service.caller().ring().await.unwrap();
    let mut given = says(&service, &call, speech.join("en/yes/sc_yes_e0c782d5_nohash_0.wav"), 1).await;
    if given["outcome"] == "unclear" {
        // Asked again, as a person would be, they say it again.
        given = says(&service, &call, speech.join("en/yes/sc_yes_b49caed3_nohash_0.wav"), 2).await;
    }
    assert_eq!((given["outcome"].as_str(), given["method"].as_str()), (Some("given"), Some("speech")), "{given}");
    assert_eq!(given["grammar-entry"], "en-2/yes");
    assert!((85..=100).contains(&given["confidence-percent"].as_u64().unwrap()), "{given}");
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    call.say_ulaw(synthetic("en-us", "what are your opening hours please").await).await.unwrap();
    call.wait_until_heard(&synthesised(OPEN, "en", AGENT).await).await.unwrap();
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    call.say_ulaw(voice::from_text("I want to speak to a person", "en").await.unwrap()).await.unwrap();
    let outcome = call.outcome().await;
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    let events = service.closed().await;
    assert!(!of_type(&events, "turn.sealed").is_empty(), "{events:#?}");
    assert_eq!(of_type(&events, "handover.requested")[0]["reason"], "asked", "{events:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_english_a_hedge_is_asked_again_and_a_no_is_a_no() {
    let Some((plan, speech)) = line("en") else { return };
    let service = plan.start();
    let call = service.caller().ring().await.unwrap();
    call.wait_for_completed_marks(QUESTION).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    call.say_ulaw(synthetic("en+f2", "well, maybe, i am not sure").await).await.unwrap();
    assert_eq!(answer(&service, 1).await["outcome"], "unclear");
    let refused = says(&service, &call, speech.join(NO), 2).await;
    assert_eq!((refused["outcome"].as_str(), refused["method"].as_str()), (Some("refused"), Some("speech")), "{refused}");
    nothing_granted(&service, &leave(&service, call).await);
}

/// A "but" may be too soft to end a pause: Whisper begins with such an answer when it is over, and with any other in its first pause.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_of_an_answer_to_a_consent_question_before_its_end() {
    let Some((_, speech)) = line("nl") else { return };
    let recogniser = whisper("nl").await;
    let file = speech.join("nl/ja/fillets_barrel_bar-v-traverza_cut.wav");
    let sound = recorded::decode(&file, &std::fs::read(&file).unwrap()).unwrap();
    let samples = resample(&sound.samples, sound.rate, RECOGNITION_RATE).unwrap();
    for (consent, begun) in [(true, None), (false, Some("ja".to_owned()))] {
        let (recogniser, samples) = (recogniser.clone(), samples.to_vec());
        let in_the_pause = tokio::task::spawn_blocking(move || {
            let expectation = Expectation { second_look: consent, ..Expectation::default() };
            let mut recognition = recogniser.start(&expectation).unwrap();
            recognition.push(&samples).unwrap();
            recognition.pause(&AtomicBool::new(false)).unwrap();
            recognition.so_far().map(|text| text.to_string())
        });
        assert_eq!(in_the_pause.await.unwrap(), begun, "consent: {consent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_in_english_costs_nothing() {
    let Some((plan, speech)) = line("en") else { return };
    let service = plan.start();
    let call = service.caller().ring().await.unwrap();
    let no = says(&service, &call, speech.join(NO), 1).await;
    assert_eq!((no["outcome"].as_str(), no["method"].as_str()), (Some("refused"), Some("speech")), "{no}");
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    nothing_granted(&service, &leave(&service, call).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_in_dutch_grants_and_is_withdrawn_by_key() {
    let Some((plan, speech)) = line("nl") else { return };
    let service = plan.start();
    let call = service.caller().ring().await.unwrap();
    let given = says(&service, &call, speech.join("nl/ja/fillets_barrel_bar-v-traverza_cut.wav"), 1).await;
    assert_eq!((given["outcome"].as_str(), given["grammar-entry"].as_str()), (Some("given"), Some("nl-2/ja")), "{given}");
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    call.press("*9").await.unwrap();
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    let events = leave(&service, call).await;
    assert!(of_type(&events, "consent").iter().any(|event| event["to"] == "withdrawn"), "{events:#?}");
    assert!(service.sealed_turns().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hedge_in_dutch_is_asked_once_more_and_is_then_a_no() {
    let Some((plan, speech)) = line("nl") else { return };
    let service = plan.start();
    let call = service.caller().ring().await.unwrap();
    // "Ja, maar waar is het voor?"
    let hedge = speech.join("nl/ja/fillets_electromagnet_rand-6-4.wav");
    let first = says(&service, &call, hedge.clone(), 1).await;
    assert_eq!(first["outcome"], "unclear", "{first}");
    let second = says(&service, &call, hedge, 2).await;
    assert_eq!(second["outcome"], "unclear", "{second}");
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    let events = leave(&service, call).await;
    nothing_granted(&service, &events);
    assert_eq!(of_type(&events, "consent").last().unwrap()["to"], "refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_in_dutch_is_taken_at_once() {
    let Some((plan, speech)) = line("nl") else { return };
    let service = plan.start();
    let call = service.caller().ring().await.unwrap();
    let no = says(&service, &call, speech.join("nl/nee/fillets_cannons_del-v-splet_cut.wav"), 1).await;
    assert_eq!((no["outcome"].as_str(), no["method"].as_str()), (Some("refused"), Some("speech")), "{no}");
    nothing_granted(&service, &leave(&service, call).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_back_is_asked_again_and_recording_is_stopped_by_voice() {
    let Some((plan, speech)) = line("en") else { return };
    let service = plan.start();
    let call = service.caller().ring().await.unwrap();
    call.wait_for_completed_marks(QUESTION).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    call.say_ulaw(synthetic("en+f2", "how long do you keep it").await).await.unwrap();
    assert_eq!(answer(&service, 1).await["outcome"], "unclear");
    let given = says(&service, &call, speech.join("en/yes/sc_yes_e0c782d5_nohash_0.wav"), 2).await;
    assert_eq!((given["outcome"].as_str(), given["method"].as_str()), (Some("given"), Some("speech")), "{given}");
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    call.say_ulaw(synthetic("en+f2", "stop recording please").await).await.unwrap();
    let stopped = answer(&service, 3).await;
    assert_eq!((stopped["outcome"].as_str(), stopped["method"].as_str()), (Some("withdrawn"), Some("speech")), "{stopped}");
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    let events = leave(&service, call).await;
    assert!(of_type(&events, "consent").iter().any(|event| event["to"] == "withdrawn"), "{events:#?}");
    assert!(service.sealed_turns().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_number_is_spoken_read_back_and_passed_on() {
    let Some((plan, speech)) = line("en") else { return };
    let service = plan.start();
    let call = service.caller().ring().await.unwrap();
    call.wait_for_completed_marks(QUESTION).await.unwrap();
    call.press("2").await.unwrap();
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    call.say_ulaw(synthetic("en+f2", "where is my order").await).await.unwrap();
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    // People, one digit after the other; with a pause in the middle, as people read from a letter.
    let pause = vec![Codec::Ulaw.silence(); Codec::Ulaw.bytes_in(Duration::from_millis(450))];
    let number = [digits(&speech, "jackson", "10"), pause, digits(&speech, "jackson", "03")].concat();
    call.say_ulaw(number).await.unwrap();
    // It is read back, and confirmed.
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    call.press("1").await.unwrap();
    // Nobody answers at the shop: a colleague does, who knows the number.
    let outcome = call.outcome().await;
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    let told = outcome.task.as_ref().expect("a task for a colleague");
    assert_eq!(told["candor"]["slots"]["order_number"], "1003", "{told}");
    nothing_granted(&service, &service.closed().await);
}

/// A Dutch sentence by MBROLA's voice, as slowly as somebody speaks who wants to be understood, of which the model understands much, as it does not of eSpeak NG's own; nothing (and why) where it is not installed.
pub async fn dutch(text: &str) -> Option<Vec<u8>> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mbrola = std::env::split_paths(&path).any(|folder| folder.join("mbrola").is_file());
    if !mbrola || !Path::new("/usr/share/mbrola/nl2/nl2").is_file() {
        eprintln!("skipped: Dutch sentences need the Debian packages mbrola (contrib) and mbrola-nl2 (non-free)");
        return None;
    }
    Some(synthesised(text, "mb-nl2", 110).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn in_dutch_a_question_back_a_yes_the_end_of_the_recording_and_a_person() {
    let Some((plan, speech)) = line("nl") else { return };
    let Some(question) = dutch("hoe lang bewaart u dat?").await else { return };
    let service = plan.start();
    let call = service.caller().ring().await.unwrap();
    call.wait_for_completed_marks(QUESTION).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    call.say_ulaw(question).await.unwrap();
    assert_eq!(answer(&service, 1).await["outcome"], "unclear");
    let given = says(&service, &call, speech.join("nl/ja/fillets_barrel_bar-v-traverza_cut.wav"), 2).await;
    assert_eq!((given["outcome"].as_str(), given["method"].as_str()), (Some("given"), Some("speech")), "{given}");
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    call.say_ulaw(dutch("niet meer opnemen").await.unwrap()).await.unwrap();
    let stopped = answer(&service, 3).await;
    assert_eq!((stopped["outcome"].as_str(), stopped["method"].as_str()), (Some("withdrawn"), Some("speech")), "{stopped}");
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    call.say_ulaw(dutch("kan ik iemand spreken?").await.unwrap()).await.unwrap();
    let outcome = call.outcome().await;
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    let events = service.closed().await;
    assert_eq!(of_type(&events, "handover.requested")[0]["reason"], "asked", "{events:#?}");
    assert!(service.sealed_turns().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_dutch_an_order_number_is_spoken_read_back_and_passed_on() {
    let Some((plan, _)) = line("nl") else { return };
    let Some(number) = dutch("negen acht zes vijf").await else { return };
    let service = plan.start();
    let call = service.caller().ring().await.unwrap();
    call.wait_for_completed_marks(QUESTION).await.unwrap();
    call.press("2").await.unwrap();
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    call.press("1").await.unwrap();
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    call.say_ulaw(number).await.unwrap();
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    call.press("1").await.unwrap();
    let outcome = call.outcome().await;
    assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    let told = outcome.task.as_ref().expect("a task for a colleague");
    assert_eq!(told["candor"]["slots"]["order_number"], "9865", "{told}");
    nothing_granted(&service, &service.closed().await);
}

/// Noise so many decibels below a voice, mixed into it at 8 kHz.
fn into_noise(voice: &[i16], noise: &[i16], decibels: f32) -> Vec<i16> {
    let level = |samples: &[i16]| (samples.iter().map(|s| f32::from(*s).powi(2)).sum::<f32>() / samples.len() as f32).sqrt();
    // A voice is as loud as the louder half of its recording.
    let mut pieces: Vec<f32> = voice.chunks(200).map(level).collect();
    pieces.sort_by(f32::total_cmp);
    let loud = &pieces[pieces.len() / 2..];
    let gain = loud.iter().sum::<f32>() / loud.len() as f32 / level(noise) / 10f32.powf(decibels / 20.0);
    let silence = [0; 4_800];
    let whole = silence.iter().chain(voice).chain(&silence).chain(&silence);
    whole.zip(noise.iter().cycle()).map(|(voice, noise)| voice.saturating_add((f32::from(*noise) * gain) as i16)).collect()
}

/// What an answer to a consent question, heard by Whisper at 8 kHz, comes to: each utterance that is found in the sound.
async fn judged(recogniser: Arc<dyn Recogniser>, language: &str, sound: &[i16]) -> Vec<(Judgement, String)> {
    let grammar = AnswerGrammar::for_language(language).unwrap();
    let mut settings = Settings::default();
    settings.recognition.time_limit_ms = 60_000;
    let (ears, mut heard) = Ears::start(Some(recogniser), &settings, Codec::Ulaw).unwrap();
    ears.expect(Expectation { phrases: grammar.phrases(), second_look: true, open: false, value: None });
    let mut at = SessionTime::START;
    for frame in sound.chunks(160) {
        ears.frame(at, g711::encode(frame).into());
        at = at + Duration::from_millis(20);
    }
    drop(ears);
    let mut answers = Vec::new();
    while let Some(event) = heard.recv().await {
        let Heard::Utterance { began, speech, above_noise, hypothesis, .. } = event else { continue };
        let answer = SpokenAnswer {
            text: &hypothesis.text,
            second_look: hypothesis.open_look(),
            confidence: hypothesis.confidence,
            is_final: true,
            began,
            speech,
            above_noise,
        };
        let judged = grammar.judge(&answer, Some(SessionTime::START), &Thresholds::default());
        let understood = format!("{above_noise:.0} dB above noise, sure {:.2}: {}", hypothesis.confidence, hypothesis.text);
        answers.push((judged, understood));
    }
    answers
}

async fn whisper(language: &str) -> Arc<dyn Recogniser> {
    let models = std::env::var_os("CANDOR_SPEECH__MODELS").map(Into::into);
    let recognisers = [(language.to_owned(), vec![MODEL.to_owned()])].into();
    let settings = Settings { models, recognisers, ..Default::default() };
    let (recognisers, notes) = Recognisers::load(&settings, &[language.to_owned()]).await;
    recognisers.get(language).unwrap_or_else(|| panic!("{notes:?}"))
}

/// A recording of somebody as a telephone has it, at 8 kHz.
fn recorded_at_8_khz(file: &Path) -> Vec<i16> {
    let sound = recorded::decode(file, &std::fs::read(file).unwrap()).unwrap();
    resample(&sound.samples, sound.rate, 8_000).unwrap().to_vec()
}

/// In noise the model hears a "yeah" in this "no" and in this "learn".
#[tokio::test(flavor = "multi_thread")]
async fn what_sounds_like_a_yes_in_noise_is_none() {
    let Some((_, speech)) = line("en") else { return };
    let recogniser = whisper("en").await;
    let mut noises: Vec<PathBuf> = std::fs::read_dir(speech.join("noise")).unwrap().map(|noise| noise.unwrap().path()).collect();
    noises.sort();
    let mut answers = Vec::new();
    let no = "en/no/sc_no_7bae88ed_nohash_0.wav";
    let learn = "en/other/sc_learn_220ee1ef_nohash_0.wav";
    let no_into = [25.0, 20.0, 20.0, 15.0, 15.0, 15.0, 10.0, 10.0, 5.0].map(|decibels| (no, decibels));
    let learn_into = [20.0, 20.0, 20.0, 20.0, 20.0, 10.0].map(|decibels| (learn, decibels));
    for (number, (recording, decibels)) in no_into.into_iter().chain(learn_into).enumerate() {
        let noise = recorded_at_8_khz(&noises[number * 7 % noises.len()]);
        let sound = into_noise(&recorded_at_8_khz(&speech.join(recording)), &noise, decibels);
        let came_of_it = judged(recogniser.clone(), "en", &sound).await;
        answers.extend(came_of_it.into_iter().map(|(judged, answer)| (judged, format!("{recording}, {decibels} dB, {answer}"))));
    }
    println!("{answers:#?}");
    assert!(answers.len() >= 10, "{answers:#?}");
    assert!(answers.iter().all(|(judged, _)| !matches!(judged, Judgement::Grant(_))), "{answers:#?}");
}

/// A machine that answers, music, and two people who talk at once: nobody has said yes to anything.
#[tokio::test(flavor = "multi_thread")]
async fn greetings_music_and_two_voices_at_once_are_no_yes() {
    let Some((_, speech)) = line("en") else { return };
    let decoded = |ulaw: Vec<u8>| ulaw.into_iter().map(audio_codec_algorithms::decode_ulaw).collect::<Vec<i16>>();
    let beep = (0..8_000).map(|n| ((f64::from(n) * 1_000.0 / 8_000.0 * std::f64::consts::TAU).sin() * 8_000.0) as i16);
    let greeting = "hello, yes, you have reached anna. i am not here. yes, please leave a message after the tone";
    let greeting: Vec<i16> = decoded(synthetic("en+f2", greeting).await).into_iter().chain(beep.clone()).collect();
    let dutch_greeting = "ja hallo, u bent verbonden met de voicemail van anna. spreek na de piep een bericht in";
    // By the voice that the model understands, where it is installed.
    let dutch_greeting = match dutch(dutch_greeting).await {
        Some(spoken) => spoken,
        None => synthetic("nl+f2", dutch_greeting).await,
    };
    let dutch_greeting: Vec<i16> = decoded(dutch_greeting).into_iter().chain(beep).collect();
    let music = hold_music();
    let music = resample(&music.samples, music.rate, 8_000).unwrap().to_vec();
    // Somebody says no, and somebody beside them says yes, not as loud; and the other way round two who say neither.
    let person = |name: &str| recorded_at_8_khz(&speech.join(name));
    let no_beside_a_yes = into_noise(&person(NO), &person("en/yes/sc_yes_e0c782d5_nohash_0.wav"), 10.0);
    let left_beside_a_no = into_noise(&person("en/other/sc_learn_220ee1ef_nohash_0.wav"), &person(NO), 0.0);
    let nee_beside_a_ja = into_noise(
        &person("nl/nee/fillets_cannons_del-v-splet_cut.wav"),
        &person("nl/ja/fillets_barrel_bar-v-traverza_cut.wav"),
        10.0,
    );
    let silence = vec![0; 12_000];
    for (language, sounds) in [
        ("en", vec![(&greeting, 1), (&music, 0), (&no_beside_a_yes, 1), (&left_beside_a_no, 1)]),
        ("nl", vec![(&dutch_greeting, 1), (&music, 0), (&nee_beside_a_ja, 1)]),
    ] {
        let recogniser = whisper(language).await;
        for (number, (sound, least)) in sounds.into_iter().enumerate() {
            let sound = [&silence[..], sound, &silence].concat();
            let answers = judged(recogniser.clone(), language, &sound).await;
            println!("{language}, {number}: {answers:#?}");
            assert!(answers.len() >= least, "{language}, {number}: {answers:#?}");
            assert!(
                answers.iter().all(|(judged, _)| !matches!(judged, Judgement::Grant(_))),
                "{language}, {number}: {answers:#?}"
            );
        }
    }
}

/// Whisper on a machine that is far too slow for it: the caller is told, and goes on by keys.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_whisper_cannot_finish_is_told_and_given_by_key() {
    let Some((plan, speech)) = line("en") else { return };
    // Less than any machine needs for it.
    let service = plan.with("SPEECH__RECOGNITION__TIME_LIMIT_MS", "1").start();
    let call = service.caller().ring().await.unwrap();
    call.wait_for_completed_marks(QUESTION).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    call.say_wav(speech.join("en/yes/sc_yes_e0c782d5_nohash_0.wav")).await.unwrap();
    assert_eq!(answer(&service, 1).await["outcome"], "unclear");
    call.wait_until_heard(&synthesised(CANNOT_HEAR, "en", AGENT).await).await.unwrap();
    call.wait_for_completed_marks(QUESTION + 2).await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    call.press("1").await.unwrap();
    let given = answer(&service, 2).await;
    assert_eq!(
        (given["outcome"].as_str(), given["method"].as_str(), given["key"].as_str()),
        (Some("given"), Some("key"), Some("1"))
    );
    call.wait_for_turn(Duration::from_millis(1500)).await.unwrap();
    call.press("3").await.unwrap();
    call.wait_until_heard(&synthesised(OPEN, "en", AGENT).await).await.unwrap();
    let told = service.complaints("the recogniser fails: calls go on by keys, and their callers are told");
    assert!(told.len() == 1 && told[0].contains("too-slow"), "{:#?}", service.complaints(""));
    let events = leave(&service, call).await;
    assert!(!of_type(&events, "turn.sealed").is_empty(), "{events:#?}");
}
