//! What an Asterisk sends in text, whatever it sends.
#![no_main]

use candor::transport::asterisk::Message;

libfuzzer_sys::fuzz_target!(|text: &str| {
    // What is wrong with a message is told without a word of it: fixed sentences and a place.
    if let Err(error) = Message::parse(text) {
        assert!(error.to_string().len() < 120);
    }
});
