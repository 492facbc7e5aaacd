//! Authorization (X1). API Gateway has checked the token. Its claims give the caller's roles and, unless the caller is an
//! operator, the accounts that the caller reaches.

use std::collections::{HashMap, HashSet};

use domain::AccountId;
use domain::profile::Author;

use crate::problem::Problem;

/// A role that a token gives its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The operator's staff, who reach every account.
    Operator,
    /// Administrator of an account.
    Admin,
    /// Reader of an account.
    Viewer,
    /// A telephony platform, which sends finished calls.
    Platform,
}

impl Role {
    const ALL: [Self; 4] = [Self::Operator, Self::Admin, Self::Viewer, Self::Platform];

    /// Its name in a token's claims.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Viewer => "viewer",
            Self::Platform => "platform",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// The holder of a token.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The token's `sub`: the author of the caller's changes.
    pub subject: String,
    /// The token's `name`, if it has one.
    pub name: Option<String>,
    roles: Vec<Role>,
    accounts: HashSet<String>,
}

impl Caller {
    /// Reads the claims of a token: `sub`, `role` or else `roles`, and `accounts`. API Gateway writes a list as `[a b]`.
    ///
    /// `role` is one name. Entra ID reserves that claim and puts app roles into `roles`. A caller with several roles has the
    /// permissions of each. Unknown names are ignored.
    ///
    /// # Errors
    ///
    /// [`Problem::Forbidden`] if the claims name no known role.
    pub fn from_claims(claims: &HashMap<String, String>) -> Result<Self, Problem> {
        let roles: Vec<_> = match (claims.get("role"), claims.get("roles")) {
            (Some(role), _) => Role::parse(role).into_iter().collect(),
            (None, Some(roles)) => listed(roles).filter_map(Role::parse).collect(),
            (None, None) => Vec::new(),
        };
        if roles.is_empty() {
            return Err(Problem::Forbidden);
        }
        let accounts = claims.get("accounts").map_or("", String::as_str);
        Ok(Self {
            subject: claims.get("sub").cloned().unwrap_or_default(),
            name: claims.get("name").cloned(),
            roles,
            accounts: listed(accounts).map(str::to_owned).collect(),
        })
    }

    /// The caller as the author of changed settings.
    pub fn author(&self) -> Author {
        Author::new(&self.subject, self.name.as_deref())
    }

    /// The roles.
    pub fn roles(&self) -> impl Iterator<Item = Role> {
        self.roles.iter().copied()
    }

    /// The accounts that the claims name. An operator reaches all others, too.
    pub fn accounts(&self) -> impl Iterator<Item = &str> {
        self.accounts.iter().map(String::as_str)
    }

    /// Checks that this caller reaches the account and has one of these roles. Another organization's account is answered as
    /// if it did not exist.
    ///
    /// # Errors
    ///
    /// [`Problem::NoAccount`] if the caller does not reach the account, [`Problem::Forbidden`] if it has none of the roles.
    pub fn reaches(&self, account: &AccountId, roles: &[Role]) -> Result<(), Problem> {
        if !self.roles.contains(&Role::Operator) && !self.accounts.contains(account.as_str()) {
            return Err(Problem::NoAccount);
        }
        self.is(roles)
    }

    /// Checks that this caller has one of these roles.
    ///
    /// # Errors
    ///
    /// [`Problem::Forbidden`] if the caller has none of them.
    pub fn is(&self, roles: &[Role]) -> Result<(), Problem> {
        if self.roles.iter().any(|role| roles.contains(role)) { Ok(()) } else { Err(Problem::Forbidden) }
    }
}

/// The items of a claim that is a list, with or without brackets.
fn listed(claim: &str) -> impl Iterator<Item = &str> {
    let separators = |c: char| c.is_whitespace() || c == ',' || c == '"';
    claim.trim_matches(['[', ']']).split(separators).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_claims(claims: &[(&str, &str)]) -> Result<Caller, Problem> {
        Caller::from_claims(&claims.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    fn caller(role: &str, accounts: &str) -> Result<Caller, Problem> {
        from_claims(&[("sub", "ada"), ("role", role), ("accounts", accounts)])
    }

    #[test]
    fn x1_another_organizations_account_is_not_there() {
        let contoso = AccountId::parse("contoso").unwrap();
        let read = [Role::Operator, Role::Viewer];
        for (role, accounts, status) in [
            ("operator", "", 200),
            ("viewer", "[contoso fabrikam]", 200),
            ("viewer", "[\"contoso\",\"fabrikam\"]", 200),
            ("viewer", "contoso", 200),
            ("viewer", "[fabrikam]", 404),
            ("viewer", "[contoso2]", 404),
            ("viewer", "", 404),
            ("platform", "[contoso]", 403),
            ("platform", "[fabrikam]", 404),
        ] {
            let result = caller(role, accounts).unwrap().reaches(&contoso, &read);
            assert_eq!(result.map_or_else(|problem| problem.status(), |()| 200), status, "{role} {accounts}");
        }
    }

    #[test]
    fn x1_a_token_without_a_role_of_ours_may_nothing() {
        assert_eq!(caller("root", "[contoso]").unwrap_err().status(), 403);
        assert_eq!(Caller::from_claims(&HashMap::new()).unwrap_err().status(), 403);
    }

    #[test]
    fn x1_entra_id_gives_its_app_roles_as_a_list() {
        let contoso = AccountId::parse("contoso").unwrap();
        for (roles, may) in [
            ("[operator]", &[Role::Operator][..]),
            ("[viewer]", &[Role::Viewer]),
            ("[viewer admin]", &[Role::Viewer, Role::Admin]),
            ("[User.Read platform]", &[Role::Platform]),
            ("admin", &[Role::Admin]),
        ] {
            let caller = from_claims(&[("roles", roles), ("accounts", "[contoso]")]).unwrap();
            for role in [Role::Operator, Role::Admin, Role::Viewer, Role::Platform] {
                assert_eq!(caller.is(&[role]).is_ok(), may.contains(&role), "{roles} {role:?}");
                assert_eq!(
                    caller.reaches(&contoso, &[role]).is_ok(),
                    may.contains(&role),
                    "{roles} {role:?}"
                );
            }
        }
        for roles in ["[]", "", "[User.Read]", "[operators]"] {
            assert_eq!(from_claims(&[("roles", roles)]).unwrap_err().status(), 403, "{roles}");
        }
    }

    #[test]
    fn x1_an_operator_among_several_roles_reaches_every_account() {
        let fabrikam = AccountId::parse("fabrikam").unwrap();
        let status = |roles| {
            let caller = from_claims(&[("roles", roles), ("accounts", "[contoso]")]).unwrap();
            caller.reaches(&fabrikam, &[Role::Operator]).map_or_else(|problem| problem.status(), |()| 200)
        };
        assert_eq!(status("[viewer operator]"), 200);
        assert_eq!(status("[viewer admin]"), 404);
    }

    #[test]
    fn x1_role_is_one_name_and_counts_before_roles() {
        let caller = from_claims(&[("role", "viewer"), ("roles", "[operator]")]).unwrap();
        assert!(caller.is(&[Role::Operator]).is_err());
        for role in ["root", "operator viewer", "[operator]", ""] {
            assert_eq!(
                from_claims(&[("role", role), ("roles", "[operator]")]).unwrap_err().status(),
                403,
                "{role}"
            );
        }
    }
}
