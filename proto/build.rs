//! Compiles the `.proto` files in Rust (protox), so that no `protoc` is needed on the machine.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = "bascule/config/v1/config.proto";
    println!("cargo::rerun-if-changed=bascule");
    let descriptors = protox::compile([file], ["."])?;
    // `Bytes` shares a received package with its readers instead of copying it.
    let mut prost = tonic_prost_build::Config::new();
    prost.bytes(["."]);
    tonic_prost_build::configure().compile_fds_with_config(descriptors, prost)?;
    Ok(())
}
