//! From arguments to a plan that cannot be wrong: resolved addresses, finished request bytes, limits.
//! It refuses targets that are not loopback unless they were allowed, so that nobody loads a
//! foreign machine by a typing error. Invariant: a plan always ends (time, count or both).

#[cfg(test)]
mod tests;

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::args::RunArgs;
use crate::arrivals::Rate;
use crate::framing::is_token;

const DURATION_DEFAULT: Duration = Duration::from_secs(10);
/// With a request count and no duration: a server that answers slowly must not hold us for ever.
const DURATION_MAX_FOR_COUNT: Duration = Duration::from_mins(5);
/// Bounds for the arguments; far beyond what one machine can do.
const CONNECTIONS_MAX: usize = 60_000;
const PIPELINE_MAX: usize = 1024;
const THREADS_MAX: usize = 64;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) urls: Vec<String>,
    pub(crate) servers: Vec<Server>,
    pub(crate) model: Model,
    pub(crate) connections: usize,
    pub(crate) new_connection: bool,
    pub(crate) warmup: Duration,
    pub(crate) duration: Duration,
    pub(crate) requests_max: Option<u64>,
    pub(crate) timeout: Duration,
    pub(crate) threads: usize,
    pub(crate) head_method: bool,
}

/// One address and the requests that it gets, in turn.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    Closed { pipeline: usize },
    Open { rate: Rate, backlog_max: usize },
}

/// The parts of a URL that a request needs.
#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    authority: &'a str,
    host_and_port: String,
    path: &'a str,
}

// === impl Plan ===

impl Plan {
    pub(crate) fn from_args(args: &RunArgs) -> anyhow::Result<Self> {
        ensure!(
            (1..=CONNECTIONS_MAX).contains(&args.connections),
            "--connections is out of range"
        );
        ensure!(
            (1..=PIPELINE_MAX).contains(&args.pipeline),
            "--pipeline is out of range"
        );
        ensure!(
            (1..=THREADS_MAX).contains(&args.threads),
            "--threads is out of range"
        );
        ensure!(args.requests != Some(0), "--requests 0 measures nothing");
        let message = Message::from_args(args)?;
        let mut servers: Vec<Server> = Vec::new();
        for url in &args.urls {
            let target = Target::parse(url)?;
            let address = resolve(&target, args.allow_remote)?;
            let request = message.request(&target);
            match servers.iter_mut().find(|server| server.address == address) {
                Some(server) => server.requests.push(request),
                None => servers.push(Server {
                    address,
                    requests: vec![request],
                }),
            }
        }
        let model = match args.rate {
            Some(rate) => Model::Open {
                rate,
                backlog_max: args.backlog_max,
            },
            None => Model::Closed {
                pipeline: args.pipeline,
            },
        };
        let limit = if args.requests.is_some() {
            DURATION_MAX_FOR_COUNT
        } else {
            DURATION_DEFAULT
        };
        Ok(Self {
            urls: args.urls.clone(),
            // Every server needs a connection of its own.
            connections: args.connections.max(servers.len()),
            servers,
            model,
            new_connection: args.new_connection,
            warmup: args.warmup,
            duration: args.duration.unwrap_or(limit),
            requests_max: args.requests,
            timeout: args.timeout,
            threads: args.threads.min(args.connections),
            head_method: message.method == "HEAD",
        })
    }
}

/// What all requests have in common.
struct Message {
    method: String,
    headers: Vec<String>,
    body: Option<Vec<u8>>,
    close: bool,
}

// === impl Message ===

impl Message {
    fn from_args(args: &RunArgs) -> anyhow::Result<Self> {
        let body = match (&args.data, &args.data_file) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(path)) => {
                Some(std::fs::read(path).with_context(|| format!("reading {}", path.display()))?)
            }
            (None, None) => None,
        };
        let default = if body.is_some() { "POST" } else { "GET" };
        let method = args.method.clone().unwrap_or_else(|| default.to_owned());
        ensure!(
            !method.is_empty() && method.bytes().all(is_token),
            "the method is not a token"
        );
        let mut headers = Vec::new();
        for header in &args.headers {
            if let Some(path) = header.strip_prefix('@') {
                let text =
                    std::fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    headers.push(header_line(line)?);
                }
            } else {
                headers.push(header_line(header)?);
            }
        }
        Ok(Self {
            method,
            headers,
            body,
            close: args.new_connection,
        })
    }

    fn request(&self, target: &Target<'_>) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, target.path);
        let has = |name: &str| {
            self.headers.iter().any(|line| {
                line.split(':')
                    .next()
                    .is_some_and(|given| given.eq_ignore_ascii_case(name))
            })
        };
        if !has("host") {
            head.extend(["Host: ", target.authority, "\r\n"]);
        }
        for line in &self.headers {
            head.extend([line.as_str(), "\r\n"]);
        }
        if let Some(body) = &self.body {
            head.extend(["Content-Length: ", &body.len().to_string(), "\r\n"]);
        }
        if self.close {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }
}

fn header_line(text: &str) -> anyhow::Result<String> {
    let Some((name, value)) = text.split_once(':') else {
        bail!("header '{text}' is not 'Name: value'");
    };
    let value = value.trim();
    ensure!(
        !name.is_empty() && name.bytes().all(is_token),
        "header name '{name}' is not a token"
    );
    ensure!(
        !value.bytes().any(|b| b < b' ' && b != b'\t'),
        "control character in header '{name}'"
    );
    let framing = [
        "content-length",
        "transfer-encoding",
        "connection",
        "expect",
    ];
    ensure!(
        !framing.contains(&name.to_ascii_lowercase().as_str()),
        "header '{name}' is set by the load test itself"
    );
    Ok(format!("{name}: {value}"))
}

// === impl Target ===

impl<'a> Target<'a> {
    fn parse(url: &'a str) -> anyhow::Result<Self> {
        if url.starts_with("https://") {
            bail!("{url}: https is not supported yet; use http://");
        }
        let rest = url
            .strip_prefix("http://")
            .with_context(|| format!("{url}: not an http:// URL"))?;
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        ensure!(!authority.is_empty(), "{url}: no host");
        ensure!(
            !authority.contains('@'),
            "{url}: no user name or password in a URL"
        );
        ensure!(
            path.is_empty() || path.starts_with('/'),
            "{url}: write a / before the ?"
        );
        ensure!(
            url.bytes().all(|b| b.is_ascii_graphic()),
            "{url}: spaces and other letters must be percent-encoded"
        );
        let has_port = authority
            .rsplit(']')
            .next()
            .unwrap_or_default()
            .contains(':');
        let host_and_port = if has_port {
            authority.to_owned()
        } else {
            format!("{authority}:80")
        };
        Ok(Self {
            authority,
            host_and_port,
            path: if path.is_empty() { "/" } else { path },
        })
    }
}

fn resolve(target: &Target<'_>, allow_remote: bool) -> anyhow::Result<SocketAddr> {
    let name = &target.host_and_port;
    let addresses: Vec<SocketAddr> = name
        .to_socket_addrs()
        .with_context(|| format!("resolving {name}"))?
        .collect();
    // Servers for tests listen on IPv4 first; `localhost` often resolves to ::1 first.
    let first = addresses.iter().find(|a| a.is_ipv4()).or(addresses.first());
    let address = *first.with_context(|| format!("{name} has no address"))?;
    ensure!(
        allow_remote || address.ip().is_loopback(),
        "{address} is not a loopback address; --allow-remote loads other machines"
    );
    Ok(address)
}
