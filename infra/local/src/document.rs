//! The API's `OpenAPI` document, put together from what each function says of itself.

use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};

#[derive(OpenApi)]
#[openapi(info(
    title = "Communications Credits",
    description = "Prepaid telephony credit for organizations. Amounts are decimal strings, instants RFC 3339 in UTC, errors `application/problem+json`. Clients must expect new fields and new values in answers."
))]
struct Whole;

/// The document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Whole::openapi();
    for part in [account::Doc::openapi(), purchase::Doc::openapi(), debit::doc::Doc::openapi()] {
        document.merge(part);
    }
    for (path, item) in &mut document.paths.paths {
        for operation in operations_of(item) {
            add_common_errors(path, operation);
        }
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    document.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    document
}

fn operations_of(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete]
        .into_iter()
        .filter_map(Option::as_mut)
}

/// What any operation may answer, unless it says more of it itself.
fn add_common_errors(path: &str, operation: &mut Operation) {
    let mut common = vec![
        ("401", "There is no valid token"),
        ("403", "The token's role may not do this"),
        ("422", "A field or parameter is wrong"),
        ("503", "Busy, or a dependency is down: send the same again after `Retry-After` seconds"),
    ];
    if path.contains("{id}") {
        common.push(("404", "There is no such account, or it is another organization's"));
    }
    for (status, description) in common {
        let schema = Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response =
            ResponseBuilder::new().description(description).content("application/problem+json", content);
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| response.build().into());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::functions::ApiFunction;

    #[test]
    fn the_document_describes_every_route_and_no_other() {
        let document = serde_json::to_value(openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let described: BTreeSet<_> = paths
            .iter()
            .flat_map(|(path, operations)| {
                let methods = operations.as_object().unwrap().keys();
                methods.map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect();
        let answered: BTreeSet<_> = ApiFunction::ALL
            .iter()
            .flat_map(|function| function.routes())
            .map(|route| (*route).to_owned())
            .collect();
        assert_eq!(described, answered);
    }

    #[test]
    fn the_committed_document_is_current() {
        let committed = include_str!("../../../docs/openapi.json");
        assert_eq!(committed.trim(), openapi().to_pretty_json().unwrap().trim(), "run `cargo xtask openapi`");
    }
}
