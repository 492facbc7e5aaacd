//! `cargo xtask bench`: how fast calls are authorized and charged for, rates found, and months summed up.

use anyhow::Result;

use crate::{cargo, succeed, tools};

/// What to measure. Without an option: debits of many and of few clients, on a new store and on a filled one.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(crate) struct Options {
    /// Measure the parts of the time of a single debit
    #[arg(long, conflicts_with = "peers")]
    anatomy: bool,
    /// Measure debits and the nightly sweep beside Postgres, hf-nostro and the embedded database alone
    #[arg(long)]
    peers: bool,
    /// Measure look-ups and start of a rate file beside a hash map and a sorted slice
    #[arg(long, conflicts_with_all = ["anatomy", "peers"])]
    rates: bool,
    /// Measure statements, past balances and usage reports of a month with 10,000 calls and with 1,000,000: some ten minutes
    #[arg(long, conflicts_with_all = ["anatomy", "peers", "rates"])]
    reports: bool,
    /// Measure how long a switch waits for an authorization, and how many a second one account can bear
    #[arg(long, conflicts_with_all = ["anatomy", "peers", "rates", "reports"])]
    authorizations: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.rates {
        return succeed(&mut cargo("bench -p rates --bench lookups"));
    }
    if options.reports {
        return succeed(&mut cargo("bench -p scenarios --bench reports"));
    }
    if options.authorizations {
        return succeed(&mut cargo("bench -p scenarios --bench authorizations"));
    }
    if !options.peers {
        let mut bench = cargo("bench -p scenarios --bench debits --");
        return succeed(bench.args(options.anatomy.then_some("--anatomy")));
    }
    tools::install(&tools::POSTGRES)?;
    let python = tools::python("tests/benches/peers/peers.txt")?.join("python");
    succeed(cargo("bench -p scenarios --bench peers --").arg(python))
}
