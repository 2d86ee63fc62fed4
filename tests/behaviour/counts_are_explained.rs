//! Every count has a meaning that `/metrics` tells.

use std::collections::BTreeSet;

use crate::by_key::by_key;
use crate::http::get;
use crate::service::{files_below, project};

/// The names that the code counts under.
fn counted() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files_below(&project("src")).into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "rs")) {
        let code = std::fs::read_to_string(file).unwrap();
        for macro_name in ["metrics::counter!(", "metrics::gauge!(", "metrics::histogram!("] {
            for after in code.split(macro_name).skip(1) {
                let name = after.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                names.insert(name.unwrap_or_else(|| panic!("{macro_name} with a name that is not written there")).to_owned());
            }
        }
    }
    names
}

#[test]
fn every_count_of_the_code_has_its_meaning() {
    let meanings = std::fs::read_to_string(project("src/server/counts.rs")).unwrap();
    let counted = counted();
    assert!(counted.len() > 30, "{counted:?}");
    for name in &counted {
        assert!(meanings.contains(&format!("(\"{name}\", ")), "{name}: say in src/server/counts.rs what it means");
    }
    let explained = meanings.lines().filter_map(|line| line.trim().strip_prefix("(\"")?.split('"').next());
    for name in explained.filter(|name| name.starts_with("candor_")) {
        assert!(counted.contains(name), "{name} is explained and never counted");
    }
}

#[tokio::test]
async fn metrics_tell_what_they_mean() {
    let service = by_key().start();
    let text = get("/metrics").send(&service).await.body;
    for name in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).filter_map(|line| line.split(' ').next()) {
        let help = text.lines().find_map(|line| line.strip_prefix(&format!("# HELP {name} ")));
        assert!(help.is_some_and(|help| help.len() > 10), "{name} has no meaning:\n{text}");
    }
    assert!(text.contains("# HELP candor_calls "), "{text}");
}
