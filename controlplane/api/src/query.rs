//! Query parameters that many routes share: pages and waiting.
//!
//! Invariant: a page token is opaque to clients and names a key, never an offset, so that rows that
//! come or go between two pages neither repeat nor vanish.

use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use cp_model::filter::{Filter, Order};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;

const PAGE_SIZE_DEFAULT: u32 = 100;
const PAGE_SIZE_MAX: u32 = 1_000;
const WAIT_DEFAULT: Duration = Duration::from_secs(5);
/// Longer waits outlive proxies and patience; ask the generation again instead.
pub(crate) const WAIT_MAX: Duration = Duration::from_mins(1);

/// Where in a list to read.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// 1 to 1000; 100 unless set.
    page_size: Option<String>,
    /// `next_page_token` of the page before.
    page_token: Option<String>,
}

/// Whether to wait until nodes have applied the change.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct WaitQuery {
    /// `applied`: answer when every connected node runs the change, 202 when the time is up.
    wait: Option<String>,
    /// For example `5s` (the default) or `500ms`; at most `60s`.
    timeout: Option<String>,
}

/// How a change shall be answered; see also `Context`, which reads how it shall be made.
#[derive(Debug)]
pub(crate) struct WriteQuery {
    pub(crate) wait: Option<Duration>,
}

/// What a change's query may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteNames {
    wait: Option<String>,
    timeout: Option<String>,
    /// Read by `Context`, which also says what is wrong with it.
    #[serde(rename = "dry_run")]
    _dry_run: Option<String>,
}

/// Where in a list to read, which of its elements, and in which order.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    page_size: Option<String>,
    page_token: Option<String>,
    filter: Option<String>,
    order_by: Option<String>,
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// `null` on the last page.
    pub(crate) next_page_token: Option<String>,
}

// === impl PageQuery ===

impl PageQuery {
    /// As a face whose messages have no missing numbers and texts says it: 0 and empty are "not set".
    pub(crate) fn new(size: u32, token: String) -> Self {
        Self {
            page_size: (size != 0).then(|| size.to_string()),
            page_token: Some(token).filter(|token| !token.is_empty()),
        }
    }

    pub(crate) fn size(&self) -> Result<u32, Problem> {
        let Some(text) = &self.page_size else {
            return Ok(PAGE_SIZE_DEFAULT);
        };
        match text.parse() {
            Ok(size @ 1..=PAGE_SIZE_MAX) => Ok(size),
            _ => Err(Problem::bad_request("page_size", "must be 1 to 1000")),
        }
    }

    /// For lists in order of name: the name to start after.
    pub(crate) fn after(&self) -> Result<String, Problem> {
        let Some(token) = &self.page_token else {
            return Ok(String::new());
        };
        decode(token).ok_or_else(bad_token)
    }

    /// For lists with the newest first: the number to start before.
    pub(crate) fn before(&self) -> Result<u64, Problem> {
        let Some(token) = &self.page_token else {
            return Ok(u64::MAX);
        };
        decode(token)
            .and_then(|text| text.parse().ok())
            .ok_or_else(bad_token)
    }

    /// The page of a list that is in memory as a whole, in order of name.
    pub(crate) fn cut<T>(
        &self,
        items: Vec<T>,
        name: impl Fn(&T) -> String,
    ) -> Result<Page<T>, Problem> {
        let after = self.after()?;
        let size = usize::try_from(self.size()?).unwrap_or(usize::MAX);
        let rest = items.into_iter().filter(|item| name(item) > after);
        Ok(Page::of(rest.take(size + 1).collect(), size, name))
    }
}

// === impl WriteQuery ===

impl<S: Send + Sync> FromRequestParts<S> for WriteQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let of_query = |error: QueryRejection| Problem::bad_request("", error.body_text());
        let names = Query::<WriteNames>::from_request_parts(parts, state).await;
        let Query(names) = names.map_err(of_query)?;
        let wait = WaitQuery::new(names.wait, names.timeout).duration()?;
        Ok(Self { wait })
    }
}

// === impl ListQuery ===

impl ListQuery {
    pub(crate) fn filter(&self) -> &str {
        self.filter.as_deref().unwrap_or_default()
    }

    pub(crate) fn order_by(&self) -> &str {
        self.order_by.as_deref().unwrap_or_default()
    }

    pub(crate) fn size(&self) -> Result<u32, Problem> {
        self.page().size()
    }

    /// For lists in order of name: the name to start after.
    pub(crate) fn after(&self) -> Result<String, Problem> {
        self.page().after()
    }

