-- A debit of nostro.
\set account random(1, :accounts)
SELECT error_code FROM nostro.debit(
    (SELECT id FROM nostro.account WHERE tenant_id = 'bench' AND scope = 'org' AND scope_ref = :account::text),
    61700, 'call', gen_random_uuid()::text, NULL, '{}'
);
