-- Accounts of nostro with funds.
INSERT INTO nostro.account (tenant_id, scope_ref) SELECT 'bench', id::text FROM generate_series(1, 16) id;
SELECT error_code FROM nostro.account, LATERAL nostro.credit(
    id, 1000000000000, 'funds', 'funds', now() + interval '1 year', NULL, '{}'
);
