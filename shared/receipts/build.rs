//! Compiles what `src/hypotf.c` says.

fn main() {
    println!("cargo::rerun-if-changed=src/hypotf.c");
    cc::Build::new().file("src/hypotf.c").compile("hypotf");
}
