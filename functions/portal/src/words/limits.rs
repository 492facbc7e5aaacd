super::texts! {
    /// Texts of the page.
    pub(crate) struct LimitsWords;
    glossary {}
}
