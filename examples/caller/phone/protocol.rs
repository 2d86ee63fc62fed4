//! The messages of a media stream, as the platform writes and reads them: JSON text, nothing else.
//!
//! What the platform counts it writes as strings (`sequenceNumber`, `chunk`, `timestamp`); the format of the media has
//! numbers. What the server may send is three events only, and each must name the stream it is for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Writes the messages of one stream and keeps its counters.
pub struct MessageWriter {
    stream_sid: String,
    call_sid: String,
    account_sid: String,
    sequence: u64,
    chunk: u64,
}

impl MessageWriter {
    /// For a new stream of a call.
    pub fn new(stream_sid: &str, call_sid: &str, account_sid: &str) -> Self {
        Self {
            stream_sid: stream_sid.to_owned(),
            call_sid: call_sid.to_owned(),
            account_sid: account_sid.to_owned(),
            sequence: 0,
            chunk: 0,
        }
    }

    /// The first message: neither counted nor named.
    pub fn connected(&self) -> String {
        json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}).to_string()
    }

    /// The second message: what the stream is and what the document's parameters said.
    pub fn start(&mut self, parameters: &[(String, String)]) -> String {
        let custom: serde_json::Map<String, Value> =
            parameters.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
        let start = json!({
            "accountSid": self.account_sid,
            "streamSid": self.stream_sid,
            "callSid": self.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": custom,
        });
        self.message("start", start)
    }

    /// 20 ms of the caller's voice, which began `timestamp` milliseconds after the stream did.
    pub fn media(&mut self, timestamp: u64, ulaw: &[u8]) -> String {
        self.chunk += 1;
        let media = json!({
            "track": "inbound",
            "chunk": self.chunk.to_string(),
            "timestamp": timestamp.to_string(),
            "payload": STANDARD.encode(ulaw),
        });
        self.message("media", media)
    }

    /// A key was pressed.
    pub fn dtmf(&mut self, key: char) -> String {
        self.message("dtmf", json!({"track": "inbound_track", "digit": key.to_string()}))
    }

    /// A mark comes back.
    pub fn mark(&mut self, name: &str) -> String {
        self.message("mark", json!({"name": name}))
    }

    /// The last message.
    pub fn stop(&mut self) -> String {
        self.message("stop", json!({"accountSid": self.account_sid, "callSid": self.call_sid}))
    }

    fn message(&mut self, event: &str, content: Value) -> String {
        self.sequence += 1;
        json!({
            "event": event,
            "sequenceNumber": self.sequence.to_string(),
            "streamSid": self.stream_sid,
            event: content,
        })
        .to_string()
    }
}

/// What the server asks of the platform.
#[derive(Debug, PartialEq, Eq)]
pub enum ServerMessage {
    /// Play this μ-law.
    Media(Vec<u8>),
    /// Give this name back when everything before it has been played.
    Mark(String),
    /// Forget what has not been played.
    Clear,
}

/// Reads one text message of the server.
///
/// # Errors
/// It breaks the protocol; the text says how, without anything of its content but an event's name.
pub fn read(text: &str, stream_sid: &str) -> Result<ServerMessage, String> {
    let message: Value = serde_json::from_str(text).map_err(|error| format!("a message that is not JSON: {error}"))?;
    let object = message.as_object().ok_or("a message that is no JSON object")?;
    let event = object.get("event").and_then(Value::as_str).ok_or("a message without an event")?;
    if !["media", "mark", "clear"].contains(&event) {
        return Err(format!("the event {event:?}, which a server cannot send"));
    }
    match object.get("streamSid").map(Value::as_str) {
        None => return Err(format!("{event} without a streamSid")),
        Some(Some(named)) if named == stream_sid => {}
        Some(_) => return Err(format!("{event} with the streamSid of another stream")),
    }
    let content = object.get(event);
    match event {
        "media" => media(content).map(ServerMessage::Media),
        "mark" => {
            let name = content.and_then(|mark| mark.get("name")).and_then(Value::as_str).unwrap_or_default();
            if name.is_empty() { Err("a mark without a name".to_owned()) } else { Ok(ServerMessage::Mark(name.to_owned())) }
        }
        _ => Ok(ServerMessage::Clear),
    }
}

