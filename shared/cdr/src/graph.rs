//! A page of Microsoft Graph `pstnCallLogRow`: `{"value": [row]}` (S4). Amounts are JSON numbers, whose digits are read as they
//! are written.

use std::borrow::Cow;

use domain::usage::InvalidRecord;
use serde_json::value::RawValue;

use crate::object::{self, Object};
use crate::report::{self, Columns, kept_id};
use crate::{Context, MAX_ROWS, ReadError, Row, WHOLE_RECORD};

const NAMES: Columns<&str> = Columns {
    id: "id",
    call_id: "callId",
    user_id: "userId",
    call_type: "callType",
    number_type: "inventoryType",
    number: "calleeNumber",
    started_at: "startDateTime",
    duration: "duration",
    charge: "charge",
    connection_fee: "connectionCharge",
    currency: "currency",
    plan: "licenseCapability",
    country: "usageCountryCode",
};

/// The same names, as the list that [`Object`] needs.
const FIELDS: [&str; 13] = [
    NAMES.id,
    NAMES.call_id,
    NAMES.user_id,
    NAMES.call_type,
    NAMES.number_type,
    NAMES.number,
    NAMES.started_at,
    NAMES.duration,
    NAMES.charge,
    NAMES.connection_fee,
    NAMES.currency,
    NAMES.plan,
    NAMES.country,
];

/// Reads a page of up to [`MAX_ROWS`] rows. It may have none.
pub(crate) fn read(body: &str, context: &Context<'_>) -> Result<Vec<Row>, ReadError> {
    let page = Object::read(object::document(body)?, &["value"])
        .ok_or_else(|| ReadError::invalid("value", "expected an object with this list"))?;
    let rows = object::list(&page, "value", MAX_ROWS)?;
    Ok(rows.into_iter().map(|raw| row(raw, context)).collect())
}

fn row(raw: &RawValue, context: &Context<'_>) -> Row {
    let Some(fields) = Object::read(raw, &FIELDS) else {
        let problem = InvalidRecord::new(WHOLE_RECORD, "expected a JSON object");
        return Row { id: None, line: None, record: Err(problem) };
    };
    let id = fields.get(NAMES.id).and_then(object::string).and_then(|id| kept_id(id.trim()));
    let record = match fields.twice {
        Some(name) => Err(InvalidRecord::new(name, "given twice")),
        None => NAMES
            .try_map(|name| cell(&fields, name))
            .and_then(|cells| report::record(&NAMES, &cells.map(|cell| cell.trim()), context)),
    };
    Row { id, line: None, record }
}

/// The text of a field: the content of a string, or a number as it is written. It is empty if the field is absent.
fn cell<'a>(fields: &Object<'a, 13>, name: &'static str) -> Result<Cow<'a, str>, InvalidRecord> {
    let Some(raw) = fields.get(name) else { return Ok(Cow::Borrowed("")) };
    if raw.get().starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return Ok(Cow::Borrowed(raw.get()));
    }
    object::string(raw).ok_or_else(|| InvalidRecord::new(name, "expected a string or a number"))
}
