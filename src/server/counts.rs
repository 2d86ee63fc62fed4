//! What each count means, for whoever reads `/metrics`.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_appender::non_blocking::ErrorCounter;

/// Every counter, with its meaning. A test holds this against the code.
const COUNTERS: &[(&str, &str)] = &[
    ("candor_asterisk_attributes_omitted_total", "Attributes left out of what a dialplan is told because it was too long"),
    ("candor_asterisk_dropped_frames_total", "Frames dropped because a session was behind"),
    ("candor_asterisk_ignored_total", "Messages of Asterisk's that meant nothing, by reason"),
    ("candor_asterisk_legs_total", "Asterisk legs that ended, by how"),
    ("candor_asterisk_messages_total", "Messages of Asterisk's, by event"),
    ("candor_asterisk_refused_total", "Requests to Asterisk's routes that were refused, by reason"),
    ("candor_audiosocket_accept_failures_total", "AudioSocket connections that the system could not hand over"),
    ("candor_audiosocket_connections_refused_total", "AudioSocket connections closed unread, by the limit that they were beyond"),
    ("candor_audiosocket_dropped_frames_total", "Frames of AudioSocket calls dropped, by where there was no room"),
    ("candor_audiosocket_ignored_total", "Packets of Asterisk's AudioSocket that meant nothing, by reason"),
    ("candor_audiosocket_legs_total", "AudioSocket connections that ended, by how"),
    ("candor_audiosocket_packets_total", "Packets of Asterisk's AudioSocket, by kind"),
    ("candor_calls_without_room_total", "Calls that could not begin: passed to a person or refused, by reason"),
    ("candor_clock_moves_total", "Times that the clock of the machine was moved by more than five minutes"),
    ("candor_connections_evicted_total", "Connections closed because they had been silent for longest when others came, by kind"),
    ("candor_connections_refused_total", "Streams of phone systems refused because too many were open"),
    ("candor_consent_answers_total", "Answers to the consent question, by what they came to"),
    ("candor_desk_call_backs_total", "Call-back requests, by what became of them: left, done, expired, failed"),
    ("candor_desk_calls_lost_total", "Calls in which the colleague's page went away"),
    ("candor_desk_frames_dropped_total", "Frames between caller and colleague that were not taken, by whom they were for"),
    ("candor_desk_full_total", "Callers who found the line at the desk full"),
    ("candor_desk_messages_dropped_total", "Messages that a colleague's page did not take in time"),
    ("candor_desk_sign_ins_total", "Connections to the desk, by what became of signing in"),
    ("candor_desk_taken_total", "Callers whom colleagues took from the line"),
    ("candor_desk_takes_failed_total", "Callers who went back to their place because a colleague's sound could not be connected"),
    ("candor_desk_wrap_ups_total", "Calls at the desk, by what colleagues said came of them, or forgot to"),
    ("candor_dialog_reloads_total", "What came of looking at edited dialogs, by result: taken, refused, gone, unchanged"),
    ("candor_dialog_trouble_total", "Conditions that failed and lookups that nobody answered, by which of the two"),
    ("candor_ears_dropped_total", "What the ears dropped because recognition was behind, by what it was"),
    ("candor_ears_echoing_lines_total", "Lines that bring the agent's own voice back, as the ears have found"),
    ("candor_ears_engine_failures_total", "Failures of a recogniser while a caller was listened to, by class"),
    ("candor_erase_failures_total", "Kept turns that could not be erased at once after a withdrawal"),
    ("candor_handovers_total", "Handovers to a person, by result"),
    ("candor_http_accept_failures_total", "Connections that the system could not hand over"),
    ("candor_http_connections_refused_total", "Connections closed unread, by the limit that they were beyond"),
    ("candor_http_limited_total", "Requests answered with 429, by what there was too much of"),
    ("candor_http_refused_total", "Requests answered with 403 before any route saw them: another page's origin, or not our host"),
    ("candor_index_failures_total", "Sessions whose beginning or end could not be noted in the index"),
    ("candor_interruptions_total", "Prompts that stood still because a voice was heard, by what came of it"),
    ("candor_ledger_failures_total", "Writes of the ledger that failed"),
    ("candor_log_lines_dropped_total", "Log lines dropped because nobody read them fast enough"),
    ("candor_lookups_total", "Lookups of dialogs at services, by what came of them"),
    ("candor_marks_implausible_total", "Marks that came back before their sound can have been played"),
    ("candor_marks_missing_total", "Lines of which the other side did not report in time that they were played, by transport"),
    ("candor_parity_completed_total", "Calls that came to the end of their dialog, by how the caller answered"),
    ("candor_parity_handovers_total", "Times that a caller was to reach a person, by how they answered and whether one came"),
    ("candor_parity_sessions_total", "Calls that are over, by how the caller answered the question about recording"),
    ("candor_parity_turns_total", "Turns of the dialog, by how the caller answered about recording"),
    ("candor_pbx_orders_total", "Orders to Asterisk, by kind and by what came of them"),
    ("candor_pbx_variables_omitted_total", "Values left out of what travels with a caller, being too long for Asterisk"),
    ("candor_recogniser_changes_total", "Utterances that the next engine of the language heard, as one failed"),
    ("candor_recogniser_errors_total", "Failures of recognisers, by engine and class"),
    ("candor_recognition_failures_total", "Utterances that could not be recognised, by class"),
    ("candor_render_failures_total", "Prompts with a caller's values that could not be rendered"),
    ("candor_rescues_total", "Callers passed to a person because their session was gone"),
    ("candor_sessions_closed_total", "Sessions that ended, by outcome"),
    ("candor_sessions_total", "Sessions that began, by transport"),
    ("candor_sweeps_failed_total", "Rounds of retention that failed"),
    ("candor_tls_handshakes_failed_total", "Connections that did not come through the TLS handshake"),
    ("candor_tls_reloads_total", "Changed TLS certificates, by whether they were taken"),
    ("candor_turns_lost_total", "Turns that were to be kept and could not be, by reason"),
    ("candor_turns_sealed_total", "Turns that were sealed"),
    ("candor_twilio_attributes_omitted_total", "Attributes left out of a task because it would have been too long"),
    ("candor_twilio_dropped_frames_total", "Frames dropped because a session was behind"),
    ("candor_twilio_ignored_total", "Messages of Twilio's that meant nothing, by reason"),
    ("candor_twilio_legs_total", "Twilio streams that ended, by how"),
    ("candor_twilio_messages_total", "Messages of Twilio's, by event"),
    ("candor_twilio_refused_total", "Requests to Twilio's routes that were refused"),
    ("candor_twilio_requests_total", "Requests to Twilio's routes, by what their signature was worth"),
    ("candor_wire_sound_failures_total", "20 ms of a caller's or the agent's sound that could not be brought to another rate"),
    ("candor_wraps_deleted_total", "Keys of kept turns that were deleted because their purpose had ended"),
    ("candor_ears_undecodable_total", "Packets of a caller's sound that could not be decoded; silence was heard in their place"),
    ("candor_notices_dropped_total", "Events for a caller's page that found no room on their way"),
    ("candor_recorded_packets_silenced_total", "Packets that could not be stored as they were, and became silence"),
    ("candor_webrtc_candidates_refused_total", "Addresses of a caller that could not be used"),
    ("candor_webrtc_close_failures_total", "Browsers' connections that did not close in an orderly manner"),
    ("candor_webrtc_dropped_frames_total", "Frames of browsers' calls dropped, by where there was no room"),
    ("candor_webrtc_dropped_notices_total", "Events that a caller's page did not take in time"),
    ("candor_webrtc_dropped_packets_total", "Packets that belonged to no call or came too late, by reason"),
    ("candor_webrtc_garbled_marks_total", "Places in what the agent said before which too much was lost to be understood"),
    ("candor_webrtc_marks_forgotten_total", "Marks whose report nobody could wait for any longer"),
    ("candor_webrtc_messages_total", "Messages of callers' pages, by outcome"),
    ("candor_webrtc_moves_total", "Callers whose address changed in a call"),
    ("candor_webrtc_recut_packets_total", "Packets of another length than 20 ms that were cut anew"),
];

