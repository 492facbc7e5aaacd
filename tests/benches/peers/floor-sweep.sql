-- The sweep of the floor: one statement for all lots.
WITH expired AS (
    UPDATE lot AS emptied SET remaining = 0 FROM lot AS before
    WHERE emptied.id = before.id AND before.remaining > 0 AND before.expires_at < now()
    RETURNING emptied.id, emptied.wallet, before.remaining
), paid AS (
    UPDATE wallet SET balance = balance - sums.expired
    FROM (SELECT wallet, sum(remaining) AS expired FROM expired GROUP BY wallet) AS sums
    WHERE id = sums.wallet
)
INSERT INTO ledger (wallet, record, lot, amount, balance)
    SELECT wallet, gen_random_uuid(), id, -remaining, -sum(remaining) OVER (PARTITION BY wallet ORDER BY id) FROM expired;
