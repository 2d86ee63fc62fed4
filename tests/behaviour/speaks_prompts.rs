//! Prompts become telephone sound before the server is ready: by eSpeak NG, or from a recording that wins over it; once, and
//! again only where the cache is damaged. The real program speaks here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use candor::audio::{Codec, FRAME, g711, opus};
use candor::speech::{EspeakSettings, Prepared, PromptCache, PromptSource, PromptText, RenderError};

const BOTH: [Codec; 2] = [Codec::Ulaw, Codec::Opus];

fn prompt(id: &str, language: &str, text: &str) -> PromptText {
    PromptText { id: id.to_owned(), language: language.to_owned(), text: text.to_owned(), source: PromptSource::Synthesis }
}

fn welcome() -> Vec<PromptText> {
    vec![
        prompt("welcome", "nl", "Goedemiddag. U spreekt met een automatisch systeem."),
        prompt("welcome", "en", "Good afternoon. This is an automated system."),
        prompt("welcome", "ko", "안녕하세요. 자동 응답 시스템입니다."),
    ]
}

/// Prepares prompts and gives the cache with, for each prompt, whether it lay there already.
async fn prepared(folder: &Path, prompts: Vec<PromptText>) -> (PromptCache, Vec<bool>) {
    let total = prompts.len();
    let mut cached = Vec::new();
    let on_progress = |step: Prepared<'_>| {
        cached.push(step.cached);
        assert_eq!((step.done, step.total), (cached.len(), total));
    };
    let cache = PromptCache::prepare(folder, &EspeakSettings::default(), &BOTH, prompts, on_progress).await.unwrap();
    (cache, cached)
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    files
}

/// The sound of a prompt as 8 kHz samples.
fn decoded(sound: &candor::audio::Encoded) -> Vec<i16> {
    if sound.codec() == Codec::Ulaw {
        return g711::decode(sound.bytes());
    }
    let (mut decoder, mut samples) = (opus::Decoder::new(8000).unwrap(), Vec::new());
    sound.iter().for_each(|packet| decoder.decode(&packet, &mut samples).unwrap());
    samples
}

fn level(samples: &[i16]) -> f64 {
    (samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
}

#[tokio::test]
async fn fixed_prompts_are_rendered_once_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let (first, cached) = prepared(folder.path(), welcome()).await;
    assert_eq!(cached, [false; 3]);
    let (second, cached) = prepared(folder.path(), welcome()).await;
    assert_eq!(cached, [true; 3]);
    for language in ["nl", "en", "ko"] {
        let forms = BOTH.map(|codec| first.get(codec, language, "welcome").unwrap());
        for spoken in &forms {
            assert_eq!(*spoken, second.get(spoken.audio.codec(), language, "welcome").unwrap());
            assert!(
                spoken.duration > Duration::from_millis(1200) && spoken.duration < Duration::from_secs(6),
                "{:?}",
                spoken.duration
            );
            let loudest = decoded(&spoken.audio).iter().map(|sample| sample.unsigned_abs()).max().unwrap();
            assert!((6_000..32_000).contains(&loudest), "{language} peaks at {loudest}");
        }
        // The same words, as loud and as long.
        let [telephone, opus] = &forms;
        assert_eq!(telephone.text_sha256, opus.text_sha256);
        assert!(opus.duration.abs_diff(telephone.duration) <= 2 * FRAME, "{:?}, {:?}", opus.duration, telephone.duration);
        let ratio = level(&decoded(&opus.audio)) / level(&decoded(&telephone.audio));
        assert!((0.8..1.2).contains(&ratio), "{language}: {ratio}");
        let bitrate = opus.audio.bytes().len() as f64 * 8.0 / opus.duration.as_secs_f64();
        eprintln!("{language}: {bitrate:.0} b/s");
        assert!(bitrate < 40_000.0);
    }
    assert!(first.get(Codec::Opus, "nl", "no-such-prompt").is_none());
    assert!(first.get(Codec::Opus, "fy", "welcome").is_none());
}

#[tokio::test]
async fn a_prompt_is_there_in_the_codecs_that_were_asked_for_and_another_is_added_later() {
    let folder = tempfile::tempdir().unwrap();
    let espeak = EspeakSettings::default();
    let cache = PromptCache::prepare(folder.path(), &espeak, &[Codec::Ulaw], welcome(), |_| {}).await.unwrap();
    assert!(cache.get(Codec::Ulaw, "nl", "welcome").is_some() && cache.get(Codec::Opus, "nl", "welcome").is_none());
    let (both, cached) = prepared(folder.path(), welcome()).await;
    assert_eq!(cached, [false; 3]);
    assert_eq!(both.get(Codec::Ulaw, "nl", "welcome"), cache.get(Codec::Ulaw, "nl", "welcome"));
    assert!(both.get(Codec::Opus, "nl", "welcome").is_some());
}

