//! scratch
#[path = "../../h_scan.rs"]
mod h;
#[tokio::test]
async fn scan() { h::scan().await }
