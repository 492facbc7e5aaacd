//! The product agrees with the model, in every worked example and in thousands of random months and hundreds of random years, to the
//! last decimal.

use jiff::Timestamp;
use model::{
    Answer, Authorization, Billing, CallRequest, Currency, Leg, Model, RandomMonth, Rate, Refusal,
    ReleasedHolds, Service, Step, describe, minimise, random_month, random_year, worked_examples,
};

use crate::product::Product;

/// Random months in one run. `MODEL_MONTHS` in the environment asks for more, and `MODEL_SEED` for other ones.
const MONTHS: u64 = 5_000;

/// Random years in one run; `MODEL_YEARS` asks for more.
const YEARS: u64 = 500;

#[test]
fn the_product_gives_the_worked_examples() {
    let mut differences = Vec::new();
    for vector in worked_examples() {
        let mut product = Product::open(vector.currency, vector.billing, vector.opened_at);
        for (number, step) in vector.steps.iter().enumerate() {
            let place = format!("{}, step {}", vector.name, number + 1);
            let answer = product.apply(step.at, &step.step);
            if step.answer.as_ref().is_some_and(|expected| *expected != answer) {
                differences.push(format!("{place}: the answer must be {:?}, but is {answer:?}", step.answer));
            }
            let states = step.then.differences(&product.snapshot(step.at));
            differences.extend(states.into_iter().map(|state| format!("{place}: {state}")));
        }
        differences.extend(product.broken.iter().map(|broken| format!("{}: {broken}", vector.name)));
        differences.extend(product.audit().into_iter().map(|found| format!("{}: {found}", vector.name)));
        differences.extend(product.statements().into_iter().map(|wrong| format!("{}: {wrong}", vector.name)));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn the_product_agrees_with_the_model_in_random_months() {
    agree("MODEL_MONTHS", MONTHS, random_month);
}

#[test]
fn the_product_agrees_with_the_model_in_random_years() {
    agree("MODEL_YEARS", YEARS, random_year);
}

/// C1: 5,000 holds are the most that an account has. A leg with a hold is answered all the same.
#[test]
fn the_product_agrees_with_the_model_on_the_most_holds() {
    let at: Timestamp = "2027-01-10T12:00:00Z".parse().unwrap();
    let mut model = Model::open(Currency::Eur, Billing::Prepaid, at);
    let mut product = Product::open(Currency::Eur, Billing::Prepaid, at);
    let mut agreed = |step: &Step| {
        let (expected, found) = (model.apply(at, step), product.apply(at, step));
        assert_eq!(expected, found, "{step:?}");
        expected
    };
    agreed(&Step::Publish(vec![Rate {
        service: Service::UserOut,
        prefix: "33".to_owned(),
        country: "FR".to_owned(),
        currency: "EUR".to_owned(),
        per_minute: "0.02".parse().unwrap(),
        connection_fee: "0.05".parse().unwrap(),
        first_increment: 60,
        next_increment: 60,
        effective_from: "2025-01-01".parse().unwrap(),
    }]));
    agreed(&Step::Buy { id: "purchase".to_owned(), amount: "1000".parse().unwrap() });
    let leg = |call: usize| Leg {
        call: call.to_string(),
        service: Service::UserOut,
        number: "+33612345678".to_owned(),
    };
    let ask = |call: usize, max_seconds: u32| {
        let (leg, user, plan, user_country, node) = (leg(call), None, None, None, None);
        Step::Authorize(CallRequest { leg, user, plan, user_country, node, max_seconds })
    };
    let granted =
        |granted_seconds| Answer::Authorized(Authorization { refusal: None, granted_seconds, hold: Some(1) });
    for call in 0..5_000 {
        assert_eq!(agreed(&ask(call, 60)), granted(58));
    }
    let refusal = Some(Refusal::TooManyHolds);
    let refused = Answer::Authorized(Authorization { refusal, granted_seconds: 0, hold: None });
    assert_eq!(agreed(&ask(5_000, 60)), refused);
    assert_eq!(agreed(&ask(7, 60)), granted(58));
    assert_eq!(agreed(&ask(7, 120)), granted(118));
    assert_eq!(agreed(&Step::Release(ReleasedHolds::OfCall("8".to_owned()))), Answer::Released(1));
    assert_eq!(agreed(&ask(5_000, 60)), granted(58));
    assert_eq!(model.snapshot(at), product.snapshot(at));
    assert!(product.broken.is_empty(), "{:?}", product.broken);
}

fn agree(wanted: &str, usually: u64, random: fn(u64) -> RandomMonth) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("MODEL_SEED").unwrap_or(0);
    for seed in first..first + number(wanted).unwrap_or(usually) {
        let month = random(seed);
        if let Some(difference) = difference(&month, &month.steps) {
            let shortest = minimise(&month.steps, |steps| self::difference(&month, steps).is_some());
            let said = self::difference(&month, &shortest).unwrap_or(difference);
            panic!(
                "seed {seed}: {said}\nan account in {:?}, {:?}, opened at {}:\n{}",
                month.currency,
                month.billing,
                month.opened_at,
                describe(&shortest)
            );
        }
    }
}

/// The first difference between model and product, if any.
fn difference(month: &RandomMonth, steps: &[(Timestamp, Step)]) -> Option<String> {
    let mut model = Model::open(month.currency, month.billing, month.opened_at);
    let mut product = Product::open(month.currency, month.billing, month.opened_at);
    for (number, (at, step)) in steps.iter().enumerate() {
        let (expected, found) = (model.apply(*at, step), product.apply(*at, step));
        if expected != found {
            return Some(format!("step {number}: the model answers {expected:?}, the product {found:?}"));
        }
        let (expected, found) = (model.snapshot(*at), product.snapshot(*at));
        if expected != found {
            return Some(format!("after step {number}, the model has {expected:#?}, the product {found:#?}"));
        }
        if let Some(broken) = product.broken.first() {
            return Some(format!("step {number}: {broken}"));
        }
    }
    let (found, wrong) = (product.audit(), product.statements());
    let differs = !(found.is_empty() && wrong.is_empty());
    differs.then(|| format!("the audit finds {found:?}; of the statements, {wrong:?}"))
}
