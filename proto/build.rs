//! Compiles the `.proto` files in Rust (protox), so that no `protoc` is needed on the machine, and keeps
//! their descriptors: reflection serves those of the admin API, a test compares all with `kept.txt`.

use std::path::PathBuf;

use prost::Message as _;

/// The wire between control plane and nodes.
const CONFIG: [&str; 1] = ["bascule/config/v1/config.proto"];
/// The admin API.
const ADMIN: [&str; 8] = [
    "bascule/admin/v1/audit.proto",
    "bascule/admin/v1/change.proto",
    "bascule/admin/v1/clusters.proto",
    "bascule/admin/v1/generations.proto",
    "bascule/admin/v1/nodes.proto",
    "bascule/admin/v1/objects.proto",
    "bascule/admin/v1/packages.proto",
    "bascule/admin/v1/services.proto",
];

const PACKAGE: &str = ".bascule.config.v1";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=bascule");
    compile_publishing(compile(&CONFIG, "config")?)?;
    compile(&ADMIN, "admin").map(|_| ())
}

fn compile(
    files: &[&str],
    name: &str,
) -> Result<tonic_prost_build::FileDescriptorSet, Box<dyn std::error::Error>> {
    let descriptors = protox::compile(files, ["."])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join(format!("{name}.bin")), descriptors.encode_to_vec())?;
    // `Bytes` shares a received package with its readers instead of copying it.
    let mut prost = tonic_prost_build::Config::new();
    prost.bytes(["."]);
    tonic_prost_build::configure().compile_fds_with_config(descriptors.clone(), prost)?;
    Ok(descriptors)
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
