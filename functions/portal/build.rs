//! Names the static files by a hash of their content.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use sha2::{Digest, Sha256};

/// Letters of the hash in a name. Two versions of one file must differ, not all files of the world.
const HASH_CHARS: usize = 12;

fn main() {
    let mut code = String::new();
    for (name, file) in [("STYLESHEET", "portal.css"), ("ICON", "icon.svg")] {
        let path = format!("{}/assets/{file}", env::var("CARGO_MANIFEST_DIR").expect("cargo sets it"));
        println!("cargo::rerun-if-changed={path}");
        let text = fs::read_to_string(&path).expect("the file is there");
        let mut hash = Sha256::digest(&text).iter().fold(String::new(), |mut hash, byte| {
            write!(hash, "{byte:02x}").expect("a text takes everything");
            hash
        });
        hash.truncate(HASH_CHARS);
        let (stem, extension) = file.split_once('.').expect("the file has an extension");
        writeln!(
            code,
            "/// The address of `{file}`.\n\
             pub(crate) const {name}: &str = \"/assets/{stem}.{hash}.{extension}\";\n\
             const {name}_TEXT: &str = include_str!({path:?});"
        )
        .expect("a text takes everything");
    }
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("assets.rs"), code).expect("the folder can be written to");
}
