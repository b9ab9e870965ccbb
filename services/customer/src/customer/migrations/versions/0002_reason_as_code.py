"""Why a lead was given up is a code; what was written about it is a note beside it."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CODES = (
    "('no_need', 'no_budget', 'fit', 'competitor', 'unreachable', 'duplicate', 'spam', 'other',"
    " 'unknown')"
)


def upgrade() -> None:
    op.execute("ALTER TABLE leads ADD COLUMN disqualified_note text")
    op.execute(
        "UPDATE leads SET disqualified_note = disqualified_reason, disqualified_reason = 'other'"  # noqa: S608
        f" WHERE disqualified_reason NOT IN {_CODES}"
    )
