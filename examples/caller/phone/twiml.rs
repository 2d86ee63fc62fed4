//! Reading the answers of the server: documents of verbs that say what happens to the call next.
//!
//! Strict where the platform is: what it would refuse or stumble over is reported as a violation.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// The longest a parameter may be, name and value together, in characters.
const LONGEST_PARAMETER: usize = 500;
/// The verbs that the platform knows.
const VERBS: [&str; 19] = [
    "Connect", "Dial", "Enqueue", "Gather", "Hangup", "Leave", "Pause", "Pay", "Play", "Prompt", "Record", "Redirect", "Refer",
    "Reject", "Say", "Siprec", "Sms", "Start", "Stop",
];

/// An element of a document: a verb, or what is nested in one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Its name, as `Enqueue`.
    pub name: String,
    /// Its attributes in their order.
    pub attributes: Vec<(String, String)>,
    /// The text directly in it, without the white space around it.
    pub text: String,
    /// The elements in it.
    pub children: Vec<Element>,
}

impl Element {
    /// An attribute's value.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The first nested element of this name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Name and value of each nested `Parameter`.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let parameters = self.children.iter().filter(|child| child.name == "Parameter");
        parameters
            .map(|parameter| {
                let part = |name| parameter.attribute(name).unwrap_or_default().to_owned();
                (part("name"), part("value"))
            })
            .collect()
    }
}

/// Reads a document: its verbs, and what the platform would not accept about them.
///
/// # Errors
/// It is not a `Response` in well-formed XML; the text says what is wrong.
pub fn read(document: &str) -> Result<(Vec<Element>, Vec<String>), String> {
    let root = tree(document)?;
    if root.name != "Response" {
        return Err(format!("the document's root is <{}>, expected <Response>", root.name));
    }
    let mut violations = Vec::new();
    for verb in &root.children {
        check(verb, &mut violations);
    }
    Ok((root.children, violations))
}

fn check(verb: &Element, violations: &mut Vec<String>) {
    if !VERBS.contains(&verb.name.as_str()) {
        violations.push(format!("the document holds <{}>, which is no verb", verb.name));
    }
    if verb.name == "Connect" {
        let Some(stream) = verb.child("Stream") else {
            violations.push("a <Connect> without a <Stream>".to_owned());
            return;
        };
        check_stream(stream, violations);
    }
    if let Some(task) = verb.child("Task").filter(|_| verb.name == "Enqueue") {
        if serde_json::from_str::<serde_json::Value>(&task.text).is_err() {
            violations.push("the <Task> of <Enqueue> is not JSON".to_owned());
        }
        if verb.attribute("workflowSid").is_none() {
            violations.push("<Enqueue> with a <Task> but without a workflowSid".to_owned());
        }
    } else if verb.name == "Enqueue" && !(1..=64).contains(&verb.text.chars().count()) {
        violations.push("the queue's name in <Enqueue> is not of 1 to 64 characters".to_owned());
    }
}

