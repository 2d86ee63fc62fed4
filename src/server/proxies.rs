//! Whom a request is from, where a proxy of our own stands before the server.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use axum::http::header::{FORWARDED, HeaderName};
use ipnet::IpNet;
use serde::Deserialize;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The header in which the trusted proxies write whom they forward for. One, because a proxy that writes the one passes the other on
/// as its client sent it.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, what proxies usually write.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies whose word is taken.
#[derive(Debug)]
pub(super) struct Proxies {
    trusted: Vec<IpNet>,
    header: ProxyHeader,
}

impl Proxies {
    /// Reads the networks of `server.trusted_proxies`.
    pub(super) fn new(trusted: &[String], header: ProxyHeader) -> Result<Proxies, String> {
        let network = |text: &String| {
            let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            network.map_err(|_| {
                format!("server.trusted_proxies: `{text}` is no network: write 10.0.0.0/8, or the address of one machine")
            })
        };
        Ok(Proxies { trusted: trusted.iter().map(network).collect::<Result<_, _>>()?, header })
    }

    /// Whether none is named.
    pub(super) fn is_empty(&self) -> bool {
        self.trusted.is_empty()
    }

    /// Whether this machine may speak for others.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted.iter().any(|network| network.contains(&address))
    }

    /// Who sent a request that came from `peer`: the nearest address on its way that is not one of the trusted proxies.
    ///
    /// Each proxy writes whom it heard on the right, so what stands left of an address that is not trusted is that client's own invention.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let name = match self.header {
            ProxyHeader::XForwardedFor => X_FORWARDED_FOR,
            ProxyHeader::Forwarded => FORWARDED,
        };
        let lines: Vec<&str> = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default()).collect();
        for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
            if !self.trusts(client) {
                break;
            }
            let written = match self.header {
                ProxyHeader::XForwardedFor => Some(hop),
                ProxyHeader::Forwarded => forwarded_for(hop),
            };
            // `unknown`, a name of the proxy's own, rubbish: the last machine that is known answers for it.
            let Some(address) = written.and_then(read_address) else { break };
            client = address;
        }
        client
    }
}

/// What an element of `Forwarded` says after `for=`.
fn forwarded_for(element: &str) -> Option<&str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for")).map(|(_, node)| node.trim().trim_matches('"'))
}

/// An address as proxies write it: alone, in brackets, or with a port.
fn read_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(header: ProxyHeader, peer: &str, lines: &[&str]) -> String {
        let trusted = ["10.0.0.0/8".to_owned(), "2001:db8:1::/48".to_owned(), "192.0.2.80".to_owned()];
        let proxies = Proxies::new(&trusted, header).unwrap();
        let mut headers = HeaderMap::new();
        let name = if header == ProxyHeader::Forwarded { FORWARDED } else { X_FORWARDED_FOR };
        for line in lines {
            headers.append(name.clone(), line.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_speaks_for_others() {
        let plain = |peer, lines: &[&str]| client(ProxyHeader::XForwardedFor, peer, lines);
        assert_eq!(plain("198.51.100.7", &["203.0.113.5"]), "198.51.100.7", "a stranger who claims to be somebody else");
        assert_eq!(plain("10.1.1.1", &["203.0.113.5"]), "203.0.113.5");
        assert_eq!(plain("::ffff:10.1.1.1", &["203.0.113.5"]), "203.0.113.5");
        assert_eq!(plain("192.0.2.80", &["203.0.113.5"]), "203.0.113.5");
        assert_eq!(plain("10.1.1.1", &[]), "10.1.1.1");
    }

    #[test]
    fn what_a_client_writes_before_its_own_address_is_not_believed() {
        let plain = |lines: &[&str]| client(ProxyHeader::XForwardedFor, "10.1.1.1", lines);
        assert_eq!(plain(&["127.0.0.1, 10.9.9.9, 203.0.113.5"]), "203.0.113.5");
        assert_eq!(plain(&["127.0.0.1, 203.0.113.5, 10.2.2.2"]), "203.0.113.5", "two proxies of ours, one behind the other");
        assert_eq!(plain(&["127.0.0.1", "203.0.113.5"]), "203.0.113.5", "the proxy's own line comes last");
        assert_eq!(plain(&["203.0.113.5, unknown"]), "10.1.1.1");
        assert_eq!(plain(&["203.0.113.5, \u{20}"]), "10.1.1.1");
        assert_eq!(plain(&["10.3.3.3"]), "10.3.3.3", "a request of the proxies' own");
    }

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        let plain = |lines: &[&str]| client(ProxyHeader::XForwardedFor, "10.1.1.1", lines);
        assert_eq!(plain(&["203.0.113.5:4711"]), "203.0.113.5");
        assert_eq!(plain(&["[2001:db8:9::5]:4711"]), "2001:db8:9::5");
        assert_eq!(plain(&["[2001:db8:9::5]"]), "2001:db8:9::5");
        let standard = |lines: &[&str]| client(ProxyHeader::Forwarded, "10.1.1.1", lines);
        assert_eq!(standard(&["for=203.0.113.5;proto=https;by=10.1.1.1"]), "203.0.113.5");
        assert_eq!(standard(&["for=127.0.0.1, proto=https;For=\"[2001:db8:9::5]:4711\""]), "2001:db8:9::5");
        assert_eq!(standard(&["for=\"127.0.0.1, for=203.0.113.5"]), "203.0.113.5", "a quote that the client left open");
        assert_eq!(standard(&["for=_hidden"]), "10.1.1.1");
        assert_eq!(standard(&["proto=https"]), "10.1.1.1");
    }

    #[test]
    fn what_is_no_network_is_named() {
        let error = Proxies::new(&["10.0.0.0/33".into()], ProxyHeader::default()).unwrap_err();
        assert!(error.contains("server.trusted_proxies") && error.contains("10.0.0.0/33"), "{error}");
    }
}
