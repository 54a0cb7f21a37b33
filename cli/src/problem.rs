//! `application/problem+json` (RFC 9457) as the control plane sends it, and how it reads in a
//! terminal. Invariant: an answer that is no problem document still becomes a readable one.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    /// A URI; its last part names the kind.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) status: u16,
    pub(crate) title: String,
    pub(crate) detail: Option<String>,
    pub(crate) cid: Option<String>,
    pub(crate) errors: Vec<Pointed>,
    /// A refused package: what the nodes said.
    pub(crate) package: Option<Value>,
    pub(crate) traceback: Option<String>,
}

/// One fault with the place that it is in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pointed {
    pub(crate) pointer: String,
    pub(crate) detail: String,
}

// === impl Problem ===

impl Problem {
    pub(crate) fn parse(status: u16, body: &[u8]) -> Self {
        // A derived reader would also take a JSON array, field by field.
        let is_object = body.trim_ascii_start().starts_with(b"{");
        let parsed = is_object
            .then(|| serde_json::from_slice(body).ok())
            .flatten();
        let mut problem: Self = parsed.unwrap_or_else(|| {
            let text: String = String::from_utf8_lossy(body).chars().take(300).collect();
            let text = text.trim().to_owned();
            Self {
                detail: (!text.is_empty()).then_some(text),
                ..Self::default()
            }
        });
        problem.status = status;
        if problem.title.is_empty() {
            "the control plane refused".clone_into(&mut problem.title);
        }
        problem
    }

    fn is(&self, kind: &str) -> bool {
        self.kind.rsplit('/').next() == Some(kind)
    }

    /// Whether channels keep a service that would go away.
    pub(crate) fn is_service_used(&self) -> bool {
        self.is("in-use")
    }

    /// The other file that declares a service of the one that was refused.
    pub(crate) fn owner(&self) -> Option<&str> {
        if !self.is("service-taken") {
            return None;
        }
        let (_, rest) = self.detail.as_deref()?.rsplit_once(" declared by ")?;
        rest.strip_suffix(" already")
    }

    pub(crate) fn next(&self) -> Option<String> {
        if let Some(owner) = self.owner() {
            return Some(format!(
                "`bascule service delete {owner}` takes that file back, when it is not wanted any more"
            ));
        }
        if self.is_service_used() {
            let next =
                "`bascule channel delete NAME` first: no channel may be left without a service";
            return Some(next.to_owned());
        }
        let next = match self.status {
            401 => {
                "give the admin token with --token-file or BASCULE_TOKEN_FILE \
                 (`bascule dev` keeps it in DIR/.bascule/admin.token)"
            }
            403 => "ask an administrator for the permission",
            412 | 428 => "somebody has changed it in between: look at it again, then repeat",
            503 => "see `bascule node list`: no node can do this now",
            _ => return None,
        };
        Some(next.to_owned())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.detail.as_deref().unwrap_or(&self.title))?;
        write!(f, " ({})", self.status)?;
        for fault in &self.errors {
            if Some(&fault.detail) == self.detail.as_ref() {
                continue;
            }
            if fault.pointer.is_empty() {
                write!(f, "\n  {}", fault.detail)?;
            } else {
                write!(
                    f,
                    "\n  {}: {}",
                    fault.pointer.trim_start_matches("#/"),
                    fault.detail
                )?;
            }
        }
        if let Some(cid) = &self.cid {
            write!(f, "\n  cid {cid}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_with_its_places_and_its_cid() {
        let body = br##"{"type":"about:blank","title":"Unprocessable","status":422,
            "detail":"the channel is not valid","cid":"c1",
            "errors":[{"pointer":"#/service","detail":"no service 'x'"}]}"##;
        let text = Problem::parse(422, body).to_string();
        assert_eq!(
            text,
            "the channel is not valid (422)\n  service: no service 'x'\n  cid c1"
        );
    }

    #[test]
    fn what_is_no_problem_document_still_reads() {
        assert_eq!(
            Problem::parse(502, b"Bad Gateway\n").to_string(),
            "Bad Gateway (502)"
        );
        assert_eq!(
            Problem::parse(500, b"").to_string(),
            "the control plane refused (500)"
        );
        assert_eq!(Problem::parse(500, b"[1]").to_string(), "[1] (500)");
    }

    #[test]
    fn a_service_of_another_file_names_it_and_what_takes_it_back() {
        let body = br#"{"type":"https://bascule.dev/problems/service-taken",
            "detail":"b.py: service s.x is declared by a.py already"}"#;
        let problem = Problem::parse(409, body);
        assert_eq!(problem.owner(), Some("a.py"));
        assert!(
            problem
                .next()
                .unwrap()
                .contains("`bascule service delete a.py`")
        );
        assert_eq!(
            Problem::parse(409, br#"{"type":"x","detail":"y"}"#).owner(),
            None
        );
    }

    #[test]
    fn a_missing_token_is_explained() {
        assert!(
            Problem::parse(401, b"{}")
                .next()
                .unwrap()
                .contains("--token-file")
        );
        assert_eq!(Problem::parse(400, b"{}").next(), None);
    }
}
