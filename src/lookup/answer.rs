//! Reading an answer: the fields that the dialog takes, with their types, and nothing else of it.

use std::cell::Cell;
use std::fmt;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Response, StatusCode};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use zeroize::Zeroizing;

use super::failure::Failure;
use crate::dialog::flow::lookup::{Answer, Kind, Value};
use crate::dialog::known::is_sayable;

/// The most of an answer that is read, in bytes.
pub(super) const LARGEST: usize = 64 * 1024;

/// What a response says.
pub(super) async fn read(response: Response, takes: &[(String, Kind)]) -> Result<Answer, Failure> {
    match response.status() {
        status if status.is_success() => {}
        StatusCode::NOT_FOUND => return Err(Failure::Missing),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            return Err(Failure::Overloaded);
        }
        status if status.is_server_error() => return Err(Failure::Broken),
        status if status.is_redirection() => return Err(Failure::Redirected),
        status => return Err(Failure::Refused(status.as_u16())),
    }
    if !says_json(&response) {
        return Err(Failure::NotJson);
    }
    let body = body(response).await?;
    fields(&body, takes)
}

/// `application/json`, or a type that is written in JSON.
fn says_json(response: &Response) -> bool {
    let said = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// The whole body, wiped when it has been read. There is room for all that is allowed from the beginning, so that none of it is left
/// behind where there was too little.
async fn body(mut response: Response) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let announced = response.content_length().map_or(LARGEST, |length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced > LARGEST {
        return Err(Failure::TooLarge);
    }
    let mut body = Zeroizing::new(Vec::with_capacity(announced));
    while let Some(chunk) = response.chunk().await.map_err(|_| Failure::Unreachable)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(Failure::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn fields(body: &[u8], takes: &[(String, Kind)]) -> Result<Answer, Failure> {
    let at = Cell::new(None);
    let mut json = serde_json::Deserializer::from_slice(body);
    let found = Object { takes, at: &at }.deserialize(&mut json).and_then(|found| json.end().map(|()| found));
    match found {
        Ok(found) => match takes.iter().find(|(name, _)| found.iter().all(|(there, _)| there != name)) {
            Some((name, _)) => Err(Failure::Lacks(name.clone())),
            None => Ok(found.into_iter().collect()),
        },
        Err(error) if error.is_data() => Err(at.take().map_or(Failure::NoObject, Failure::Lacks)),
        Err(_) => Err(Failure::NotJson),
    }
}

/// An object, of which only these fields are looked at.
struct Object<'a> {
    takes: &'a [(String, Kind)],
    /// The field that is being read, for the error.
    at: &'a Cell<Option<String>>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Vec<(String, Value)>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found: Vec<(String, Value)> = Vec::with_capacity(self.takes.len());
        while let Some(name) = map.next_key::<String>()? {
            let Some((_, kind)) = self.takes.iter().find(|(taken, _)| *taken == name) else {
                let _: IgnoredAny = map.next_value()?;
                continue;
            };
            self.at.set(Some(name.clone()));
            let value = map.next_value_seed(Field(*kind))?;
            if found.iter().any(|(before, _)| *before == name) {
                return Err(A::Error::custom("a field stands there twice"));
            }
            found.push((name, value));
            self.at.set(None);
        }
        Ok(found)
    }
}

/// A field of this type.
struct Field(Kind);

impl<'de> DeserializeSeed<'de> for Field {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        match self.0 {
            Kind::Text => deserializer.deserialize_str(self),
            Kind::Flag => deserializer.deserialize_bool(self),
            Kind::Number => deserializer.deserialize_f64(self),
        }
    }
}

/// Errors hold no value: what was answered is shown nowhere.
impl Visitor<'_> for Field {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of the type that the dialog takes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        match self.0 {
            Kind::Text if is_sayable(text) => Ok(Value::Text(Zeroizing::new(text.to_owned()))),
            _ => Err(E::custom("another type, or too long")),
        }
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
        match self.0 {
            Kind::Flag => Ok(Value::Flag(flag)),
            _ => Err(E::custom("another type")),
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        match self.0 {
            Kind::Number if number.is_finite() => Ok(Value::Number(number)),
            _ => Err(E::custom("another type")),
        }
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        self.visit_f64(number as f64)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        self.visit_f64(number as f64)
    }
}
