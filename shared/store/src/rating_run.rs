//! How far the unrated records were gone through after rates were published (S9). One item in the table of the journal, in a
//! partition that no account has.

use domain::Fingerprint;
use jiff::Timestamp;

use crate::Store;
use crate::error::StoreError;
use crate::item::{Item, Reader, Writer};
use crate::tables::{ACCOUNT_ID, ENTRY};

/// The partition of the item. `#` cannot be in an account's id.
const PARTITION: &str = "unrated#rates";
const SORT_KEY: &str = "published";

/// The runs over all unrated records since a rate file was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatingRuns {
    /// The fingerprint of the rate file.
    pub rates: Fingerprint,
    /// When the first run with this file began.
    pub first_run_at: Timestamp,
    /// Whether no further run is needed with this file.
    pub are_over: bool,
}

impl Store {
    /// The runs with the latest rate file that a run has seen.
    ///
    /// # Errors
    ///
    /// The database is unavailable, or the item cannot be read.
    pub async fn rating_runs(&self) -> Result<Option<RatingRuns>, StoreError> {
        let item = self.item(&self.tables.journal, key()).await?;
        item.as_ref().map(from_item).transpose()
    }

    /// Notes the runs with a rate file. Two runs at the same time may both note theirs: the later one decides, and at worst one
    /// more run follows.
    ///
    /// # Errors
    ///
    /// The database is unavailable.
    pub async fn note_rating_runs(&self, runs: &RatingRuns) -> Result<(), StoreError> {
        let request = self.client.put_item().table_name(&self.tables.journal).set_item(Some(to_item(runs)));
        let output = request
            .return_consumed_capacity(aws_sdk_dynamodb::types::ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(StoreError::from_sdk)?;
        self.meter.write(output.consumed_capacity());
        Ok(())
    }
}

fn key() -> Item {
    Writer::default().text(ACCOUNT_ID, PARTITION).text(ENTRY, SORT_KEY).done()
}

fn to_item(runs: &RatingRuns) -> Item {
    let mut item = Writer::versioned()
        .text("rates", runs.rates.as_str())
        .instant("firstRunAt", runs.first_run_at)
        .flag("areOver", runs.are_over)
        .done();
    item.extend(key());
    item
}

fn from_item(item: &Item) -> Result<RatingRuns, StoreError> {
    let reader = Reader::versioned(item, "the runs over unrated records")?;
    Ok(RatingRuns {
        rates: Fingerprint::from_stored(reader.text("rates")?),
        first_run_at: reader.instant("firstRunAt")?,
        are_over: reader.flag("areOver")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runs_survive_storing() {
        for are_over in [true, false] {
            let first_run_at = "2026-11-22T12:00:00Z".parse().unwrap();
            let runs = RatingRuns { rates: Fingerprint::of(["rates"]), first_run_at, are_over };
            assert_eq!(from_item(&to_item(&runs)).unwrap(), runs);
        }
    }
}
