//! Tests only: the tables of `testdata`. Owns their format, which `testdata/README.md` tells.

/// One case of a table.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) raw: Vec<u8>,
    pub(crate) expected: String,
}

/// Reads a table.
pub(crate) fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("== ") {
            open = true;
            let name = name.to_owned();
            cases.push(Case {
                name,
                raw: Vec::new(),
                expected: String::new(),
            });
        } else if let Some(expected) = line.strip_prefix("=> ") {
            open = false;
            expected.clone_into(&mut cases.last_mut().unwrap().expected);
        } else if open {
            let mut letters = line;
            unescape(&mut letters, false, &mut cases.last_mut().unwrap().raw);
        } else {
            assert!(
                line.is_empty() || line.starts_with('#'),
                "stray line {line:?}"
            );
        }
    }
    assert!(cases.iter().all(|case| !case.expected.is_empty()));
    cases
}

/// Reads up to the end, or up to the brace that closes a repetition.
fn unescape(rest: &mut &str, in_braces: bool, out: &mut Vec<u8>) {
    while let Some(letter) = take(rest) {
        match letter {
            '}' if in_braces => return,
            '\\' => match take(rest).unwrap() {
                'r' => out.push(b'\r'),
                'n' => out.push(b'\n'),
                't' => out.push(b'\t'),
                '0' => out.push(0),
                '\\' => out.push(b'\\'),
                'x' => {
                    let digits: String =
                        [take(rest).unwrap(), take(rest).unwrap()].iter().collect();
                    out.push(u8::from_str_radix(&digits, 16).unwrap());
                }
                'R' => {
                    let (count, after) = rest.strip_prefix('{').unwrap().split_once(',').unwrap();
                    *rest = after;
                    let mut text = Vec::new();
                    unescape(rest, true, &mut text);
                    out.extend(text.repeat(count.parse().unwrap()));
                }
                other => panic!("unknown escape {other:?}"),
            },
            letter => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn take(rest: &mut &str) -> Option<char> {
    let mut letters = rest.chars();
    let letter = letters.next();
    *rest = letters.as_str();
    letter
}

/// Runs `outcome` on every case and tells all that differ at once.
#[track_caller]
pub(crate) fn check(text: &str, mut outcome: impl FnMut(&Case) -> String) {
    let mut wrong = String::new();
    for case in cases(text) {
        let got = outcome(&case);
        if got != case.expected {
            use std::fmt::Write as _;
            writeln!(
                wrong,
                "{}\n  expected {}\n  got      {got}",
                case.name, case.expected
            )
            .unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
#[ignore = "writes the seed corpora of the fuzz targets from the tables"]
fn seeds_are_written() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let write = |target: &str, name: String, bytes: &[u8]| {
        let folder = root.join("fuzz/corpus").join(target);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(name), bytes).unwrap();
    };
    for (target, text) in [
        (
            "request_head",
            include_str!("../testdata/heads/requests.txt"),
        ),
        (
            "response_head",
            include_str!("../testdata/heads/responses.txt"),
        ),
        ("chunked", include_str!("../testdata/heads/chunks.txt")),
    ] {
        for (index, case) in cases(text)
            .iter()
            .enumerate()
            .filter(|(_, case)| case.raw.len() < 4096)
        {
            write(target, format!("seed-{index}"), &case.raw);
        }
    }
    for entry in std::fs::read_dir(root.join("testdata/frames"))
        .unwrap()
        .map(Result::unwrap)
    {
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "bin")
        {
            let name = format!("seed-{}", entry.file_name().display());
            write("frames", name, &std::fs::read(entry.path()).unwrap());
        }
    }
}
