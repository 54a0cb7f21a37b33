//! Patterns of routes. Owns their grammar. Invariant: a pattern that was parsed can be reached by some path.

use super::path;

/// A route deeper than this is a mistake; it bounds the search.
const SEGMENTS_MAX: usize = 64;

/// Why a pattern is malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("it does not start with a slash")]
    NoSlash,
    #[error("a brace stands elsewhere than around a whole segment")]
    Brace,
    #[error("a parameter's name is not made of letters, digits, '_', '-' and '.'")]
    ParameterName,
    #[error("two parameters have the same name")]
    RepeatedParameter,
    #[error(
        "no request can have this path: it has a '?', '#', a dot segment, a bad escape or a byte to be escaped"
    )]
    Unreachable,
    #[error("it has too many segments")]
    TooDeep,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(Box<str>),
    Parameter,
}

/// A pattern in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    pub(super) segments: Vec<Segment>,
    pub(super) params: Box<[Box<str>]>,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let inside = text.strip_prefix('/').ok_or(PatternError::NoSlash)?;
        let mut segments = Vec::new();
        let mut params: Vec<Box<str>> = Vec::new();
        for part in inside.split('/') {
            if segments.len() == SEGMENTS_MAX {
                return Err(PatternError::TooDeep);
            }
            if let Some(name) = part
                .strip_prefix('{')
                .and_then(|rest| rest.strip_suffix('}'))
            {
                segments.push(Segment::Parameter);
                if !is_parameter_name(name) {
                    return Err(PatternError::ParameterName);
                }
                if params.iter().any(|other| **other == *name) {
                    return Err(PatternError::RepeatedParameter);
                }
                params.push(name.into());
            } else {
                segments.push(Segment::Literal(literal(part)?));
            }
        }
        Ok(Self {
            segments,
            params: params.into(),
        })
    }
}

/// A literal segment, decoded as the path of a request is. Letters beyond ASCII may be written as they are or escaped.
fn literal(part: &str) -> Result<Box<str>, PatternError> {
    if part.contains(['{', '}']) {
        return Err(PatternError::Brace);
    }
    if part
        .bytes()
        .any(|byte| byte <= b' ' || byte == 0x7f || byte == b'?' || byte == b'#')
    {
        return Err(PatternError::Unreachable);
    }
    path::segment(part)
        .map(|decoded| decoded.as_ref().into())
        .ok_or(PatternError::Unreachable)
}

fn is_parameter_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
}
