"""Customers, contacts, leads, what changed in them, and the outbox."""

from alembic import op

from events.schema_sql import OUTBOX_SQL, statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE customers (
    id            text COLLATE "C" PRIMARY KEY,
    version       integer NOT NULL,
    external_ref  text COLLATE "C" UNIQUE,
    name          text NOT NULL,
    segment       text,
    sector        text,
    region        text,
    channel       text,
    owner_id      text COLLATE "C",
    team          text,
    registered_at timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL
);
CREATE INDEX customers_name ON customers (lower(name) text_pattern_ops);
CREATE INDEX customers_team ON customers (team, id);
CREATE INDEX customers_owner ON customers (owner_id, id);
CREATE TABLE contacts (
    id          text COLLATE "C" PRIMARY KEY,
    customer_id text COLLATE "C" NOT NULL REFERENCES customers (id),
    version     integer NOT NULL,
    name        text NOT NULL,
    email       text,
    phone       text,
    role        text,
    created_at  timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL
);
CREATE INDEX contacts_customer ON contacts (customer_id, id);
CREATE TABLE leads (
    id                  text COLLATE "C" PRIMARY KEY,
    version             integer NOT NULL,
    status              text NOT NULL,
    external_ref        text COLLATE "C" UNIQUE,
    name                text,
    email               text,
    phone               text,
    channel             text,
    segment             text,
    sector              text,
    region              text,
    product             text,
    campaign_id         text COLLATE "C",
    owner_id            text COLLATE "C",
    team                text,
    captured_at         timestamptz NOT NULL,
    contacted_at        timestamptz,
    qualified_at        timestamptz,
    disqualified_at     timestamptz,
    disqualified_reason text,
    converted_at        timestamptz,
    customer_id         text COLLATE "C" REFERENCES customers (id),
    contact_id          text COLLATE "C",
    deal                jsonb,
    changed_at          timestamptz NOT NULL
);
CREATE INDEX leads_team ON leads (team, id);
CREATE INDEX leads_owner ON leads (owner_id, id);
CREATE INDEX leads_status ON leads (status, id);
CREATE INDEX leads_customer ON leads (customer_id);
CREATE TABLE changes (
    subject_id  text COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    fields      text[] NOT NULL,
    actor       text NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (subject_id, version)
);
COMMENT ON TABLE changes IS 'names of the fields that each version changed; never their values';
"""


def upgrade() -> None:
    for statement in (*statements(OUTBOX_SQL), *statements(_TABLES)):
        op.execute(statement)
