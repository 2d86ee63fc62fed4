use url::form_urlencoded;

/// A value for an address or a form whose reader takes `+` for itself and a space for `%20` alone.
pub(in crate::transport) fn percent_encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_a_form_or_an_address_would_read() {
        assert_eq!(percent_encoded("a+b c&d=e%,\"${x}\n"), "a%2Bb%20c%26d%3De%25%2C%22%24%7Bx%7D%0A");
    }
}
