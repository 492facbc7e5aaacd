//! Publishing records of the stream: each event of each commit becomes an entry on the bus.

use std::collections::BTreeMap;
use std::iter::repeat_n;

use serde_json::Value;
use telemetry::Causes;

use crate::Ports;
use crate::bus::{Bus, BusError};
use crate::entry;

/// The result for a batch of records.
#[derive(Debug)]
pub(crate) struct Told {
    /// Events that are on the bus.
    pub(crate) events: usize,
    /// The correlation ids of the events, without adjacent repeats.
    pub(crate) causes: String,
    /// Records that no further try helps, by their indexes, and the reasons: a record cannot be read, or the bus refuses one
    /// of its entries for good.
    pub(crate) poison: BTreeMap<usize, String>,
    /// The first record that is not on the bus because of an outage, and the outage.
    pub(crate) unsent: Option<(usize, BusError)>,
}

/// Puts the events of records on the bus, in their order, up to an outage. A record that no further try helps does not
/// delay the others.
pub(crate) async fn tell(records: &[Value], ports: &Ports) -> Told {
    let (mut entries, mut owners, mut poison) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (place, record) in records.iter().enumerate() {
        match entry::of_image(&record["dynamodb"]["NewImage"]) {
            Ok(told) => {
                owners.extend(repeat_n(place, told.len()));
                entries.extend(told);
            }
            Err(problem) => {
                poison.insert(place, Causes(&problem).to_string());
            }
        }
    }
    let bus = Bus { client: &ports.bus, name: &ports.bus_name };
    let put = bus.put(&entries).await;
    let sent = put.unsent.as_ref().map_or(entries.len(), |unsent| unsent.first);
    let events = sent - put.refused.iter().filter(|refused| refused.place < sent).count();
    for refused in put.refused {
        let why = format!("the bus refuses its {} ({})", entries[refused.place].kind, refused.code);
        poison.entry(owners[refused.place]).or_insert(why);
    }
    let mut causes: Vec<_> = entries.iter().filter_map(|entry| entry.cause.as_deref()).collect();
    causes.dedup();
    let unsent = put.unsent.map(|unsent| (owners[unsent.first], unsent.problem));
    Told { events, causes: causes.join(" "), poison, unsent }
}
