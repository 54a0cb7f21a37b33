//! REST channels: where requests enter.
//!
//! Owns the fields, their limits and the question whether two channels collide; refuses to know
//! whether the service exists (the ODB does). Invariant: a `ChannelSpec` holds only valid values.

use serde::Serialize;

use crate::{ChannelId, ChannelName, Invalid, PathPattern, ServiceName, Version};

pub const TIMEOUT_MS_DEFAULT: u32 = 30_000;
/// One hour: longer work belongs to a job, not to a request.
pub const TIMEOUT_MS_MAX: u32 = 3_600_000;
pub const BODY_BYTES_MAX_DEFAULT: u64 = 8 * 1024 * 1024;
/// What nodes accept: a frame to a worker holds 64 MiB, less one for the head.
pub const BODY_BYTES_MAX_LIMIT: u64 = 63 * 1024 * 1024;

/// The channel that every node has without being told; the nodes keep its name for it.
pub const BUILT_IN_CHANNEL: &str = "bascule.ping";

/// A channel as it stands in the ODB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Channel {
    pub id: ChannelId,
    #[serde(flatten)]
    pub spec: ChannelSpec,
    pub version: Version,
}

/// What a person decides about a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelSpec {
    pub name: ChannelName,
    pub path: PathPattern,
    pub method: Method,
    pub service: ServiceName,
    pub data_format: DataFormat,
    pub timeout_ms: u32,
    pub body_bytes_max: u64,
    pub is_active: bool,
}

/// The fields as they come from outside, not yet checked.
#[derive(Debug, Clone)]
pub struct ChannelFields {
    pub name: String,
    pub path: String,
    pub method: String,
    pub service: String,
    pub data_format: String,
    pub timeout_ms: u64,
    pub body_bytes_max: u64,
    pub is_active: bool,
}

/// Which requests a channel takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Method {
    #[serde(rename = "")]
    Any,
    #[serde(rename = "GET")]
    Get,
    #[serde(rename = "POST")]
    Post,
    #[serde(rename = "PUT")]
    Put,
    #[serde(rename = "PATCH")]
    Patch,
    #[serde(rename = "DELETE")]
    Delete,
    #[serde(rename = "HEAD")]
    Head,
    #[serde(rename = "OPTIONS")]
    Options,
}

/// How the body is read before the service sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum DataFormat {
    #[serde(rename = "")]
    Raw,
    #[serde(rename = "json")]
    Json,
}

// === impl ChannelSpec ===

impl ChannelSpec {
    /// Checks all fields and names every bad one, so that a person corrects them in one go.
    pub fn parse(fields: &ChannelFields) -> Result<Self, Vec<Invalid>> {
        let mut errors = Vec::new();
        let name = keep(&mut errors, name_parse(&fields.name));
        let path = keep(&mut errors, PathPattern::parse(&fields.path));
        let method = keep(&mut errors, Method::parse(&fields.method));
        let service = keep(&mut errors, ServiceName::parse(&fields.service));
        let data_format = keep(&mut errors, DataFormat::parse(&fields.data_format));
        let timeout_ms = keep(&mut errors, timeout_parse(fields.timeout_ms));
        let body_bytes_max = keep(&mut errors, body_bytes_max_parse(fields.body_bytes_max));
        let is_active = fields.is_active;
        let spec = (|| {
            Some(Self {
                name: name?,
                path: path?,
                method: method?,
                service: service?,
                data_format: data_format?,
                timeout_ms: timeout_ms?,
                body_bytes_max: body_bytes_max?,
                is_active,
            })
        })();
        spec.ok_or(errors)
    }

    /// True when some request would fit both.
    pub fn collides_with(&self, other: &Self) -> bool {
        self.path.key() == other.path.key() && self.method.overlaps(other.method)
    }

