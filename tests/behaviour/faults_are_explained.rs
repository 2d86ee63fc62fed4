//! What the operators' page of faults names is what the code says: every line of the log, every count.

use crate::service::{files_below, project};

#[test]
fn every_line_and_count_of_the_page_is_in_the_code() {
    let page = std::fs::read_to_string(project("docs/faults.md")).unwrap();
    let files = files_below(&project("src")).into_iter().filter(|file| file.extension().is_some_and(|ending| ending == "rs"));
    let code: String = files.map(|file| std::fs::read_to_string(file).unwrap()).collect();
    // Lines of the log stand between “ and ”, counts between backticks.
    let lines: Vec<&str> = page.split('“').skip(1).map(|rest| rest.split('”').next().unwrap()).collect();
    assert!(lines.len() > 15, "{lines:?}");
    for line in lines {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(code.contains(&line), "no line of the log begins so: {line}");
    }
    let counts: Vec<&str> = page.split('`').skip(1).step_by(2).filter(|word| word.starts_with("candor_")).collect();
    assert!(counts.len() > 15, "{counts:?}");
    for count in counts {
        let name = count.split('{').next().unwrap();
        assert!(code.contains(&format!("(\"{name}\", ")), "{name} is no count of this server");
        if let Some((label, value)) = count.split_once('{').and_then(|(_, labels)| labels.trim_end_matches('}').split_once('=')) {
            assert!(code.contains(&format!("\"{label}\" =>")), "{count}: nothing is counted by {label}");
            assert!(code.contains(value), "{count}: nothing is counted as {value}");
        }
    }
    let entries_of_the_ledger = ["session.unwritten", "session.lost"];
    for setting in page.split('`').skip(1).step_by(2).filter(|word| {
        ["session.", "server.", "speech.", "storage.", "twilio.limits"].iter().any(|section| word.starts_with(section))
    }) {
        if entries_of_the_ledger.contains(&setting) {
            continue;
        }
        let key = setting.rsplit('.').next().unwrap();
        assert!(code.contains(&format!("pub {key}:")), "{setting} is no setting");
    }
}
