//! `/metrics` and `/healthz`, for a local address: two pages for monitoring, not a web server.

use crate::metrics::metrics;
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

/// A request of Prometheus has some 300 bytes.
const MAX_REQUEST: usize = 8_192;
/// Monitoring systems are few.
const MAX_CONNECTIONS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves requests forever.
pub(crate) async fn serve(listener: TcpListener) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(async move {
                    // A client that is slow or disconnects affects nobody else.
                    _ = timeout(PATIENCE, answer(stream)).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::error!("metrics: accept: {error}");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    loop {
        if let Some(reply) = reply(&request) {
            stream.write_all(reply.as_bytes()).await?;
            return stream.shutdown().await;
        }
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
}

/// The reply, once the request is whole.
fn reply(request: &[u8]) -> Option<String> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut parsed = httparse::Request::new(&mut fields);
    let is_whole = match parsed.parse(request) {
        Ok(status) => status.is_complete(),
        Err(_) => return Some(page("400 Bad Request", TEXT, "bad request\n")),
    };
    if !is_whole {
        return (request.len() > MAX_REQUEST).then(|| page("413 Content Too Large", TEXT, "too long\n"));
    }
    let path = parsed.path.unwrap_or_default();
    Some(match (parsed.method, path.split('?').next().unwrap_or_default()) {
        (Some("GET"), "/metrics") => page("200 OK", OPEN_METRICS, &metrics().text()),
        (Some("GET"), "/healthz") => page("200 OK", TEXT, "ok\n"),
        (Some("GET"), _) => page("404 Not Found", TEXT, "use /metrics or /healthz\n"),
        _ => page("405 Method Not Allowed", TEXT, "use GET\n"),
    })
}

const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

fn page(status: &str, kind: &str, text: &str) -> String {
    let length = text.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_answered_when_they_are_whole_and_no_sooner() {
        assert_eq!(reply(b""), None);
        assert_eq!(reply(b"GET /healthz HTTP/1.1\r\nHost: x\r\n"), None);
        let whole = reply(b"GET /healthz?x HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert!(whole.starts_with("HTTP/1.1 200 OK\r\n") && whole.ends_with("\r\n\r\nok\n"), "{whole}");
        for (request, status) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], "404"),
            (b"POST /metrics HTTP/1.1\r\n\r\n", "405"),
            (b"\x16\x03\x01\x02", "400"),
            (&[b'a'; MAX_REQUEST + 1][..], "413"),
        ] {
            let reply = reply(request).unwrap();
            assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{reply}");
        }
    }

    #[test]
    fn metrics_are_text_for_prometheus() {
        metrics().message("t", "signed", Duration::from_millis(3));
        let text = reply(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
        assert!(text.contains("\nwaxseald_messages_total{service=\"t\",result=\"signed\"} 1\n"), "{text}");
        assert!(text.contains("waxseald_message_seconds_bucket{le=\"0.005\"}"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
