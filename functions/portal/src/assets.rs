//! The style sheet and the icon. Their addresses have a hash of their content, so browsers may keep them for ever.

use axum::http::header;
use axum::response::IntoResponse;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub(crate) async fn stylesheet() -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, FOR_EVER)];
    (headers, STYLESHEET_TEXT)
}

pub(crate) async fn icon() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml"), (header::CACHE_CONTROL, FOR_EVER)], ICON_TEXT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_sheet_keeps_its_budget() {
        assert!(STYLESHEET_TEXT.len() <= 10 * 1024, "{} bytes", STYLESHEET_TEXT.len());
    }
}
