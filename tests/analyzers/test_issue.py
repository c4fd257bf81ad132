from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from otel_sessionopt.analyzers.claim_kinds import CallClaim, ItemClaim, OutputClaim, PremiumClaim
from otel_sessionopt.analyzers.issue import Basis, EfficiencyIssue, IssueType, Severity, Waste, issue_id
from otel_sessionopt.pricing.catalog import PriceClass

CLAIMS = (ItemClaim("e2", 300), CallClaim("m3"), OutputClaim("m4", 20))
PREMIUMS = (PremiumClaim("m5", PriceClass.CACHE_WRITE, 700),)
EARLIER_SHAPE: dict[str, Any] = {
    "id": "large_file_1",
    "issue_type": "LARGE_FILE_UNCOMPRESSED",
    "severity": "HIGH",
    "description": "a large file",
    "suggestion": "compress it",
    "estimated_waste_tokens": 6_000,
    "estimated_waste_cost": 0.018,
    "events_involved": ["e1"],
    "metadata": {"file_path": "a.py"},
}


def _issue(waste: Waste | None = None) -> EfficiencyIssue:
    return EfficiencyIssue(
        id="repeated-file-read-01020304",
        issue_type=IssueType.REPEATED_FILE_READ,
        severity=Severity.MEDIUM,
        description="1 of 2 reads of a.py brought back only lines already shown.",
        suggestion="Work from what was already shown.",
        events_involved=["e1", "e2"],
        metadata={"file_path": "a.py"},
        waste=waste,
        code="repeated-file-read",
    )


def test_an_issue_without_waste_keeps_the_figures_that_its_maker_gave() -> None:
    issue = EfficiencyIssue("x", IssueType.TOKEN_SPIKE, Severity.LOW, "d", "s", 12, 0.5)
    assert (issue.estimated_waste_tokens, issue.estimated_waste_cost) == (12, 0.5)


def test_the_known_figures_follow_from_the_waste() -> None:
    issue = _issue(Waste(tokens=300, basis=Basis.MEASURED, cost_usd=Decimal("0.0009")))
    assert (issue.estimated_waste_tokens, issue.estimated_waste_cost) == (300, 0.0009)


def test_an_unpriced_waste_has_no_cost_rather_than_zero() -> None:
    assert _issue(Waste(tokens=300, basis=Basis.MEASURED)).estimated_waste_cost is None


def test_the_json_shape_is_the_known_one_with_code_and_waste() -> None:
    waste = Waste(tokens=300, basis=Basis.MEASURED, cost_usd=Decimal("0.5"), ledger_claims=CLAIMS, premiums=PREMIUMS)
    assert _issue(waste).to_dict() == {
        "id": "repeated-file-read-01020304",
        "issue_type": "REPEATED_FILE_READ",
        "severity": "MEDIUM",
        "description": "1 of 2 reads of a.py brought back only lines already shown.",
        "suggestion": "Work from what was already shown.",
        "estimated_waste_tokens": 300,
        "estimated_waste_cost": 0.5,
        "events_involved": ["e1", "e2"],
        "metadata": {"file_path": "a.py"},
        "code": "repeated-file-read",
        "waste": {
            "tokens": 300,
            "basis": "measured",
            "cost_usd": 0.5,
            "duration_ns": 0,
            "claims": [
                {"kind": "item", "item_id": "e2", "tokens": 300},
                {"kind": "call", "call_id": "m3"},
                {"kind": "output", "call_id": "m4", "tokens": 20},
                {"kind": "premium", "call_id": "m5", "price_class": "cache_write", "tokens": 700},
            ],
        },
    }


@pytest.mark.parametrize(
    "waste",
    [
        None,
        Waste(tokens=7, basis=Basis.HEURISTIC),
        Waste(
            tokens=300,
            basis=Basis.ESTIMATED,
            cost_usd=Decimal("0.0009"),
            duration_ns=5,
            ledger_claims=CLAIMS,
            premiums=PREMIUMS,
        ),
    ],
)
def test_an_issue_comes_back_from_its_json_shape_as_it_was(waste: Waste | None) -> None:
    issue = _issue(waste)
    assert EfficiencyIssue.from_dict(issue.to_dict()) == issue


def test_a_preview_says_so_in_json_and_comes_back_as_one() -> None:
    issue = _issue()
    issue.is_preview = True
    assert issue.to_dict()["is_preview"] is True
    assert EfficiencyIssue.from_dict(issue.to_dict()).is_preview


def test_the_earlier_tools_shape_can_be_read() -> None:
    issue = EfficiencyIssue.from_dict(EARLIER_SHAPE)
    assert issue.issue_type is IssueType.LARGE_FILE_UNCOMPRESSED
    assert (issue.estimated_waste_tokens, issue.estimated_waste_cost) == (6_000, 0.018)
    assert (issue.code, issue.waste) == ("", None)


def test_keys_of_a_later_version_are_ignored() -> None:
    assert EfficiencyIssue.from_dict({**EARLIER_SHAPE, "further": 1}).id == "large_file_1"


@pytest.mark.parametrize("key", ["id", "issue_type", "severity", "description", "suggestion"])
def test_a_missing_key_is_an_error_that_names_it(key: str) -> None:
    shape = {name: value for name, value in EARLIER_SHAPE.items() if name != key}
    with pytest.raises(KeyError, match=key):
        EfficiencyIssue.from_dict(shape)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("issue_type", "NOT_A_TYPE"),
        ("severity", "SEVERE"),
        ("estimated_waste_tokens", "many"),
        ("estimated_waste_tokens", float("nan")),
        ("estimated_waste_cost", "cheap"),
        ("estimated_waste_cost", float("inf")),
        ("events_involved", "e1"),
        ("metadata", ["a"]),
        ("waste", 12),
        ("waste", {"tokens": 1, "basis": "guessed"}),
        ("waste", {"tokens": True, "basis": "measured"}),
    ],
)
def test_a_wrong_value_is_an_error(key: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        EfficiencyIssue.from_dict({**EARLIER_SHAPE, key: value})


def test_only_measured_and_estimated_waste_counts() -> None:
    assert [basis for basis in Basis if basis.counts] == [Basis.MEASURED, Basis.ESTIMATED]


def test_an_id_is_the_code_and_eight_hex_digits_of_the_thing() -> None:
    code, _, digits = issue_id("large-file", "ctx", "/repo/a.py").rpartition("-")
    assert code == "large-file"
    assert len(digits) == 8
    assert int(digits, 16) >= 0


def test_an_id_is_the_same_for_the_same_thing_and_another_for_another() -> None:
    assert issue_id("large-file", "c", "a.py") == issue_id("large-file", "c", "a.py")
    others = {issue_id("large-file", "c", "b.py"), issue_id("large-file", "d", "a.py"), issue_id("large-file", "ca.py")}
    assert issue_id("large-file", "c", "a.py") not in others
    assert len(others) == 3


def test_an_id_can_be_made_from_text_that_is_no_valid_unicode() -> None:
    assert issue_id("large-file", "c", "a\udcff.py").startswith("large-file-")
