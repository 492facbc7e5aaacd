//! Stripe's test cards. Source: docs.stripe.com/testing.

/// A test card.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TestCard {
    /// The token that stands for it, such as `pm_card_visa`.
    pub(crate) token: &'static str,
    pub(crate) brand: &'static str,
    pub(crate) last4: &'static str,
    pub(crate) behaviour: Behaviour,
    /// What it does, for people: in English and in French.
    pub(crate) words: [&'static str; 2],
}

/// What a card does when it is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Succeeds,
    Declines(Decline),
    /// Every charge wants its owner, with this outcome once the owner has approved it.
    WantsItsOwner(Option<Decline>),
    /// Charges with the owner there want the owner. Those without do so too, unless the card was set up on a page.
    WantsItsOwnerUnlessSetUp,
    /// A charge stays in `processing`, until it is decided by request.
    StaysInProcessing,
    /// A charge is disputed at once, or inquired about.
    IsDisputed {
        is_inquiry: bool,
    },
    /// Refunds stay `pending`, until they are decided by request.
    RefundsLate,
}

/// How a card is declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decline {
    /// `card_declined`, `expired_card`, …
    pub(crate) code: &'static str,
    /// The issuer's reason. Only some codes have one.
    pub(crate) decline_code: Option<&'static str>,
    pub(crate) message: &'static str,
    /// Whether the charge may be tried again, as the issuer says it.
    pub(crate) advice: Advice,
}

/// The advice about another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Advice {
    TryAgainLater,
    ConfirmCardData,
    DoNotTryAgain,
    /// Stripe blocked the charge before the issuer was asked.
    Blocked,
}

const fn decline(
    code: &'static str,
    decline_code: Option<&'static str>,
    message: &'static str,
    advice: Advice,
) -> Decline {
    Decline { code, decline_code, message, advice }
}

const fn declined(decline_code: &'static str, advice: Advice) -> Behaviour {
    Behaviour::Declines(decline("card_declined", Some(decline_code), "Your card was declined.", advice))
}

const NO_FUNDS: Decline = decline(
    "card_declined",
    Some("insufficient_funds"),
    "Your card has insufficient funds.",
    Advice::TryAgainLater,
);

/// The decline of a charge that wants its owner, while the owner is not there.
pub(crate) const OWNER_ABSENT: Decline = decline(
    "authentication_required",
    Some("authentication_required"),
    "Your card was declined. This transaction requires authentication.",
    Advice::TryAgainLater,
);

