//! What comes over an AudioSocket connection, whatever comes, however the network cuts it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let piece = bytes.last().map_or(1, |last| usize::from(*last) + 1);
    candor::transport::audiosocket::parsers::packets(bytes, piece);
});
