//! The border to the nodes, from this side: what people may write. `dp-config` reads the same file.

use crate::{ChannelFields, ChannelSpec, FileName, ServiceName, Weight, package};

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
    let mut fields = ChannelFields {
        name: "a".into(),
        path: "/a".into(),
        method: String::new(),
        service: "bascule.echo".into(),
        data_format: String::new(),
        timeout_ms: 1,
        body_bytes_max: 1,
        is_active: true,
    };
    let number = || text.parse::<u64>().expect(text);
    match kind {
        "path" => text.clone_into(&mut fields.path),
        "name" => text.clone_into(&mut fields.name),
        "service" => return ServiceName::parse(text).is_ok(),
        "module" => return FileName::parse(&format!("{text}.py")).is_ok(),
        "timeout_ms" => fields.timeout_ms = number(),
        "body_bytes_max" => fields.body_bytes_max = number(),
        "package_bytes" => return number() <= package::PACKAGE_BYTES_MAX as u64,
        "weight" => return Weight::parse(number()).is_ok(),
        other => panic!("no test knows the kind {other}"),
    }
    ChannelSpec::parse(&fields).is_ok()
}

#[test]
fn what_is_good_and_bad_is_what_the_shared_file_says() {
    for (verdict, kind, text) in lines() {
        assert_eq!(is_accepted(kind, &text), verdict == "good", "{kind} {text}");
    }
}
