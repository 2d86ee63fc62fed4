//! What a server with OpenAI's interface answers, whatever it answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| candor::speech::stt::parsers::transcript(body));
