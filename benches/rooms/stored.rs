//! `recording` and `ledger`: sealing a turn in memory, keeping it to the disk's last word, and appending to the account.

use age::x25519::Identity;
use candor::audio::wav;
use candor::ledger::Ledger;
use criterion::{BatchSize, Criterion, Throughput};
use uuid::Uuid;

use crate::storage::{Storage, begin, consent, opened, turn};

/// Ten seconds of a telephone call, each way.
const TURN: usize = 80_000;

pub fn benches(criterion: &mut Criterion) {
    let (caller, agent) = (vec![0x55; TURN], vec![0x2a; TURN]);
    let mut group = criterion.benchmark_group("turn of 10 s");
    group.throughput(Throughput::Bytes(2 * TURN as u64));
    // What the recorder does in memory, with the same parts: the file, an identity for it, and that identity for one purpose.
    group.bench_function("seal in memory", |bench| {
        let purpose = Identity::generate().to_public();
        bench.iter(|| {
            let file = wav::two_channel_ulaw(&caller, &agent);
            let identity = Identity::generate();
            let sealed = age::encrypt(&identity.to_public(), &file).unwrap();
            let line = age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned();
            (sealed, age::encrypt(&purpose, line.as_bytes()).unwrap())
        });
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let storage = Storage::new();
    let ledger = Ledger::open(&storage.ledger).unwrap();
    let recordings = runtime.block_on(storage.recordings());
    group.sample_size(20);
    group.bench_function("keep: sealed, on disk, in index and ledger", |bench| {
        let _in_runtime = runtime.enter();
        let session = begin(&ledger, &recordings);
        let mut number = 0;
        bench.iter_batched(
            || {
                number += 1;
                turn(number, &["service-quality"], &caller, &agent)
            },
            |turn| runtime.block_on(session.recorder.keep(turn).unwrap()).unwrap(),
            BatchSize::PerIteration,
        );
    });
    group.finish();

    let mut group = criterion.benchmark_group("ledger");
    let session = ledger.session(Uuid::new_v4());
    session.append(opened()).unwrap();
    group.throughput(Throughput::Elements(1));
    group.sample_size(20);
    group.bench_function("append, and wait for the disk", |bench| {
        bench.iter(|| {
            session.append(consent("given")).unwrap();
            runtime.block_on(session.written()).unwrap();
        });
    });
    group.finish();
}
