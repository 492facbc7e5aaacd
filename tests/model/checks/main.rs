//! Checks of the model itself, and of the product beside it.

mod agreement;
mod corners;
mod product;
mod random_months;
mod vectors;
