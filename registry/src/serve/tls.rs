//! TLS from certificate files. Called by the server while it starts.
//! Must never fall back to no TLS.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use super::ServeError;
use crate::cli::TlsFiles;

/// What accepts TLS with these files.
///
/// # Errors
/// A file can't be read, holds no certificate or key, or they don't belong together.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, ServeError> {
    let wrong = |flag, path: &Path, reason: String| ServeError::Tls {
        flag,
        path: path.to_owned(),
        reason,
    };
    let of_cert = |reason| wrong("tls-cert", &files.cert, reason);
    let of_key = |reason| wrong("tls-key", &files.key, reason);
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect)
        .map_err(|error| of_cert(error.to_string()))?;
    if certificates.is_empty() {
        return Err(of_cert("holds no certificate".to_owned()));
    }
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| of_key(error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| of_cert(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| of_key(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
