//! The demo people, as whom anybody on this machine can sign in at the [`issuer`](crate::issuer). They have no passwords.

use crate::demo;

/// A demo person.
#[derive(Debug, PartialEq, Eq)]
pub struct Person {
    /// The name in addresses.
    pub id: &'static str,
    /// The name for people.
    pub name: &'static str,
    /// `admin`, `viewer` or `operator`.
    pub role: &'static str,
    /// The accounts that the person reaches. The operator reaches all.
    pub accounts: &'static [&'static str],
    /// The organization that the person belongs to. The operator belongs to none.
    pub organization: Option<&'static str>,
}

/// Every demo person.
pub static PEOPLE: [Person; 4] = [
    Person {
        id: "ada",
        name: "Ada Lefèvre",
        role: "admin",
        accounts: &[demo::ACCOUNT],
        organization: Some(demo::NAME),
    },
    Person {
        id: "victor",
        name: "Victor Noël",
        role: "viewer",
        accounts: &[demo::ACCOUNT],
        organization: Some(demo::NAME),
    },
    Person {
        id: "olivia",
        name: "Olivia Martin",
        role: "admin",
        accounts: &[demo::POST_USAGE_ACCOUNT],
        organization: Some(demo::POST_USAGE_NAME),
    },
    Person { id: "otto", name: "Otto Berg", role: "operator", accounts: &[], organization: None },
];

impl Person {
    /// The person with this id.
    pub fn find(id: &str) -> Option<&'static Self> {
        PEOPLE.iter().find(|person| person.id == id)
    }

    /// The subject of the person's tokens, such as `ada@example.com`.
    pub fn subject(&self) -> String {
        format!("{}@example.com", self.id)
    }
}
