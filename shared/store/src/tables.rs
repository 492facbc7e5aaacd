//! The tables of the books: their names, keys and indexes.

use aws_sdk_dynamodb::Client;
use domain::changed_days::Days;
use domain::hold::HoldKey;
use domain::time::Days as PeriodOfDays;
use domain::usage_report::Dimension;
use domain::{AccountId, Fingerprint};
use jiff::civil::Date;

use crate::definition::{IndexDefinition, TableDefinition};
use crate::error::StoreError;

/// The table of accounts. Its stream carries each account as a commit left it, with the events of the commit.
pub const ACCOUNTS: TableDefinition = TableDefinition {
    indexes: &[
        IndexDefinition::of_keys(Due::Expire.index(), Due::Expire.shard_key(), Due::Expire.index()),
        IndexDefinition::of_keys(Due::Recharge.index(), Due::Recharge.shard_key(), Due::Recharge.index()),
        IndexDefinition::of_keys(Due::Invoice.index(), Due::Invoice.shard_key(), Due::Invoice.index()),
        IndexDefinition::of_keys(LISTING_INDEX, LISTED, ACCOUNT_ID),
    ],
    has_stream: true,
    expiry: Some(EXPIRES_AT),
    ..TableDefinition::new("accounts", ACCOUNT_ID, Some(PART))
};

/// The table of journal entries.
pub const JOURNAL: TableDefinition = TableDefinition {
    indexes: &[IndexDefinition::of_items(LATE_INDEX, ACCOUNT_ID, LATE_POSTED)],
    ..TableDefinition::new("journal", ACCOUNT_ID, Some(ENTRY))
};

/// The table of payments.
pub const PAYMENTS: TableDefinition = TableDefinition {
    indexes: &[IndexDefinition::of_items(CREATION_INDEX, ACCOUNT_ID, CREATED)],
    ..TableDefinition::new("payments", ACCOUNT_ID, Some(PAYMENT_ID))
};

/// Names of the tables.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Wallets: `accountId`, `part`.
    pub accounts: String,
    /// Journal entries: `accountId`, `entry`.
    pub journal: String,
    /// Payments: `accountId`, `paymentId`.
    pub payments: String,
}

/// Partition key of every table.
pub(crate) const ACCOUNT_ID: &str = "accountId";
/// Sort key of `accounts`.
pub(crate) const PART: &str = "part";
/// Sort key of `journal`: `instant#kind#id`.
pub(crate) const ENTRY: &str = "entry";
/// Sort key of `payments`.
pub(crate) const PAYMENT_ID: &str = "paymentId";

/// The second (since 1970) after which a part of an account is deleted. Few parts have one.
pub(crate) const EXPIRES_AT: &str = "expiresAt";

/// The part of an account that every decision reads.
pub(crate) const CORE: &str = "core";
/// The part with name, recipients and cards.
pub(crate) const PROFILE: &str = "profile";

/// The beginning of every part that says how the account stood at the end of a day (UTC).
pub(crate) const DAY_PREFIX: &str = "day#";

/// The part of one day.
pub(crate) fn day_part(day: Date) -> String {
    format!("{DAY_PREFIX}{day}")
}

/// The part that has totals of a day (UTC) by a dimension; `number` is its number among several.
pub(crate) fn usage_part(dimension: Dimension, day: Date, number: usize) -> String {
    format!("usage#{}#{day}#{number:04}", dimension.as_str())
}

/// Two texts between which the parts of these days by this dimension are, and no others.
pub(crate) fn usage_range(dimension: Dimension, days: Days) -> [String; 2] {
    let name = dimension.as_str();
    // `$` follows `#`, so the second text is greater than each part of the last day.
    [format!("usage#{name}#{}#", days.first), format!("usage#{name}#{}$", days.last)]
}

/// The part that has the lines of a day (UTC); `number` is its number among several.
pub(crate) fn lines_part(day: Date, number: usize) -> String {
    format!("lines#{day}#{number:04}")
}

/// Two texts between which the parts with the lines of these days are, and no others.
pub(crate) fn lines_range(days: PeriodOfDays) -> [String; 2] {
    // `$` follows `#`, so the second text is greater than each part of the last day.
    [format!("lines#{}#", days.first()), format!("lines#{}$", days.last())]
}

