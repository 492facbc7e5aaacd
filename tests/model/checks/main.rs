//! Checks of the model itself, and of the product beside it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test at its line")]

mod agreement;
mod corners;
mod product;
mod random_months;
mod vectors;
