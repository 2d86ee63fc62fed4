//! Whoever reads the log may stand still: the server goes on, and counts the lines that are lost.

use std::time::{Duration, Instant};

use crate::by_key::{answer, by_key, ring};
use crate::http::count;

#[tokio::test]
async fn calls_go_on_when_nobody_reads_the_log() {
    let service = by_key().start_unread();
    let client = crate::service::http();
    // Each of these writes a line; the pipe and the queue behind it hold some thousands.
    let deadline = Instant::now() + Duration::from_secs(120);
    while count(&service, "candor_log_lines_dropped_total").await == 0.0 {
        assert!(Instant::now() < deadline, "no line is dropped");
        let asked = (0..200).map(|_| client.post(format!("{}/twilio/voice", service.base)).body("").send());
        for answer in futures_util::future::join_all(asked).await {
            assert_eq!(answer.unwrap().status(), 400);
        }
    }
    let (call, _) = ring(&service, service.caller()).await;
    answer(&call, "2").await;
    call.hang_up().await.unwrap();
    assert_eq!(call.outcome().await.violations, Vec::<String>::new());
}
