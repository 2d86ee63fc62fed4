//! Whose web pages may talk to this server, and under which names it is reached.
//!
//! Browsers let any page send requests to any server. Two checks keep other people's pages out: the page's `Origin` (RFC 6454) has to be
//! ours or allowed by the configuration, and a server that listens on this machine alone answers to names of this machine alone, so that
//! a page cannot have its own name point here (DNS rebinding). Whoever is not a browser sends no `Origin` and is checked by other means.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::{Host, Origin, Url};

/// Which routes a request is for, as far as browsers are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    /// `/webrtc` and below.
    Calls,
    /// `/desk` and below.
    Desk,
}

impl Area {
    pub(super) fn of(path: &str) -> Option<Area> {
        let first = path.strip_prefix('/')?.split('/').next()?;
        match first {
            "webrtc" => Some(Area::Calls),
            "desk" => Some(Area::Desk),
            _ => None,
        }
    }
}

/// What is checked.
#[derive(Debug)]
pub(super) struct Origins {
    /// `server.public_address`.
    public: Option<Origin>,
    /// `server.allowed_origins`: pages that may bring calls. The desk is for our own page alone.
    allowed: Vec<Origin>,
    /// While listening on this machine alone: names of other machines, those of proxies before us, that are ours all the same.
    names: Option<Vec<String>>,
    /// Whether we speak TLS ourselves, so that our own pages are https.
    secure: bool,
}

impl Origins {
    /// `public_addresses`: under which other names the configuration has this server reached, such as Twilio's way to it.
    pub(super) fn new(
        public_address: Option<&str>,
        allowed: &[String],
        listening: SocketAddr,
        other_addresses: &[&str],
        secure: bool,
    ) -> Result<Origins, String> {
        let public = public_address.map(|text| {
            read(text).ok_or_else(|| {
                format!("server.public_address: `{text}` is not the address of a server: write https://calls.example.com")
            })
        });
        let public = public.transpose()?;
        let allowed = allowed.iter().map(|text| {
            read(text).ok_or_else(|| {
                format!("server.allowed_origins: `{text}` is no origin: write scheme and host, such as https://www.example.com")
            })
        });
        let allowed = allowed.collect::<Result<_, _>>()?;
        let names = public_address
            .iter()
            .chain(other_addresses)
            .filter_map(|text| Url::parse(text).ok()?.host().map(|host| host.to_string()));
        let names = listening.ip().is_loopback().then(|| names.collect());
        Ok(Origins { public, allowed, names, secure })
    }

    /// Whether a request that names this `Host` means this server. Without one it is no browser's.
    pub(super) fn is_our_host(&self, headers: &HeaderMap) -> bool {
        let Some(names) = &self.names else { return true };
        let mut hosts = headers.get_all(header::HOST).iter();
        let Some(host) = hosts.next() else { return true };
        let host = host.to_str().ok().and_then(|host| Url::parse(&format!("http://{host}/")).ok());
        let Some(host) = host.as_ref().and_then(Url::host) else { return false };
        hosts.next().is_none() && (is_this_machine(&host) || names.contains(&host.to_string()))
    }

    /// Whether a page of this origin may ask for this.
    pub(super) fn may_ask(&self, area: Area, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else { return true };
        // `null`, which sandboxed pages and files send, is nobody's.
        let Some(origin) = origin.to_str().ok().and_then(read) else { return false };
        let allowed = area == Area::Calls && self.allowed.contains(&origin);
        origins.next().is_none() && (allowed || self.is_ours(&origin, headers))
    }

    fn is_ours(&self, origin: &Origin, headers: &HeaderMap) -> bool {
        if self.public.as_ref() == Some(origin) {
            return true;
        }
        let Origin::Tuple(scheme, page, _) = origin else { return false };
        // Where it is written under which name we are known, what a request says in its `Host` counts on this machine alone.
        if (self.public.is_some() && !is_this_machine(&as_reference(page))) || (self.secure && scheme != "https") {
            return false;
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        host.and_then(|host| read(&format!("{scheme}://{host}"))).as_ref() == Some(origin)
    }

    /// The origin of an allowed page, if this request to `/webrtc` is one's.
    pub(super) fn allowed_page(&self, area: Option<Area>, headers: &HeaderMap) -> Option<HeaderValue> {
        let value = headers.get(header::ORIGIN)?;
        let origin = value.to_str().ok().and_then(read)?;
        (area == Some(Area::Calls) && self.allowed.contains(&origin)).then(|| value.clone())
    }
}

/// Whether a browser asks first what a page may do (the Fetch standard, CORS-preflight request). Any other OPTIONS is the route's.
pub(super) fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// What a page of this origin may ask of `/webrtc`.
pub(super) fn preflight(page: HeaderValue) -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "OPTIONS, POST, PATCH, DELETE"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type, if-match"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    readable((StatusCode::NO_CONTENT, headers).into_response(), page)
}

/// Lets a page of this origin read an answer, and the headers of it that it needs.
pub(super) fn readable(mut response: Response, page: HeaderValue) -> Response {
    let exposed = HeaderValue::from_static("location, link, etag, accept-patch, retry-after");
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, page);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    response
}

/// An origin as browsers and configurations write it: scheme, host, port, and nothing more.
fn read(text: &str) -> Option<Origin> {
    let url = Url::parse(text).ok()?;
    let alone = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let web = matches!(url.scheme(), "http" | "https") && url.password().is_none();
    (alone && web).then(|| url.origin())
}

