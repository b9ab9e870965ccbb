"""Projects with tasks, cost entries, time logs, their audit, and the event machinery."""

from alembic import op

from events.schema_sql import CONSUMER_SQL, OUTBOX_SQL, statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_DIMENSIONS = "team text, channel text, segment text, sector text, region text, product text"

_TABLES = f"""
CREATE TABLE projects (
    id text COLLATE "C" PRIMARY KEY,
    version integer NOT NULL CHECK (version >= 1),
    external_ref text COLLATE "C" UNIQUE,
    name text NOT NULL,
    stage text NOT NULL
        CHECK (stage IN ('plan', 'execute', 'monitor', 'evaluate', 'closed', 'cancelled')),
    {_DIMENSIONS},
    start_on date,
    due_on date,
    owner_id text COLLATE "C",
    customer_id text COLLATE "C",
    budget_minor bigint CHECK (budget_minor >= 0),
    budget_currency text,
    budget_rate text,
    budget_rate_on date,
    progress_by text NOT NULL CHECK (progress_by IN ('count', 'effort', 'weight')),
    progress_bp integer NOT NULL CHECK (progress_bp BETWEEN 0 AND 10000),
    baselines jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    started_at timestamptz,
    completed_at timestamptz,
    accepted_first_time boolean,
    evaluation text,
    closed_at timestamptz,
    cancelled_at timestamptz,
    import_digest text,
    CONSTRAINT closed_with_evaluation CHECK (stage <> 'closed' OR evaluation IS NOT NULL)
);
CREATE INDEX projects_team ON projects (team, id);
CREATE INDEX projects_customer ON projects (customer_id, id);
CREATE INDEX projects_owner ON projects (owner_id, id);

CREATE TABLE tasks (
    id text COLLATE "C" PRIMARY KEY,
    project_id text COLLATE "C" NOT NULL REFERENCES projects (id),
    version integer NOT NULL CHECK (version >= 1),
    external_ref text COLLATE "C",
    title text NOT NULL,
    planned_start_on date,
    planned_end_on date,
    effort_minutes integer CHECK (effort_minutes >= 0),
    weight integer NOT NULL CHECK (weight >= 0),
    progress_bp integer NOT NULL CHECK (progress_bp BETWEEN 0 AND 10000),
    started_at timestamptz,
    finished_at timestamptz,
    depends_on jsonb NOT NULL
);
CREATE INDEX tasks_project ON tasks (project_id, id);

CREATE TABLE costs (
    id text COLLATE "C" PRIMARY KEY,
    version integer NOT NULL CHECK (version >= 1),
    external_ref text COLLATE "C" UNIQUE,
    kind text NOT NULL CHECK (kind IN ('acquisition', 'operating', 'project')),
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    currency text NOT NULL,
    rate text,
    rate_on date,
    incurred_on date NOT NULL,
    category text,
    project_id text COLLATE "C" REFERENCES projects (id),
    process text,
    campaign_id text COLLATE "C",
    note text,
    {_DIMENSIONS},
    changed_at timestamptz NOT NULL,
    voided_at timestamptz,
    void_reason text,
    import_digest text
);
CREATE INDEX costs_day ON costs (incurred_on, id);
CREATE INDEX costs_project ON costs (project_id, incurred_on, id);

CREATE TABLE time_logs (
    id text COLLATE "C" PRIMARY KEY,
    version integer NOT NULL CHECK (version >= 1),
    external_ref text COLLATE "C" UNIQUE,
    person_id text COLLATE "C" NOT NULL,
    work_date date NOT NULL,
    minutes integer NOT NULL CHECK (minutes BETWEEN 1 AND 1440),
    team text,
    project_id text COLLATE "C" REFERENCES projects (id),
    process text,
    note text,
    changed_at timestamptz NOT NULL,
    taken_back_at timestamptz,
    import_digest text,
    CONSTRAINT worked_on_one_thing CHECK (num_nonnulls(project_id, process) = 1)
);
CREATE INDEX time_logs_day ON time_logs (work_date, id);
CREATE INDEX time_logs_person ON time_logs (person_id, work_date, id);
CREATE INDEX time_logs_project ON time_logs (project_id, work_date, id);

CREATE TABLE changes (
    subject_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    act text NOT NULL,
    fields text[] NOT NULL,
    stage text,
    note text,
    actor text NOT NULL,
    occurred_at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (subject_id, version)
);

CREATE TABLE customers (
    id text COLLATE "C" PRIMARY KEY,
    channel text,
    segment text,
    sector text,
    region text
);
"""


def upgrade() -> None:
    for script in (_TABLES, OUTBOX_SQL, CONSUMER_SQL):
        for statement in statements(script):
            op.execute(statement)
