//! The command that the banner offers for a first request. Pure.

use super::channels::Channel;

/// A command that a person can paste.
pub(super) fn try_line(url: &str, channel: Option<&Channel>) -> String {
    let Some(channel) = channel else {
        return format!("curl {url}/zato/ping");
    };
    let path: String = channel
        .path
        .split('/')
        .map(|part| if part.starts_with('{') { "1" } else { part })
        .collect::<Vec<_>>()
        .join("/");
    match channel.method.as_str() {
        "" | "GET" if channel.service == "hello.greet" => format!("curl \"{url}{path}?name=Ada\""),
        "" | "GET" => format!("curl {url}{path}"),
        method => {
            format!("curl -X {method} {url}{path} -H 'Content-Type: application/json' -d '{{}}'")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dev::channels;

    #[test]
    fn the_command_to_try_fits_the_channel() {
        let channel = |text: &str| channels::parse(text).unwrap().remove(0);
        let url = "http://127.0.0.1:8080";
        assert_eq!(try_line(url, None), "curl http://127.0.0.1:8080/zato/ping");
        let get = channel("[[channel]]\nname='a'\npath='/a/{id}/b'\nservice='s'\n");
        assert_eq!(
            try_line(url, Some(&get)),
            "curl http://127.0.0.1:8080/a/1/b"
        );
        let post = channel("[[channel]]\nname='a'\npath='/a'\nservice='s'\nmethod='POST'\n");
        assert!(try_line(url, Some(&post)).starts_with("curl -X POST http://127.0.0.1:8080/a -H"));
    }
}
