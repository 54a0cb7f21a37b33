//! The console travels inside the control plane's binary: no file beside it is needed.

use std::path::Path;

use anyhow::{Result, ensure};
use bascule_tests::means;
use bascule_tests::process::binary;

#[test]
fn the_control_planes_binary_holds_the_console() -> Result<()> {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../admin-web/dist");
    let Ok(page) = std::fs::read(dist.join("index.html")) else {
        return means::skip("the console is not built");
    };
    let binary = std::fs::read(binary("bascule-controlplane")?)?;
    ensure!(
        memchr::memmem::find(&binary, &page).is_some(),
        "the binary does not hold admin-web/dist/index.html"
    );
    for file in std::fs::read_dir(dist.join("assets"))? {
        let name = file?.file_name();
        let name = name.to_string_lossy().into_owned();
        ensure!(
            memchr::memmem::find(&binary, name.as_bytes()).is_some(),
            "the binary does not know assets/{name}"
        );
    }
    Ok(())
}