    /// The page of what `filter` takes of `items`, in `order`.
    pub(crate) fn select(
        &self,
        items: impl Iterator<Item = Value>,
        filter: &Filter,
        order: &Order,
    ) -> Result<Page<Value>, Problem> {
        let after = self.after()?;
        let after: Option<Map<String, Value>> = match after.as_str() {
            "" => None,
            token => Some(serde_json::from_str(token).map_err(|_error| bad_token())?),
        };
        let size = usize::try_from(self.size()?).unwrap_or(usize::MAX);
        let taken = items.filter_map(|item| match item {
            Value::Object(fields) if filter.takes(&fields) => Some(fields),
            _ => None,
        });
        let is_next = |fields: &Map<String, Value>| {
            let place = after.as_ref();
            place.is_none_or(|place| order.compare(fields, place).is_gt())
        };
        let mut taken: Vec<_> = taken.filter(is_next).collect();
        taken.sort_by(|left, right| order.compare(left, right));
        taken.truncate(size + 1);
        let key = |fields: &Map<String, Value>| Value::Object(order.place(fields)).to_string();
        Ok(Page::of(taken, size, key).map(Value::Object))
    }

    fn page(&self) -> PageQuery {
        PageQuery {
            page_size: self.page_size.clone(),
            page_token: self.page_token.clone(),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ListQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let of_query = |error: QueryRejection| Problem::bad_request("", error.body_text());
        let query = Query::<Self>::from_request_parts(parts, state).await;
        query.map(|Query(query)| query).map_err(of_query)
    }
}

// === impl Page ===

impl<T> Page<T> {
    /// `items` holds one more than `size` when there is a next page; `key` is what it starts after.
    pub(crate) fn of(mut items: Vec<T>, size: usize, key: impl Fn(&T) -> String) -> Self {
        let has_next = items.len() > size;
        items.truncate(size);
        let last = items.last().filter(|_| has_next);
        let next_page_token = last.map(|item| encode(&key(item)));
        Self {
            items,
            next_page_token,
        }
    }

    pub(crate) fn map<U>(self, shape: impl Fn(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(shape).collect(),
            next_page_token: self.next_page_token,
        }
    }
}

// === impl WaitQuery ===

impl WaitQuery {
    /// For a query that has more to say.
    pub(crate) fn new(wait: Option<String>, timeout: Option<String>) -> Self {
        Self { wait, timeout }
    }

    /// How long to wait; `None` is not at all.
    pub(crate) fn duration(&self) -> Result<Option<Duration>, Problem> {
        match self.wait.as_deref() {
            None | Some("") => Ok(None),
            Some("applied") => match self.timeout.as_deref() {
                None => Ok(Some(WAIT_DEFAULT)),
                Some(text) => duration(text)
                    .filter(|timeout| *timeout <= WAIT_MAX)
                    .map(Some)
                    .ok_or_else(|| Problem::bad_request("timeout", "must be 0ms to 60s")),
            },
            Some(_) => Err(Problem::bad_request("wait", "must be applied")),
        }
    }
}

fn duration(text: &str) -> Option<Duration> {
    if let Some(millis) = text.strip_suffix("ms") {
        return millis.parse().ok().map(Duration::from_millis);
    }
    let seconds: f64 = text.strip_suffix('s').unwrap_or(text).parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// Hexadecimal, so that nobody builds tokens by hand and none needs escaping.
fn encode(key: &str) -> String {
    key.bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .concat()
}

fn decode(token: &str) -> Option<String> {
    let (pairs, rest) = token.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let byte = |pair: &[u8; 2]| {
        let text = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(text, 16).ok()
    };
    String::from_utf8(pairs.iter().map(byte).collect::<Option<_>>()?).ok()
}

fn bad_token() -> Problem {
    Problem::bad_request(
        "page_token",
        "must be the next_page_token of an earlier page",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_read_back_and_forged_ones_are_refused() {
        assert_eq!(decode(&encode("crm.get")).as_deref(), Some("crm.get"));
        for forged in ["x", "zz", "ff", "0"] {
            assert_eq!(decode(forged), None, "{forged}");
        }
    }

    #[test]
    fn durations_have_units_and_bounds() {
        assert_eq!(duration("5s"), Some(Duration::from_secs(5)));
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("0.5"), Some(Duration::from_millis(500)));
        for bad in ["", "s", "-1s", "inf", "NaN", "1h"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_page_tells_whether_another_follows() {
        let query = PageQuery {
            page_size: Some("2".into()),
            page_token: None,
        };
        let names = || vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let first = query.cut(names(), Clone::clone).expect("valid");
        assert_eq!(first.items, ["a", "b"]);
        let rest = PageQuery {
            page_size: None,
            page_token: first.next_page_token,
        };
        let second = rest.cut(names(), Clone::clone).expect("valid");
        assert_eq!(
            (second.items, second.next_page_token),
            (vec!["c".to_owned()], None)
        );
    }
}
