//! Mails about events (N1-N7, N9-N11).
//!
//! | file | what |
//! |---|---|
//! | [`notice`] | the events that have a mail, and the page where its reader can act |
//! | [`mail`] | the mail for one of them: subject, text and HTML |
//! | `language`, `english`, `french` | its words |
//! | [`mod@send`] | one mail to one recipient, through SES |

mod english;
mod french;
mod language;
pub mod mail;
pub mod notice;
pub mod send;

pub use mail::{Mail, Occasion};
pub use notice::{Notice, Reader};
pub use send::{Envelope, SendError, send};
