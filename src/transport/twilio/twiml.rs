//! The TwiML that answers webhooks (twilio.com/docs/voice/twiml): small XML documents of verbs.

use super::{PublicAddress, token};
pub(super) use crate::xml::Element;

/// The media type of TwiML.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// A whole document with `verbs`.
pub(super) fn document(verbs: impl IntoIterator<Item = Element>) -> String {
    Element::new("Response").children(verbs).document()
}

/// A `<Say>` in `language` (BCP 47).
pub(super) fn say(language: &str, text: impl Into<String>) -> Element {
    Element::new("Say").with("language", voice_language(language)).text(text)
}

/// The language of Twilio's voices that is nearest: Twilio wants a region.
fn voice_language(language: &str) -> String {
    match language.to_ascii_lowercase().as_str() {
        "nl" => "nl-NL".to_owned(),
        "en" => "en-GB".to_owned(),
        "de" => "de-DE".to_owned(),
        "fr" => "fr-FR".to_owned(),
        "ko" => "ko-KR".to_owned(),
        _ => language.to_owned(),
    }
}

/// Connects the call to our stream, with the one-time `token`; when the stream closes Twilio asks [`PublicAddress::after`].
pub fn connect_stream(address: &PublicAddress, token: &str) -> String {
    let parameter = Element::new("Parameter").with("name", token::PARAMETER).with("value", token);
    let stream = Element::new("Stream").with("url", address.stream()).child(parameter);
    document([Element::new("Connect").with("action", address.after()).child(stream)])
}

/// Says `text` in `language` (BCP 47) with Twilio's voice, and hangs up: where nobody can be reached.
pub fn say_and_hang_up(language: &str, text: &str) -> String {
    document([say(language, text), Element::new("Hangup")])
}

/// For a call that can reach neither the agent nor a person: says so in `language` where that is Dutch, else in English, and hangs up.
pub fn unavailable(language: &str) -> String {
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    if primary.eq_ignore_ascii_case("nl") {
        say_and_hang_up("nl", "Op dit moment kunnen wij u niet te woord staan. Probeert u het later nog eens.")
    } else {
        say_and_hang_up("en", "We cannot take your call at the moment. Please try again later.")
    }
}

/// Ends the call: the caller has spoken with a person, or the dialog is over.
pub fn hang_up() -> String {
    document([Element::new("Hangup")])
}

/// Nothing to say: where the call is over and Twilio asks all the same.
pub fn nothing() -> String {
    document([])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

    #[test]
    fn a_stream_is_connected_with_token_and_action() {
        let address = PublicAddress::parse("https://bot.example.com").unwrap();
        let expected = format!(
            "{HEAD}{}{}{}",
            r#"<Response><Connect action="https://bot.example.com/twilio/after">"#,
            r#"<Stream url="wss://bot.example.com/twilio"><Parameter name="token" value="abc"/></Stream>"#,
            r#"</Connect></Response>"#
        );
        assert_eq!(connect_stream(&address, "abc"), expected);
    }

    #[test]
    fn text_is_escaped_and_stays_xml() {
        let said = say_and_hang_up("nl", "Jansen & <Zonen>\u{0}\u{1b} \"é\"");
        assert!(said.contains(r#"<Say language="nl-NL">Jansen &amp; &lt;Zonen&gt; "é"</Say><Hangup/>"#), "{said}");
        let parameter = Element::new("Parameter").with("value", "a\"b<&>'\n");
        let shown = document([parameter]);
        assert!(shown.contains(r#"value="a&quot;b&lt;&amp;&gt;&apos;"#), "{shown}");
    }

    #[test]
    fn endings() {
        assert_eq!(hang_up(), format!("{HEAD}<Response><Hangup/></Response>"));
        assert!(unavailable("nl-BE").contains(r#"<Say language="nl-NL">Op dit moment"#));
        assert!(unavailable("ko").ends_with("later.</Say><Hangup/></Response>"));
        assert_eq!(nothing(), format!("{HEAD}<Response/>"));
    }
}
