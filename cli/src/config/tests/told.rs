//! What a person reads of the control plane's answer.

use super::*;

#[test]
fn an_answer_reads_as_what_it_changes_and_means() {
    let answer = json!({
        "items": [
            {"kind": "channel", "name": "new", "change": "created", "fields": [
                {"pointer": "/path", "before": null, "after": "/new"},
                {"pointer": "/timeout_ms", "before": null, "after": 30_000},
                {"pointer": "/method", "before": null, "after": "GET"}]},
            {"kind": "channel", "name": "x", "change": "changed", "fields": [
                {"pointer": "/timeout_ms", "before": 30_000, "after": 5},
                {"pointer": "/method", "before": "", "after": "GET"}]},
            {"kind": "channel", "name": "old", "change": "deleted", "fields": []},
        ],
        "effects": [{"kind": "service", "name": "y", "text": "is unused afterwards"}],
    });
    let output = crate::output::Output::plain();
    let lines = answer::lines(&answer, &Kinds::built_in(), &output);
    let wanted = [
        "+ channel new",
        "    path: /new",
        "    method: GET",
        "~ channel x",
        "    timeout_ms: 30000 → 5",
        "    method: \"\" → GET",
        "- channel old",
        "effects:",
        "  service y is unused afterwards",
    ];
    assert_eq!(lines, wanted);
    let counts = answer::counts(&answer);
    assert_eq!(counts.to_string(), "1 new, 1 changed, 1 deleted");
    assert_eq!(answer::deleted(&answer), ["channel old"]);
    assert_eq!(
        answer::counts(&json!({"items": []})).to_string(),
        "nothing is different"
    );
}

// === any objects of the tables ===
