//! Checks the packages that ship: each is under an accepted licence, and the domain is pure.
//!
//! A package ships if the workspace's members need it to be built and run, on any platform and with any of their features.
//! Packages that only tests need do not ship, and are not checked.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{CargoOpt, DependencyKind, MetadataCommand, NodeDep, PackageId, Resolve};
use spdx::{Expression, Licensee, ParseMode};

/// SPDX identifiers of the licences that the project accepts. None of them makes a demand on the project's own code.
const ACCEPTED: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Checks the licences and the domain. The error names every package that is not accepted.
pub(crate) fn check() -> Result<()> {
    let metadata = MetadataCommand::new().features(CargoOpt::AllFeatures).exec()?;
    let resolve = metadata.resolve.as_ref().context("cargo metadata gave no dependencies")?;
    let members = metadata.workspace_packages();
    let domain =
        members.iter().find(|member| member.name == "domain").context("there is no `domain` crate")?;

    let mut complaints = Vec::new();
    let shipped = needed_by(members.iter().map(|member| &member.id), resolve);
    for &id in &shipped {
        let package = &metadata[id];
        if let Err(error) = accept(package.license.as_deref()) {
            complaints.push(format!("{} {}: {error:#}", package.name, package.version));
        }
    }
    for id in needed_by([&domain.id], resolve) {
        let name = &metadata[id].name;
        if !is_pure(name) {
            complaints.push(format!("domain must be pure, yet depends on {name}"));
        }
    }

    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    println!("{} packages ship, all under accepted licences, and the domain is pure", shipped.len());
    Ok(())
}

/// Accepts a package's licence expression if it has one that accepted licences can satisfy.
fn accept(expression: Option<&str>) -> Result<()> {
    let expression = expression.context("no licence is declared")?;
    let accepted = ACCEPTED.iter().map(|id| Licensee::parse(id)).collect::<Result<Vec<_>, _>>()?;
    // Lax: older packages still write `MIT/Apache-2.0`.
    let parsed = Expression::parse_mode(expression, ParseMode::LAX)
        .ok()
        .with_context(|| format!("`{expression}` is not an SPDX expression"))?;
    ensure!(
        parsed.evaluate(|required| accepted.iter().any(|licence| licence.satisfies(required))),
        "`{expression}` is not accepted"
    );
    Ok(())
}

/// Whether the domain may depend on the package. The domain may depend neither on the cloud nor on an async runtime.
fn is_pure(package: &str) -> bool {
    let aws = package.strip_prefix("aws").is_some_and(|rest| rest.starts_with(['-', '_']));
    !aws && package != "tokio"
}

/// The `roots` and all packages that are needed, directly or indirectly, to build and run them.
fn needed_by<'a>(
    roots: impl IntoIterator<Item = &'a PackageId>,
    resolve: &'a Resolve,
) -> BTreeSet<&'a PackageId> {
    let nodes: HashMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut found = BTreeSet::new();
    let mut pending: Vec<_> = roots.into_iter().collect();
    while let Some(id) = pending.pop() {
        if found.insert(id) {
            pending.extend(nodes[id].deps.iter().filter(|dep| !is_only_for_tests(dep)).map(|dep| &dep.pkg));
        }
    }
    found
}

fn is_only_for_tests(dependency: &NodeDep) -> bool {
    dependency.dep_kinds.iter().all(|usage| usage.kind == DependencyKind::Development)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(expression: Option<&str>) -> String {
        accept(expression).expect_err("this must be refused").to_string()
    }

    #[test]
    fn accepted_licences_are_accepted() {
        for expression in [
            "MIT",
            "MIT OR Apache-2.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
            "MIT OR LGPL-2.1-or-later",
        ] {
            accept(Some(expression)).expect(expression);
        }
    }

    #[test]
    fn old_style_expressions_are_understood() {
        for expression in ["MIT/Apache-2.0", "Apache-2.0 / MIT", "Unlicense/MIT"] {
            accept(Some(expression)).expect(expression);
        }
    }

    #[test]
    fn other_licences_are_refused() {
        for expression in ["MPL-2.0", "MIT AND GPL-3.0-only", "MIT WITH LLVM-exception", "GPL-2.0/AGPL-3.0"] {
            assert_eq!(refusal(Some(expression)), format!("`{expression}` is not accepted"));
        }
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for expression in ["", "See the LICENSE file", "MIT OR"] {
            assert_eq!(refusal(Some(expression)), format!("`{expression}` is not an SPDX expression"));
        }
        assert_eq!(refusal(None), "no licence is declared");
    }

    #[test]
    fn the_domain_may_not_know_the_cloud_or_a_runtime() {
        for package in ["aws-sdk-dynamodb", "aws_lambda_events", "tokio"] {
            assert!(!is_pure(package), "{package}");
        }
        for package in ["rust_decimal", "awsome", "tokio-free"] {
            assert!(is_pure(package), "{package}");
        }
    }

    #[test]
    fn dependencies_are_followed_except_those_for_tests() {
        let dep = |package, kinds: &[Option<&str>]| {
            let kinds: Vec<_> = kinds.iter().map(|kind| json!({ "kind": kind, "target": null })).collect();
            json!({ "name": package, "pkg": package, "dep_kinds": kinds })
        };
        let node =
            |package, deps: &[_]| json!({ "id": package, "deps": deps, "dependencies": [], "features": [] });
        let nodes = [
            node(
                "app",
                &[dep("library", &[None]), dep("generator", &[Some("build")]), dep("mock", &[Some("dev")])],
            ),
            node("library", &[dep("deep", &[None, Some("dev")])]),
            node("generator", &[]),
            node("deep", &[]),
            node("mock", &[dep("mocked", &[None])]),
            node("mocked", &[]),
        ];
        let resolve: Resolve = serde_json::from_value(json!({ "nodes": nodes, "root": null })).unwrap();

        let app = PackageId { repr: "app".into() };
        let needed: Vec<_> = needed_by([&app], &resolve).into_iter().map(|id| id.repr.as_str()).collect();
        assert_eq!(needed, ["app", "deep", "generator", "library"]);
    }
}
