//! Addresses of pages with a query.

use axum::http::Uri;

/// The path and the query that a request is for.
pub(crate) fn of(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |path| path.as_str())
}

/// The address with these parameters. A parameter with an empty value is left out.
pub(crate) fn with_query<'a>(
    address: &str,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let given = parameters.into_iter().filter(|(_, value)| !value.is_empty());
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(given).finish();
    let separator = match (query.is_empty(), address.contains('?')) {
        (true, _) => return address.to_owned(),
        (false, true) => '&',
        (false, false) => '?',
    };
    format!("{address}{separator}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_hold_any_text_and_empty_ones_are_left_out() {
        assert_eq!(with_query("/a", [("to", "/b?c=d&e"), ("kind", "")]), "/a?to=%2Fb%3Fc%3Dd%26e");
        assert_eq!(with_query("/a", [("kind", "")]), "/a");
        assert_eq!(with_query("https://issuer/end?x=1", [("y", "2")]), "https://issuer/end?x=1&y=2");
    }
}
