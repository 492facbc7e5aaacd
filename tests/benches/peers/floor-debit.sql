-- A debit of the floor, statement by statement, as an application sends it.
\set wallet random(1, :accounts)
BEGIN;
SELECT balance FROM wallet WHERE id = :wallet FOR UPDATE;
UPDATE lot SET remaining = remaining - 0.0617
    WHERE id = (SELECT id FROM lot WHERE wallet = :wallet AND remaining > 0 ORDER BY expires_at LIMIT 1);
UPDATE wallet SET balance = balance - 0.0617 WHERE id = :wallet;
INSERT INTO ledger (wallet, record, amount, balance)
    SELECT id, gen_random_uuid(), -0.0617, balance FROM wallet WHERE id = :wallet;
COMMIT;
