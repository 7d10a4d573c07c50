//! Who looks at pages as fast as they come: one kept connection, one request at a time, each timed
//! from its first byte to the last of the answer. Called by `bench pages`.
//! Must never take a refusal for a page, nor read without a bound.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

const PATIENCE: Duration = Duration::from_mins(1);
/// A page is some tens of kilobytes.
const BODY_BYTES_MAX: usize = 16 << 20;

/// A connection.
pub(super) struct Visitor {
    stream: BufReader<TcpStream>,
    /// `HOST:PORT`.
    host: String,
    /// Headers of every request, each with its end of line.
    headers: String,
}

/// An answer that is no refusal.
pub(super) struct Answer {
    pub(super) ms: f64,
    pub(super) body: Vec<u8>,
    /// Name and value of the cookie that it sets.
    cookie: Option<String>,
}

impl Visitor {
    /// Connects to `http://HOST:PORT`.
    ///
    /// # Errors
    /// When nobody listens.
    pub(super) fn connect(url: &str) -> Result<Self> {
        let host = url
            .strip_prefix("http://")
            .context("no http://HOST:PORT")?
            .to_owned();
        let stream = TcpStream::connect(&host)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream: BufReader::new(stream),
            host,
            headers: String::new(),
        })
    }

    /// Connects and logs in, as the form of the page does.
    ///
    /// # Errors
    /// When the token does not open the pages.
    pub(super) fn log_in(url: &str, token: &str) -> Result<Self> {
        let mut visitor = Self::connect(url)?;
        visitor.headers = format!("Origin: {url}\r\n");
        let form = format!("token={token}");
        let answer = visitor.ask("POST", "/login", &form)?;
        let cookie = answer.cookie.context("the log-in gives no cookie")?;
        visitor.headers = format!("Cookie: {cookie}\r\nAccept: text/html\r\n");
        Ok(visitor)
    }

    /// Reads a page.
    ///
    /// # Errors
    /// When the answer is anything but 200.
    pub(super) fn get(&mut self, path: &str) -> Result<Answer> {
        self.ask("GET", path, "")
    }

    fn ask(&mut self, method: &str, path: &str, form: &str) -> Result<Answer> {
        let (host, headers, length) = (&self.host, &self.headers, form.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
        );
        let begun = Instant::now();
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let (mut length, mut cookie) = (0, None);
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse()?,
                "set-cookie" => cookie = value.split(';').next().map(str::to_owned),
                _ => {}
            }
        }
        ensure!(
            length <= BODY_BYTES_MAX,
            "{path} has {length} bytes, at most {BODY_BYTES_MAX} are read"
        );
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let ms = begun.elapsed().as_secs_f64() * 1e3;
        let is_shown = status.contains(if method == "GET" { " 200 " } else { " 303 " });
        ensure!(
            is_shown,
            "{method} {path} answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
        Ok(Answer { ms, body, cookie })
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        ensure!(!line.is_empty(), "the connection was closed");
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}
