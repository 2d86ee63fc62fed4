//! Twilio's signatures, on vectors made with Twilio's own library for Python (9.13.0), over the configured public address.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue, Uri};
use candor::transport::twilio::signature::{Algorithm, Gate, SIGNATURE, SIGNATURE_SETTINGS, SignatureError, sign};
use candor::transport::twilio::{PublicAddress, Secret, Settings, Webhook, WebhookError};

const TWILIO: &str = "54.172.60.1";
const VOICE: [(&str, &str); 3] = [("CallSid", "CA123"), ("From", "+4915112345"), ("To", "+49301234")];

/// Address, form, and the signature with SHA-1 and with SHA-256.
type Vector = (&'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);

fn gate(address: &str) -> Gate {
    let settings = Settings {
        public_address: Some(address.into()),
        auth_token: Some(Secret::new("12345")),
        shared_keys: [("k1".to_owned(), Secret::new("12345")), ("k2".to_owned(), Secret::new("other"))].into(),
        ..Settings::default()
    };
    Gate::new(&settings, &PublicAddress::parse("http://127.0.0.1:8080").unwrap()).unwrap()
}

fn headers(signature: &str, settings: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, HeaderValue::from_str(signature).unwrap());
    if let Some(settings) = settings {
        headers.insert(SIGNATURE_SETTINGS, HeaderValue::from_str(settings).unwrap());
    }
    headers.insert("host", HeaderValue::from_static("attacker.example"));
    headers
}

