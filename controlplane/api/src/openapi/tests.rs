//! The document is kept in the tree, so that a change of the API shows in its diff and the console's types are made
//! from the same one (`admin-web/lint.sh` compares them).

use super::*;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

#[test]
fn the_kept_document_is_what_the_handlers_say() {
    let now = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("BASCULE_BLESS").is_some() {
        std::fs::write(KEPT, &now).unwrap();
    }
    let kept = std::fs::read_to_string(KEPT).unwrap_or_default();
    assert!(
        kept == now,
        "controlplane/api/openapi.json is old: run `make api-types` and look at the difference"
    );
}
