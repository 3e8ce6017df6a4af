//! Spans for a collector: OTLP over HTTP, set up by the variables that OpenTelemetry names.
//!
//! # Source
//! OpenTelemetry specification 1.50, "OpenTelemetry Protocol Exporter" and "Environment variables".

use crate::diag;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Context, SpanId, TraceFlags, TraceId, trace::SpanContext, trace::TraceState};
use opentelemetry_otlp::{Protocol, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SdkTracerProvider, Tracer};
use std::time::Duration;
use terrane_core::{Diagnostic, Place};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt as _};
use tracing_subscriber::registry::LookupSpan;

/// Where the collector is: spans go to `/v1/traces` below it.
const BASE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// Where spans go, as it stands.
const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// What a run waits at its end for spans to go out.
const LAST_SPANS: Duration = Duration::from_secs(5);

/// A way to a collector.
pub struct Exporter {
    provider: SdkTracerProvider,
}

impl Exporter {
    /// Where the environment names a collector.
    ///
    /// # Errors
    /// `log-unusable`.
    pub fn of_environment(environment: &impl Fn(&str) -> Option<String>) -> Result<Option<Self>, Box<Diagnostic>> {
        let below = |base: String| format!("{}/v1/traces", base.trim_end_matches('/'));
        let Some(endpoint) = environment(TRACES).or_else(|| environment(BASE).map(below)) else { return Ok(None) };
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(endpoint)
            .build()
            .map_err(|error| Box::new(diag::LOG_UNUSABLE.at(Place::Run).detail(error.to_string())))?;
        let name = environment("OTEL_SERVICE_NAME").unwrap_or_else(|| String::from("terrane"));
        let resource = Resource::builder().with_service_name(name).build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        Ok(Some(Self { provider }))
    }

    /// What hands spans to it.
    pub fn layer<S: tracing::Subscriber + for<'a> LookupSpan<'a>>(&self) -> OpenTelemetryLayer<S, Tracer> {
        tracing_opentelemetry::layer().with_tracer(self.provider.tracer("terrane"))
    }

    /// Sends what is left, for a few seconds at most.
    pub fn close(self) {
        // A collector that is gone must not make a run fail.
        let _unsent = self.provider.shutdown_with_timeout(LAST_SPANS);
    }
}

/// Makes `span` a child of the trace that `parent` names.
pub fn adopt(span: &tracing::Span, parent: &str) {
    let mut parts = parent.split('-').skip(1);
    let trace = parts.next().and_then(|part| TraceId::from_hex(part).ok());
    let above = parts.next().and_then(|part| SpanId::from_hex(part).ok());
    if let (Some(trace), Some(above)) = (trace, above) {
        let remote = SpanContext::new(trace, above, TraceFlags::SAMPLED, true, TraceState::default());
        // Refused only where the span is closed already.
        let _adopted = span.set_parent(Context::new().with_remote_span_context(remote));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use tracing_subscriber::layer::SubscriberExt as _;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// Takes in one request: its first line and its body.
    fn take(listener: &TcpListener) -> (String, Vec<u8>) {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first).unwrap();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        reader.into_inner().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
        (first.trim().to_owned(), body)
    }

    fn count(body: &[u8], wanted: &[u8]) -> usize {
        body.windows(wanted.len()).filter(|part| *part == wanted).count()
    }

    #[test]
    fn spans_reach_a_collector_below_the_trace_of_the_environment() {
        let _first = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let collector = std::thread::spawn(move || take(&listener));
        let exporter = Exporter::of_environment(&|name| (name == BASE).then(|| base.clone())).unwrap().unwrap();
        let registry = tracing_subscriber::registry().with(exporter.layer());
        tracing::subscriber::with_default(registry, || {
            let root = tracing::info_span!("terrane", command = "apply");
            adopt(&root, PARENT);
            let step = root.in_scope(|| tracing::info_span!("step", addr = "eks_cluster.a"));
            step.in_scope(|| tracing::info_span!("request", operation = "eks:CreateCluster"));
        });
        exporter.close();
        let (first, body) = collector.join().unwrap();
        assert_eq!(first, "POST /v1/traces HTTP/1.1");
        let trace = [0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xce, 0x92, 0x9d, 0x0e, 0x0e, 0x47, 0x36];
        assert_eq!(count(&body, &trace), 3, "all three spans belong to the trace of the environment");
        for wanted in ["eks_cluster.a", "eks:CreateCluster", "service.name"] {
            assert_eq!(count(&body, wanted.as_bytes()), 1, "{wanted}");
        }
    }

    #[test]
    fn without_an_endpoint_nothing_is_exported() {
        assert!(Exporter::of_environment(&|_| None).unwrap().is_none());
    }
}
