//! `dialog`: an event through the state machine, and the check of a whole dialog.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use candor::consent::SessionTime;
use candor::dialog::SharedDialog;
use candor::dialog::flow::{Action, Ended, Event, Flow, Grade, Heard, PlayId, Settings};
use candor::server::library;
use criterion::{BatchSize, Criterion};

fn webshop() -> SharedDialog {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let loaded = library::load(&project.join("dialogs/webshop.yaml"), &project.join("prompts"), None).unwrap();
    Arc::new(loaded.dialog)
}

/// A call at its first question, and what is being said there.
fn at_the_first_question(dialog: &SharedDialog) -> Flow {
    let mut flow = Flow::new(dialog.clone(), "nl", Settings::default());
    let mut now = SessionTime::START;
    let mut saying: Vec<(PlayId, usize)> = Vec::new();
    let note = |actions: Vec<Action>, saying: &mut Vec<(PlayId, usize)>| {
        for action in actions {
            if let Action::Say { play, lines } = action {
                saying.extend((0..lines.len()).map(|index| (play, index)));
            }
        }
    };
    note(flow.handle(Event::Begin, now), &mut saying);
    let mut answered = false;
    while !flow.in_dialog() {
        if saying.is_empty() {
            assert!(!std::mem::replace(&mut answered, true), "one question");
            note(flow.handle(Event::Key('1'), now), &mut saying);
            continue;
        }
        let (play, index) = saying.remove(0);
        let began = Some(now);
        now = now + Duration::from_secs(2);
        let ended = Ended { play, index, began, heard: Heard::Complete(Grade::Peer) };
        note(flow.handle(Event::LineEnded(ended), now), &mut saying);
    }
    flow
}

pub fn benches(criterion: &mut Criterion) {
    let dialog = webshop();
    let later = SessionTime(Duration::from_secs(60));
    let mut group = criterion.benchmark_group("flow");
    group.bench_function("a key that answers a question", |bench| {
        bench.iter_batched(
            || at_the_first_question(&dialog),
            |mut flow| flow.handle(Event::Key('3'), later).len(),
            BatchSize::SmallInput,
        );
    });
    group
        .bench_function("a call from its beginning to its first question", |bench| bench.iter(|| at_the_first_question(&dialog)));
    group.finish();
    criterion.bench_function("dialog check/the web shop, read and checked", |bench| bench.iter(webshop));
}
