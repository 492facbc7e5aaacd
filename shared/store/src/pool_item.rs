//! The stored shapes of pools: their definitions in the profile, and their use in `core`, packed so that `core` stays small.

use domain::pool::{Pool, PoolTerms, PoolUse, Pools, Sizes};
use domain::time::Month;
use domain::usage::Service;

use crate::error::StoreError;
use crate::item::{Reader, Writer};

/// The bytes of a pool's use: year, month, number, minutes and share, each with its most significant byte first.
const BYTES: usize = 2 + 1 + 2 + 8 + 1;

/// Packs the use of pools.
pub(crate) fn pool_use_to_bytes(list: &[PoolUse]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(list.len() * BYTES);
    for PoolUse { month, number, minutes, told } in list {
        let (year, month) = month.year_and_number();
        bytes.extend(year.to_be_bytes());
        bytes.extend(month.to_be_bytes());
        bytes.extend(number.to_be_bytes());
        bytes.extend(minutes.to_be_bytes());
        bytes.push(*told);
    }
    bytes
}

/// Unpacks the use of pools. `None` if the bytes are damaged.
pub(crate) fn pool_use_from_bytes(bytes: &[u8]) -> Option<Vec<PoolUse>> {
    let (list, rest) = bytes.as_chunks::<BYTES>();
    rest.is_empty().then(|| list.iter().map(pool_use).collect())?
}

fn pool_use(bytes: &[u8; BYTES]) -> Option<PoolUse> {
    let (year, rest) = bytes.split_first_chunk()?;
    let (month, rest) = rest.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (minutes, rest) = rest.split_first_chunk()?;
    let [told] = *rest else { return None };
    Some(PoolUse {
        month: Month::of_year(i16::from_be_bytes(*year), i8::from_be_bytes(*month))?,
        number: u16::from_be_bytes(*number),
        minutes: u64::from_be_bytes(*minutes),
        told,
    })
}

/// Adds pools to a profile, if it has ever had one.
pub(crate) fn pools_to_profile(profile: Writer, pools: &Pools) -> Writer {
    match pools.version {
        0 => profile,
        version => profile.number("poolsVersion", version).maps("pools", pools.list.iter().map(pool_to_map)),
    }
}

pub(crate) fn pools_of(profile: &Reader<'_>) -> Result<Pools, StoreError> {
    let version = if profile.has("poolsVersion") { profile.number("poolsVersion")? } else { 0 };
    let list = profile.maps("pools")?.iter().map(pool_from_map).collect::<Result<_, _>>()?;
    Ok(Pools { version, list })
}

fn pool_to_map(pool: &Pool) -> Writer {
    let Pool { number, id, terms, is_removed, sizes } = pool;
    Writer::default()
        .number("number", number)
        .text("id", id)
        .text("plan", &terms.plan)
        .text("country", &terms.country)
        .number("minutesPerLicence", terms.minutes_per_licence)
        .number("licences", terms.licences)
        .flag_if("removed", *is_removed)
        .texts("services", terms.services.iter().map(|service| service.as_str().to_owned()))
        .texts("countries", terms.countries.iter().cloned())
        .text("changedIn", sizes.changed_in.to_string())
        .number("largest", sizes.largest)
        .number("before", sizes.before)
}

fn pool_from_map(map: &Reader<'_>) -> Result<Pool, StoreError> {
    let services = map.texts("services")?.iter().map(|name| Service::parse(name)).collect::<Option<_>>();
    Ok(Pool {
        number: map.number("number")?,
        id: map.text("id")?.to_owned(),
        terms: PoolTerms {
            plan: map.text("plan")?.to_owned(),
            country: map.text("country")?.to_owned(),
            minutes_per_licence: map.number("minutesPerLicence")?,
            licences: map.number("licences")?,
            services: services.ok_or_else(|| map.corrupt("services has an unknown name"))?,
            countries: map.texts("countries")?,
        },
        is_removed: map.has("removed"),
        sizes: Sizes {
            changed_in: map.named("changedIn", Month::parse)?,
            largest: map.number("largest")?,
            before: map.number("before")?,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_use_of_pools_survives_storing_and_damage_is_noticed() {
        let used = |month: &str, number, minutes, told| PoolUse {
            month: Month::parse(month).unwrap(),
            number,
            minutes,
            told,
        };
        let list = vec![used("2026-11", 0, 1, 0), used("2026-12", 300, u64::MAX, 100)];
        let bytes = pool_use_to_bytes(&list);
        assert_eq!(pool_use_from_bytes(&bytes), Some(list));
        assert_eq!(pool_use_from_bytes(&bytes[1..]), None);
        let mut no_month = bytes;
        no_month[2] = 13;
        assert_eq!(pool_use_from_bytes(&no_month), None);
    }
}
