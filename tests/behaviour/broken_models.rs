//! A model that is cut off, of another version of its format, or of another language: told at the start, and not used. With the real model, where it is here.

use std::path::{Path, PathBuf};

use candor::speech::Settings;
use candor::speech::stt::{LoadNote, Recognisers};

const MODEL: &str = "whisper-base";

/// The folder of the real model; or nothing (and why).
fn real() -> Option<PathBuf> {
    let models = std::env::var_os("CANDOR_SPEECH__MODELS").map(Into::into);
    let folder = Settings { models, ..Default::default() }.models_folder().join(MODEL);
    if !cfg!(feature = "whisper") || !folder.is_dir() {
        eprintln!("skipped: it needs the model {}", folder.display());
        return None;
    }
    Some(folder)
}

/// A folder of models with one called so, whose `model.bin` is what is made of the real one's; without a receipt, as who unpacks by hand has it.
fn models(real: &Path, name: &str, model: impl Fn(Vec<u8>) -> Vec<u8>) -> tempfile::TempDir {
    let models = tempfile::tempdir().unwrap();
    let folder = models.path().join(name);
    std::fs::create_dir(&folder).unwrap();
    for file in ["config.json", "tokenizer.json", "vocabulary.json"] {
        std::fs::copy(real.join(file), folder.join(file)).unwrap();
    }
    std::fs::write(folder.join("model.bin"), model(std::fs::read(real.join("model.bin")).unwrap())).unwrap();
    models
}

/// What the start says of a model that is to hear a language.
async fn told(models: &Path, language: &str, name: &str) -> (bool, Vec<LoadNote>) {
    let recognisers = [(language.to_owned(), vec![name.to_owned()])].into();
    let settings = Settings { models: Some(models.to_owned()), recognisers, ..Default::default() };
    let (recognisers, notes) = Recognisers::load(&settings, &[language.to_owned()]).await;
    (recognisers.hears(language), notes)
}

async fn refused(models: &Path, language: &str, name: &str, why: &str) {
    let (hears, notes) = told(models, language, name).await;
    assert!(!hears, "{notes:?}");
    let [note @ LoadNote::Broken { reason, keys_only: true, .. }] = notes.as_slice() else { panic!("{notes:?}") };
    let shown = note.to_string();
    assert!(reason.contains(why) && shown.contains("candor models verify") && shown.contains(name), "{shown}");
}

#[tokio::test]
async fn a_model_that_is_cut_off_is_not_used() {
    let Some(real) = real() else { return };
    for length in [0, 1, 100, 1 << 20] {
        let models = models(&real, "by-hand", |model| model[..length].to_vec());
        refused(models.path(), "nl", "by-hand", "CTranslate2 cannot read it").await;
    }
}

#[tokio::test]
async fn an_installed_model_whose_files_have_changed_is_not_even_read() {
    let Some(real) = real() else { return };
    let models = models(&real, MODEL, |model| model[..model.len() - 1].to_vec());
    std::fs::copy(real.join("candor-model.json"), models.path().join(MODEL).join("candor-model.json")).unwrap();
    refused(models.path(), "nl", MODEL, "model.bin").await;
}

#[tokio::test]
async fn a_model_of_another_version_of_the_format_is_not_used() {
    let Some(real) = real() else { return };
    // The file begins with the number of its format.
    let models = models(&real, "by-hand", |mut model| {
        model[..4].copy_from_slice(&99_u32.to_le_bytes());
        model
    });
    refused(models.path(), "nl", "by-hand", "CTranslate2 cannot read it").await;
}

#[tokio::test]
async fn a_language_that_a_model_does_not_know_is_not_heard_by_it() {
    let Some(real) = real() else { return };
    let models = models(&real, "by-hand", |model| model);
    refused(models.path(), "tlh", "by-hand", "does not know the language").await;
    refused(real.parent().unwrap(), "ko", MODEL, "it is a model for").await;
}

#[tokio::test]
async fn a_whole_model_without_a_receipt_is_used() {
    let Some(real) = real() else { return };
    let models = models(&real, "by-hand", |model| model);
    let (hears, notes) = told(models.path(), "en", "by-hand").await;
    assert!(hears && matches!(notes.as_slice(), [LoadNote::Loaded { .. }]), "{notes:?}");
}
