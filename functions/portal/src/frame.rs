//! The frame of every page: header, menu, path and notice.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use domain::{BillingModel, Locale};

use crate::Portal;
use crate::account_view;
use crate::assets;
use crate::failure::Failure;
use crate::figures;
use crate::form::Errors;
use crate::session::{Session, Visit};
use crate::words::{FrameWords, role};

/// Where a page stands in the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Products,
    Overview,
    AddFunds,
    Funds,
    Transactions,
    Usage,
    Receipts,
    Notifications,
    Limits,
    Rates,
    OperatorAccounts,
    Unrated,
    /// In no place of the menu.
    Elsewhere,
}

/// The frame of a page.
pub(crate) struct Frame {
    pub(crate) locale: Locale,
    pub(crate) t: FrameWords,
    /// The page's heading, with which its title begins.
    pub(crate) heading: String,
    /// Whether the title says that something is to be corrected.
    pub(crate) has_errors: bool,
    /// The organization whose page it is.
    pub(crate) organization: Option<Organization>,
    /// The way to this page. The page itself stands last, without an address.
    pub(crate) path: Vec<Crumb>,
    pub(crate) menu: Vec<MenuItem>,
    /// Name and role of the person. None if nobody is signed in.
    pub(crate) person: Option<(String, String)>,
    /// Whether the operator visits a customer's page.
    pub(crate) is_operators_visit: bool,
    pub(crate) notice: Option<Notice>,
    /// The page's address, to which the choice of a language comes back.
    pub(crate) address: String,
    pub(crate) local: Option<LocalStrip>,
    /// The address of the style sheet.
    pub(crate) stylesheet: &'static str,
    /// The address of the icon.
    pub(crate) icon: &'static str,
}

/// The organization of a page.
#[derive(Clone)]
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) name: String,
    /// Whether it can buy funds, which it cannot once a switch to paying after use was asked for.
    pub(crate) may_buy: bool,
}

impl Organization {
    pub(crate) fn of(account: &contract::Account) -> Self {
        Self {
            id: account.account_id.clone(),
            name: account.name.clone(),
            may_buy: account_view::billing_model(account) == BillingModel::Prepaid,
        }
    }
}

/// A step of the way to a page.
pub(crate) struct Crumb {
    pub(crate) label: String,
    pub(crate) href: String,
}

/// A line of the menu.
pub(crate) struct MenuItem {
    pub(crate) label: String,
    pub(crate) href: String,
    pub(crate) is_here: bool,
    /// Whether it stands beneath the line before.
    pub(crate) is_nested: bool,
}

/// The strip of a trial on one machine.
pub(crate) struct LocalStrip {
    pub(crate) clock: Option<String>,
    pub(crate) mailbox: String,
    pub(crate) developers: String,
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Info,
    Warn,
    Bad,
}

impl Tone {
    /// The class of the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// The one notice on top of a page.
pub(crate) struct Notice {
    pub(crate) tone: Tone,
    pub(crate) title: String,
    pub(crate) text: String,
    /// Labels and addresses.
    pub(crate) links: Vec<(String, String)>,
    /// Less urgent notices, a line each.
    pub(crate) also: Vec<String>,
}

impl Notice {
    pub(crate) fn new(tone: Tone, title: String, text: String) -> Self {
        Self { tone, title, text, links: Vec::new(), also: Vec::new() }
    }

    /// With a link.
    pub(crate) fn link(mut self, label: String, href: String) -> Self {
        self.links.push((label, href));
        self
    }
}

impl Frame {
    /// The frame of a page for a person who is not signed in.
    pub(crate) fn outside(
        portal: &Portal,
        locale: Locale,
        heading: impl Into<String>,
        address: &str,
    ) -> Self {
        let local = portal.config.local.as_ref().map(|local| LocalStrip {
            clock: (local.clock)().map(|clock| figures::minute(clock, locale)),
            mailbox: local.mailbox.clone(),
            developers: local.developers.clone(),
        });
        Self {
            locale,
            t: FrameWords(locale),
            heading: heading.into(),
            has_errors: false,
            organization: None,
            path: Vec::new(),
            menu: Vec::new(),
            person: None,
            is_operators_visit: false,
            notice: None,
            address: address.to_owned(),
            local,
            stylesheet: assets::STYLESHEET,
            icon: assets::ICON,
        }
    }

