//! Compiles `src/hypotf.c`.

fn main() {
    println!("cargo::rerun-if-changed=src/hypotf.c");
    cc::Build::new().file("src/hypotf.c").compile("hypotf");
}
