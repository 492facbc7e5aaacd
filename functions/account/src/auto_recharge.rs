//! Auto-recharge's settings (R1, R5, R7).

use api::fields::anything;
use api::{Fields, Problem, Reply, Request, Role, SeenSettings};
use contract::{Account, Amount, Code, FieldError, RechargePreview};
use domain::recharge::{self, NewSettings, NothingToResume, SettingsRefusal};
use domain::settings;
use utoipa::ToSchema;

use crate::Ports;
use crate::settings::withdraw_and_show;

/// The settings of auto-recharge: when it charges the card, and how much.
#[derive(ToSchema)]
#[schema(as = AutoRechargeSettings, rename_all = "camelCase")]
pub struct Settings {
    /// Whether auto-recharge is on. Once a request that turns it off is answered, no new payment begins.
    enabled: bool,
    /// The card is charged when the available amount is at or below this amount. It is within the limits of a purchase, and
    /// required when auto-recharge is on.
    trigger_amount: Option<Amount>,
    /// The amount that is charged. If it does not lift the balance above the trigger, the smallest multiple of it that does
    /// is charged. It is within the limits of a purchase, and required when auto-recharge is on.
    recharge_amount: Option<Amount>,
    /// The most that auto-recharge charges in a calendar month (UTC); at least the recharge amount. If it is left out, there
    /// is no limit.
    monthly_limit: Option<Amount>,
}

impl Settings {
    /// The settings as the caller asks for them.
    fn by(self, request: &Request) -> NewSettings {
        let amount = |given: Option<Amount>| given.map(|Amount(amount)| amount);
        NewSettings {
            enabled: self.enabled,
            trigger: amount(self.trigger_amount),
            amount: amount(self.recharge_amount),
            monthly_limit: amount(self.monthly_limit),
            by: request.caller().author(),
        }
    }

    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let enabled = fields.required("enabled", anything::<bool>);
        let mut amount = |name| fields.optional(name, anything::<Amount>);
        let (trigger_amount, recharge_amount) = (amount("triggerAmount"), amount("rechargeAmount"));
        let monthly_limit = amount("monthlyLimit");
        fields.finish(|| Some(Self { enabled: enabled?, trigger_amount, recharge_amount, monthly_limit }))
    }
}

/// Set auto-recharge
///
/// A request that turns auto-recharge off and leaves the amounts out keeps the earlier amounts for the next time it is
/// on. Changed settings start auto-recharge again if it had stopped or was waiting.
///
/// For operator and admin.
#[utoipa::path(
    put,
    path = "/v1/accounts/{id}/auto-recharge",
    operation_id = "setAutoRecharge",
    tag = "Auto-recharge",
    params(
        ("id" = String, Path, description = "The account"),
        SeenSettings,
    ),
    request_body = Settings,
    responses(
        (status = 200, description = "The account", body = Account),
        (status = 409, description = "There is no card to charge, or the account pays after use", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn set(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin])?;
    let new = Settings::read(request.fields()?)?.by(request);
    let set = ports.store.apply_with_profile(&id, |account, profile| {
        request.check_settings(&settings::fingerprint(account, profile))?;
        let configured = recharge::configure(account, profile, request.now(), &new, &ports.policy.limits);
        configured.map_err(|refusal| Problem::from(Refusal(refusal)))
    });
    withdraw_and_show(request, ports, &set.await?.account).await
}

/// Preview auto-recharge's settings
///
/// Says what the settings would do at once, and changes nothing: if the available balance is low, the card is charged as soon as they
/// are saved.
///
/// For operator and admin.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/auto-recharge/preview",
    operation_id = "previewAutoRecharge",
    tag = "Auto-recharge",
    params(("id" = String, Path, description = "The account")),
    request_body = Settings,
    responses(
        (status = 200, description = "What would be charged at once", body = RechargePreview),
        (status = 409, description = "There is no card to charge, or the account pays after use", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn preview(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin])?;
    let new = Settings::read(request.fields()?)?.by(request);
    let (account, profile) = ports.store.account_with_profile(&id).await?.ok_or(Problem::NoAccount)?;
    let preview = recharge::preview(&account, &profile, request.now(), &new, &ports.policy);
    let recharge::Preview { charge, held_back, charge_if_resumed } = preview.map_err(Refusal)?;
    let shown = RechargePreview {
        charges_now: charge.map(|amount| amount.to_string()),
        held_back_by: held_back.map(str::to_owned),
        charges_if_resumed: charge_if_resumed.map(|amount| amount.to_string()),
    };
    Ok(Reply::json(200, &shown))
}

/// Resume auto-recharge
///
/// Resumes auto-recharge after a safeguard paused it or declines stopped it. Its rule is evaluated again at once.
///
/// For operator and admin.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/auto-recharge/resume",
    operation_id = "resumeAutoRecharge",
    tag = "Auto-recharge",
    params(("id" = String, Path, description = "The account")),
    responses(
        (status = 200, description = "The account", body = Account),
        (status = 409, description = "Auto-recharge is neither paused nor stopped", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn resume(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin])?;
    let by = &request.caller().subject;
    let resumed = ports.store.apply(&id, |account, _| {
        recharge::resume(account, request.now(), by).map_err(|NothingToResume| NotHeld)
    });
    withdraw_and_show(request, ports, &resumed.await?.account).await
}

/// There is nothing to resume.
struct NotHeld;

impl From<NotHeld> for Problem {
    fn from(_: NotHeld) -> Self {
        Self::Conflict(Code::NothingToResume, NothingToResume.to_string())
    }
}

/// A refusal of the domain, which becomes a problem.
struct Refusal(SettingsRefusal);

impl From<Refusal> for Problem {
    fn from(Refusal(refusal): Refusal) -> Self {
        let said = refusal.to_string();
        match refusal {
            SettingsRefusal::Amounts(wrong) => {
                let error = |(field, why)| FieldError::new(field, Code::of_setting(&why), why.to_string());
                Self::Invalid(wrong.into_iter().map(error).collect())
            }
            SettingsRefusal::NoPaymentMethod => Self::Conflict(Code::NoPaymentMethod, said),
            SettingsRefusal::PostUsage => Self::Conflict(Code::PostUsageAccount, said),
        }
    }
}
