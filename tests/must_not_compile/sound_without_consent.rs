//! The recorder takes nothing but what came through the gate.
use candor::recording::{SessionRecorder, TurnAudio};

fn keep(recorder: &SessionRecorder, audio: TurnAudio) {
    let _ = recorder.keep(audio);
}

fn main() {
    let _ = keep;
}
