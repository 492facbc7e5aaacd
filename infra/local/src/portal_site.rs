//! The portal at the root of this host: the same pages as on AWS, with the demo people to choose from.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use portal::{Config, LocalTrial, Person, Portal, SessionKeys};

use crate::people::PEOPLE;
use crate::{Machine, issuer, replace_file};

/// Bytes of the key of sessions.
const KEY_BYTES: usize = 64;

/// The routes of the portal. Sessions outlive a restart, since their key is kept in this file.
pub(crate) fn router(machine: &Machine, url: &str, key_file: Option<&Path>) -> anyhow::Result<Router> {
    let (clock, now) = (machine.clock.clone(), machine.clock.clone());
    let person = |person: &crate::people::Person| Person {
        login_hint: person.id.to_owned(),
        name: person.name.to_owned(),
        role: person.role.to_owned(),
        organization: person.organization.map(str::to_owned),
    };
    let config = Config {
        url: url.to_owned(),
        api_url: url.to_owned(),
        issuer: issuer::url(url),
        client_id: issuer::CLIENT.to_owned(),
        client_secret: None,
        scopes: vec!["profile".to_owned(), "offline_access".to_owned()],
        keys: keys(key_file)?,
        now: Arc::new(move || now.now()),
        local: Some(LocalTrial {
            people: PEOPLE.iter().map(person).collect(),
            mailbox: "/mail".to_owned(),
            developers: "/developers".to_owned(),
            clock: Arc::new(move || clock.set_to()),
        }),
    };
    Ok(portal::router(Portal::new(config)))
}

fn keys(file: Option<&Path>) -> anyhow::Result<SessionKeys> {
    let Some(path) = file else { return Ok(SessionKeys::random()) };
    if !path.exists() {
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).context("no randomness for a key")?;
        replace_file(path, BASE64_STANDARD.encode(key).as_bytes())
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    SessionKeys::parse(text.trim()).with_context(|| {
        format!("{} has no key; without it a new one is made, and people sign in again", path.display())
    })
}
