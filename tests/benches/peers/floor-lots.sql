-- Expired lots for the sweep of the floor, in wallets of their own.
INSERT INTO wallet SELECT 1000 + number, :lots_each FROM generate_series(1, :accounts) number;
INSERT INTO lot (wallet, remaining, expires_at)
    SELECT 1000 + number, 1, now() - interval '4 days' - place * interval '1 second'
    FROM generate_series(1, :accounts) number, generate_series(1, :lots_each) place;
