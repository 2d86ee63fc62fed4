use std::collections::HashMap;
use std::io::{Cursor, Write};
use std::sync::Arc;
use std::sync::Mutex;

use axum::extract::{Path as Asked, State as Shared};
use axum::http::header::{CONTENT_RANGE, RANGE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;

/// A publisher on this machine: what it has, how it behaves, and what it was asked for.
#[derive(Clone, Default)]
struct Publisher {
    files: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    /// Answers without regard to what is already there.
    ignores_ranges: Arc<Mutex<bool>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Publisher {
    fn has(&self, name: &str, bytes: &[u8]) {
        self.files.lock().unwrap().insert(name.to_owned(), bytes.to_owned());
    }

    /// Opens for business; gives the address.
    async fn open(&self) -> String {
        let routes = axum::Router::new().route("/{name}", axum::routing::get(give)).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}")
    }
}

async fn give(Asked(name): Asked<String>, Shared(publisher): Shared<Publisher>, headers: HeaderMap) -> Response {
    let range = headers.get(RANGE).map(|range| range.to_str().unwrap().to_owned());
    publisher.asked.lock().unwrap().push(format!("{name} {}", range.as_deref().unwrap_or("all")));
    let files = publisher.files.lock().unwrap();
    let Some(bytes) = files.get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let from = range.and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
    match from {
        Some(from) if !*publisher.ignores_ranges.lock().unwrap() => {
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            (StatusCode::PARTIAL_CONTENT, [(CONTENT_RANGE, range)], bytes[from..].to_vec()).into_response()
        }
        _ => bytes.clone().into_response(),
    }
}

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A model of one archive, to be had from these addresses.
fn model(archive: &[u8], from: &[String]) -> Model {
    let from: Vec<String> = from.iter().map(|address| format!("{address:?}")).collect();
    let text = format!(
        "[[model]]\nname = 'small'\nengine = 'vosk'\nlanguages = ['nl']\nlicence = 'MIT'\nabout = 'a trial'\n\
         join = [{{ into = 'whole', parts = ['one', 'two'] }}]\n\
         [[model.archive]]\nbytes = {}\nsha256 = '{}'\nfolder = 'small-1.0/model'\nfrom = [{}]\n",
        archive.len(),
        hex::encode(Sha256::digest(archive)),
        from.join(", ")
    );
    Manifest::read(&text).unwrap().models()[0].clone()
}

fn small() -> Vec<u8> {
    archive(&[
        ("small-1.0/README", "not the model's"),
        ("small-1.0/model/conf/settings", "beam = 10"),
        ("small-1.0/model/one", "half and "),
        ("small-1.0/model/two", "half"),
    ])
}

fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store { folder: folder.path().join("models"), mirror: None };
    (folder, store)
}

