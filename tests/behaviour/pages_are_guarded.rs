//! The pages are in the program, and every one of their files tells the browser how little it may do.

use std::path::PathBuf;

use crate::by_key::by_key;
use crate::http::{get, request};
use crate::service::{Service, files_below, project};

const POLICY: &str =
    "default-src 'self'; connect-src 'self'; media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The addresses of all files of the pages, with where they lie.
fn files() -> Vec<(String, PathBuf)> {
    let mut all =
        vec![("/".to_owned(), project("examples/browser/index.html")), ("/desk".to_owned(), project("web/desk/index.html"))];
    for (folder, address) in [("examples/browser", "/browser/"), ("web/desk", "/desk/")] {
        let folder = project(folder);
        for file in files_below(&folder) {
            let name = file.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
            let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            let served = ["html", "css", "js", "svg"].contains(&ending);
            if served && !name.starts_with("tests/") {
                all.push((format!("{address}{name}"), file));
            }
        }
    }
    all
}

async fn assert_guarded(service: &Service, path: &str) -> crate::http::Answer {
    let answer = get(path).send(service).await;
    let expected = [
        ("Content-Security-Policy", POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Permissions-Policy", "microphone=(self), camera=(), geolocation=()"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
    ];
    for (name, value) in expected {
        assert_eq!(answer.header(name), Some(value), "{path}: {name}");
    }
    assert_eq!(answer.header("Strict-Transport-Security"), None, "{path}: not over plain HTTP");
    answer
}

#[tokio::test]
async fn every_page_and_file_says_what_it_may_do() {
    let service = by_key().start();
    let files = files();
    assert!(files.len() > 10, "{files:?}");
    for (path, file) in files {
        let answer = assert_guarded(&service, &path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("Cache-Control"), Some("no-cache"), "{path}");
        let content = std::fs::read(&file).unwrap();
        assert_eq!(answer.header("Content-Length"), Some(content.len().to_string().as_str()), "{path}");
        let expected = match file.extension().unwrap().to_str().unwrap() {
            "html" => "text/html; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            _ => "image/svg+xml",
        };
        assert_eq!(answer.header("Content-Type"), Some(expected), "{path}");
    }
    // And whatever else this server answers.
    for path in ["/nowhere", "/healthz", "/metrics", "/twilio", "/desk/nowhere.js"] {
        assert_guarded(&service, path).await;
    }
}

#[tokio::test]
async fn a_browser_fetches_again_only_what_has_changed() {
    let service = by_key().start();
    let first = get("/desk").send(&service).await;
    let tag = first.header("ETag").unwrap().to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let again = get("/desk").with("If-None-Match", &known).send(&service).await;
        assert_eq!((again.status, again.body.as_str(), again.header("ETag")), (304, "", Some(tag.as_str())), "{known}");
        assert_eq!(again.header("Content-Security-Policy"), Some(POLICY));
    }
    assert_eq!(get("/desk").with("If-None-Match", "\"other\"").send(&service).await.status, 200);
    let head = request("HEAD", "/desk").send(&service).await;
    assert_eq!((head.status, head.body.as_str(), head.header("ETag")), (200, "", Some(tag.as_str())));
}

#[tokio::test]
async fn nothing_but_the_pages_is_served() {
    let service = by_key().start();
    let mut elsewhere = vec![
        "/browser/../../Cargo.toml".to_owned(),
        "/browser/..%2f..%2fCargo.toml".to_owned(),
        "/desk/%2e%2e/%2e%2e/candor.toml".to_owned(),
        "/desk//etc/passwd".to_owned(),
        "/desk/package.json".to_owned(),
        "/desk/".to_owned(),
    ];
    for (folder, address) in [("examples/browser", "/browser/"), ("web/desk", "/desk/")] {
        let tests = files_below(&project(folder).join("tests"));
        elsewhere.extend(
            tests.iter().map(|file| format!("{address}{}", file.strip_prefix(project(folder)).unwrap().to_str().unwrap())),
        );
    }
    for path in elsewhere {
        assert_eq!(get(&path).send(&service).await.status, 404, "{path}");
    }
}