fn owned(parameters: &[(&str, &str)]) -> Vec<(String, String)> {
    parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn peer() -> IpAddr {
    TWILIO.parse().unwrap()
}

#[test]
fn signatures_are_those_of_the_reference_library() {
    let address = "https://bot.example.com/voice";
    const ODD: [(&str, &str); 3] = [("b", ""), ("a", "x y&z=é+"), ("A", "upper")];
    const REPEATED: [(&str, &str); 4] = [("Tag", "b"), ("Tag", "a"), ("Tag", "b"), ("CallSid", "CA123")];
    let vectors: [Vector; 8] = [
        ("wss://bot.example.com/twilio", &[], "Qo623mTKSBBeQp3YeX1D4pz6VHU=", "/G5FAt6XzgEvoMfQRN78sxBB6l7Gc1HI/Vsj2lB05jI="),
        ("wss://bot.example.com/twilio/", &[], "4XGtFMK60sXSlQd7uOPbnUq0EhA=", "UjjEDk3vd7aWScsiiqHor7Xw7gSo/j3lWig/ub5y49U="),
        ("wss://bot.example.com:443/twilio", &[], "t2eUC+F5OwQWsVxVLA4wrasfR8A=", "L6MakPbBRi8ewkLRa6CTeyfTnCvKl/tKMvltkEx/Oss="),
        (address, &VOICE, "kERSjf5ou+e/VekDJmlBaclgDy4=", "tPsfYAXYCSGkZhGSoqyNcup/NHn0z8ILuwoOomhJ/7g="),
        (address, &ODD, "d+DRrI5L08xZktEuUBfcE0Fhrw0=", "3qzJILL5KbJYoad3AJ7lHNy/+sBHwAtQntO4PTpxfDs="),
        (address, &REPEATED, "iYkhi12WD3lbUVYgJK8aaPf1DIQ=", "1kkAiC5LO0vXHKjrGua470LXf3/NWOXHpf5/L4d7BTI="),
        (
            "https://bot.example.com/twilio/after?parked=a%20b&x=1",
            &VOICE,
            "+m9xCby7TgYyvrwLvXvWFg/bAG4=",
            "2Mk4pGDazEwmPMOasxuxtfxS87bhJUQQpfxieykYiYM=",
        ),
        (
            "https://bot.example.com:8443/voice",
            &VOICE,
            "fLQDMmL5R6hhzrWmMmUD/Pn4zaI=",
            "N9S9UrbhFrqo/S4ozis49XeddoWTy9QJGIc3n6Zic40=",
        ),
    ];
    let secret = Secret::new("12345");
    for (address, parameters, sha1, sha256) in vectors {
        assert_eq!(sign(&secret, Algorithm::Sha1, address, &owned(parameters)), sha1, "{address}");
        assert_eq!(sign(&secret, Algorithm::Sha256, address, &owned(parameters)), sha256, "{address}");
    }
}

#[test]
fn the_stream_is_checked_as_wss_with_and_without_port_and_slash() {
    let gate = gate("https://bot.example.com");
    let uri = Uri::from_static("/twilio");
    for good in ["Qo623mTKSBBeQp3YeX1D4pz6VHU=", "4XGtFMK60sXSlQd7uOPbnUq0EhA=", "t2eUC+F5OwQWsVxVLA4wrasfR8A="] {
        assert_eq!(gate.check_stream(peer(), &headers(good, None), &uri), Ok(()), "{good}");
    }
    let https = sign(&Secret::new("12345"), Algorithm::Sha1, "https://bot.example.com/twilio", &[]);
    assert_eq!(gate.check_stream(peer(), &headers(&https, None), &uri), Err(SignatureError::Mismatch));
}

#[test]
fn a_webhook_is_checked_over_address_and_form() {
    let gate = gate("https://bot.example.com");
    let uri = Uri::from_static("/voice");
    let check = |signature: &str, settings: Option<&str>, form: &[(&str, &str)]| {
        gate.check_webhook(peer(), &headers(signature, settings), &uri, &owned(form))
    };
    for good in ["kERSjf5ou+e/VekDJmlBaclgDy4=", "Yd00FrE0tWpJwQRsUW878gbs8po="] {
        assert_eq!(check(good, None, &VOICE), Ok(()), "with and without :443");
    }
    let sha256 = "tPsfYAXYCSGkZhGSoqyNcup/NHn0z8ILuwoOomhJ/7g=";
    assert_eq!(check(sha256, Some("key=K1,algorithm=HMAC_SHA256"), &VOICE), Ok(()));
    assert_eq!(check(sha256, Some(" key = k1 , algorithm = hmac_sha256 "), &VOICE), Ok(()));

    let sha1 = "kERSjf5ou+e/VekDJmlBaclgDy4=";
    let mut other = VOICE;
    other[1].1 = "+4915112346";
    assert_eq!(check(sha1, None, &other), Err(SignatureError::Mismatch), "a changed value");
    assert_eq!(check(sha1, None, &VOICE[..2]), Err(SignatureError::Mismatch), "a missing value");
    assert_eq!(check("", None, &VOICE), Err(SignatureError::Mismatch));
    assert_eq!(check(&sha1[..27], None, &VOICE), Err(SignatureError::Mismatch), "a beginning is not enough");
    assert_eq!(check(sha256, None, &VOICE), Err(SignatureError::Mismatch), "the algorithm has to be named");
    assert_eq!(check(sha256, Some("key=k2,algorithm=HMAC_SHA256"), &VOICE), Err(SignatureError::Mismatch), "another key");
    assert_eq!(check(sha256, Some("key=k3,algorithm=HMAC_SHA256"), &VOICE), Err(SignatureError::UnknownKey));
    assert_eq!(check(sha1, Some("key=k1,algorithm=HMAC_MD5"), &VOICE), Err(SignatureError::UnknownAlgorithm));
    let missing = gate.check_webhook(peer(), &HeaderMap::new(), &uri, &owned(&VOICE));
    assert_eq!(missing, Err(SignatureError::Missing));
}

#[test]
fn a_port_of_its_own_and_a_path_before_ours_belong_to_the_address() {
    let parameters = owned(&VOICE);
    let ported = gate("https://bot.example.com:8443");
    let uri = Uri::from_static("/voice");
    assert_eq!(ported.check_webhook(peer(), &headers("fLQDMmL5R6hhzrWmMmUD/Pn4zaI=", None), &uri, &parameters), Ok(()));
    assert_eq!(ported.check_webhook(peer(), &headers("kERSjf5ou+e/VekDJmlBaclgDy4=", None), &uri, &parameters), Ok(()));
    let proxied = gate("https://example.com/candor/");
    let signature = sign(&Secret::new("12345"), Algorithm::Sha1, "https://example.com/candor/voice?a=%2F", &parameters);
    let uri = Uri::from_static("/voice?a=%2F");
    assert_eq!(proxied.check_webhook(peer(), &headers(&signature, None), &uri, &parameters), Ok(()));
}

#[test]
fn without_a_secret_only_this_machine_is_let_in() {
    let listening = PublicAddress::parse("http://127.0.0.1:8080").unwrap();
    let gate = Gate::new(&Settings::default(), &listening).unwrap();
    assert!(gate.is_this_machine_alone());
    assert_eq!(gate.address().stream(), "ws://127.0.0.1:8080/twilio");
    let uri = Uri::from_static("/twilio");
    for here in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(gate.check_stream(here.parse().unwrap(), &HeaderMap::new(), &uri), Ok(()), "{here}");
    }
    assert_eq!(gate.check_stream(peer(), &HeaderMap::new(), &uri), Err(SignatureError::NotThisMachine));
    let mut proxied = HeaderMap::new();
    proxied.insert("x-forwarded-for", HeaderValue::from_static("203.0.113.9"));
    let through = gate.check_stream("127.0.0.1".parse().unwrap(), &proxied, &uri);
    assert_eq!(through, Err(SignatureError::NotThisMachine), "a proxy on this machine speaks for others");
}

#[test]
fn a_webhook_keeps_the_call_and_shows_no_number() {
    let gate = gate("https://bot.example.com");
    let form = b"CallSid=CA123&From=%2B4915112345&To=%2B49301234";
    let uri = Uri::from_static("/voice");
    let read = |form: &[u8]| Webhook::read(&gate, peer(), &headers("kERSjf5ou+e/VekDJmlBaclgDy4=", None), &uri, form);
    let webhook = read(form).unwrap();
    assert_eq!((webhook.call_sid.as_str(), webhook.in_progress, webhook.outcome), ("CA123", true, None));
    assert!(webhook.was_called("+49301234") && !webhook.was_called("+49301235") && !webhook.was_called(""));
    let shown = format!("{webhook:?}");
    assert!(!shown.contains("49301234") && !shown.contains("4915112345"), "{shown}");
    assert_eq!(read(b"CallSid=CA124"), Err(WebhookError::Signature(SignatureError::Mismatch)));
    assert_eq!(read(&[b'a'; 70_000]), Err(WebhookError::TooLong));
}