async fn install(store: &Store, model: &Model) -> Result<(), String> {
    store.install(model, &|_| {}).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_model_is_fetched_put_together_and_holds() {
    let publisher = Publisher::default();
    publisher.has("small.zip", &small());
    let model = model(&small(), &[format!("{}/small.zip", publisher.open().await)]);
    let (_folder, store) = store();
    assert_eq!(store.state("small"), State::Absent);
    install(&store, &model).await.unwrap();
    assert_eq!((store.state("small"), store.verify("small")), (State::Installed, State::Installed));
    let folder = store.path("small");
    assert_eq!(std::fs::read_to_string(folder.join("whole")).unwrap(), "half and half");
    assert_eq!(std::fs::read_to_string(folder.join("conf/settings")).unwrap(), "beam = 10");
    assert!(!folder.join("one").exists() && !folder.join("README").exists());
    // Nothing of the way there is left.
    let left: Vec<_> = std::fs::read_dir(store.downloads()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
    assert!(store.remove("small").unwrap() && !store.remove("small").unwrap());
    assert_eq!(store.state("small"), State::Absent);
}

#[tokio::test]
async fn a_download_that_was_cut_off_goes_on_where_it_stopped() {
    let (publisher, bytes) = (Publisher::default(), small());
    publisher.has("small.zip", &bytes[..100]);
    let model = model(&bytes, &[format!("{}/small.zip", publisher.open().await)]);
    let (_folder, store) = store();
    let error = install(&store, &model).await.unwrap_err();
    assert!(error.contains(&format!("at 100 of {} bytes; the next attempt goes on from there", bytes.len())), "{error}");
    assert_eq!(store.state("small"), State::Absent);
    publisher.has("small.zip", &bytes);
    install(&store, &model).await.unwrap();
    assert_eq!(*publisher.asked.lock().unwrap(), ["small.zip all", "small.zip bytes=100-"]);
    assert_eq!(store.verify("small"), State::Installed);
}

#[tokio::test]
async fn a_server_that_gives_all_of_it_again_is_taken_at_its_word() {
    let (publisher, bytes) = (Publisher::default(), small());
    publisher.has("small.zip", &bytes[..100]);
    let model = model(&bytes, &[format!("{}/small.zip", publisher.open().await)]);
    let (_folder, store) = store();
    install(&store, &model).await.unwrap_err();
    publisher.has("small.zip", &bytes);
    *publisher.ignores_ranges.lock().unwrap() = true;
    install(&store, &model).await.unwrap();
    assert_eq!(store.verify("small"), State::Installed);
}

#[tokio::test]
async fn what_is_not_what_it_should_be_is_thrown_away() {
    let (publisher, bytes) = (Publisher::default(), small());
    let mut other = bytes.clone();
    other[40] ^= 1;
    publisher.has("small.zip", &other);
    let model = model(&bytes, &[format!("{}/small.zip", publisher.open().await)]);
    let (_folder, store) = store();
    let error = install(&store, &model).await.unwrap_err();
    assert!(error.contains("SHA-256") && error.contains("thrown away"), "{error}");
    // A part of the wrong one, and the right one behind it: once more from the beginning.
    publisher.has("small.zip", &other[..60]);
    install(&store, &model).await.unwrap_err();
    publisher.has("small.zip", &bytes);
    install(&store, &model).await.unwrap();
    assert_eq!(store.verify("small"), State::Installed);
}

#[tokio::test]
async fn the_mirror_is_asked_first_and_the_next_where_one_is_out_of_reach() {
    let (mirror, publisher, bytes) = (Publisher::default(), Publisher::default(), small());
    publisher.has("small.zip", &bytes);
    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = format!("http://{}/small.zip", nobody.local_addr().unwrap());
    drop(nobody);
    let model = model(&bytes, &[closed.clone(), format!("{}/small.zip", publisher.open().await)]);
    let (_folder, mut store) = store();
    store.mirror = Some(mirror.open().await.parse().unwrap());
    install(&store, &model).await.unwrap();
    assert_eq!((mirror.asked.lock().unwrap().len(), publisher.asked.lock().unwrap().len()), (1, 1));
    // With nobody left, each is told with its reason.
    publisher.files.lock().unwrap().clear();
    store.remove("small").unwrap();
    let error = install(&store, &model).await.unwrap_err();
    assert!(error.contains(&closed) && error.contains("404") && error.lines().count() == 4, "{error}");
}

#[tokio::test]
async fn a_model_that_was_damaged_is_noticed_and_put_right() {
    let publisher = Publisher::default();
    publisher.has("small.zip", &small());
    let model = model(&small(), &[format!("{}/small.zip", publisher.open().await)]);
    let (_folder, store) = store();
    install(&store, &model).await.unwrap();
    let whole = store.path("small").join("whole");
    std::fs::write(&whole, "half").unwrap();
    let expected = Fault::Length { path: "whole".into(), expected: 13, found: 4 };
    assert_eq!(store.state("small"), State::Broken(vec![expected]));
    std::fs::write(&whole, "half and hulf").unwrap();
    assert_eq!(store.state("small"), State::Installed, "a start does not read all of it");
    assert_eq!(store.verify("small"), State::Broken(vec![Fault::Changed { path: "whole".into() }]));
    std::fs::remove_file(&whole).unwrap();
    assert_eq!(store.state("small"), State::Broken(vec![Fault::Missing { path: "whole".into() }]));
    install(&store, &model).await.unwrap();
    assert_eq!(store.verify("small"), State::Installed);
    let left = std::fs::read_dir(store.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.filter(|name| name != ".downloads").collect::<Vec<_>>(), ["small"], "the damaged one is gone");
    std::fs::rename(store.path("small"), store.path("large")).unwrap();
    assert_eq!(store.state("large"), State::Broken(vec![Fault::OtherModel { found: "small".to_owned() }]));
    std::fs::create_dir(store.path("by-hand")).unwrap();
    assert_eq!(store.verify("by-hand"), State::Unmanaged);
}

#[test]
fn a_file_system_without_exchange_takes_two_moves() {
    let folder = tempfile::tempdir().unwrap();
    let (new, place) = (folder.path().join("new"), folder.path().join("small"));
    for (at, text) in [(&new, "new"), (&place, "old")] {
        std::fs::create_dir(at).unwrap();
        std::fs::write(at.join("file"), text).unwrap();
    }
    super::install::in_two_moves(&new, &place).unwrap();
    assert_eq!(std::fs::read_to_string(place.join("file")).unwrap(), "new");
    // What cannot be put there leaves what was.
    assert!(super::install::in_two_moves(&new, &place).is_err());
    assert_eq!(std::fs::read_to_string(place.join("file")).unwrap(), "new");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn an_archive_without_the_model_leaves_what_was_there() {
    let publisher = Publisher::default();
    publisher.has("small.zip", &small());
    let address = publisher.open().await;
    let (_folder, store) = store();
    install(&store, &model(&small(), &[format!("{address}/small.zip")])).await.unwrap();
    let other = archive(&[("elsewhere/file", "nothing")]);
    publisher.has("other.zip", &other);
    let error = install(&store, &model(&other, &[format!("{address}/other.zip")])).await.unwrap_err();
    assert!(error.contains("cannot be unpacked"), "{error}");
    assert_eq!(store.verify("small"), State::Installed);
}

#[tokio::test]
async fn two_installations_at_once_are_one_too_many() {
    let (_folder, store) = store();
    std::fs::create_dir_all(store.downloads()).unwrap();
    let lock = std::fs::File::create(store.downloads().join("lock")).unwrap();
    lock.lock().unwrap();
    let error = install(&store, &model(&small(), &["http://127.0.0.1:9/small.zip".to_owned()])).await.unwrap_err();
    assert!(error.contains("another installation"), "{error}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told() {
    let (folder, mut store) = store();
    std::fs::write(folder.path().join("file"), "").unwrap();
    store.folder = folder.path().join("file/models");
    let error = install(&store, &model(&small(), &["http://127.0.0.1:9/small.zip".to_owned()])).await.unwrap_err();
    assert!(error.contains("may it be written?"), "{error}");
}