fn media(content: Option<&Value>) -> Result<Vec<u8>, String> {
    let payload = content.and_then(|media| media.get("payload")).and_then(Value::as_str).ok_or("media without a payload")?;
    let ulaw = STANDARD.decode(payload).map_err(|error| format!("media whose payload is not base64: {error}"))?;
    if ulaw.is_empty() {
        return Err("media without a single sample".to_owned());
    }
    if ulaw.starts_with(b"RIFF") {
        return Err("media with a WAV header, expected bare μ-law".to_owned());
    }
    Ok(ulaw)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parsed(message: &str) -> Value {
        serde_json::from_str(message).unwrap()
    }

    #[test]
    fn counters_are_strings_and_run_over_all_messages_but_the_first() {
        let mut writer = MessageWriter::new("MZ1", "CA1", "AC1");
        let connected = parsed(&writer.connected());
        assert_eq!(connected, json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}));
        let start = parsed(&writer.start(&[("token".into(), "t".into())]));
        assert_eq!(start["sequenceNumber"], "1");
        assert_eq!(start["start"]["customParameters"], json!({"token": "t"}));
        assert_eq!(start["start"]["mediaFormat"]["sampleRate"], 8000);
        assert_eq!((&start["streamSid"], &start["start"]["streamSid"]), (&json!("MZ1"), &json!("MZ1")));
        let media = parsed(&writer.media(40, &[0xFF; 160]));
        assert_eq!((&media["sequenceNumber"], &media["media"]["chunk"]), (&json!("2"), &json!("1")));
        assert_eq!(media["media"]["timestamp"], "40");
        let dtmf = parsed(&writer.dtmf('*'));
        assert_eq!((&dtmf["dtmf"]["digit"], &dtmf["dtmf"]["track"]), (&json!("*"), &json!("inbound_track")));
        assert_eq!(parsed(&writer.mark("m"))["mark"]["name"], "m");
        assert_eq!(parsed(&writer.stop())["sequenceNumber"], "5");
    }

    #[test]
    fn the_three_events_of_a_server_are_read() {
        let read = |message: Value| read(&message.to_string(), "MZ1").unwrap();
        let media = json!({"event": "media", "streamSid": "MZ1", "media": {"payload": "AQL/"}});
        assert_eq!(read(media), ServerMessage::Media(vec![1, 2, 255]));
        let mark = json!({"event": "mark", "streamSid": "MZ1", "mark": {"name": "a"}});
        assert_eq!(read(mark), ServerMessage::Mark("a".into()));
        assert_eq!(read(json!({"event": "clear", "streamSid": "MZ1"})), ServerMessage::Clear);
    }

    #[test]
    fn every_breach_of_the_protocol_is_named() {
        for (message, complaint) in [
            ("{", "not JSON"),
            ("[]", "no JSON object"),
            (r#"{"streamSid":"MZ1"}"#, "without an event"),
            (r#"{"event":"stop","streamSid":"MZ1"}"#, "cannot send"),
            (r#"{"event":"clear"}"#, "without a streamSid"),
            (r#"{"event":"clear","streamSid":null}"#, "another stream"),
            (r#"{"event":"clear","streamSid":"MZ2"}"#, "another stream"),
            (r#"{"event":"mark","streamSid":"MZ1"}"#, "without a name"),
            (r#"{"event":"mark","streamSid":"MZ1","mark":{"name":""}}"#, "without a name"),
            (r#"{"event":"media","streamSid":"MZ1","media":{}}"#, "without a payload"),
            (r#"{"event":"media","streamSid":"MZ1","media":{"payload":"%"}}"#, "not base64"),
            (r#"{"event":"media","streamSid":"MZ1","media":{"payload":""}}"#, "single sample"),
            (r#"{"event":"media","streamSid":"MZ1","media":{"payload":"UklGRgAA"}}"#, "WAV header"),
        ] {
            let found = read(message, "MZ1").unwrap_err();
            assert!(found.contains(complaint), "{message}: {found}");
        }
    }
}
