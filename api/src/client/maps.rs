//! The calls that ask a node for the maps of an instance.
//! Used by the node's own command line and by tests.
//! Must never let a name lead to another path.

use hyper::Method;

use super::{Client, ClientError, path_of};
use crate::node::{MapContent, Maps};

/// What is asked of a map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MapQuery {
    /// Most entries of the answer; all that the node reads, where absent.
    pub limit: Option<u32>,
    /// Draw every array of counts so: `log2`, `linear` or `linear:STEP`.
    pub histogram: Option<String>,
}

impl Client {
    /// `GET /api/v1/instances/{name}/maps`, in the order of the object.
    ///
    /// # Errors
    /// `Refused` with status 404 when no instance has this name; as every call.
    pub async fn maps(&self, name: &str) -> Result<Maps, ClientError> {
        self.ask(Method::GET, &path_of(name, "/maps")?).await
    }

    /// `GET /api/v1/instances/{name}/maps/{map}`.
    ///
    /// # Errors
    /// `Refused` with status 404 when there is no such instance or map, 422 when the map holds no
    /// counts to be drawn; as every call.
    pub async fn map(
        &self,
        name: &str,
        map: &str,
        query: &MapQuery,
    ) -> Result<MapContent, ClientError> {
        // What a map may be called needs no escaping; the sections of variables begin with a dot.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        if matches!(map, "" | "." | "..") || !map.bytes().all(plain) {
            return Err(ClientError::Part {
                text: map.to_owned(),
            });
        }
        let mut path = path_of(name, &format!("/maps/{map}"))?;
        let limit = query.limit.map(|limit| format!("limit={limit}"));
        let histogram = query.histogram.as_ref();
        let histogram = histogram.map(|scale| format!("histogram={scale}"));
        for (number, part) in limit.into_iter().chain(histogram).enumerate() {
            path.push(if number == 0 { '?' } else { '&' });
            path.push_str(&part);
        }
        self.ask(Method::GET, &path).await
    }
}
