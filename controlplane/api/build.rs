//! Tells cargo when to embed the console again.
//!
//! A path that is missing would run this anew with every build, so a tree without the console's files gets an empty
//! folder for them.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let dist = concat!(env!("CARGO_MANIFEST_DIR"), "/../../admin-web/dist");
    // Where it cannot be made there is nothing to embed either, and the page says so.
    if let Err(error) = std::fs::create_dir_all(dist) {
        println!("cargo::warning=the console's folder cannot be made: {error}");
    }
    println!("cargo::rerun-if-changed={dist}");
}
