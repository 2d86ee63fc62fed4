//! Telephones that call by SIP, as the world outside does: SIPp.

use std::process::{Child, Command, Stdio};

use super::Pbx;

/// A call by SIP. It is broken off when this is dropped.
pub struct SipCall {
    process: Child,
}

impl Drop for SipCall {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Pbx {
    /// Calls a number by SIP and sends no sound, as a telephone behind a firewall may; nothing, and why, where there is no SIPp.
    pub fn call_by_sip_without_sound(&self, number: &str) -> Option<SipCall> {
        let mut sipp = Command::new("sipp");
        sipp.args(["-sn", "uac", "-i", "127.0.0.1", "-m", "1", "-d", "120000", "-nostdin", "-s", number]);
        sipp.arg(format!("127.0.0.1:{}", self.sip_port)).current_dir(self.folder.path());
        match sipp.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
            Ok(process) => Some(SipCall { process }),
            Err(error) => {
                eprintln!("skipped: no sipp (scripts/setup.sh test installs it): {error}");
                None
            }
        }
    }
}
