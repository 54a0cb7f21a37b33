//! Compiles the `.proto` files in Rust (protox), so that no `protoc` is needed on the machine.

use std::path::PathBuf;

const PACKAGE: &str = ".bascule.config.v1";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = "bascule/config/v1/config.proto";
    println!("cargo::rerun-if-changed=bascule");
    let descriptors = protox::compile([file], ["."])?;
    // `Bytes` shares a received package with its readers instead of copying it.
    let mut prost = tonic_prost_build::Config::new();
    prost.bytes(["."]);
    tonic_prost_build::configure().compile_fds_with_config(descriptors.clone(), prost)?;
    compile_publishing(descriptors)
}

/// The same service once more, for the side that publishes: what it sends may be encoded already.
fn compile_publishing(
    descriptors: tonic_prost_build::FileDescriptorSet,
) -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::var("OUT_DIR")?).join("publishing");
    std::fs::create_dir_all(&folder)?;
    let control_message = format!("{PACKAGE}.ControlMessage");
    tonic_prost_build::configure()
        .build_client(false)
        .out_dir(folder)
        .extern_path(PACKAGE, "crate::config::v1")
        .extern_path(control_message, "crate::publishing::Outgoing")
        .compile_fds_with_config(descriptors, tonic_prost_build::Config::new())?;
    Ok(())
}
