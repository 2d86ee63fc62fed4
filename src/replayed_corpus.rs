//! What fuzzing has found, or was given to begin with, goes through its parser on every run of the tests.

use std::path::Path;

use crate::speech::stt::parsers;
use crate::transport::{asterisk, audiosocket};

#[test]
fn every_input_of_the_corpus_goes_through_its_parser() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let mut replayed = 0;
    for folder in std::fs::read_dir(fuzz.join("corpus")).unwrap() {
        let folder = folder.unwrap();
        let target = folder.file_name().into_string().unwrap();
        assert!(fuzz.join(format!("targets/{target}.rs")).is_file(), "fuzz/corpus/{target} has inputs and no target");
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let input = std::fs::read(file.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&input);
            match target.as_str() {
                "asterisk_message" => drop(asterisk::Message::parse(&text)),
                "audiosocket_packet" => audiosocket::parsers::packets(&input, input.len()),
                "transcript" => parsers::transcript(&input),
                "vosk_reply" => parsers::vosk_reply(&text),
                "ami_message" => crate::pbx::parsers::ami_message(&input),
                other => panic!("no parser is known for fuzz/corpus/{other}: name it here"),
            }
            replayed += 1;
        }
    }
    assert!(replayed > 15, "{replayed}");
}
