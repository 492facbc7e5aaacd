//! Attribute values by hand. Money is a number written from and parsed to its own text: no library between
//! us and the wire may pass it through a float. Instants are milliseconds since 1970, text where they sort.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::time::may_be_kept;
use domain::{Currency, Money};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::error::StoreError;

/// The shapes that items have had. An item is written in the oldest one that holds all of it, so that older software may go on
/// with it; software that does not know an item's shape leaves it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Schema {
    /// Prepaid accounts.
    First = 1,
    /// Pools and reversals.
    Pools = 2,
    /// Invoices.
    Invoices = 3,
    /// Holds and spending limits.
    Holds = 4,
    /// Refunds and disputes.
    Repayments = 5,
}

impl Schema {
    /// The newest shapes that this software reads.
    const NEWEST: Self = Self::Repayments;

    /// Its number, as it is stored.
    fn number(self) -> u32 {
        self as u32
    }
}

pub(crate) type Item = HashMap<String, AttributeValue>;

/// An item being written.
#[derive(Default)]
pub(crate) struct Writer(Item);

impl Writer {
    /// An item of ours in its first shape.
    pub(crate) fn versioned() -> Self {
        Self::of(Schema::First)
    }

    /// An item of ours in this shape.
    pub(crate) fn of(schema: Schema) -> Self {
        Self::default().number("schema", schema.number())
    }

    pub(crate) fn text(self, name: &str, text: impl Into<String>) -> Self {
        self.value(name, AttributeValue::S(text.into()))
    }

    pub(crate) fn number(self, name: &str, number: impl ToString + Copy) -> Self {
        self.value(name, AttributeValue::N(number.to_string()))
    }

    pub(crate) fn number_if(self, name: &str, number: Option<impl ToString + Copy>) -> Self {
        match number {
            Some(number) => self.number(name, number),
            None => self,
        }
    }

    pub(crate) fn flag(self, name: &str, flag: bool) -> Self {
        self.value(name, AttributeValue::Bool(flag))
    }

    /// A flag that is left out when it is not set.
    pub(crate) fn flag_if(self, name: &str, flag: bool) -> Self {
        if flag { self.flag(name, flag) } else { self }
    }

    pub(crate) fn money(self, name: &str, money: Money) -> Self {
        self.number(name, money.amount().normalize())
    }

    pub(crate) fn money_if(self, name: &str, money: Option<Money>) -> Self {
        match money {
            Some(money) => self.money(name, money),
            None => self,
        }
    }

    pub(crate) fn instant(self, name: &str, instant: Timestamp) -> Self {
        self.number(name, instant.as_millisecond())
    }

    pub(crate) fn instant_if(self, name: &str, instant: Option<Timestamp>) -> Self {
        match instant {
            Some(instant) => self.instant(name, instant),
            None => self,
        }
    }

    pub(crate) fn text_if(self, name: &str, text: Option<impl Into<String>>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    pub(crate) fn map(self, name: &str, map: Self) -> Self {
        self.value(name, AttributeValue::M(map.0))
    }

    pub(crate) fn map_if(self, name: &str, map: Option<Self>) -> Self {
        match map {
            Some(map) => self.map(name, map),
            None => self,
        }
    }

    /// A list of maps; left out when empty.
    pub(crate) fn maps(self, name: &str, maps: impl IntoIterator<Item = Self>) -> Self {
        let list: Vec<_> = maps.into_iter().map(|map| AttributeValue::M(map.0)).collect();
        if list.is_empty() { self } else { self.value(name, AttributeValue::L(list)) }
    }

    /// Bytes; left out when there are none.
    pub(crate) fn bytes_if(self, name: &str, bytes: Vec<u8>) -> Self {
        if bytes.is_empty() { self } else { self.value(name, AttributeValue::B(bytes.into())) }
    }

    pub(crate) fn texts(self, name: &str, texts: impl IntoIterator<Item = String>) -> Self {
        self.value(name, AttributeValue::L(texts.into_iter().map(AttributeValue::S).collect()))
    }

    fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.0.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn done(self) -> Item {
        self.0
    }
}

/// An item being read.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    item: &'a Item,
    name: &'a str,
}

impl<'a> Reader<'a> {
    /// An item of ours; a newer schema than ours is refused.
    pub(crate) fn versioned(item: &'a Item, name: &'a str) -> Result<Self, StoreError> {
        let reader = Self { item, name };
        let found = reader.number("schema")?;
        if found > Schema::NEWEST.number() {
            return Err(StoreError::NewerSchema { item: name.to_owned(), found });
        }
        Ok(reader)
    }

    /// A map of ours on its own, in tests.
    #[cfg(test)]
    pub(crate) fn unversioned(item: &'a Item, name: &'a str) -> Self {
        Self { item, name }
    }

    pub(crate) fn corrupt(&self, detail: impl std::fmt::Display) -> StoreError {
        StoreError::Corrupt { item: self.name.to_owned(), detail: detail.to_string() }
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        self.item.contains_key(field)
    }

