//! The border to the nodes, from this side: what people may write. `dp-config` reads the same file.

use crate::{FileName, ServiceName, Weight, kind, package};

/// `(verdict, kind, text)` of each line.
fn lines() -> impl Iterator<Item = (&'static str, &'static str, String)> {
    include_str!("../../../proto/testdata/channels.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut words = line.splitn(4, ' ');
            let mut word = || words.next().expect(line);
            let (verdict, kind) = (word(), word());
            let times = word().parse().expect(line);
            (verdict, kind, word().repeat(times))
        })
}

fn is_accepted(kind: &str, text: &str) -> bool {
    let mut fields = serde_json::json!({ "name": "a", "path": "/a", "service": "bascule.echo" });
    let number = || text.parse::<u64>().expect(text);
    match kind {
        "path" | "name" => fields[kind] = text.into(),
        "service" => return ServiceName::parse(text).is_ok(),
        "module" => return FileName::parse(&format!("{text}.py")).is_ok(),
        "timeout_ms" | "body_bytes_max" => fields[kind] = number().into(),
        "package_bytes" => return number() <= package::PACKAGE_BYTES_MAX as u64,
        "weight" => return Weight::parse(number()).is_ok(),
        other => panic!("no test knows the kind {other}"),
    }
    let fields = fields.as_object().expect("an object").clone();
    kind::CHANNEL.parse(fields).is_ok()
}

#[test]
fn what_is_good_and_bad_is_what_the_shared_file_says() {
    for (verdict, kind, text) in lines() {
        assert_eq!(is_accepted(kind, &text), verdict == "good", "{kind} {text}");
    }
}