    /// The fields again, the start of a partial change.
    pub fn fields(&self) -> ChannelFields {
        ChannelFields {
            name: self.name.as_str().to_owned(),
            path: self.path.as_str().to_owned(),
            method: self.method.as_str().to_owned(),
            service: self.service.as_str().to_owned(),
            data_format: self.data_format.as_str().to_owned(),
            timeout_ms: u64::from(self.timeout_ms),
            body_bytes_max: self.body_bytes_max,
            is_active: self.is_active,
        }
    }
}

// === impl Method ===

impl Method {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Ok(match text {
            "" => Self::Any,
            "GET" => Self::Get,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "HEAD" => Self::Head,
            "OPTIONS" => Self::Options,
            _ => {
                let known = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS or empty for any";
                return Err(Invalid::new("method", format!("must be {known}")));
            }
        })
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "",
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
        }
    }

    pub fn overlaps(self, other: Self) -> bool {
        self == Self::Any || other == Self::Any || self == other
    }
}

// === impl DataFormat ===

impl DataFormat {
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        match text {
            "" => Ok(Self::Raw),
            "json" => Ok(Self::Json),
            _ => Err(Invalid::new("data_format", "must be \"json\" or empty")),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "",
            Self::Json => "json",
        }
    }
}

fn keep<T>(errors: &mut Vec<Invalid>, result: Result<T, Invalid>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

/// Not part of the grammar of names, so that a row with the name can still be read, and removed.
fn name_parse(text: &str) -> Result<ChannelName, Invalid> {
    let name = ChannelName::parse(text)?;
    if name.as_str() == BUILT_IN_CHANNEL {
        let reason = format!("must not be {BUILT_IN_CHANNEL}, which every node has built in");
        return Err(Invalid::new("name", reason));
    }
    Ok(name)
}

fn timeout_parse(value: u64) -> Result<u32, Invalid> {
    let parsed = u32::try_from(value)
        .ok()
        .filter(|ms| (1..=TIMEOUT_MS_MAX).contains(ms));
    let reason = || Invalid::new("timeout_ms", format!("must be 1 to {TIMEOUT_MS_MAX}"));
    parsed.ok_or_else(reason)
}

fn body_bytes_max_parse(value: u64) -> Result<u64, Invalid> {
    if value <= BODY_BYTES_MAX_LIMIT {
        return Ok(value);
    }
    Err(Invalid::new(
        "body_bytes_max",
        format!("must be at most {BODY_BYTES_MAX_LIMIT}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> ChannelFields {
        ChannelFields {
            name: "crm".into(),
            path: "/crm/{id}".into(),
            method: "GET".into(),
            service: "crm.get".into(),
            data_format: "json".into(),
            timeout_ms: 100,
            body_bytes_max: 10,
            is_active: true,
        }
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let bad = ChannelFields {
            path: "x".into(),
            method: "get".into(),
            timeout_ms: 0,
            data_format: "xml".into(),
            ..fields()
        };
        let errors = ChannelSpec::parse(&bad).expect_err("four bad fields");
        let names: Vec<_> = errors.iter().map(|error| error.field).collect();
        assert_eq!(names, ["path", "method", "data_format", "timeout_ms"]);
    }

    #[test]
    fn same_pattern_and_overlapping_method_collide() {
        let spec = |path: &str, method: &str| {
            let fields = ChannelFields {
                path: path.into(),
                method: method.into(),
                ..fields()
            };
            ChannelSpec::parse(&fields).expect("valid")
        };
        let get = spec("/crm/{id}", "GET");
        assert!(get.collides_with(&spec("/crm/{other}", "GET")));
        assert!(get.collides_with(&spec("/crm/{id}", "")));
        assert!(!get.collides_with(&spec("/crm/{id}", "POST")));
        assert!(!get.collides_with(&spec("/crm/x", "GET")));
    }

    #[test]
    fn fields_and_spec_are_inverse() {
        let spec = ChannelSpec::parse(&fields()).expect("valid");
        assert_eq!(ChannelSpec::parse(&spec.fields()).expect("valid"), spec);
    }
}