    /// The frame of a page for a person who is signed in.
    pub(crate) fn inside(
        portal: &Portal,
        person: &Session,
        locale: Locale,
        heading: impl Into<String>,
        place: Place,
        address: &str,
    ) -> Self {
        let mut frame = Self::outside(portal, locale, heading, address);
        let roles: Vec<_> = person.roles.iter().map(|name| role(name, locale)).collect();
        frame.person = Some((person.name.clone().unwrap_or(person.subject.clone()), roles.join(", ")));
        frame.menu = menu(frame.t, None, place, person.is_operator());
        frame
    }

    /// With the menu and the way of an organization's page.
    pub(crate) fn of(mut self, visit: &Visit, organization: Organization, place: Place) -> Self {
        let t = self.t;
        self.menu = menu(t, Some(&organization), place, visit.is_operator());
        self.is_operators_visit = visit.is_operator();
        let products = if visit.is_operator() { "/operator/accounts" } else { "/products" };
        self.path.push(Crumb {
            label: if visit.is_operator() { t.accounts() } else { t.products().to_owned() },
            href: products.to_owned(),
        });
        if place != Place::Overview {
            let href = format!("/accounts/{}", organization.id);
            self.path.push(Crumb { label: t.communications_credits().to_owned(), href });
        }
        self.organization = Some(organization);
        self
    }

    /// With a notice on top.
    pub(crate) fn noticing(mut self, notice: Option<Notice>) -> Self {
        self.notice = notice;
        self
    }

    /// The title of the browser's tab: error, page, organization, site.
    pub(crate) fn title(&self) -> String {
        let mut parts = vec![self.heading.clone()];
        parts.extend(self.organization.as_ref().map(|organization| organization.name.clone()));
        parts.push(self.t.site().to_owned());
        let title = parts.join(" – ");
        if self.has_errors { self.t.error_title(title) } else { title }
    }

    /// The other language, by its own name and its code.
    pub(crate) fn other_language(&self) -> (&'static str, &'static str) {
        match self.locale {
            Locale::En => ("Français", "fr"),
            Locale::Fr => ("English", "en"),
        }
    }
}

impl Visit {
    /// The frame of a page of this visit.
    pub(crate) fn frame(&self, heading: impl Into<String>, place: Place) -> Frame {
        Frame::inside(self.portal(), self.person(), self.locale, heading, place, self.path())
    }

    /// The frame of a page of an account.
    pub(crate) fn frame_of(
        &self,
        account: &contract::Account,
        heading: impl Into<String>,
        place: Place,
    ) -> Frame {
        let organization = Organization::of(account);
        self.frame(heading, place).of(self, organization, place)
    }
}

fn menu(
    t: FrameWords,
    organization: Option<&Organization>,
    place: Place,
    is_operator: bool,
) -> Vec<MenuItem> {
    let item = |label: &str, href: String, here: Place, is_nested| MenuItem {
        label: label.to_owned(),
        href,
        is_here: here == place,
        is_nested,
    };
    let mut menu = Vec::new();
    if is_operator {
        menu.push(item(&t.accounts(), "/operator/accounts".to_owned(), Place::OperatorAccounts, false));
    } else {
        menu.push(item(t.products(), "/products".to_owned(), Place::Products, false));
    }
    if let Some(Organization { id, may_buy, .. }) = organization {
        let inside = [
            (t.communications_credits(), "", Place::Overview),
            (t.add_funds(), "/funds/add", Place::AddFunds),
            (t.funds(), "/funds", Place::Funds),
            (t.transactions(), "/transactions", Place::Transactions),
            (t.usage(), "/usage", Place::Usage),
            (t.receipts(), "/receipts", Place::Receipts),
            (t.notifications(), "/notifications", Place::Notifications),
            (t.limits(), "/limits", Place::Limits),
        ];
        let shown = inside.into_iter().filter(|(_, _, here)| *may_buy || *here != Place::AddFunds);
        menu.extend(
            shown.map(|(label, path, here)| item(label, format!("/accounts/{id}{path}"), here, true)),
        );
    }
    let rates = organization.map_or("/rates".to_owned(), |of| format!("/rates?account={}", of.id));
    menu.push(item(t.rates(), rates, Place::Rates, false));
    if is_operator {
        menu.push(item(&t.unrated(), "/operator/unrated".to_owned(), Place::Unrated, false));
    }
    menu
}

/// Writes a page with a form. Its status is 422 if the form has errors.
pub(crate) fn show_form(page: &impl Template, errors: &Errors) -> Response {
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    (status, show(page)).into_response()
}

/// Writes a page.
pub(crate) fn show(page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => Html(html).into_response(),
        Err(problem) => {
            tracing::error!(%problem, "a page cannot be written");
            Failure::Broken.into_response()
        }
    }
}