/// The part with a hold.
pub(crate) fn hold_part(hold: &HoldKey) -> String {
    format!("hold#{}", hold.as_str())
}

/// Two texts between which the parts of the holds are whose keys begin so, and no others.
pub(crate) fn holds_range(beginning: &str) -> [String; 2] {
    // A key has digits and letters, and `~` follows them all.
    [format!("hold#{beginning}"), format!("hold#{beginning}~")]
}

/// The part with the spending of a user.
pub(crate) fn user_part(user: &Fingerprint) -> String {
    format!("user#{}", user.as_str())
}

/// Two texts between which the parts with the spending of users are, and no others.
pub(crate) fn users_range() -> [String; 2] {
    ["user#".to_owned(), "user#~".to_owned()]
}

/// Lists account ids: every core has `listed` = [`LISTED`].
pub(crate) const LISTING_INDEX: &str = "listing";
/// Partition key of [`LISTING_INDEX`].
pub(crate) const LISTED: &str = "listed";

/// Newest-first purchases and recharges; an adjustment has no `created` and is not in it.
pub(crate) const CREATION_INDEX: &str = "creation";
/// Sort key of [`CREATION_INDEX`]: instant and id.
pub(crate) const CREATED: &str = "created";

/// Rows posted over three days after their key's instant; others have no `latePosted` and are not in it.
pub(crate) const LATE_INDEX: &str = "latePosted";
/// Sort key of [`LATE_INDEX`]: the instant of the posting.
pub(crate) const LATE_POSTED: &str = "latePosted";

/// Accounts that need attention by an instant, spread over shards so that no partition is hot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Bookings and warnings, read by the nightly `expire`.
    Expire,
    /// Open payments, auto-recharge and lots that expire, read by the five-minute recovery.
    Recharge,
    /// Months to close with an invoice, and reminders, read by the nightly `invoice`.
    Invoice,
}

impl Due {
    pub(crate) const ALL: [Self; 3] = [Self::Expire, Self::Recharge, Self::Invoice];

    /// The index's name, which is also its sort key's.
    pub(crate) const fn index(self) -> &'static str {
        match self {
            Self::Expire => "dueExpire",
            Self::Recharge => "dueRecharge",
            Self::Invoice => "dueInvoice",
        }
    }

    /// Its partition key's name.
    pub(crate) const fn shard_key(self) -> &'static str {
        match self {
            Self::Expire => "dueExpireShard",
            Self::Recharge => "dueRechargeShard",
            Self::Invoice => "dueInvoiceShard",
        }
    }
}

/// How many partitions a sharded index or marker has.
pub(crate) const SHARDS: u8 = 8;

/// The shard of an account: the same one for ever, since it is stored.
pub(crate) fn shard_of(account: &AccountId) -> u8 {
    let digest = Fingerprint::of([account.as_str()]);
    digest.as_str().bytes().fold(0u8, |sum, digit| sum.wrapping_mul(31).wrapping_add(digit)) % SHARDS
}

/// The partition of `journal` that marks records without a rate. `#` cannot be in an account's id.
pub(crate) fn unrated_partition(shard: u8) -> String {
    format!("unrated#{shard}")
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            accounts: ACCOUNTS.name.to_owned(),
            journal: JOURNAL.name.to_owned(),
            payments: PAYMENTS.name.to_owned(),
        }
    }
}

impl Tables {
    /// The names in the settings `ACCOUNTS_TABLE`, `JOURNAL_TABLE` and `PAYMENTS_TABLE`; the error is the name
    /// of the one that is missing.
    pub fn from_env() -> Result<Self, &'static str> {
        let name = |setting: &'static str| std::env::var(setting).map_err(|_| setting);
        Ok(Self {
            accounts: name("ACCOUNTS_TABLE")?,
            journal: name("JOURNAL_TABLE")?,
            payments: name("PAYMENTS_TABLE")?,
        })
    }

    /// Creates those that do not exist, and gives those that do the stream and the indexes that they lack.
    ///
    /// # Errors
    ///
    /// The database is unavailable, or refuses it.
    pub async fn create(&self, client: &Client) -> Result<(), StoreError> {
        ACCOUNTS.create(client, &self.accounts).await?;
        JOURNAL.create(client, &self.journal).await?;
        PAYMENTS.create(client, &self.payments).await
    }
}
