//! The console's files, built into the binary.
//!
//! Every build holds what was in `admin-web/dist` when it was made, so that what is tested is what is shipped. Without
//! any file the page says so. Invariant: a hashed asset may be kept for ever, the page that names it never.

use std::borrow::Cow;

use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::problem::Problem;

#[derive(RustEmbed)]
#[folder = "../../admin-web/dist"]
#[allow_missing = true]
struct Assets;

/// One file of the console.
struct Asset {
    content_type: String,
    data: Cow<'static, [u8]>,
}

/// The page when the console is not built in; no scripts, so that the policy need not allow any.
const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Bascule</title></head><body>
<h1>The console is not built in</h1>
<p>This control plane was built without the console. It needs Node.js 20.19 or newer:</p>
<pre>make console
make build</pre>
<p>The REST API works without it: <code>/api/v1/openapi.json</code> describes it, and the
<code>bascule</code> command uses it.</p>
</body></html>
";

/// Everything that no route takes.
pub(crate) async fn serve(method: Method, uri: Uri) -> Response {
    answer(&method, uri.path(), embedded)
}

/// `find` has the console's files; a test needs no build of them.
fn answer(method: &Method, path: &str, find: fn(&str) -> Option<Asset>) -> Response {
    if path == "/api" || path.starts_with("/api/") {
        let text = format!("there is nothing at {path}");
        return Problem::of_status(StatusCode::NOT_FOUND, text).into_response();
    }
    if *method != Method::GET && *method != Method::HEAD {
        return Problem::of_status(StatusCode::METHOD_NOT_ALLOWED, "files can only be read")
            .with_header(header::ALLOW, "GET,HEAD")
            .into_response();
    }
    let name = path.trim_start_matches('/');
    if let Some(asset) = find(name).filter(|_| !name.is_empty()) {
        return file(name, asset);
    }
    // A page of the console is a path without a suffix; a missing script is an error, not a page.
    let is_page = !name.rsplit('/').next().unwrap_or_default().contains('.');
    match find("index.html") {
        Some(asset) if is_page => file("index.html", asset),
        None if name.is_empty() => Html(NOT_BUILT).into_response(),
        _ => {
            let text = format!("there is nothing at {path}");
            Problem::of_status(StatusCode::NOT_FOUND, text).into_response()
        }
    }
}

fn embedded(name: &str) -> Option<Asset> {
    Assets::get(name).map(|file| Asset {
        content_type: file.metadata.mimetype().to_owned(),
        data: file.data,
    })
}

fn file(name: &str, asset: Asset) -> Response {
    // The build puts what carries a hash in its name, and only that, under assets/.
    let caching = if name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-store"
    };
    let content_type = HeaderValue::from_str(&asset.content_type);
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
    ];
    (headers, asset.data.into_owned()).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    fn nothing(_name: &str) -> Option<Asset> {
        None
    }

    fn built(name: &str) -> Option<Asset> {
        let known = ["index.html", "assets/a-1.js"].contains(&name);
        known.then(|| Asset {
            content_type: "text/x-test".to_owned(),
            data: name.as_bytes().to_vec().into(),
        })
    }

    /// Status, caching and body.
    async fn get(path: &str, find: fn(&str) -> Option<Asset>) -> (u16, String, String) {
        let response = answer(&Method::GET, path, find);
        let (parts, body) = response.into_parts();
        let caching = parts.headers.get(header::CACHE_CONTROL);
        let caching = caching.map_or("", |value| value.to_str().unwrap());
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        (parts.status.as_u16(), caching.to_owned(), body)
    }

    #[tokio::test]
    async fn without_the_console_the_front_page_says_how_to_build_it() {
        let (status, _, body) = get("/", nothing).await;
        assert_eq!((status, body.contains("make console")), (200, true));
        for path in ["/nodes", "/assets/a-1.js", "/api/v1/nothing"] {
            assert_eq!(get(path, nothing).await.0, 404, "{path}");
        }
    }

    #[tokio::test]
    async fn pages_are_the_index_and_only_hashed_files_are_kept() {
        for page in ["/", "/nodes", "/nodes/n1"] {
            let wanted = (200, "no-store".to_owned(), "index.html".to_owned());
            assert_eq!(get(page, built).await, wanted, "{page}");
        }
        let (status, caching, _) = get("/assets/a-1.js", built).await;
        assert_eq!((status, caching.contains("immutable")), (200, true));
        assert_eq!(get("/assets/a-2.js", built).await.0, 404);
    }
}
