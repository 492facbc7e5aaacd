//! Shapes that several objects share.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The values that we attach to an object, by name.
pub type Metadata = BTreeMap<String, String>;

/// Another object: its id, or the object itself if the call asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Expandable<T> {
    /// Its id.
    Id(String),
    /// The object.
    Object(Box<T>),
}

impl<T> Expandable<T> {
    /// The object, if it was asked for.
    pub fn object(&self) -> Option<&T> {
        match self {
            Self::Id(_) => None,
            Self::Object(object) => Some(object),
        }
    }
}

/// An object that has an id and nothing else that is used.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Reference {
    /// Its id.
    pub id: String,
}

impl Expandable<Reference> {
    /// The object's id.
    pub fn id(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Object(object) => &object.id,
        }
    }
}

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Page<T> {
    pub(crate) data: Vec<T>,
    pub(crate) has_more: bool,
}

/// An object of a list, whose id is where the next page begins.
pub(crate) trait Listed {
    fn id(&self) -> &str;
}

/// The form of metadata: `metadata[name]`.
pub(crate) fn metadata_form(prefix: &str, metadata: &Metadata) -> Vec<(String, String)> {
    metadata.iter().map(|(name, value)| (format!("{prefix}[{name}]"), value.clone())).collect()
}

/// An enum of Stripe's words, which keeps a word that it does not know.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
        #[serde(from = "String")]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
            /// Another word, which this version does not know.
            Unknown(String),
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                match word.as_str() {
                    $($word => Self::$variant,)+
                    _ => Self::Unknown(word),
                }
            }
        }
    };
}
pub(crate) use words;