#[tokio::test]
async fn equal_sound_is_in_memory_once() {
    let folder = tempfile::tempdir().unwrap();
    let twice = vec![prompt("one", "nl", "Goedemiddag."), prompt("two", "nl", "Goedemiddag.")];
    for _ in 0..2 {
        let (cache, _) = prepared(folder.path(), twice.clone()).await;
        for codec in BOTH {
            let [one, two] = ["one", "two"].map(|id| cache.get(codec, "nl", id).unwrap());
            assert_eq!(one.audio.bytes().as_ptr(), two.audio.bytes().as_ptr());
        }
    }
}

/// What was edited is served beside what calls in progress still hear.
#[tokio::test]
async fn two_versions_of_a_dialog_share_the_sound_that_did_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let (common, _) = prepared(folder.path(), Vec::new()).await;
    let version = |menu: &str| vec![prompt("welcome", "nl", "Goedemiddag."), prompt("menu", "nl", menu)];
    let extended = |prompts, beside: Vec<PromptCache>| {
        let (common, folder) = (&common, folder.path());
        async move {
            let beside: Vec<_> = beside.iter().collect();
            common.extended(folder, &BOTH, prompts, &beside, true, |_| {}).await.unwrap()
        }
    };
    let before = extended(version("Kies een of twee."), Vec::new()).await;
    let after = extended(version("Kies een, twee of drie."), vec![before.clone()]).await;
    for codec in BOTH {
        let shared = |id: &str| {
            let [before, after] = [&before, &after].map(|cache| cache.get(codec, "nl", id).unwrap());
            before.audio.bytes().as_ptr() == after.audio.bytes().as_ptr()
        };
        assert_eq!((shared("welcome"), shared("menu")), (true, false));
    }
}

#[tokio::test]
async fn a_damaged_file_is_rendered_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (before, _) = prepared(folder.path(), welcome()).await;
    for extension in ["ulaw", "opus"] {
        let sounds = files(folder.path(), extension);
        assert_eq!(sounds.len(), 3);
        let whole = std::fs::read(&sounds[0]).unwrap();
        std::fs::write(&sounds[0], &whole[..whole.len() / 2]).unwrap();
        let mut changed = std::fs::read(&sounds[1]).unwrap();
        changed[500] ^= 0x40;
        std::fs::write(&sounds[1], changed).unwrap();
        let (after, cached) = prepared(folder.path(), welcome()).await;
        assert_eq!(cached.iter().filter(|&&cached| cached).count(), 1);
        for (codec, language) in BOTH.into_iter().flat_map(|codec| ["nl", "en", "ko"].map(|language| (codec, language))) {
            assert_eq!(before.get(codec, language, "welcome"), after.get(codec, language, "welcome"));
        }
    }
}

#[tokio::test]
async fn the_file_in_the_cache_has_the_hash_that_the_ledger_names() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, _) = prepared(folder.path(), welcome().split_off(2)).await;
    let sums = files(folder.path(), "sha256");
    assert_eq!(sums.len(), 2);
    for sum in &sums {
        let checked =
            std::process::Command::new("sha256sum").arg("--check").arg(sum).current_dir(folder.path()).output().unwrap();
        assert!(checked.status.success());
    }
    let sums: Vec<_> = sums.iter().map(|sum| std::fs::read_to_string(sum).unwrap()).collect();
    for (codec, name) in BOTH.into_iter().zip([".ulaw", ".opus"]) {
        let hash = &cache.get(codec, "ko", "welcome").unwrap().audio_sha256;
        assert!(sums.iter().any(|sum| sum.starts_with(hash) && sum.trim().ends_with(name)), "{codec:?}");
    }
}

#[tokio::test]
async fn players_open_the_opus_file_of_a_prompt() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, _) = prepared(folder.path(), welcome().split_off(2)).await;
    let file = files(folder.path(), "opus").remove(0);
    let wav = folder.path().join("played.wav");
    let played = std::process::Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(&file).arg(&wav).output();
    let Ok(played) = played else {
        eprintln!("skipped: no ffmpeg (Debian: ffmpeg)");
        return;
    };
    assert!(played.status.success() && played.stderr.is_empty(), "{}", String::from_utf8_lossy(&played.stderr));
    let samples = hound::WavReader::open(&wav).unwrap().duration();
    let spoken = cache.get(Codec::Opus, "ko", "welcome").unwrap();
    assert_eq!(u64::from(samples + u32::from(opus::PRE_SKIP)), spoken.duration.as_millis() as u64 * 48);
}

