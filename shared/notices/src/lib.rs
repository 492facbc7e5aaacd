//! Mails about events (N1-N7, N9-N11).
//!
//! | file | what |
//! |---|---|
//! | [`notice`] | the events that have a mail, and the page where its reader can act |
//! | [`mail`] | the mail for one of them: subject, text and HTML |
//! | `told` | the values that its text refers to |
//! | `english`, `french` | its text |
//! | `labels` | the labels of its table, and its footer |
//! | [`mod@send`] | one mail to one recipient, through SES |

mod english;
mod french;
mod labels;
pub mod mail;
pub mod notice;
pub mod send;
mod told;

pub use mail::{Mail, Occasion};
pub use notice::{Notice, Reader};
pub use send::{Envelope, SendError, send};
