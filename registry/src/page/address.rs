//! Addresses of pages with a query: what is asked for is in the address, and nowhere else. Used by
//! views and routes. Must never put a text into an address that is not encoded.

use form_urlencoded::Serializer;

/// An address that is being written.
pub(crate) struct Address {
    path: String,
    query: Serializer<'static, String>,
    asks: bool,
}

impl Address {
    /// One without a query; the path is made of names that their types have checked.
    pub(crate) fn to(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            query: Serializer::new(String::new()),
            asks: false,
        }
    }

    /// The same, asking for something unless it is empty.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.query.append_pair(key, value);
            self.asks = true;
        }
        self
    }

    /// As it stands in a link.
    pub(crate) fn text(mut self) -> String {
        let query = self.query.finish();
        if self.asks {
            format!("{}?{query}", self.path)
        } else {
            self.path
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_encoded_and_what_is_not_is_left_out() {
        let address = Address::to("/nodes")
            .with("q", "")
            .with("select", "a=b, c&d");
        assert_eq!(address.text(), "/nodes?select=a%3Db%2C+c%26d");
        assert_eq!(Address::to("/nodes").with("q", "").text(), "/nodes");
    }
}
