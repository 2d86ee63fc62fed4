//! `audio`: the codecs and the change of rate, 20 ms at a time.

use candor::audio::g711;
use candor::audio::opus::{self, Content, Decoder, Encoder};
use candor::audio::resample::Resampler;
use criterion::{Criterion, Throughput};

use crate::speech::voice;

pub fn benches(criterion: &mut Criterion) {
    let telephone = voice(8_000);
    let ulaw = g711::encode(&telephone);
    let mut group = criterion.benchmark_group("codec, 20 ms");
    group.throughput(Throughput::Elements(1));
    group.bench_function("G.711 encode", |bench| {
        let mut out = Vec::with_capacity(160);
        bench.iter(|| {
            out.clear();
            g711::encode_into(&telephone[..160], &mut out);
        });
    });
    group.bench_function("G.711 decode", |bench| {
        let mut out = Vec::with_capacity(160);
        bench.iter(|| {
            out.clear();
            g711::decode_into(&ulaw[..160], &mut out);
        });
    });
    group.bench_function("8 to 16 kHz", |bench| {
        let mut resampler = Resampler::new(8_000, 16_000).unwrap();
        let mut out = Vec::with_capacity(640);
        let mut frames = telephone.chunks_exact(160).cycle();
        bench.iter(|| {
            out.clear();
            resampler.push(frames.next().unwrap(), &mut out).unwrap();
        });
    });
    let browser = voice(48_000);
    group.bench_function("Opus encode", |bench| {
        let mut encoder = Encoder::new(48_000, Content::Live).unwrap();
        let mut out = Vec::with_capacity(1_500);
        let mut frames = browser.chunks_exact(960).cycle();
        bench.iter(|| {
            out.clear();
            encoder.frame(frames.next().unwrap(), &mut out).unwrap()
        });
    });
    group.bench_function("Opus decode to 16 kHz", |bench| {
        let packets = opus::encode(&browser, Content::Live).unwrap();
        let packets: Vec<_> = packets.iter().collect();
        let mut decoder = Decoder::new(16_000).unwrap();
        let mut out = Vec::with_capacity(1_000);
        let mut packets = packets.iter().cycle();
        bench.iter(|| {
            out.clear();
            decoder.decode(packets.next().unwrap(), &mut out).unwrap();
        });
    });
    group.finish();
}
