//! Random lists of pools and files of rates.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Generator;
use crate::{Pool, Rate, Service, Step};

/// The services of a pool. Most pools include calls by users.
const SERVICES: [&[Service]; 4] = [
    &[Service::UserOut],
    &[Service::UserOut, Service::ConferenceOut],
    &[Service::UserOut, Service::TollFreeIn, Service::TollIn],
    &[Service::ConferenceOut],
];

/// The destinations of a file of rates: service, prefix, country.
const DESTINATIONS: [(Service, &str, &str); 14] = [
    (Service::UserOut, "33", "FR"),
    (Service::UserOut, "336", "FR"),
    (Service::UserOut, "33699", "GP"),
    (Service::UserOut, "49", "DE"),
    (Service::UserOut, "81", "JP"),
    (Service::UserOut, "882", "XV"),
    (Service::Premium, "3389", "FR"),
    (Service::Premium, "49900", "DE"),
    (Service::TollFreeIn, "33800", "FR"),
    (Service::TollIn, "331", "FR"),
    (Service::ConferenceOut, "33", "FR"),
    (Service::ConferenceOut, "336", "FR"),
    (Service::ConferenceOut, "49", "DE"),
    (Service::ConferenceOut, "81", "JP"),
];

impl Generator {
    pub(super) fn replace_pools(&mut self) {
        let count = self.random.between(1, 4);
        self.pools = (0..count).map(|_| self.pool()).collect();
        self.emit(Step::SetPools(self.pools.clone()));
    }

    /// Small pools, often several of one plan and country.
    fn pool(&mut self) -> Pool {
        Pool {
            plan: self.random.weighted(&[(3, "P1"), (1, "P2")]).to_owned(),
            country: self.random.weighted(&[(3, "FR"), (1, "DE")]).to_owned(),
            minutes_per_licence: self.random.weighted(&[(2, 1), (4, 10), (2, 60)]),
            licences: self.random.weighted(&[(1, 0), (3, 1), (4, 2), (2, 5)]),
            services: self.random.pick(&SERVICES).to_vec(),
            destination_countries: match self.random.between(1, 4) {
                1 => vec!["FR".to_owned()],
                2 => vec!["FR".to_owned(), "DE".to_owned()],
                _ => Vec::new(),
            },
        }
    }

    /// Another list: more or fewer licences, a pool less, a pool more, another order, another definition.
    pub(super) fn change_pools(&mut self) {
        let changed = self.random.between(0, 5);
        if self.pools.is_empty() || changed == 0 {
            return self.replace_pools();
        }
        let last = i64::try_from(self.pools.len()).expect("the list is short") - 1;
        let index = usize::try_from(self.random.between(0, last)).expect("an index is not negative");
        match changed {
            1 => self.pools[index].licences = self.random.weighted(&[(1, 0), (2, 1), (2, 3), (2, 6)]),
            2 => drop(self.pools.remove(index)),
            3 => {
                let pool = self.pool();
                self.pools.insert(index, pool);
            }
            4 => self.pools.swap(0, index),
            _ => {
                let pool = self.pool();
                self.pools[index].services = pool.services;
                self.pools[index].destination_countries = pool.destination_countries;
            }
        }
        self.emit(Step::SetPools(self.pools.clone()));
    }

    /// A new file of rates, most often followed at once by the rating of unrated records.
    pub(super) fn publish(&mut self) {
        let rates = self.rates();
        self.emit(Step::Publish(rates));
        if self.random.chance(70) {
            self.emit(Step::RateUnrated);
        }
    }

    /// A file without some of the destinations, so that some records are unrated until another file has them.
    fn rates(&mut self) -> Vec<Rate> {
        let today = self.now.to_zoned(TimeZone::UTC).date();
        let long_ago = today.saturating_sub(3.years());
        let mut rates = Vec::new();
        for (service, prefix, country) in DESTINATIONS {
            if self.random.chance(75) {
                let rate = self.rate(service, prefix, country, long_ago);
                rates.push(rate);
            }
            if self.random.chance(15) {
                let days = self.random.between(-5, 20);
                let rate = self.rate(service, prefix, country, today.saturating_add(days.days()));
                rates.push(rate);
            }
            if self.random.chance(5) {
                let rate = self.rate(service, prefix, country, long_ago);
                rates.push(Rate { currency: "USD".to_owned(), ..rate });
            }
        }
        rates
    }

    fn rate(&mut self, service: Service, prefix: &str, country: &str, effective_from: Date) -> Rate {
        let (first_increment, next_increment) =
            *self.random.pick(&[(60, 60), (60, 60), (30, 6), (1, 1), (60, 1)]);
        let per_minute = match service {
            Service::Premium => *self.random.pick(&[4_999, 25_000]),
            _ => *self.random.pick(&[100, 200, 213, 1_000, 3_333]),
        };
        // A few calls are free.
        let per_minute = if self.random.chance(4) { 0 } else { per_minute };
        let connection_fee = *self.random.pick(&[0, 0, 500, 333]);
        Rate {
            service,
            prefix: prefix.to_owned(),
            country: country.to_owned(),
            currency: self.currency.code().to_owned(),
            per_minute: self.exact(per_minute),
            connection_fee: self.exact(connection_fee),
            first_increment,
            next_increment,
            effective_from,
        }
    }
}