    pub(crate) fn text(&self, field: &str) -> Result<&'a str, StoreError> {
        let value = self.item.get(field).and_then(|value| value.as_s().ok());
        value.map(String::as_str).ok_or_else(|| self.corrupt(format_args!("{field} is not a text")))
    }

    pub(crate) fn text_if(&self, field: &str) -> Result<Option<String>, StoreError> {
        if self.has(field) { self.text(field).map(|text| Some(text.to_owned())) } else { Ok(None) }
    }

    pub(crate) fn parsed<T, E: std::fmt::Display>(
        &self,
        field: &str,
        parse: impl FnOnce(&'a str) -> Result<T, E>,
    ) -> Result<T, StoreError> {
        parse(self.text(field)?).map_err(|problem| self.corrupt(format_args!("{field}: {problem}")))
    }

    pub(crate) fn named<T>(
        &self,
        field: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, StoreError> {
        parse(self.text(field)?).ok_or_else(|| self.corrupt(format_args!("{field} has an unknown name")))
    }

    pub(crate) fn number<T: FromStr>(&self, field: &str) -> Result<T, StoreError> {
        let value = self.item.get(field).and_then(|value| value.as_n().ok());
        value
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| self.corrupt(format_args!("{field} is not such a number")))
    }

    pub(crate) fn number_if<T: FromStr>(&self, field: &str) -> Result<Option<T>, StoreError> {
        if self.has(field) { self.number(field).map(Some) } else { Ok(None) }
    }

    pub(crate) fn decimal(&self, field: &str) -> Result<Decimal, StoreError> {
        self.number(field)
    }

    pub(crate) fn flag(&self, field: &str) -> Result<bool, StoreError> {
        let value = self.item.get(field).and_then(|value| value.as_bool().ok());
        value.copied().ok_or_else(|| self.corrupt(format_args!("{field} is not a flag")))
    }

    pub(crate) fn money(&self, field: &str, currency: Currency) -> Result<Money, StoreError> {
        Money::sum(self.decimal(field)?, currency)
            .map_err(|problem| self.corrupt(format_args!("{field}: {problem}")))
    }

    pub(crate) fn money_if(&self, field: &str, currency: Currency) -> Result<Option<Money>, StoreError> {
        if self.has(field) { self.money(field, currency).map(Some) } else { Ok(None) }
    }

    pub(crate) fn money_or_zero(&self, field: &str, currency: Currency) -> Result<Money, StoreError> {
        Ok(self.money_if(field, currency)?.unwrap_or(Money::zero(currency)))
    }

    pub(crate) fn instant(&self, field: &str) -> Result<Timestamp, StoreError> {
        let instant = Timestamp::from_millisecond(self.number(field)?).ok().filter(|&it| may_be_kept(it));
        instant.ok_or_else(|| self.corrupt(format_args!("{field} is no instant of these books")))
    }

    pub(crate) fn instant_if(&self, field: &str) -> Result<Option<Timestamp>, StoreError> {
        if self.has(field) { self.instant(field).map(Some) } else { Ok(None) }
    }

    /// Bytes; none when they were left out.
    pub(crate) fn bytes(&self, field: &str) -> Result<&'a [u8], StoreError> {
        let Some(value) = self.item.get(field) else { return Ok(&[]) };
        let bytes = value.as_b().map_err(|_| self.corrupt(format_args!("{field} is not bytes")))?;
        Ok(bytes.as_ref())
    }

    pub(crate) fn map(&self, field: &str) -> Result<Self, StoreError> {
        let value = self.item.get(field).and_then(|value| value.as_m().ok());
        let item = value.ok_or_else(|| self.corrupt(format_args!("{field} is not a map")))?;
        Ok(Self { item, name: self.name })
    }

    pub(crate) fn map_if(&self, field: &str) -> Result<Option<Self>, StoreError> {
        if self.has(field) { self.map(field).map(Some) } else { Ok(None) }
    }

    /// Each map of a list; none when it was left out.
    pub(crate) fn maps(&self, field: &str) -> Result<Vec<Self>, StoreError> {
        self.list(field)?
            .iter()
            .map(|value| value.as_m().map(|item| Self { item, name: self.name }))
            .collect::<Result<_, _>>()
            .map_err(|_| self.corrupt(format_args!("{field} is not a list of maps")))
    }

    pub(crate) fn texts(&self, field: &str) -> Result<Vec<String>, StoreError> {
        self.list(field)?
            .iter()
            .map(|value| value.as_s().cloned())
            .collect::<Result<_, _>>()
            .map_err(|_| self.corrupt(format_args!("{field} is not a list of texts")))
    }

    fn list(&self, field: &str) -> Result<&'a [AttributeValue], StoreError> {
        let Some(value) = self.item.get(field) else { return Ok(&[]) };
        value.as_l().map(Vec::as_slice).map_err(|_| self.corrupt(format_args!("{field} is not a list")))
    }
}
