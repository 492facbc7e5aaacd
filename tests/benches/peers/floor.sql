-- The floor: the least that a relational database does for a debit. A wallet with its balance, lots with what is left of
-- them, and a ledger with a unique id for each record.
CREATE TABLE wallet (id int PRIMARY KEY, balance numeric NOT NULL);
CREATE TABLE lot (
    id bigserial PRIMARY KEY,
    wallet int NOT NULL REFERENCES wallet,
    remaining numeric NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ON lot (wallet, expires_at) WHERE remaining > 0;
CREATE TABLE ledger (
    wallet int NOT NULL REFERENCES wallet,
    record uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    lot bigint REFERENCES lot,
    amount numeric NOT NULL,
    balance numeric NOT NULL,
    PRIMARY KEY (wallet, record)
);
INSERT INTO wallet SELECT id, 1000000 FROM generate_series(1, 16) id;
INSERT INTO lot (wallet, remaining, expires_at) SELECT id, 1000000, now() + interval '1 year' FROM wallet;
