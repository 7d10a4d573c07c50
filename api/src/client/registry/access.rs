//! Calls about tokens, keys, the audit and the keeping of bytes. See `registry`.
//! Must never keep a secret that was told.

use hyper::Method;

use super::{RegistryClient, page, part};
use crate::client::ClientError;
use crate::registry::{AuditLog, Collected, NewToken, TokenMade, Tokens, TrustedKey, TrustedKeys};

impl RegistryClient {
    /// `POST /tokens`.
    ///
    /// # Errors
    /// `Refused` with 409 when a token of this name is in force; as every call.
    pub async fn make_token(&self, token: &NewToken) -> Result<TokenMade, ClientError> {
        Ok(self.send(Method::POST, "/tokens", token).await?.1)
    }

    /// `GET /tokens`, one page.
    ///
    /// # Errors
    /// As every call.
    pub async fn tokens(&self, after: Option<&str>) -> Result<Tokens, ClientError> {
        self.get(&page("/tokens", after)?).await
    }

    /// `DELETE /tokens/{name}`: it is not in force any more.
    ///
    /// # Errors
    /// As every call.
    pub async fn revoke_token(&self, name: &str) -> Result<(), ClientError> {
        self.delete(&format!("/tokens/{}", part(name)?)).await
    }

    /// `PUT /keys/{key}`; whether it is new.
    ///
    /// # Errors
    /// As every call.
    pub async fn put_key(&self, key: &TrustedKey) -> Result<(bool, TrustedKey), ClientError> {
        let path = format!("/keys/{}", part(&key.key)?);
        let (status, key) = self.send(Method::PUT, &path, key).await?;
        Ok((status == 201, key))
    }

    /// `GET /keys`.
    ///
    /// # Errors
    /// As every call.
    pub async fn keys(&self) -> Result<TrustedKeys, ClientError> {
        self.get("/keys").await
    }

    /// `DELETE /keys/{key}`: no release that only it signed is taken any more; those that are
    /// there stay.
    ///
    /// # Errors
    /// As every call.
    pub async fn delete_key(&self, key: &str) -> Result<(), ClientError> {
        self.delete(&format!("/keys/{}", part(key)?)).await
    }

    /// `GET /audit`, one page, newest first.
    ///
    /// # Errors
    /// As every call.
    pub async fn audit(&self, before: Option<u64>) -> Result<AuditLog, ClientError> {
        let query = before.map_or_else(String::new, |before| format!("?before={before}"));
        self.get(&format!("/audit{query}")).await
    }

    /// `POST /collect`: removes bytes that nothing refers to, or says which it would.
    ///
    /// # Errors
    /// As every call.
    pub async fn collect(&self, dry_run: bool) -> Result<Collected, ClientError> {
        let path = format!("/collect?dry_run={dry_run}");
        Ok(self
            .send(Method::POST, &path, &serde_json::json!({}))
            .await?
            .1)
    }
}
