//! How a server is reached: what is written, what the environment adds, and how much of its certificate is believed.
//!
//! `sslmode` means what it means to libpq; where it is not written it is `require`, as Terraform's backend has it, and
//! nothing is encrypted on a Unix socket.

use super::super::OpenError;
use crate::environment::Environment;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// How much of a server's certificate is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Nothing is encrypted.
    Plain,
    /// Anybody who can encrypt, where anybody can.
    Prefer,
    /// Anybody who can encrypt.
    Require,
    /// Whoever has a certificate of an authority we know.
    Authority,
    /// The same, for this name.
    Name,
}

/// How a server is reached.
pub(super) struct Settings {
    config: Config,
    tls: Option<ClientConfig>,
    place: String,
}

impl Settings {
    /// # Errors
    /// [`OpenError::Argument`] where the text cannot be read; it is never shown.
    pub(super) fn read(text: &str, cx: &Environment) -> Result<Self, OpenError> {
        let (rest, options) = taken(text)?;
        let mut config: Config = rest.parse().map_err(|error| wrong(&super::super::transport::chain(&error)))?;
        complete(&mut config, cx)?;
        let find = |name: &str| options.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let mode = find("sslmode").or_else(|| cx.get("PGSSLMODE"));
        let authorities = find("sslrootcert").or_else(|| cx.get("PGSSLROOTCERT"));
        let is_local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        let trust = if is_local { Trust::Plain } else { trust(mode, authorities.is_some())? };
        config.ssl_mode(match trust {
            Trust::Plain => SslMode::Disable,
            Trust::Prefer => SslMode::Prefer,
            Trust::Require | Trust::Authority | Trust::Name => SslMode::Require,
        });
        config.connect_timeout(CONNECT).application_name("terrane").target_session_attrs(TargetSessionAttrs::ReadWrite);
        let tls = if trust == Trust::Plain { None } else { Some(tls(trust, authorities)?) };
        let place = place(&config);
        Ok(Self { config, tls, place })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn tls(&self) -> Option<&ClientConfig> {
        self.tls.as_ref()
    }

    /// Host, port and database, for people.
    pub(super) fn place(&self) -> &str {
        &self.place
    }
}

fn wrong(reason: &str) -> OpenError {
    OpenError::Argument { name: "conn_str", reason: reason.to_owned() }
}

fn place(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => String::new(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("postgres://{host}:{port}/{}", config.get_dbname().unwrap_or_default())
}

/// What is not written comes from the variables that libpq reads.
fn complete(config: &mut Config, cx: &Environment) -> Result<(), OpenError> {
    if config.get_hosts().is_empty() {
        config.host(cx.get("PGHOST").unwrap_or("localhost"));
    }
    if config.get_ports().is_empty()
        && let Some(port) = cx.get("PGPORT")
    {
        config.port(port.parse().map_err(|_| wrong("PGPORT is no port"))?);
    }
    if config.get_user().is_none() {
        let user = cx.get("PGUSER").or_else(|| cx.get("USER"));
        config.user(user.ok_or_else(|| wrong("it names no user, and neither does PGUSER"))?);
    }
    if config.get_password().is_none()
        && let Some(password) = cx.get("PGPASSWORD")
    {
        config.password(password);
    }
    if config.get_dbname().is_none() {
        let name = cx.get("PGDATABASE").or(config.get_user()).unwrap_or_default().to_owned();
        config.dbname(name);
    }
    Ok(())
}

fn trust(mode: Option<&str>, has_authorities: bool) -> Result<Trust, OpenError> {
    match mode {
        Some("disable") => Ok(Trust::Plain),
        Some("allow" | "prefer") => Ok(Trust::Prefer),
        // libpq: with authorities at hand they are used.
        None | Some("require") if has_authorities => Ok(Trust::Authority),
        None | Some("require") => Ok(Trust::Require),
        Some("verify-ca") => Ok(Trust::Authority),
        Some("verify-full") => Ok(Trust::Name),
        Some(_) => Err(wrong("sslmode is none of disable, prefer, require, verify-ca, verify-full")),
    }
}

/// The options that the client library does not know taken out of the text: the rest, and they.
fn taken(text: &str) -> Result<(String, Vec<(String, String)>), OpenError> {
    let is_ours = |name: &str| matches!(name, "sslmode" | "sslrootcert");
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        let Some((address, query)) = text.split_once('?') else { return Ok((text.to_owned(), Vec::new())) };
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let (ours, rest): (Vec<_>, Vec<_>) = pairs.partition(|(name, _)| is_ours(name));
        let rest: Vec<String> = rest.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        let address = if rest.is_empty() { address.to_owned() } else { format!("{address}?{}", rest.join("&")) };
        let ours = ours.into_iter().map(|(name, value)| (name.to_owned(), value.replace("%2F", "/")));
        return Ok((address, ours.collect()));
    }
    let (ours, rest): (Vec<_>, Vec<_>) = pairs(text)?.into_iter().partition(|(name, _)| is_ours(name));
    let quoted = |value: &str| value.replace('\\', "\\\\").replace('\'', "\\'");
    let rest: Vec<String> = rest.iter().map(|(name, value)| format!("{name}='{}'", quoted(value))).collect();
    Ok((rest.join(" "), ours))
}

/// `key=value` pairs: a value with blanks stands in single quotes, a backslash takes the next character as it is.
///
/// # Source
/// PostgreSQL 18 documentation, "Connection Strings".
fn pairs(text: &str) -> Result<Vec<(String, String)>, OpenError> {
    let mut found = Vec::new();
    let mut characters = text.chars().peekable();
    loop {
        while characters.next_if(|character| character.is_whitespace()).is_some() {}
        if characters.peek().is_none() {
            return Ok(found);
        }
        let mut name = String::new();
        while let Some(character) = characters.next_if(|character| *character != '=') {
            name.push(character);
        }
        if characters.next().is_none() {
            return Err(wrong("it is neither a URL nor `key=value`"));
        }
        while characters.next_if(|character| character.is_whitespace()).is_some() {}
        let is_quoted = characters.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        while let Some(character) = characters.next() {
            match character {
                '\\' => value.extend(characters.next()),
                '\'' if is_quoted => break,
                blank if !is_quoted && blank.is_whitespace() => break,
                other => value.push(other),
            }
        }
        found.push((name.trim().to_owned(), value));
    }
}

fn tls(trust: Trust, authorities: Option<&str>) -> Result<ClientConfig, OpenError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let failed = |error: String| OpenError::Unusable { reason: format!("TLS cannot be used: {error}") };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| failed(error.to_string()))?;
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Plain | Trust::Prefer | Trust::Require => Arc::new(Anybody { provider, roots: None }),
        Trust::Authority => Arc::new(Anybody { provider, roots: Some(roots(authorities)?) }),
        Trust::Name => {
            let roots = Arc::new(roots(authorities)?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
            verifier.map_err(|error| failed(error.to_string()))?
        }
    };
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// The authorities of a file, or those of the machine.
fn roots(file: Option<&str>) -> Result<RootCertStore, OpenError> {
    let mut store = RootCertStore::empty();
    let unusable = |reason: String| OpenError::Argument { name: "conn_str", reason: format!("sslrootcert: {reason}") };
    match file {
        Some(path) if path != "system" => {
            let found = CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
            for certificate in found {
                let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
                store.add(certificate).map_err(|error| unusable(error.to_string()))?;
            }
        }
        _ => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if store.is_empty() { Err(unusable("it holds no certificate".to_owned())) } else { Ok(store) }
}

/// Takes a certificate whatever name it is for, and where there are no authorities whoever signed it.
#[derive(Debug)]
struct Anybody {
    provider: Arc<CryptoProvider>,
    roots: Option<RootCertStore>,
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, variables: &[(&str, &str)]) -> Result<Settings, OpenError> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::read(text, &Environment::new("a@b", variables))
    }

    // A6
    #[test]
    fn both_ways_to_write_a_server_are_read() {
        for text in [
            "postgres://me:secret@db:6543/fleet?sslmode=verify-full&options=-csearch_path%3Dx",
            "host=db port=6543 user=me password='sec ret' dbname=fleet sslmode=verify-full",
        ] {
            let settings = read(text, &[]).unwrap();
            assert_eq!(settings.place(), "postgres://db:6543/fleet");
            assert_eq!(settings.config().get_ssl_mode(), SslMode::Require);
            assert!(settings.tls().is_some());
        }
    }

    // A6
    #[test]
    fn the_environment_fills_in_what_is_not_written() {
        let settings = read("dbname=x sslmode=disable", &[("PGHOST", "h"), ("PGUSER", "u"), ("PGPASSWORD", "p")]);
        let settings = settings.unwrap();
        assert_eq!(settings.place(), "postgres://h:5432/x");
        assert_eq!(settings.config().get_password(), Some(&b"p"[..]));
        assert!(settings.tls().is_none());
    }

    // A6
    #[test]
    fn modes_are_those_of_libpq() {
        assert_eq!(trust(None, false), Ok(Trust::Require));
        assert_eq!(trust(Some("require"), true), Ok(Trust::Authority));
        assert_eq!(trust(Some("verify-full"), false), Ok(Trust::Name));
        assert!(trust(Some("yes"), false).is_err());
    }

    // A6
    #[test]
    fn what_cannot_be_read_is_told_without_its_password() {
        for text in ["postgres://me:hunter2@db:port/x", "hunter2", "host=h user=u password=hunter2 sslmode=maybe"] {
            let told = format!("{:?}", read(text, &[("USER", "me")]).err());
            assert!(told.contains("conn_str") && !told.contains("hunter2"), "{told}");
        }
    }
}
