//! What a vosk-server replies, whatever it replies.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| candor::speech::stt::parsers::vosk_reply(text));
