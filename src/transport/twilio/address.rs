use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// Where Twilio reaches this server: `https://bot.example.com`, with a port and a path before ours where a proxy needs them.
///
/// Signatures are made over the address that Twilio was given, so it has to be configured; what a request says in its `Host` proves nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicAddress {
    host: String,
    port: Option<u16>,
    prefix: String,
    secure: bool,
}

/// An address that Twilio could not use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Not a URL.
    #[error("is not an address: write https://bot.example.com")]
    NotAnAddress,
    /// Not https.
    #[error("has to begin with https://; http:// is for this machine alone (127.0.0.1, localhost)")]
    Scheme,
    /// User, query or fragment.
    #[error("holds a user, a ? or a #: write scheme, host and, where needed, port and path alone")]
    Extra,
}

/// Which of Twilio's requests: they differ in scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The upgrade to a WebSocket: `wss`.
    Stream,
    /// A webhook: `https`.
    Webhook,
}

impl PublicAddress {
    /// Reads and checks the address.
    pub fn parse(text: &str) -> Result<PublicAddress, AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError::NotAnAddress)?;
        let host = url.host().ok_or(AddressError::NotAnAddress)?;
        let secure = match url.scheme() {
            "https" => true,
            "http" if is_loopback(&host) => false,
            _ => return Err(AddressError::Scheme),
        };
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(AddressError::Extra);
        }
        let prefix = url.path().trim_end_matches('/').to_owned();
        Ok(PublicAddress { host: host.to_string(), port: url.port(), prefix, secure })
    }

    /// Whether it names this machine, as for a simulated caller.
    pub fn is_loopback(&self) -> bool {
        match Host::parse(&self.host) {
            Ok(Host::Domain(name)) => is_loopback(&Host::Domain(name.as_str())),
            Ok(Host::Ipv4(address)) => is_loopback(&Host::Ipv4(address)),
            Ok(Host::Ipv6(address)) => is_loopback(&Host::Ipv6(address)),
            Err(_) => false,
        }
    }

    /// The address of the stream, for `<Stream url>`: `wss://…/twilio`.
    pub fn stream(&self) -> String {
        self.of(Kind::Stream, "/twilio", self.port)
    }

    /// Where Twilio asks how the call goes on: `https://…/twilio/after`.
    pub fn after(&self) -> String {
        self.of(Kind::Webhook, "/twilio/after", self.port)
    }

    /// Where Twilio fetches what a colleague hears before they are connected.
    pub fn whisper(&self, token: &str) -> String {
        self.of(Kind::Webhook, &format!("/twilio/whisper?token={token}"), self.port)
    }

    /// Where Twilio asks what a queued caller hears, and whether they still wait.
    pub fn wait(&self, target: &str, language: &str) -> String {
        let query: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("target", target)
            .append_pair("language", language)
            .finish();
        self.of(Kind::Webhook, &format!("/twilio/wait?{query}"), self.port)
    }

    /// The ways in which Twilio may have written the address of a request when it signed it: with and without the port, with and
    /// without a slash at the end of the path. `path_and_query` is the request's own.
    pub(super) fn variants(&self, kind: Kind, path_and_query: &str) -> Vec<String> {
        let default = if self.secure { 443 } else { 80 };
        let ports = match self.port {
            Some(port) => [Some(port), None],
            None => [None, Some(default)],
        };
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (path_and_query, String::new()),
        };
        let bare = path.trim_end_matches('/');
        let paths = if path == bare { [path.to_owned(), format!("{bare}/")] } else { [path.to_owned(), bare.to_owned()] };
        let all = paths.iter().flat_map(|path| ports.map(|port| self.of(kind, &format!("{path}{query}"), port)));
        all.collect()
    }

    fn of(&self, kind: Kind, path_and_query: &str, port: Option<u16>) -> String {
        let scheme = match (kind, self.secure) {
            (Kind::Stream, true) => "wss",
            (Kind::Stream, false) => "ws",
            (Kind::Webhook, true) => "https",
            (Kind::Webhook, false) => "http",
        };
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{scheme}://{}{port}{}{path_and_query}", self.host, self.prefix)
    }
}

impl fmt::Debug for PublicAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.of(Kind::Webhook, "", self.port))
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => IpAddr::from(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::from(*address).is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_for_twilio_follow_from_the_public_one() {
        let address = PublicAddress::parse("https://bot.example.com/").unwrap();
        assert_eq!(address.stream(), "wss://bot.example.com/twilio");
        assert_eq!(address.after(), "https://bot.example.com/twilio/after");
        let proxied = PublicAddress::parse("https://example.com:8443/candor/").unwrap();
        assert_eq!(proxied.stream(), "wss://example.com:8443/candor/twilio");
        assert_eq!(proxied.wait("a b", "nl"), "https://example.com:8443/candor/twilio/wait?target=a+b&language=nl");
    }

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for local in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"] {
            let address = PublicAddress::parse(local).unwrap();
            assert!(address.is_loopback(), "{local}");
            assert!(address.stream().starts_with("ws://"));
        }
        assert_eq!(PublicAddress::parse("http://bot.example.com"), Err(AddressError::Scheme));
        assert_eq!(PublicAddress::parse("bot.example.com"), Err(AddressError::NotAnAddress));
        assert_eq!(PublicAddress::parse("https://user@bot.example.com"), Err(AddressError::Extra));
        assert!(!PublicAddress::parse("https://bot.example.com").unwrap().is_loopback());
    }

    #[test]
    fn variants_have_port_and_slash_or_not() {
        let address = PublicAddress::parse("https://bot.example.com").unwrap();
        let variants = address.variants(Kind::Stream, "/twilio");
        assert_eq!(
            variants,
            [
                "wss://bot.example.com/twilio",
                "wss://bot.example.com:443/twilio",
                "wss://bot.example.com/twilio/",
                "wss://bot.example.com:443/twilio/",
            ]
        );
        assert!(
            address.variants(Kind::Webhook, "/twilio/after/?a=1").contains(&"https://bot.example.com/twilio/after?a=1".into())
        );
    }
}
