//! The API's `OpenAPI` document, put together from the descriptions of all functions.

use contract::names::{CurrencyCode, DimensionName, KindName, ServiceName};
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Content, ContentBuilder, Header, HeaderBuilder, Object, Ref, RefOr, ResponseBuilder, Schema, Type,
};

/// The claims that API Gateway's authorizer checks and the functions read.
const CLAIMS: &str = "A JSON Web Token of the issuer and audience that the stack is deployed with. Its claims: `role` is \
    `operator`, `admin`, `viewer` or `platform`. `accounts` is a list of the account ids that a role below `operator` \
    reaches; it gets 404 for any other account. `sub` names the caller, and is kept as the author of changes.";

// Schemas that only parameters refer to are listed, since utoipa does not find them.
#[derive(OpenApi)]
#[openapi(
    components(schemas(ServiceName, KindName, CurrencyCode, DimensionName)),
    info(
        title = "Communications Credits",
        description = "Prepaid telephony credit for organizations. Amounts are decimal strings. Instants are RFC 3339; answers have them in UTC with milliseconds, so that they sort as text. Errors are `application/problem+json` with a stable `code`. In a request, unknown fields and parameters are refused, and every wrong one is named. A path that is not listed here, or a listed path with another method, is 404. Clients must expect new fields and new values in answers."
    )
)]
struct Whole;

/// Builds the document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = Whole::openapi();
    for part in [
        account::Doc::openapi(),
        statement::Doc::openapi(),
        purchase::Doc::openapi(),
        debit::Doc::openapi(),
        report::Doc::openapi(),
        invoice::Doc::openapi(),
        authorize::Doc::openapi(),
    ] {
        document.merge(part);
    }
    let mut bodies = Vec::new();
    for (path, item) in &mut document.paths.paths {
        for operation in operations_of(item) {
            add_common(path, operation);
            if let Some(RefOr::T(body)) = &operation.request_body {
                bodies.extend(body.content.values().filter_map(schema_of));
            }
        }
    }
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(CLAIMS))
        .build();
    let components = document.components.get_or_insert_default();
    for body in bodies {
        // Unknown fields are refused, so no others are allowed.
        if let Some(RefOr::T(Schema::Object(body))) = components.schemas.get_mut(&body) {
            body.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    document.security = Some(vec![SecurityRequirement::new("token", Vec::<String>::new())]);
    document
}

/// The name of the schema that a content refers to.
fn schema_of(content: &RefOr<Content>) -> Option<String> {
    let RefOr::T(Content { schema: Some(RefOr::Ref(reference)), .. }) = content else { return None };
    reference.ref_location.rsplit('/').next().map(str::to_owned)
}

fn operations_of(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete]
        .into_iter()
        .filter_map(Option::as_mut)
}

/// Adds the responses that any operation may have, unless it describes them itself, and the headers of every response.
fn add_common(path: &str, operation: &mut Operation) {
    let mut common = vec![
        (
            "401",
            "There is no valid token. On AWS, API Gateway sends this answer, with a JSON object of its own",
        ),
        ("403", "The token's role may not do this"),
        ("422", "Fields or parameters are wrong; `errors` names each"),
        ("500", "The service has a fault"),
        (
            "503",
            "The service is busy, or a dependency is down: send the same request again after `Retry-After` seconds",
        ),
    ];
    if path.contains("{id}") {
        common.push(("404", "There is no such account, or it is another organization's"));
    }
    if operation.request_body.is_some() {
        common.push(("400", "The body is not what its content type says"));
        common.push(("413", "The body has too many bytes"));
    }
    let is_if_match = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(parameter) if parameter.name == "If-Match");
    if operation.parameters.iter().flatten().any(is_if_match) {
        common.push(("412", "The settings have been changed since the caller saw them"));
    }
    let responses = &mut operation.responses.responses;
    for (status, description) in common {
        let schema = Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let response =
            ResponseBuilder::new().description(description).content("application/problem+json", content);
        responses.entry(status.to_owned()).or_insert_with(|| response.build().into());
    }
    for (status, response) in responses {
        let RefOr::T(response) = response else { continue };
        let mut with = |name: &str, of, description| {
            response.headers.entry(name.to_owned()).or_insert_with(|| header(of, description).into());
        };
        with("apigw-requestid", Type::String, REQUEST_ID);
        match status.as_str() {
            "401" => with("WWW-Authenticate", Type::String, "`Bearer`"),
            "503" => with("Retry-After", Type::Integer, RETRY_AFTER),
            _ => {}
        }
    }
}

const REQUEST_ID: &str = "The id of the request, which is also in the log";

const RETRY_AFTER: &str = "Seconds after which to try again";

fn header(of: Type, description: &str) -> Header {
    HeaderBuilder::new().schema(Some(Object::with_type(of))).description(Some(description)).build()
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
            .map(|(route, _)| (*route).to_owned())
            .collect();
        assert_eq!(described, answered);
    }

    #[test]
    fn the_document_describes_every_parameter_and_no_other() {
        let document = serde_json::to_value(openapi()).unwrap();
        for function in ApiFunction::ALL {
            for (route, parameters) in function.routes() {
                let (method, path) = route.split_once(' ').unwrap();
                let described = &document["paths"][path][method.to_lowercase()]["parameters"];
                let described: BTreeSet<_> = (described.as_array().into_iter().flatten())
                    .filter(|parameter| parameter["in"] == "query")
                    .map(|parameter| parameter["name"].as_str().unwrap())
                    .collect();
                assert_eq!(described, parameters.iter().copied().collect(), "{route}");
            }
        }
    }

    #[test]
    fn the_committed_document_is_current() {
        let committed = include_str!("../../../docs/openapi.json");
        assert_eq!(committed.trim(), openapi().to_pretty_json().unwrap().trim(), "run `cargo xtask openapi`");
    }
}