fn check_stream(stream: &Element, violations: &mut Vec<String>) {
    let url = stream.attribute("url").unwrap_or_default();
    match url::Url::parse(url) {
        Ok(parsed) => {
            // Unencrypted only where no real platform could come: on the same machine.
            let loopback = matches!(parsed.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
            if parsed.scheme() != "wss" && !(parsed.scheme() == "ws" && loopback) {
                violations.push(format!("the stream's address has the scheme {}, expected wss", parsed.scheme()));
            }
            if parsed.query().is_some() {
                violations.push("the stream's address has a query, which the platform does not pass on".to_owned());
            }
        }
        Err(error) => violations.push(format!("the stream's address is no absolute URL: {error}")),
    }
    for (name, value) in stream.parameters() {
        if name.is_empty() {
            violations.push("a <Parameter> of the stream has no name".to_owned());
        }
        if name.chars().count() + value.chars().count() > LONGEST_PARAMETER {
            violations.push(format!("<Parameter name={name:?}> is longer than {LONGEST_PARAMETER} characters"));
        }
    }
}

fn tree(document: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(document);
    let mut open: Vec<Element> = Vec::new();
    let place = |reader: &Reader<&[u8]>| format!("at byte {}", reader.buffer_position());
    loop {
        let event = reader.read_event().map_err(|error| format!("not well-formed XML {}: {error}", place(&reader)))?;
        let ended = match event {
            Event::Start(start) => {
                open.push(element(&start)?);
                None
            }
            Event::Empty(start) => Some(element(&start)?),
            Event::End(_) => open.pop(),
            Event::Text(text) => {
                append(&mut open, &text.xml10_content());
                None
            }
            Event::CData(text) => {
                append(&mut open, &text.xml10_content());
                None
            }
            Event::GeneralRef(reference) => {
                let resolved = match reference.resolve_char_ref().map_err(|error| error.to_string())? {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&reference)
                        .ok_or_else(|| format!("an unknown entity {}", place(&reader)))?
                        .to_owned(),
                };
                append(&mut open, &resolved);
                None
            }
            Event::Eof => return Err(format!("the document ends too early {}", place(&reader))),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => None,
        };
        if let Some(mut ended) = ended {
            ended.text = ended.text.trim().to_owned();
            match open.last_mut() {
                Some(parent) => parent.children.push(ended),
                None => return Ok(ended),
            }
        }
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let name = start.name().as_ref().to_owned();
    let mut element = Element { name, ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| format!("a broken attribute in <{}>: {error}", element.name))?;
        let value = attribute
            .normalized_value(XmlVersion::Explicit1_0)
            .map_err(|error| format!("a broken attribute in <{}>: {error}", element.name))?;
        element.attributes.push((attribute.key.as_ref().to_owned(), value.into_owned()));
    }
    Ok(element)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_with_its_attributes_parameters_and_entities() {
        let (verbs, violations) = read(
            r#"<?xml version="1.0" encoding="UTF-8"?><Response><Connect action="https://b.example/after?a=1&amp;b=2">
               <Stream url="wss://b.example/twilio"><Parameter name="token" value="a&lt;b" /></Stream></Connect>
               <Enqueue workflowSid="WW1"><Task>{"reason":"a &amp; b &#233;"}</Task></Enqueue><Hangup/></Response>"#,
        )
        .unwrap();
        assert!(violations.is_empty(), "{violations:?}");
        assert_eq!(verbs.iter().map(|verb| verb.name.as_str()).collect::<Vec<_>>(), ["Connect", "Enqueue", "Hangup"]);
        assert_eq!(verbs[0].attribute("action"), Some("https://b.example/after?a=1&b=2"));
        assert_eq!(verbs[0].child("Stream").unwrap().parameters(), [("token".to_owned(), "a<b".to_owned())]);
        assert_eq!(verbs[1].child("Task").unwrap().text, r#"{"reason":"a & b é"}"#);
    }

    #[test]
    fn what_the_platform_would_not_take_is_reported() {
        let violations = |document: &str| read(document).unwrap().1;
        for (document, complaint) in [
            (r#"<Response><Connect><Stream url="wss://b.example/t?x=1"/></Connect></Response>"#, "query"),
            (r#"<Response><Connect><Stream url="ws://b.example/t"/></Connect></Response>"#, "scheme"),
            (r#"<Response><Connect><Stream/></Connect></Response>"#, "no absolute URL"),
            (r#"<Response><Connect/></Response>"#, "without a <Stream>"),
            (r#"<Response><Hang/></Response>"#, "no verb"),
            (r#"<Response><Enqueue></Enqueue></Response>"#, "queue's name"),
            (r#"<Response><Enqueue workflowSid="W"><Task>{</Task></Enqueue></Response>"#, "not JSON"),
        ] {
            let found = violations(document);
            assert!(found.len() == 1 && found[0].contains(complaint), "{document}: {found:?}");
        }
    }

    #[test]
    fn a_broken_document_is_refused() {
        for document in ["", "<Response>", "<Response></Say></Response>", "<Answer/>", "<Response>&nope;</Response>"] {
            assert!(read(document).is_err(), "{document}");
        }
    }
}
