"""What the doctor says: in each finding what was seen, what is normal, what to do."""

from dataclasses import dataclass

STATES = ("fine", "doubt", "problem")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    - `state`: "fine", "doubt" (may be right, should be looked at) or "problem".
    - `about`: what was looked at, in a word or two.
    """

    state: str
    about: str
    says: str

    def __str__(self) -> str:
        return f"{self.state:<8} {self.about}: {self.says}"


@dataclass(frozen=True)
class Diagnosis:
    """All findings, in the order of looking.

    >>> diagnosis = Diagnosis((Finding("fine", "loss", "2.31"), Finding("doubt", "labels", "odd")))
    >>> diagnosis.healthy, [finding.about for finding in diagnosis.of("doubt", "problem")]
    (True, ['labels'])
    """

    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether there is no problem; doubts may remain."""
        return not self.of("problem")

    def of(self, *states: str) -> tuple[Finding, ...]:
        """Return the findings in these states."""
        return tuple(finding for finding in self.findings if finding.state in states)

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))