/// Every gauge, likewise.
const GAUGES: &[(&str, &str)] = &[
    ("candor_calls", "Calls that have the agent on the line"),
    ("candor_desk_call_backs", "Call-back requests that wait to be done"),
    ("candor_desk_colleagues", "Colleagues at the desk who take callers, by whether they are free"),
    ("candor_desk_waiting", "Callers who wait at the desk"),
    ("candor_dialog_versions", "Versions of dialogs in memory, those included that only calls in progress still use"),
    ("candor_draining", "1 when the server takes no new calls any more, because it is to end"),
    ("candor_memory_resident_bytes", "Memory that the server takes"),
    ("candor_memory_short", "1 while memory runs short and new calls are passed to a person"),
    ("candor_pbx_connected", "1 while Asterisk takes orders, 0 while it does not; absent where none are given"),
    ("candor_sessions_open", "Sessions that are open, those whose caller is with a person included"),
    ("candor_turn_memory_bytes", "Memory that turns take which may be kept and are not sealed yet"),
];

/// Every histogram, likewise.
const HISTOGRAMS: &[(&str, &str)] = &[
    ("candor_lookup_seconds", "How long callers waited for a lookup, all its tries included"),
    ("candor_parity_waiting_seconds", "How long callers waited for a person, by how they answered about recording"),
];

static RENDERED: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
static LOG: OnceLock<ErrorCounter> = OnceLock::new();

/// Counts from here on; once per process.
pub(super) fn start_counting() {
    RENDERED.get_or_init(|| {
        let waiting = Matcher::Full("candor_parity_waiting_seconds".into());
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(waiting, &[1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 180.0, 300.0, 600.0, 1200.0, 3600.0])
            .ok()?
            .set_buckets_for_metric(Matcher::Suffix("seconds".into()), &[0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
        let handle = builder.ok()?.install_recorder().ok()?;
        for (name, meaning) in COUNTERS {
            metrics::describe_counter!(*name, *meaning);
        }
        for (name, meaning) in GAUGES {
            metrics::describe_gauge!(*name, *meaning);
        }
        for (name, meaning) in HISTOGRAMS {
            metrics::describe_histogram!(*name, *meaning);
        }
        Some(handle)
    });
}

/// Has the lines counted that the log's writer drops.
pub fn count_dropped_lines(counter: ErrorCounter) {
    let _ = LOG.set(counter);
}

/// All counts, in the text format of Prometheus.
pub(super) fn render() -> String {
    if let Some(log) = LOG.get() {
        metrics::counter!("candor_log_lines_dropped_total").absolute(log.dropped_lines() as u64);
    }
    RENDERED.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
}