const fn card(
    token: &'static str,
    brand: &'static str,
    last4: &'static str,
    behaviour: Behaviour,
    words: [&'static str; 2],
) -> TestCard {
    TestCard { token, brand, last4, behaviour, words }
}

/// The cards. The last is none of Stripe's, where no card stays in `processing`.
pub(crate) const TEST_CARDS: [TestCard; 22] = [
    card("pm_card_visa", "visa", "4242", Behaviour::Succeeds, ["is charged", "est débitée"]),
    card("pm_card_mastercard", "mastercard", "4444", Behaviour::Succeeds, ["is charged", "est débitée"]),
    card("pm_card_amex", "amex", "0005", Behaviour::Succeeds, ["is charged", "est débitée"]),
    card(
        "pm_card_chargeDeclined",
        "visa",
        "0002",
        declined("generic_decline", Advice::TryAgainLater),
        ["is declined", "est refusée"],
    ),
    card(
        "pm_card_chargeCustomerFail",
        "visa",
        "0341",
        declined("generic_decline", Advice::TryAgainLater),
        ["is declined", "est refusée"],
    ),
    card(
        "pm_card_chargeDeclinedInsufficientFunds",
        "visa",
        "9995",
        Behaviour::Declines(NO_FUNDS),
        ["is declined: insufficient funds", "est refusée : provision insuffisante"],
    ),
    card(
        "pm_card_chargeDeclinedExpiredCard",
        "visa",
        "0069",
        Behaviour::Declines(decline(
            "expired_card",
            Some("expired_card"),
            "Your card has expired.",
            Advice::DoNotTryAgain,
        )),
        ["is declined: the card has expired", "est refusée : la carte a expiré"],
    ),
    card(
        "pm_card_chargeDeclinedIncorrectCvc",
        "visa",
        "0127",
        Behaviour::Declines(decline(
            "incorrect_cvc",
            Some("incorrect_cvc"),
            "Your card's security code is incorrect.",
            Advice::ConfirmCardData,
        )),
        ["is declined: wrong security code", "est refusée : code de sécurité erroné"],
    ),
    card(
        "pm_card_chargeDeclinedProcessingError",
        "visa",
        "0119",
        Behaviour::Declines(decline(
            "processing_error",
            Some("processing_error"),
            "An error occurred while processing your card. Try again in a little bit.",
            Advice::TryAgainLater,
        )),
        ["is declined: an error at the bank", "est refusée : erreur de la banque"],
    ),
    card(
        "pm_card_chargeDeclinedLostCard",
        "visa",
        "9987",
        declined("lost_card", Advice::DoNotTryAgain),
        ["is declined: the card was reported as lost", "est refusée : la carte a été déclarée perdue"],
    ),
    card(
        "pm_card_chargeDeclinedStolenCard",
        "visa",
        "9979",
        declined("stolen_card", Advice::DoNotTryAgain),
        ["is declined: the card was reported as stolen", "est refusée : la carte a été déclarée volée"],
    ),
    card(
        "pm_card_chargeDeclinedVelocityLimitExceeded",
        "visa",
        "6975",
        declined("card_velocity_exceeded", Advice::TryAgainLater),
        ["is declined: its limit is reached", "est refusée : plafond atteint"],
    ),
    card(
        "pm_card_radarBlock",
        "visa",
        "0019",
        declined("fraudulent", Advice::Blocked),
        ["is blocked as a risk", "est bloquée : risque de fraude"],
    ),
    card(
        "pm_card_authenticationRequired",
        "visa",
        "3184",
        Behaviour::WantsItsOwner(None),
        ["wants its owner to confirm", "demande la confirmation de son titulaire"],
    ),
    card(
        "pm_card_authenticationRequiredOnSetup",
        "visa",
        "3155",
        Behaviour::WantsItsOwnerUnlessSetUp,
        [
            "wants its owner to confirm what the owner buys",
            "demande la confirmation des achats de son titulaire",
        ],
    ),
    card(
        "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
        "visa",
        "3178",
        Behaviour::WantsItsOwner(Some(NO_FUNDS)),
        [
            "wants its owner to confirm, then is declined",
            "demande la confirmation de son titulaire, puis est refusée",
        ],
    ),
    card(
        "pm_card_pendingRefund",
        "visa",
        "7726",
        Behaviour::RefundsLate,
        ["is charged; its refunds take time", "est débitée ; ses remboursements prennent du temps"],
    ),
    card(
        "pm_card_createDispute",
        "visa",
        "0259",
        Behaviour::IsDisputed { is_inquiry: false },
        ["is charged, and the charge is disputed", "est débitée, et le débit est contesté"],
    ),
    card(
        "pm_card_createDisputeInquiry",
        "visa",
        "1976",
        Behaviour::IsDisputed { is_inquiry: true },
        ["is charged, and the bank inquires", "est débitée, et la banque demande des précisions"],
    ),
    card(
        "pm_card_visa_debit",
        "visa",
        "5556",
        Behaviour::Succeeds,
        ["is charged (debit card)", "est débitée (carte de débit)"],
    ),
    card("pm_card_discover", "discover", "1117", Behaviour::Succeeds, ["is charged", "est débitée"]),
    card(
        "pm_fake_processing",
        "visa",
        "0077",
        Behaviour::StaysInProcessing,
        ["stays in progress", "reste en cours"],
    ),
];

/// The card of a token. Stripe has some tokens under two names: `pm_card_visa_chargeDeclined` is `pm_card_chargeDeclined`.
pub(crate) fn by_token(token: &str) -> Option<&'static TestCard> {
    let short = token.replacen("pm_card_visa_charge", "pm_card_charge", 1);
    TEST_CARDS.iter().find(|card| card.token == short)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn both_names_of_a_token_are_the_same_card() {
        let card = by_token("pm_card_visa_chargeDeclinedLostCard").unwrap();
        assert_eq!(card.last4, "9987");
        assert_eq!(by_token("pm_card_chargeDeclinedLostCard"), Some(card));
        assert_eq!(by_token("pm_card_unknown"), None);
    }

    #[test]
    fn every_card_has_digits_of_its_own() {
        let digits: BTreeSet<_> = TEST_CARDS.iter().map(|card| card.last4).collect();
        assert_eq!(digits.len(), TEST_CARDS.len());
    }
}
