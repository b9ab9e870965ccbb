"""The one way in which this package gives up: a line that states a fact and the mend."""


class CannotStart(Exception):
    """The stack cannot run. Shown to the user as one line; the command ends with exit code 2."""

    def __init__(self, fact: str, *, mend: str) -> None:
        super().__init__(f"{fact}; {mend}")
        self.fact = fact
        self.mend = mend
