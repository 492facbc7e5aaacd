//! The texts of the pages, each in English and French side by side. A text that is missing in one language does not compile.
//!
//! French is written with plain spaces; [`wording::typeset`] puts the ones that do not break.

mod add_funds;
mod auto_recharge;
mod chart;
mod failure;
mod form;
mod frame;
mod funds;
mod invoice;
mod limits;
mod notifications;
mod operator;
mod overview;
mod payment_method;
mod plans;
mod post_usage;
mod products;
mod purchase;
mod rates;
mod receipts;
mod refund;
mod settings;
mod sign_in;
mod transactions;
mod usage;

pub(crate) use add_funds::AddFundsWords;
pub(crate) use auto_recharge::AutoRechargeWords;
pub(crate) use chart::ChartWords;
pub(crate) use failure::FailureWords;
pub(crate) use form::FormWords;
pub(crate) use frame::{FrameWords, role};
pub(crate) use funds::FundsWords;
pub(crate) use invoice::InvoiceWords;
pub(crate) use limits::LimitsWords;
pub(crate) use notifications::NotificationsWords;
pub(crate) use operator::OperatorWords;
pub(crate) use overview::{ConcernWords, OverviewWords};
pub(crate) use payment_method::PaymentMethodWords;
pub(crate) use plans::PlansWords;
pub(crate) use post_usage::PostUsageWords;
pub(crate) use products::ProductsWords;
pub(crate) use purchase::PurchaseWords;
pub(crate) use rates::RatesWords;
pub(crate) use receipts::ReceiptsWords;
pub(crate) use refund::RefundWords;
pub(crate) use settings::SettingsWords;
pub(crate) use sign_in::SignInWords;
pub(crate) use transactions::TransactionsWords;
pub(crate) use usage::UsageWords;

/// Declares the texts of a page: a name, the values that it holds, and both languages. Words that mails and documents use, too, come
/// from the glossary: `glossary { title = your_products }`.
macro_rules! texts {
    (
        $(#[$about:meta])* pub(crate) struct $words:ident;
        glossary { $($shared:ident = $word:ident),* $(,)? }
        $($name:ident($($value:ident),*) $english:literal $french:literal;)*
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy)]
        pub(crate) struct $words(pub(crate) wording::Locale);

        impl $words {
            $(
                pub(crate) fn $shared(self) -> &'static str {
                    wording::glossary::$word(self.0)
                }
            )*
            $(
                pub(crate) fn $name(self $(, $value: impl std::fmt::Display)*) -> String {
                    match self.0 {
                        wording::Locale::En => format!($english),
                        wording::Locale::Fr => wording::typeset(&format!($french), wording::Locale::Fr),
                    }
                }
            )*
        }
    };
}
use texts;
