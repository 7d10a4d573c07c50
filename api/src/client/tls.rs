//! TLS to a registry, by rustls: whom to trust. Made by the registry's client.
//! Must never accept a certificate that does not lead to a trusted one.

use std::sync::Arc;

use thiserror::Error;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// Why no connection by TLS can be made.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file of trusted certificates is none.
    #[error("the file of trusted certificates is not PEM: {reason}")]
    Pem {
        /// What is wrong.
        reason: String,
    },
    /// There is nobody to trust.
    #[error("no certificate to trust: {place} has none; name a file of them")]
    Nobody {
        /// Where they were looked for.
        place: &'static str,
    },
    /// rustls refuses a certificate, or the configuration.
    #[error("TLS: {reason}")]
    Rustls {
        /// What it says.
        reason: String,
    },
}

/// Trusted certificates, ready for connections. Clones share them.
#[derive(Clone)]
pub(super) struct Tls(Arc<ClientConfig>);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls(..)")
    }
}

impl Tls {
    /// Trusts the certificates in `ca_pem`, or those that the machine trusts.
    pub(super) fn new(ca_pem: Option<&[u8]>) -> Result<Self, TlsError> {
        let roots = match ca_pem {
            Some(pem) => from_pem(pem)?,
            None => of_machine()?,
        };
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Rustls {
                reason: error.to_string(),
            })?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    pub(super) fn connector(&self) -> TlsConnector {
        TlsConnector::from(Arc::clone(&self.0))
    }
}

fn from_pem(pem: &[u8]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| TlsError::Pem {
            reason: error.to_string(),
        })?;
        roots.add(certificate).map_err(|error| TlsError::Rustls {
            reason: error.to_string(),
        })?;
    }
    if roots.is_empty() {
        return Err(TlsError::Nobody {
            place: "the given file",
        });
    }
    Ok(roots)
}

fn of_machine() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // A machine's store may hold certificates that rustls does not read: the others count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(TlsError::Nobody {
            place: "this machine",
        });
    }
    Ok(roots)
}
