//! Auto-recharge within a stored `core`: left out while nobody ever turned it on.

use domain::Currency;
use domain::recharge::{Amounts, Failure, Limit, Recharge, Safeguard, State};
use domain::time::Month;

use crate::error::StoreError;
use crate::item::{Reader, Writer};

pub(crate) fn recharge_to_map(recharge: &Recharge) -> Option<Writer> {
    if *recharge == Recharge::default() {
        return None;
    }
    let mut map = state_to_map(recharge.state);
    if let Some(amounts) = &recharge.amounts {
        map = map.money("trigger", amounts.trigger).money("amount", amounts.amount);
        map = amounts.monthly_limit.into_iter().fold(map, |map, limit| map.money("limit", limit));
    }
    if let Some((month, charged)) = recharge.charged {
        map = map.text("month", month.to_string()).money("charged", charged);
    }
    if let Some((day, count)) = recharge.counted {
        map = map.text("day", day.to_string()).number("count", count);
    }
    if let Some(failure) = &recharge.last_failure {
        map = map.instant("failedAt", failure.at).text("reason", &failure.reason);
    }
    Some(map.instant_if("lookAt", recharge.look_at))
}

fn state_to_map(state: State) -> Writer {
    let named = |name: &str| Writer::default().text("state", name);
    match state {
        State::Off => named("off"),
        State::Armed => named("armed"),
        State::Charging { failures } => named("charging").number("failures", failures),
        State::NeedsAction { failures } => named("needsAction").number("failures", failures),
        State::Waiting { until, failures } => {
            named("waiting").instant("until", until).number("failures", failures)
        }
        State::Limited { until, why } => named("limited").instant("until", until).text("why", why.as_str()),
        State::Paused { why } => named("paused").text("why", why.as_str()),
        State::Stopped => named("stopped"),
    }
}

pub(crate) fn recharge_from_map(
    map: Option<&Reader<'_>>,
    currency: Currency,
) -> Result<Recharge, StoreError> {
    let Some(map) = map else { return Ok(Recharge::default()) };
    let amounts = || -> Result<_, StoreError> {
        Ok(Amounts {
            trigger: map.money("trigger", currency)?,
            amount: map.money("amount", currency)?,
            monthly_limit: map.money_if("limit", currency)?,
        })
    };
    let failure = || -> Result<_, StoreError> {
        Ok(Failure { at: map.instant("failedAt")?, reason: map.text("reason")?.to_owned() })
    };
    Ok(Recharge {
        state: state_from_map(map)?,
        amounts: map.has("amount").then(amounts).transpose()?,
        charged: (map.has("month"))
            .then(|| Ok((map.named("month", Month::parse)?, map.money("charged", currency)?)))
            .transpose()?,
        counted: (map.has("day"))
            .then(|| Ok((map.parsed("day", str::parse)?, map.number("count")?)))
            .transpose()?,
        last_failure: map.has("failedAt").then(failure).transpose()?,
        look_at: map.instant_if("lookAt")?,
    })
}

fn state_from_map(map: &Reader<'_>) -> Result<State, StoreError> {
    let failures = || map.number("failures");
    Ok(match map.text("state")? {
        "off" => State::Off,
        "armed" => State::Armed,
        "charging" => State::Charging { failures: failures()? },
        "needsAction" => State::NeedsAction { failures: failures()? },
        "waiting" => State::Waiting { until: map.instant("until")?, failures: failures()? },
        "limited" => State::Limited { until: map.instant("until")?, why: map.named("why", Limit::parse)? },
        "paused" => State::Paused { why: map.named("why", Safeguard::parse)? },
        "stopped" => State::Stopped,
        other => return Err(map.corrupt(format_args!("auto-recharge is {other:?}, which is unknown"))),
    })
}

#[cfg(test)]
mod tests {
    use domain::Money;

    use super::*;
    use crate::item::Item;

    fn stored(recharge: &Recharge, currency: Currency) -> Recharge {
        let item: Item = Writer::default().map_if("recharge", recharge_to_map(recharge)).done();
        let reader = Reader::unversioned(&item, "a test");
        recharge_from_map(reader.map_if("recharge").unwrap().as_ref(), currency).unwrap()
    }

    #[test]
    fn every_state_survives_storing() {
        let eur = Currency::parse("EUR").unwrap();
        let until = "2026-12-01T00:00:00Z".parse().unwrap();
        let euros = |units: i64| Money::of_minor_units(units * 100, eur);
        let limited = |why| State::Limited { until, why };
        for state in [
            State::Off,
            State::Armed,
            State::Charging { failures: 1 },
            State::NeedsAction { failures: 2 },
            State::Waiting { until, failures: 4 },
            limited(Limit::Monthly),
            limited(Limit::Maximum),
            limited(Limit::Lots),
            State::Paused { why: Safeguard::Runaway },
            State::Paused { why: Safeguard::Refund },
            State::Paused { why: Safeguard::Dispute },
            State::Stopped,
        ] {
            for monthly_limit in [None, Some(euros(500))] {
                let full = Recharge {
                    amounts: Some(Amounts { trigger: euros(60), amount: euros(50), monthly_limit }),
                    state,
                    charged: Some((Month::of(until), euros(150))),
                    counted: Some((domain::time::day_of(until), 3)),
                    last_failure: Some(Failure { at: until, reason: "card_declined".into() }),
                    look_at: Some(until),
                };
                assert_eq!(stored(&full, eur), full);
            }
            let bare = Recharge { state, ..Recharge::default() };
            assert_eq!(stored(&bare, eur), bare);
        }
        assert!(recharge_to_map(&Recharge::default()).is_none(), "nothing is stored before it is used");
    }
}
