"""Catalogue, deals with their memory, targets, what we know of customers, and the outbox."""

import json

from alembic import op
from sqlalchemy import text

from events.schema_sql import CONSUMER_SQL, OUTBOX_SQL, statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE teams (
    code    text COLLATE "C" PRIMARY KEY,
    version integer NOT NULL,
    name    text NOT NULL,
    region  text
);
CREATE TABLE people (
    id           text COLLATE "C" PRIMARY KEY,
    version      integer NOT NULL,
    external_ref text COLLATE "C" UNIQUE,
    name         text NOT NULL,
    team         text COLLATE "C" REFERENCES teams (code)
);
CREATE INDEX people_team ON people (team, id);
CREATE TABLE products (
    code       text COLLATE "C" PRIMARY KEY,
    version    integer NOT NULL,
    name       text NOT NULL,
    series     text,
    list_price jsonb
);
CREATE TABLE pipelines (
    code    text COLLATE "C" PRIMARY KEY,
    version integer NOT NULL,
    name    jsonb NOT NULL,
    stages  jsonb NOT NULL,
    rules   jsonb NOT NULL
);
CREATE TABLE customers (
    id         text COLLATE "C" PRIMARY KEY,
    sequence   bigint NOT NULL,
    dimensions jsonb NOT NULL
);
COMMENT ON TABLE customers IS 'as the customer service told it; no names';
CREATE TABLE leads (
    id     text COLLATE "C" PRIMARY KEY,
    origin jsonb NOT NULL
);
CREATE TABLE deals (
    id                text COLLATE "C" PRIMARY KEY,
    version           integer NOT NULL,
    pipeline          text COLLATE "C" NOT NULL REFERENCES pipelines (code),
    stage             text COLLATE "C" NOT NULL,
    stage_rank        integer NOT NULL,
    stage_entered_at  timestamptz NOT NULL,
    status            text COLLATE "C" NOT NULL
        CHECK (status IN ('open', 'won', 'lost', 'deleted')),
    episode           integer NOT NULL,
    created_at        timestamptz NOT NULL,
    changed_at        timestamptz NOT NULL CHECK (changed_at >= created_at),
    closed_at         timestamptz,
    closed_from       text COLLATE "C",
    owners            jsonb NOT NULL,
    team              text COLLATE "C",
    dimensions        jsonb NOT NULL,
    name              text,
    customer_id       text COLLATE "C",
    product           text COLLATE "C",
    channel           text,
    amount            jsonb,
    list_value        jsonb,
    expected_close_on date,
    close_date_pushes integer NOT NULL,
    lead              jsonb,
    lead_id           text COLLATE "C" GENERATED ALWAYS AS (lead ->> 'lead_id') STORED UNIQUE,
    lost_reason       text,
    competitor        text,
    lost_note         text,
    external_ref      text COLLATE "C" UNIQUE,
    imported_as       text,
    CONSTRAINT deals_closed_at_is_set_on_won_and_lost
        CHECK (status = 'deleted' OR (closed_at IS NOT NULL) = (status IN ('won', 'lost'))),
    CONSTRAINT deals_won_by_somebody CHECK (status <> 'won' OR customer_id IS NOT NULL)
) WITH (fillfactor = 85);
CREATE INDEX deals_team ON deals (team, id);
CREATE INDEX deals_stage ON deals (pipeline, stage, id);
CREATE INDEX deals_status ON deals (status, id);
CREATE INDEX deals_customer ON deals (customer_id, id);
CREATE INDEX deals_owners ON deals USING gin (owners jsonb_path_ops);
CREATE TABLE deal_steps (
    deal_id         text COLLATE "C" NOT NULL,
    version         integer NOT NULL,
    episode         integer NOT NULL,
    from_stage      text COLLATE "C",
    stage           text COLLATE "C" NOT NULL,
    entered_at      timestamptz NOT NULL,
    left_at         timestamptz CHECK (left_at >= entered_at),
    actor           text COLLATE "C" NOT NULL,
    override_reason text,
    PRIMARY KEY (deal_id, version)
);
CREATE TABLE deal_changes (
    deal_id     text COLLATE "C" NOT NULL,
    version     integer NOT NULL,
    kind        text NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    actor       text COLLATE "C" NOT NULL,
    reason      text,
    changed     jsonb NOT NULL,
    PRIMARY KEY (deal_id, version)
);
CREATE TABLE targets (
    id           text COLLATE "C" PRIMARY KEY,
    version      integer NOT NULL,
    external_ref text COLLATE "C" UNIQUE,
    kpi          text COLLATE "C" NOT NULL,
    scope        text COLLATE "C" NOT NULL,
    scope_value  text COLLATE "C",
    period       text COLLATE "C" NOT NULL,
    value        bigint,
    currency     text,
    changed_at   timestamptz NOT NULL,
    team         text COLLATE "C"
);
CREATE UNIQUE INDEX targets_key ON targets (kpi, scope, scope_value, period) NULLS NOT DISTINCT;
"""

_STANDARD_STAGES = [
    ("qualified", "Qualified", "已确认", "open", 2_000, 30),
    ("proposal", "Proposal", "方案报价", "open", 5_000, 30),
    ("negotiation", "Negotiation", "商务谈判", "open", 7_500, 45),
    ("on_hold", "On hold", "搁置", "hold", 1_000, None),
    ("won", "Won", "赢单", "won", 10_000, None),
    ("lost", "Lost", "输单", "lost", 0, None),
]


def upgrade() -> None:
    for statement in (*statements(_TABLES), *statements(OUTBOX_SQL), *statements(CONSUMER_SQL)):
        op.execute(statement)
    stages = [
        {
            "code": code,
            "name": {"en": english, "zh": chinese},
            "order": order,
            "type": kind,
            "probability_bp": probability_bp,
            "required_fields": ["customer_id"] if kind == "won" else [],
            "max_days": max_days,
        }
        for order, (code, english, chinese, kind, probability_bp, max_days) in enumerate(
            _STANDARD_STAGES, start=1
        )
    ]
    op.get_bind().execute(
        text(
            "INSERT INTO pipelines (code, version, name, stages, rules)"
            " VALUES ('standard', 1,"
            " CAST(:name AS jsonb), CAST(:stages AS jsonb), CAST(:rules AS jsonb))"
        ),
        {
            "name": json.dumps({"en": "Standard", "zh": "标准"}, ensure_ascii=False),
            "stages": json.dumps(stages, ensure_ascii=False),
            "rules": json.dumps({"allow_skip": True, "allow_back": False}),
        },
    )
