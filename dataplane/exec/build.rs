//! Lists the files of the Python package that is compiled in: a sorted table of (path, bytes).
//!
//! Not `include_dir!`: that takes `__pycache__` along, so the content hash would differ from build to build.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

const PACKAGES: [&str; 2] = ["bascule", "zato"];

fn main() -> io::Result<()> {
    let root =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../../python");
    let mut files = Vec::new();
    for package in PACKAGES {
        let folder = root.join(package);
        println!("cargo::rerun-if-changed={}", folder.display());
        if folder.is_dir() {
            collect(&folder, &mut files)?;
        }
    }
    files.sort();
    let mut table = String::from("&[\n");
    for file in &files {
        let name = file.strip_prefix(&root).map_err(io::Error::other)?;
        writeln!(
            table,
            "    (r\"{}\", include_bytes!(r\"{}\")),",
            name.display(),
            file.display()
        )
        .map_err(io::Error::other)?;
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("python_files.rs"), table)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("__pycache__") {
            collect(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "py" || extension == "pyi")
            || path.ends_with("py.typed")
        {
            files.push(path);
        }
    }
    Ok(())
}
