//! Checks of the model itself.

mod corners;
mod random_months;
mod vectors;
