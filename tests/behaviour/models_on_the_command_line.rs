//! `candor models` says what is here and which languages it hears by the configuration, and by its status whether it holds. Nothing is fetched here.

use std::path::Path;
use std::process::{Command, Output};

/// Runs it in a folder with a `models` folder and perhaps a `candor.toml`.
fn candor(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut candor = Command::new(env!("CARGO_BIN_EXE_candor"));
    candor.current_dir(folder).env("CANDOR_SPEECH__MODELS", folder.join("models"));
    let Output { status, stdout, stderr } = candor.arg("models").args(arguments).output().unwrap();
    let told = if arguments.contains(&"--json") { Vec::new() } else { stderr };
    (status.code().unwrap(), String::from_utf8([stdout, told].concat()).unwrap())
}

fn line_of<'a>(told: &'a str, model: &str) -> &'a str {
    told.lines().find(|line| line.starts_with(model)).unwrap_or_else(|| panic!("{model} is not in {told}"))
}

#[test]
fn the_list_says_what_is_here_and_what_hears() {
    let folder = tempfile::tempdir().unwrap();
    let (status, told) = candor(folder.path(), &["list"]);
    assert!(status == 0 && told.lines().filter(|line| line.ends_with("not here")).count() >= 4, "{told}");

    std::fs::create_dir_all(folder.path().join("models/whisper-base")).unwrap();
    let (_, told) = candor(folder.path(), &["list"]);
    assert!(line_of(&told, "whisper-base").ends_with("here, unpacked by hand, hears nl, en"), "{told}");

    // What is set comes first, if it can be used: a model that is here, another machine; not a model that is missing.
    std::fs::create_dir_all(folder.path().join("models/our-own")).unwrap();
    let ours = "[speech.recognisers]\nnl = [\"our-own\", \"whisper-base\"]\nen = [\"not-here\", \"whisper-base\"]\n";
    std::fs::write(folder.path().join("candor.toml"), ours).unwrap();
    let (_, told) = candor(folder.path(), &["list"]);
    assert!(line_of(&told, "whisper-base").ends_with(", hears en"), "{told}");
    let remote = "[speech.recognisers]\nnl = [\"elsewhere\", \"whisper-base\"]\nen = [\"elsewhere\"]\n\
                  [speech.remote.elsewhere]\nprotocol = \"vosk-server\"\naddress = \"ws://localhost:2700\"\nretains_audio = false\n";
    std::fs::write(folder.path().join("candor.toml"), remote).unwrap();
    let (_, told) = candor(folder.path(), &["list", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&told).unwrap();
    let whisper = listed.as_array().unwrap().iter().find(|line| line["name"] == "whisper-base").unwrap();
    assert_eq!((&whisper["state"], whisper["hears"].as_array().unwrap().len()), (&"here, unpacked by hand".into(), 0));
}

#[test]
fn its_status_says_whether_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let whisper = folder.path().join("models/whisper-base");
    std::fs::create_dir_all(&whisper).unwrap();
    let (status, told) = candor(folder.path(), &["verify"]);
    assert!(status == 0 && told.contains("unpacked by hand: nothing is known"), "{told}");
    let (status, told) = candor(folder.path(), &["verify", "vosk-model-small-nl-0.22"]);
    assert!(status == 1 && told.contains("is not here"), "{told}");
    std::fs::write(whisper.join("candor-model.json"), "no receipt").unwrap();
    let (status, told) = candor(folder.path(), &["verify"]);
    assert!(status == 1 && told.contains("is broken. `candor models install whisper-base` puts it right"), "{told}");

    let (status, told) = candor(folder.path(), &["remove", "whisper-base"]);
    assert!(status == 0 && told.contains("is removed") && !whisper.exists(), "{told}");
    let (status, told) = candor(folder.path(), &["remove", "whisper-base"]);
    assert!(status == 0 && told.contains("was not here"), "{told}");
    for wrong in ["remove", "install"] {
        let (status, told) = candor(folder.path(), &[wrong, "whisper-bas"]);
        assert!(status == 2 && told.contains("Known models: ") && told.contains("whisper-base"), "{told}");
    }
    let (status, told) = candor(folder.path(), &[]);
    assert!(status == 2 && told.contains("Usage:") && told.contains("install"), "{told}");
}
