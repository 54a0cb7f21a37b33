//! Tells cargo when to embed the console again.
//!
//! Only release builds embed; others read the files when they are asked for, so there a missing or
//! changed folder must not compile this crate anew each time.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=../../admin-web/dist");
    }
}
