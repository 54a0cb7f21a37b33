//! The console's files, built into the binary.
//!
//! Every build holds what was in `admin-web/dist` when it was made, so that what is tested is what is shipped. Without
//! any file the page says so. Invariant: a hashed asset may be kept for ever, the page that names it never.

use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::problem::Problem;

#[derive(RustEmbed)]
#[folder = "../../admin-web/dist"]
#[allow_missing = true]
struct Assets;

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
    let path = uri.path();
    if path == "/api" || path.starts_with("/api/") {
        let text = format!("there is nothing at {path}");
        return Problem::of_status(StatusCode::NOT_FOUND, text).into_response();
    }
    if method != Method::GET && method != Method::HEAD {
        return Problem::of_status(StatusCode::METHOD_NOT_ALLOWED, "files can only be read")
            .with_header(header::ALLOW, "GET,HEAD")
            .into_response();
    }
    let name = path.trim_start_matches('/');
    if let Some(file) = Assets::get(name).filter(|_| !name.is_empty()) {
        return asset(name, file);
    }
    // A page of the console is a path without a suffix; a missing script is an error, not a page.
    let is_page = !name.rsplit('/').next().unwrap_or_default().contains('.');
    match Assets::get("index.html") {
        Some(file) if is_page => asset("index.html", file),
        None if name.is_empty() => Html(NOT_BUILT).into_response(),
        _ => {
            let text = format!("there is nothing at {path}");
            Problem::of_status(StatusCode::NOT_FOUND, text).into_response()
        }
    }
}

fn asset(name: &str, file: EmbeddedFile) -> Response {
    // The build puts what carries a hash in its name, and only that, under assets/.
    let caching = if name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-store"
    };
    let content_type = HeaderValue::from_str(file.metadata.mimetype());
    let content_type = content_type.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
    ];
    (headers, file.data.into_owned()).into_response()
}
