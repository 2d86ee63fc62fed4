//! Prompts become telephone sound before the server is ready: by eSpeak NG, or from a recording that wins over it; once, and
//! again only where the cache is damaged. The real program speaks here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use candor::audio::g711;
use candor::speech::{EspeakSettings, Prepared, PromptCache, PromptText, RenderError};

fn prompt(id: &str, language: &str, text: &str) -> PromptText {
    PromptText { id: id.to_owned(), language: language.to_owned(), text: text.to_owned(), recorded: None }
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
    let cache = PromptCache::prepare(folder, &EspeakSettings::default(), prompts, on_progress).await.unwrap();
    (cache, cached)
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    files
}

#[tokio::test]
async fn fixed_prompts_are_rendered_once_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let (first, cached) = prepared(folder.path(), welcome()).await;
    assert_eq!(cached, [false; 3]);
    let (second, cached) = prepared(folder.path(), welcome()).await;
    assert_eq!(cached, [true; 3]);
    for language in ["nl", "en", "ko"] {
        let spoken = first.get(language, "welcome").unwrap();
        assert_eq!(spoken, second.get(language, "welcome").unwrap());
        assert!(
            spoken.duration > Duration::from_millis(1200) && spoken.duration < Duration::from_secs(6),
            "{:?}",
            spoken.duration
        );
        let loudest = g711::decode(spoken.audio.bytes()).iter().map(|sample| sample.unsigned_abs()).max().unwrap();
        assert!((6_000..30_000).contains(&loudest), "{language} peaks at {loudest}");
    }
    assert!(first.get("nl", "no-such-prompt").is_none());
    assert!(first.get("fy", "welcome").is_none());
}

#[tokio::test]
async fn a_damaged_file_is_rendered_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (before, _) = prepared(folder.path(), welcome()).await;
    let sounds = files(folder.path(), "ulaw");
    assert_eq!(sounds.len(), 3);
    let whole = std::fs::read(&sounds[0]).unwrap();
    std::fs::write(&sounds[0], &whole[..whole.len() / 2]).unwrap();
    let mut changed = std::fs::read(&sounds[1]).unwrap();
    changed[500] ^= 0x40;
    std::fs::write(&sounds[1], changed).unwrap();
    let (after, cached) = prepared(folder.path(), welcome()).await;
    assert_eq!(cached.iter().filter(|&&cached| cached).count(), 1);
    for language in ["nl", "en", "ko"] {
        assert_eq!(before.get(language, "welcome"), after.get(language, "welcome"));
    }
}

#[tokio::test]
async fn the_file_in_the_cache_has_the_hash_that_the_ledger_names() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, _) = prepared(folder.path(), welcome().split_off(2)).await;
    let sums = files(folder.path(), "sha256");
    let sum = std::fs::read_to_string(&sums[0]).unwrap();
    assert!(sum.starts_with(&cache.get("ko", "welcome").unwrap().audio_sha256));
    let checked =
        std::process::Command::new("sha256sum").arg("--check").arg(&sums[0]).current_dir(folder.path()).output().unwrap();
    assert!(checked.status.success());
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
    prompts[0].recorded = Some(wav);
    let (recorded, cached) = prepared(&folder.path().join("prompts"), prompts).await;
    assert_eq!(cached, [false, true, true]);
    let (recorded, synthesised) = (recorded.get("nl", "welcome").unwrap(), synthesised.get("nl", "welcome").unwrap());
    assert_eq!(recorded.duration, Duration::from_secs(1));
    assert_eq!(recorded.text_sha256, synthesised.text_sha256);
    assert_ne!(recorded.audio_sha256, synthesised.audio_sha256);
}

#[tokio::test]
async fn a_prompt_that_cannot_be_rendered_is_named_with_its_language() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("closing.wav");
    std::fs::write(&broken, "this is no sound").unwrap();
    let mut with_recording = prompt("closing", "en", "Goodbye.");
    with_recording.recorded = Some(broken);
    let cases = [
        (with_recording, ["`closing`", "`en`", "closing.wav"]),
        (prompt("greeting", "tlh-none", "nuqneH"), ["`greeting`", "`tlh-none`", "no voice"]),
        (prompt("nothing", "nl", " "), ["`nothing`", "`nl`", "no sound"]),
    ];
    for (prompt, named) in cases {
        let prompts = vec![welcome().swap_remove(0), prompt];
        let error =
            PromptCache::prepare(folder.path(), &EspeakSettings::default(), prompts, |_| {}).await.err().unwrap().to_string();
        assert!(named.iter().all(|part| error.contains(part)), "{error}");
    }
}

#[tokio::test]
async fn a_missing_espeak_stops_the_start_and_says_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let espeak = EspeakSettings { program: "no-such-espeak".into(), ..Default::default() };
    let error = PromptCache::prepare(folder.path(), &espeak, welcome(), |_| {}).await.err().unwrap().to_string();
    assert!(error.contains("`welcome`") && error.contains("apt install espeak-ng"), "{error}");
}

#[tokio::test]
async fn a_text_with_slots_is_rendered_without_touching_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let (cache, _) = prepared(folder.path(), welcome()).await;
    let before = files(folder.path(), "ulaw");
    let spoken = cache.render("nl", "Uw bestelling 12345678 is onderweg.").await.unwrap();
    assert!(spoken.duration > Duration::from_secs(2));
    assert_eq!(files(folder.path(), "ulaw"), before);
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
        let spoken = cache.render("en", text).await.unwrap();
        assert!(spoken.duration > Duration::from_millis(300), "{text:?}: {:?}", spoken.duration);
    }
}

#[tokio::test]
async fn synthesis_beyond_its_time_limit_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let espeak = EspeakSettings { time_limit_ms: 1, ..Default::default() };
    let cache = PromptCache::prepare(folder.path(), &espeak, Vec::new(), |_| {}).await.unwrap();
    let endless = "Dit duurt te lang. ".repeat(2_000);
    assert!(matches!(cache.render("nl", &endless).await, Err(RenderError::Speak(_))));
}
