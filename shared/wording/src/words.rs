//! The macro that gives each text in both languages.

/// Defines functions that give a text in a language. Each text stands in English and in French side by side, so that one without
/// the other does not compile. The French text is written with plain spaces, and [typeset](crate::typeset).
///
/// A function without arguments gives a `&'static str`. One with arguments gives a `String`. Both languages must use every argument.
///
/// # Example
///
/// ```
/// use wording::Locale;
///
/// wording::words! {
///     /// The button that saves a form.
///     pub fn save() { "Save", "Enregistrer" }
///
///     /// The number of calls of a user.
///     fn calls(user: &str, count: &str) { "Calls of {user}: {count}", "Appels de {user} : {count}" }
/// }
///
/// assert_eq!(save(Locale::Fr), "Enregistrer");
/// assert_eq!(calls("ada", "12", Locale::En), "Calls of ada: 12");
/// assert_eq!(calls("ada", "12", Locale::Fr), "Appels de ada\u{a0}: 12");
/// ```
///
/// ```compile_fail
/// wording::words! {
///     /// The French text is missing.
///     fn save() { "Save" }
/// }
/// ```
///
/// ```compile_fail
/// wording::words! {
///     /// The French text leaves out the count.
///     fn calls(user: &str, count: &str) { "Calls of {user}: {count}", "Appels de {user}" }
/// }
/// ```
#[macro_export]
macro_rules! words {
    (@function [$(#[$about:meta])*] [$visible:vis] $name:ident () $english:literal $french:literal) => {
        $(#[$about])*
        $visible fn $name(locale: $crate::Locale) -> &'static str {
            static FRENCH: ::std::sync::LazyLock<String> =
                ::std::sync::LazyLock::new(|| $crate::typeset($french, $crate::Locale::Fr));
            match locale {
                $crate::Locale::En => $english,
                $crate::Locale::Fr => &FRENCH,
            }
        }
    };
    (
        @function [$(#[$about:meta])*] [$visible:vis] $name:ident ($($argument:ident: $type:ty),+ $(,)?)
        $english:literal $french:literal
    ) => {
        $(#[$about])*
        $visible fn $name($($argument: $type,)+ locale: $crate::Locale) -> String {
            match locale {
                $crate::Locale::En => format!($english, $($argument = $argument),+),
                $crate::Locale::Fr => $crate::typeset(&format!($french, $($argument = $argument),+), locale),
            }
        }
    };
    ($(
        $(#[$about:meta])*
        $visible:vis fn $name:ident ($($arguments:tt)*) { $english:literal, $french:literal $(,)? }
    )+) => {$(
        $crate::words!(@function [$(#[$about])*] [$visible] $name ($($arguments)*) $english $french);
    )+};
}
