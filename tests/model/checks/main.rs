//! Checks of the model itself.

mod agreement;
mod corners;
mod product;
mod random_months;
mod vectors;
