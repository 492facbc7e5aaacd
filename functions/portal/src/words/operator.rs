super::texts! {
    /// Texts of the page.
    pub(crate) struct OperatorWords;
    glossary {}
}