#[tokio::test]
async fn a_recording_wins_over_synthesis_and_keeps_the_hash_of_its_text() {
    let folder = tempfile::tempdir().unwrap();
    let wav = folder.path().join("welcome.wav");
    let spec = hound::WavSpec { channels: 2, sample_rate: 44_100, bits_per_sample: 24, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(&wav, spec).unwrap();
    for n in 0..44_100 {
        let sample = (f64::from(n) * 0.06).sin() * 4_000_000.0;
        writer.write_sample(sample as i32).unwrap();
        writer.write_sample(sample as i32).unwrap();
    }
    writer.finalize().unwrap();
    let (synthesised, _) = prepared(&folder.path().join("prompts"), welcome()).await;
    let mut prompts = welcome();
    prompts[0].source = PromptSource::Recording(wav);
    let (cache, cached) = prepared(&folder.path().join("prompts"), prompts).await;
    assert_eq!(cached, [false, true, true]);
    for codec in BOTH {
        let (recorded, synthesised) =
            (cache.get(codec, "nl", "welcome").unwrap(), synthesised.get(codec, "nl", "welcome").unwrap());
        assert!(recorded.duration.abs_diff(Duration::from_secs(1)) <= FRAME);
        assert_eq!(recorded.text_sha256, synthesised.text_sha256);
        assert_ne!(recorded.audio_sha256, synthesised.audio_sha256);
    }
}

#[tokio::test]
async fn those_who_wait_hear_music_in_both_codecs_and_an_operator_may_bring_another() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, cached) = prepared(folder.path(), vec![PromptText::hold_music(None)]).await;
    assert_eq!(cached, [false]);
    for codec in BOTH {
        let music = cache.music(codec).unwrap();
        assert!(music.duration > Duration::from_secs(20) && music.duration < Duration::from_secs(30));
        let decibels = 20.0 * (level(&decoded(&music.audio)) / 32_767.0).log10();
        assert!((-26.0..-22.0).contains(&decibels), "{codec:?}: {decibels} dB");
    }
    let (again, cached) = prepared(folder.path(), vec![PromptText::hold_music(None)]).await;
    assert_eq!((again.music(Codec::Opus), &cached[..]), (cache.music(Codec::Opus), &[true][..]));

    let wav = folder.path().join("hold-music.wav");
    let spec = hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(&wav, spec).unwrap();
    (0..8000).for_each(|n| writer.write_sample(((f64::from(n) * 0.3).sin() * 2000.0) as i16).unwrap());
    writer.finalize().unwrap();
    let (other, _) = prepared(folder.path(), vec![PromptText::hold_music(Some(wav))]).await;
    assert!(other.music(Codec::Ulaw).unwrap().duration == Duration::from_secs(1));
    let (without, _) = prepared(folder.path(), Vec::new()).await;
    assert!(without.music(Codec::Ulaw).is_none());
}

#[tokio::test]
async fn a_prompt_that_cannot_be_rendered_is_named_with_its_language() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("closing.wav");
    std::fs::write(&broken, "this is no sound").unwrap();
    let mut with_recording = prompt("closing", "en", "Goodbye.");
    with_recording.source = PromptSource::Recording(broken);
    let cases = [
        (with_recording, ["`closing`", "`en`", "closing.wav"]),
        (prompt("greeting", "tlh-none", "nuqneH"), ["`greeting`", "`tlh-none`", "no voice"]),
        (prompt("nothing", "nl", " "), ["`nothing`", "`nl`", "no sound"]),
    ];
    for (prompt, named) in cases {
        let prompts = vec![welcome().swap_remove(0), prompt];
        let error = PromptCache::prepare(folder.path(), &EspeakSettings::default(), &BOTH, prompts, |_| {})
            .await
            .err()
            .unwrap()
            .to_string();
        assert!(named.iter().all(|part| error.contains(part)), "{error}");
    }
}

#[tokio::test]
async fn a_missing_espeak_stops_the_start_and_says_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let espeak = EspeakSettings { program: "no-such-espeak".into(), ..Default::default() };
    let error = PromptCache::prepare(folder.path(), &espeak, &BOTH, welcome(), |_| {}).await.err().unwrap().to_string();
    assert!(error.contains("`welcome`") && error.contains("apt install espeak-ng"), "{error}");
}

#[tokio::test]
async fn a_text_with_slots_is_rendered_without_touching_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, _) = prepared(folder.path(), welcome()).await;
    let before = [files(folder.path(), "ulaw"), files(folder.path(), "opus"), files(folder.path(), "sha256")];
    for codec in BOTH {
        let spoken = cache.render(codec, "nl", "Uw bestelling 12345678 is onderweg.").await.unwrap();
        assert_eq!(spoken.audio.codec(), codec);
        assert!(spoken.duration > Duration::from_secs(2));
    }
    assert_eq!([files(folder.path(), "ulaw"), files(folder.path(), "opus"), files(folder.path(), "sha256")], before);
}

#[tokio::test]
async fn text_is_spoken_whatever_it_looks_like() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, _) = prepared(folder.path(), Vec::new()).await;
    for text in [
        "--help",
        "-f /etc/hostname",
        "[[h@'l@U]] there",
        "line one\nline two\n",
        "<b>bold & bolder</b>",
        "een\u{2068}twee\u{2069}",
    ] {
        let spoken = cache.render(Codec::Ulaw, "en", text).await.unwrap();
        assert!(spoken.duration > Duration::from_millis(300), "{text:?}: {:?}", spoken.duration);
    }
}

#[tokio::test]
async fn synthesis_beyond_its_time_limit_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let espeak = EspeakSettings { time_limit_ms: 1, ..Default::default() };
    let cache = PromptCache::prepare(folder.path(), &espeak, &BOTH, Vec::new(), |_| {}).await.unwrap();
    let endless = "Dit duurt te lang. ".repeat(2_000);
    assert!(matches!(cache.render(Codec::Ulaw, "nl", &endless).await, Err(RenderError::Speak(_))));
}
