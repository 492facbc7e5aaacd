//! The metrics of a commit, counted once it is made and only then. A request that fails half-way has counted its commits.

use domain::change::Change;
use domain::journal::EntryDetails;
use domain::{EventDetails, Money, PaymentKind};
use telemetry::metric::{CHARGED, DEBITS, LOTS_BOOKED, RECHARGES, WARNINGS};

/// Counts a commit.
pub(crate) fn count(change: &Change) {
    for entry in &change.entries {
        match &entry.details {
            EntryDetails::Usage { charge, .. } => {
                // A record that is charged for later was counted when it came.
                DEBITS.add(u64::from(entry.unmarks.is_none()));
                count_charge(*charge);
            }
            EntryDetails::Unrated { .. } => DEBITS.add(1),
            EntryDetails::Expiry { .. } => LOTS_BOOKED.add(1),
            EntryDetails::Reversal(_)
            | EntryDetails::Switch
            | EntryDetails::Rejected(_)
            | EntryDetails::Funds { .. }
            | EntryDetails::Adjustment { .. }
            | EntryDetails::Refund { .. }
            | EntryDetails::RefundReturned { .. }
            | EntryDetails::Dispute { .. }
            | EntryDetails::DisputeEnded { .. }
            | EntryDetails::Invoice { .. } => {}
        }
    }
    for event in &change.events {
        if let EventDetails::FundsExpiring(expiring) = event {
            WARNINGS.add(expiring.lots.len() as u64);
        }
        if let Some(outcome) = outcome_of_recharge(event) {
            RECHARGES.add_for(outcome, 1);
        }
    }
}

fn count_charge(charge: Money) {
    // Only the largest charge of all, in a currency of three decimals, is more.
    let units = u64::try_from(charge.ledger_units()).unwrap_or(u64::MAX);
    CHARGED.add_for(charge.currency().code(), units);
}

/// What became of a recharge, if this says so.
fn outcome_of_recharge(event: &EventDetails) -> Option<&'static str> {
    Some(match event {
        EventDetails::FundsAdded { kind: PaymentKind::Recharge, .. } => "succeeded",
        EventDetails::RechargeFailed { .. } => "declined",
        EventDetails::RechargeNeedsAction { .. } => "needsAction",
        EventDetails::RechargeLimited { .. } => "limited",
        EventDetails::RechargePaused { .. } => "paused",
        EventDetails::RechargeStopped { .. } => "stopped",
        EventDetails::FundsAdded { .. }
        | EventDetails::PaymentDeclined { .. }
        | EventDetails::BalanceLow { .. }
        | EventDetails::BalanceDepleted { .. }
        | EventDetails::BalanceWarning { .. }
        | EventDetails::FundsExpiring { .. }
        | EventDetails::FundsExpired { .. }
        | EventDetails::CardExpiring { .. }
        | EventDetails::UsageRejected { .. }
        | EventDetails::PoolUsed(_)
        | EventDetails::InvoiceIssued { .. }
        | EventDetails::InvoiceOverdue { .. }
        | EventDetails::InvoicePaid { .. }
        | EventDetails::InvoiceVoided { .. }
        | EventDetails::FundsRefunded { .. }
        | EventDetails::RefundReturned { .. }
        | EventDetails::DisputeInquiry { .. }
        | EventDetails::DisputeOpened { .. }
        | EventDetails::DisputeEnded { .. }
        | EventDetails::SwitchPending
        | EventDetails::SwitchCompleted { .. }
        | EventDetails::SettingsChanged { .. } => return None,
    })
}