/// Whether a name can only mean this machine: browsers resolve `localhost` and what is below it without asking anybody.
fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
        }
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).to_canonical().is_loopback(),
    }
}

fn as_reference(host: &Host<String>) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name),
        Host::Ipv4(address) => Host::Ipv4(*address),
        Host::Ipv6(address) => Host::Ipv6(*address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: &str = "127.0.0.1:8080";
    const EVERYWHERE: &str = "0.0.0.0:8080";

    fn origins(listening: &str, public: Option<&str>, allowed: &[&str], secure: bool) -> Origins {
        let allowed: Vec<String> = allowed.iter().map(|text| (*text).to_owned()).collect();
        Origins::new(public, &allowed, listening.parse().unwrap(), &["https://bot.example.com/candor"], secure).unwrap()
    }

    fn headers(host: &str, origin: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if !origin.is_empty() {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        headers
    }

    fn ours(origins: &Origins, host: &str, origin: &str) -> bool {
        origins.may_ask(Area::Desk, &headers(host, origin))
    }

    #[test]
    fn a_page_of_the_same_host_is_ours() {
        let plain = origins(LOOPBACK, None, &[], false);
        assert!(ours(&plain, "localhost:8080", "http://localhost:8080"));
        assert!(ours(&plain, "[::1]:8080", "http://[::1]:8080"));
        assert!(ours(&plain, "LOCALHOST:80", "http://localhost"));
        assert!(ours(&plain, "localhost:8080", ""), "no browser");
        for other in [
            "http://localhost:9000",
            "http://127.0.0.1:8080",
            "https://evil.example",
            "null",
            "http://localhost:8080/x",
            "file://",
        ] {
            assert!(!ours(&plain, "localhost:8080", other), "{other}");
        }
        let mut two = headers("localhost:8080", "http://localhost:8080");
        two.append(header::ORIGIN, "https://evil.example".parse().unwrap());
        assert!(!plain.may_ask(Area::Desk, &two));
    }

    #[test]
    fn with_tls_our_pages_are_https() {
        let secure = origins(EVERYWHERE, None, &[], true);
        assert!(ours(&secure, "calls.example.com", "https://calls.example.com"));
        assert!(!ours(&secure, "calls.example.com", "http://calls.example.com"));
    }

    #[test]
    fn where_the_public_name_is_known_a_host_proves_nothing_but_on_this_machine() {
        let public = origins(EVERYWHERE, Some("https://calls.example.com"), &[], false);
        assert!(ours(&public, "backend:8080", "https://calls.example.com"));
        assert!(ours(&public, "localhost:8080", "http://localhost:8080"));
        assert!(!ours(&public, "evil.example", "https://evil.example"));
        assert!(!ours(&public, "calls.example.com", "http://calls.example.com"));
    }

    #[test]
    fn allowed_pages_may_bring_calls_and_not_sit_at_the_desk() {
        let shop = origins(EVERYWHERE, None, &["https://shop.example.com"], false);
        let request = headers("calls.example.com", "https://shop.example.com");
        assert!(shop.may_ask(Area::Calls, &request));
        assert!(!shop.may_ask(Area::Desk, &request));
        assert!(shop.allowed_page(Some(Area::Calls), &request).is_some());
        assert!(shop.allowed_page(Some(Area::Desk), &request).is_none() && shop.allowed_page(None, &request).is_none());
        let ours = headers("calls.example.com", "https://calls.example.com");
        assert!(shop.may_ask(Area::Calls, &ours) && shop.allowed_page(Some(Area::Calls), &ours).is_none());
    }

    #[test]
    fn on_this_machine_alone_only_names_of_it_are_answered() {
        let here = origins(LOOPBACK, None, &[], false);
        for host in
            ["localhost:8080", "desk.localhost", "localhost.", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080", "bot.example.com"]
        {
            assert!(here.is_our_host(&headers(host, "")), "{host}");
        }
        for host in ["evil.example:8080", "192.0.2.1", "localhost.evil.example", "evil-localhost", "", "user@evil.example", "a b"]
        {
            assert!(!here.is_our_host(&headers(host, "")), "{host}");
        }
        assert!(here.is_our_host(&HeaderMap::new()));
        let proxied = origins(LOOPBACK, Some("https://calls.example.com"), &[], false);
        assert!(proxied.is_our_host(&headers("calls.example.com", "")));
        assert!(origins(EVERYWHERE, None, &[], false).is_our_host(&headers("anything.example", "")));
    }

    #[test]
    fn areas_are_whole_path_segments() {
        assert_eq!(Area::of("/webrtc"), Some(Area::Calls));
        assert_eq!(Area::of("/webrtc/a/b"), Some(Area::Calls));
        assert_eq!(Area::of("/desk/events"), Some(Area::Desk));
        for other in ["/", "/webrtcs", "/desks/x", "/twilio/desk", "//webrtc"] {
            assert_eq!(Area::of(other), None, "{other}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let new = |public: Option<&str>, allowed: &[String]| Origins::new(public, allowed, LOOPBACK.parse().unwrap(), &[], false);
        let error = new(Some("calls.example.com"), &[]).unwrap_err();
        assert!(error.contains("server.public_address") && error.contains("https://"), "{error}");
        let error = new(None, &["https://shop.example.com/page".into()]).unwrap_err();
        assert!(error.contains("server.allowed_origins") && error.contains("shop.example.com/page"), "{error}");
        assert!(new(None, &["*".into()]).is_err());
    }
}
