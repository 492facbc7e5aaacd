//! The pages of the portal that the card processor's own pages lead back to.

use domain::{AccountId, PaymentId};

/// The address of the portal.
#[derive(Clone, Debug)]
pub struct Portal {
    url: String,
}

impl Portal {
    /// The portal at this URL.
    ///
    /// ```
    /// use payments::Portal;
    ///
    /// let portal = Portal::new("https://credits.example.com/");
    /// let account = domain::AccountId::parse("contoso").unwrap();
    /// let page = portal.payment_method(&account);
    /// assert_eq!(page, "https://credits.example.com/accounts/contoso/payment-method?from=processor");
    /// ```
    pub fn new(url: &str) -> Self {
        Self { url: url.trim_end_matches('/').to_owned() }
    }

    /// The page of a purchase or recharge, for the card's owner who has confirmed or refused it.
    pub fn purchase(&self, account: &AccountId, payment: &PaymentId) -> String {
        format!("{}/accounts/{account}/purchases/{payment}", self.url)
    }

    /// The page of the account's cards, for the person who has entered a card or has turned back.
    pub fn payment_method(&self, account: &AccountId) -> String {
        format!("{}/accounts/{account}/payment-method?from=processor", self.url)
    }
}
