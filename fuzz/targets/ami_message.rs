//! What an Asterisk's manager interface says, whatever it says and in whatever pieces.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| candor::pbx::parsers::ami_message(bytes));
