//! Who may do what (X1). API Gateway has checked the token; its claims give a role and, below operator,
//! the accounts it reaches.

use std::collections::{HashMap, HashSet};

use domain::AccountId;

use crate::problem::Problem;

/// What a token's holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The operator's staff: every account.
    Operator,
    /// Administrator of an account.
    Admin,
    /// Reader of an account.
    Viewer,
    /// A telephony platform, which sends finished calls.
    Platform,
}

impl Role {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "operator" => Self::Operator,
            "admin" => Self::Admin,
            "viewer" => Self::Viewer,
            "platform" => Self::Platform,
            _ => return None,
        })
    }
}

/// The holder of a token.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The token's `sub`: the author of what is changed.
    pub subject: String,
    role: Role,
    accounts: HashSet<String>,
}

impl Caller {
    /// From a token's claims: `sub`, `role`, and `accounts` as API Gateway writes a list, `[a b]`.
    pub fn from_claims(claims: &HashMap<String, String>) -> Result<Self, Problem> {
        let role = claims.get("role").and_then(|role| Role::parse(role)).ok_or(Problem::Forbidden)?;
        let accounts = claims.get("accounts").map_or("", |list| list.trim_matches(['[', ']']));
        let separators = |c: char| c.is_whitespace() || c == ',' || c == '"';
        Ok(Self {
            subject: claims.get("sub").cloned().unwrap_or_default(),
            role,
            accounts: accounts.split(separators).filter(|id| !id.is_empty()).map(str::to_owned).collect(),
        })
    }

    /// Whether this caller may do to this account what these roles may. Another organization's account is
    /// not there at all.
    pub fn reaches(&self, account: &AccountId, roles: &[Role]) -> Result<(), Problem> {
        if self.role != Role::Operator && !self.accounts.contains(account.as_str()) {
            return Err(Problem::NoAccount);
        }
        self.is(roles)
    }

    /// Whether this caller has one of these roles.
    pub fn is(&self, roles: &[Role]) -> Result<(), Problem> {
        if roles.contains(&self.role) { Ok(()) } else { Err(Problem::Forbidden) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: &str, accounts: &str) -> Result<Caller, Problem> {
        let claims = [("sub", "ada"), ("role", role), ("accounts", accounts)];
        Caller::from_claims(&claims.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
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
}
