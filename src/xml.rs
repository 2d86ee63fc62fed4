//! XML documents, written element by element: TwiML and pictures. Whatever stands in a name or a text, what comes out is XML.

use std::io;

use quick_xml::Writer;
use quick_xml::escape::partial_escape;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

/// One element of a document: attributes, then its text, then its children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    text: Option<String>,
    children: Vec<Element>,
}

impl Element {
    pub(crate) fn new(name: &'static str) -> Element {
        Element { name, attributes: Vec::new(), text: None, children: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Element {
        self.attributes.push((name, value.into()));
        self
    }

    pub(crate) fn text(mut self, text: impl Into<String>) -> Element {
        self.text = Some(text.into());
        self
    }

    pub(crate) fn child(mut self, child: Element) -> Element {
        self.children.push(child);
        self
    }

    pub(crate) fn children(mut self, children: impl IntoIterator<Item = Element>) -> Element {
        self.children.extend(children);
        self
    }

    /// The whole document, with this element as its root.
    pub(crate) fn document(&self) -> String {
        self.written(Writer::new(Vec::new()))
    }

    /// The whole document, each element on a line of its own: for files that people compare.
    pub(crate) fn document_in_lines(&self) -> String {
        self.written(Writer::new_with_indent(Vec::new(), b' ', 1)) + "\n"
    }

    fn written(&self, mut writer: Writer<Vec<u8>>) -> String {
        let written = writer
            .write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))
            .and_then(|()| self.write(&mut writer))
            .map(|()| String::from_utf8(writer.into_inner()));
        // A Vec takes every write, and text in is text out.
        #[allow(clippy::expect_used)]
        written.expect("a Vec takes every write").expect("elements are text")
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let mut start = BytesStart::new(self.name);
        let attributes: Vec<_> = self.attributes.iter().map(|(name, value)| (*name, legal(value))).collect();
        for (name, value) in &attributes {
            start.push_attribute((*name, value.as_str()));
        }
        if self.text.is_none() && self.children.is_empty() {
            return writer.write_event(Event::Empty(start));
        }
        writer.write_event(Event::Start(start))?;
        if let Some(text) = &self.text {
            let text = legal(text);
            writer.write_event(Event::Text(BytesText::from_escaped(partial_escape(text.as_str()))))?;
        }
        self.children.iter().try_for_each(|child| child.write(writer))?;
        writer.write_event(Event::End(BytesEnd::new(self.name)))
    }
}

/// `text` without characters that XML cannot hold (XML 1.0, section 2.2).
fn legal(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_written_stays_xml() {
        let element = Element::new("a").with("b", "a\"b<&>'\n").text("Jansen & <Zonen>\u{0}\u{1b} \"é\"");
        let shown = element.children([Element::new("c")]).document();
        assert!(shown.contains(r#"b="a&quot;b&lt;&amp;&gt;&apos;"#), "{shown}");
        assert!(shown.ends_with(r#">Jansen &amp; &lt;Zonen&gt; "é"<c/></a>"#), "{shown}");
    }
}
