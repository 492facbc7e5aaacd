//! What people are told, mail by mail.

mod given;
mod mails;
mod outside;
