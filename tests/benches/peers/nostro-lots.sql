-- Expired lots for the sweep of nostro, in accounts of their own. Lots are made to expire soon and then aged.
INSERT INTO nostro.account (tenant_id, scope_ref)
    SELECT 'sweep', number::text FROM generate_series(1, :accounts) number;
SELECT count(error_code) FROM nostro.account, generate_series(1, :lots_each) AS place, LATERAL nostro.credit(
    id, 1000000, 'funds', 'funds-' || place, now() + interval '1 day', NULL, '{}'
) WHERE tenant_id = 'sweep';
UPDATE nostro.credit_lot SET expires_at = now() - interval '4 days'
    FROM nostro.account WHERE account.id = account_id AND tenant_id = 'sweep';
