//! What the media channel reads and writes. Strict where it is: what it would ignore or fall over is a violation.

use serde_json::{Value, json};

use super::super::playout::FRAME_BYTES;

/// The longest command that is read, in bytes.
const LONGEST_COMMAND: usize = 128;
/// The longest message of sound that the connection survives, in bytes.
pub(super) const LONGEST_SOUND: usize = 65_500;

/// A form of control messages, and the version that speaks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// JSON, as of 22.8.
    Json,
    /// Plain text of the same versions.
    PlainText,
    /// Plain text before 22.8, which has no marks.
    PlainTextWithoutMarks,
}

/// A codec of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// G.711 μ-law.
    Ulaw,
    /// G.711 A-law.
    Alaw,
    /// Linear samples, 8000 Hz.
    Slin,
    /// Linear samples, 16000 Hz.
    Slin16,
}

impl Format {
    /// Asterisk's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ulaw => "ulaw",
            Self::Alaw => "alaw",
            Self::Slin => "slin",
            Self::Slin16 => "slin16",
        }
    }

    /// Bytes of 20 ms.
    pub fn frame(self) -> usize {
        match self {
            Self::Ulaw | Self::Alaw => FRAME_BYTES,
            Self::Slin => FRAME_BYTES * 2,
            Self::Slin16 => FRAME_BYTES * 4,
        }
    }

    /// μ-law as it is on the wire.
    pub fn encode(self, ulaw: &[u8]) -> Vec<u8> {
        let samples = ulaw.iter().map(|byte| audio_codec_algorithms::decode_ulaw(*byte));
        match self {
            Self::Ulaw => ulaw.to_vec(),
            Self::Alaw => samples.map(audio_codec_algorithms::encode_alaw).collect(),
            Self::Slin => samples.flat_map(i16::to_le_bytes).collect(),
            Self::Slin16 => samples.flat_map(|sample| [sample, sample]).flat_map(i16::to_le_bytes).collect(),
        }
    }

    /// What is heard of the wire, in μ-law.
    pub fn decode(self, wire: &[u8]) -> Vec<u8> {
        let samples = wire.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair));
        let encode = audio_codec_algorithms::encode_ulaw;
        match self {
            Self::Ulaw => wire.to_vec(),
            Self::Alaw => wire.iter().map(|byte| encode(audio_codec_algorithms::decode_alaw(*byte))).collect(),
            Self::Slin => samples.map(encode).collect(),
            Self::Slin16 => samples.step_by(2).map(encode).collect(),
        }
    }
}

/// What the server tells the channel.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Answer,
    HangUp,
    StartBuffering,
    StopBuffering(String),
    Mark(String),
    Flush,
    Pause,
    Continue,
    ReportDrained,
    Status,
}

/// Reads a command. `Ok(None)`: one that this version does not know, which is passed over.
///
/// # Errors
/// What the channel would not take.
pub(super) fn read(text: &str, speaks: Speaks) -> Result<Option<Command>, String> {
    if text.len() > LONGEST_COMMAND {
        return Err(format!("a command of {} bytes, of which none above {LONGEST_COMMAND} is read", text.len()));
    }
    let (name, id) = if speaks == Speaks::Json {
        let parsed: Value = serde_json::from_str(text).map_err(|_| "a command that is not JSON".to_owned())?;
        let part = |name: &str| parsed.get(name).and_then(Value::as_str).map(str::to_owned);
        (part("command").ok_or("JSON without a command")?, part("correlation_id").unwrap_or_default())
    } else {
        let (name, id) = text.split_once(' ').unwrap_or((text, ""));
        (name.to_owned(), id.to_owned())
    };
    Ok(Some(match name.as_str() {
        "ANSWER" => Command::Answer,
        "HANGUP" => Command::HangUp,
        "START_MEDIA_BUFFERING" => Command::StartBuffering,
        "STOP_MEDIA_BUFFERING" => Command::StopBuffering(id),
        "MARK_MEDIA" if speaks == Speaks::PlainTextWithoutMarks => return Ok(None),
        "MARK_MEDIA" => Command::Mark(id),
        "FLUSH_MEDIA" => Command::Flush,
        "PAUSE_MEDIA" => Command::Pause,
        "CONTINUE_MEDIA" => Command::Continue,
        "REPORT_QUEUE_DRAINED" => Command::ReportDrained,
        "GET_STATUS" => Command::Status,
        other => return Err(format!("the command {other:?}, which no version knows")),
    }))
}

/// Writes events.
#[derive(Debug, Clone)]
pub(super) struct EventWriter {
    pub speaks: Speaks,
    pub channel_id: String,
}

impl EventWriter {
    fn event(&self, name: &str, json: Value, plain: &str) -> String {
        if self.speaks != Speaks::Json {
            return format!("{name}{plain}");
        }
        let mut event = json!({"event": name, "channel_id": self.channel_id});
        if let (Some(event), Value::Object(more)) = (event.as_object_mut(), json) {
            event.extend(more);
        }
        event.to_string()
    }

    /// The first event.
    pub fn start(&self, format: Format) -> String {
        let (name, size) = (format.name(), format.frame());
        let id = &self.channel_id;
        let more = json!({
            "connection_id": "candor", "channel": "WebSocket/candor/0x7f2a04005060", "format": name,
            "optimal_frame_size": size, "ptime": 20,
            "channel_variables": {"DIALEDPEERNUMBER": "candor/c(ulaw)", "MEDIA_WEBSOCKET_CONNECTION_ID": "candor"},
        });
        let plain = format!(
            " connection_id:candor channel:WebSocket/candor/0x7f29f8006920 channel_id:{id} format:{name} optimal_frame_size:{size} ptime:20"
        );
        self.event("MEDIA_START", more, &plain)
    }

    /// A key.
    pub fn key(&self, key: char) -> String {
        self.event("DTMF_END", json!({"digit": key.to_string()}), &format!(" digit:{key} channel_id:{}", self.channel_id))
    }

    /// A mark was reached.
    pub fn mark(&self, id: &str) -> String {
        self.event("MEDIA_MARK_PROCESSED", json!({"correlation_id": id}), &format!(" {id}"))
    }

    /// The end of a buffer was reached.
    pub fn completed(&self, id: &str) -> String {
        let plain = if id.is_empty() { String::new() } else { format!(" {id}") };
        self.event("MEDIA_BUFFERING_COMPLETED", json!({"correlation_id": id}), &plain)
    }

    /// The queue is nearly full, has room again, is empty.
    pub fn plain(&self, name: &str) -> String {
        self.event(name, json!({}), "")
    }

    /// How full the queue is.
    pub fn status(&self, length: usize) -> String {
        let plain =
            format!(" channel_id:{} queue_length:{length} xon_level:800 xoff_level:900 queue_full:false", self.channel_id);
        self.event("STATUS", json!({"queue_length": length, "xon_level": 800, "xoff_level": 900}), &plain)
    }
}
