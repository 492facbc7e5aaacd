//! An independent model of the spending rules: slow, obvious, and without any code of the product.
//!
//! A test sends the same [`Step`]s to a [`Model`] and to the product. Every [`Answer`] and every [`Snapshot`] of
//! the two must be equal. The steps come from two sources: the worked examples in `vectors.json`
//! ([`worked_examples`]), and random months and years ([`random_month`], [`random_year`]). [`minimise`] shortens a list of steps on which the
//! two differ, and [`describe`] prints it.
//!
//! The code and its comments quote the rules of the product by number.
//!
//! ```
//! use model::{Answer, Billing, Currency, Model, Step};
//!
//! let mut model = Model::open(Currency::Eur, Billing::Prepaid, "2026-01-05T09:00:00Z".parse()?);
//! let step = Step::Buy { id: "A".to_owned(), amount: "50".parse()? };
//! let answer = model.apply("2026-01-05T10:00:00Z".parse()?, &step);
//!
//! assert!(matches!(answer, Answer::Added(_)));
//! assert_eq!(model.snapshot("2026-01-05T10:00:00Z".parse()?).balance, "50.00".parse()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod calls;
mod funds;
mod generator;
mod holds;
mod limits;
mod minimise;
mod model;
mod month;
mod pools;
mod random;
mod rating;
mod step;
mod vector;

pub use answer::{
    Added, Answer, Authorization, Charge, Entry, EntryKind, Forfeited, Invoice, LiveHold, LotFunds,
    OpenMonth, PoolUse, Rated, Refusal, Reversal, Snapshot, Taken,
};
pub use generator::{RandomMonth, random_month, random_year};
pub use minimise::{describe, minimise};
pub use model::Model;
pub use month::Month;
pub use step::{
    Billing, CallRequest, Currency, HoldName, Leg, NamedHold, NewLimits, Pool, Rate, Record, RecordKey,
    ReleasedHolds, SentCharge, Service, Step,
};
pub use vector::{State, Vector, VectorStep, worked_examples};
