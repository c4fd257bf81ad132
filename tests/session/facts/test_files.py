"""Which reads bring lines that their context was shown before. Lines weigh their text + 8 characters."""

from __future__ import annotations

import pytest

from otel_sessionopt.dialects.digest import FileAccess, Operation, ResultDigest, SpanDigest, ToolKind, ToolUse
from otel_sessionopt.session import EventType, Session, SessionEvent
from otel_sessionopt.session.facts import files
from otel_sessionopt.session.facts.files import FileRead, file_reads
from tests.support.digest_builder import TraceBuilder, model_use

FOUR = ["import os", "", "def run():", "    os.abort()"]  # weights 17, 8, 18, 22: 65 in all


def _reads(builder: TraceBuilder) -> tuple[FileRead, ...]:
    return file_reads(builder.session())


def _ratios(builder: TraceBuilder) -> list[float | None]:
    return [read.repeated_ratio for read in _reads(builder)]


class TestNumberedLines:
    def test_lines_shown_before_are_repeated(self) -> None:
        first, second = _reads(TraceBuilder().read("/a.py", text=FOUR).read("/a.py", text=FOUR))

        assert (first.repeated_ratio, first.repeated_chars, first.line_chars) == (None, 0, 65)
        assert (second.repeated_ratio, second.repeated_chars, second.line_chars) == (1.0, 65, 65)
        assert (second.is_measured, second.nth_read, second.previous) == (True, 2, first.event)

    def test_other_lines_of_the_file_are_not(self) -> None:
        assert _ratios(TraceBuilder().read("/a.py", text=FOUR).read("/a.py", first=5, text=FOUR)) == [None, 0.0]

    def test_lines_that_are_partly_shown_are_repeated_in_part(self) -> None:
        builder = TraceBuilder().read("/a.py", text=FOUR[:2]).read("/a.py", text=FOUR)

        assert _reads(builder)[1].repeated_chars == 25
        assert _reads(builder)[1].repeated_ratio == 25 / 65

    def test_a_line_that_an_edit_changed_is_news_and_those_it_left_are_not(self) -> None:
        builder = TraceBuilder().read("/a.py", text=FOUR).write("/a.py")
        reads = _reads(builder.read("/a.py", text=[*FOUR[:3], "    pass"]))

        assert (reads[1].repeated_chars, reads[1].line_chars) == (43, 59)
        assert reads[1].is_write_between is True

    def test_lines_that_an_edit_moved_are_news(self) -> None:
        builder = TraceBuilder().read("/a.py", text=FOUR).write("/a.py").read("/a.py", text=["# new", *FOUR])

        assert _ratios(builder)[1] == 0.0

    def test_a_line_that_an_edit_took_back_is_news_again(self) -> None:
        builder = TraceBuilder().read("/a.py", text=FOUR).read("/a.py", text=[*FOUR[:3], "    pass"])
        read = _reads(builder.read("/a.py", text=FOUR))[2]

        assert (read.repeated_chars, read.line_chars) == (43, 65)

    def test_a_listing_whose_start_nobody_told_is_compared_all_the_same(self) -> None:
        middle = TraceBuilder().read("/a.py", first=3, text=FOUR).digests()[0]
        assert middle.tool is not None
        unknown_start = middle._replace(tool=middle.tool._replace(accesses=(FileAccess("/a.py"),)))
        builder = (
            TraceBuilder().pause(seconds=1).read("/a.py", first=3, text=FOUR).add(unknown_start._replace(span_id=90))
        )

        assert _ratios(builder) == [None, 1.0]

    def test_what_earlier_reads_showed_together_counts(self) -> None:
        builder = TraceBuilder().read("/a.py", text=FOUR[:2]).read("/a.py", first=3, text=FOUR[2:])

        assert _ratios(builder.read("/a.py", text=FOUR)) == [None, 0.0, 1.0]

    def test_the_same_lines_of_another_file_are_news(self) -> None:
        assert _ratios(TraceBuilder().read("/a.py", text=FOUR).read("/b.py", text=FOUR)) == [None, None]

    def test_an_unknown_command_in_between_changes_nothing_about_lines_that_come_back_equal(self) -> None:
        assert _ratios(TraceBuilder().read("/a.py", text=FOUR).shell("make").read("/a.py", text=FOUR))[1] == 1.0


class TestContexts:
    def test_compaction_ends_what_was_shown(self) -> None:
        builder = TraceBuilder().read("/a.py", text=FOUR).compaction().read("/a.py", text=FOUR).read("/a.py", text=FOUR)
        reads = _reads(builder)

        assert [read.repeated_ratio for read in reads] == [None, 0.0, 1.0]
        assert [read.is_compaction_between for read in reads] == [False, True, False]
        assert [read.nth_read for read in reads] == [1, 2, 3]

    def test_compaction_ends_it_without_line_numbers_too(self) -> None:
        assert _ratios(TraceBuilder().read("/a.py").compaction().read("/a.py")) == [None, 0.0]

    def test_a_sub_agent_has_been_shown_nothing(self) -> None:
        builder = TraceBuilder().agent("lead").read("/a.py", text=FOUR).agent("helper").read("/a.py", text=FOUR)

        assert _ratios(builder) == [None, None]

    def test_what_a_sub_agent_was_shown_its_caller_was_not(self) -> None:
        builder = TraceBuilder().agent("lead").agent("helper").read("/a.py").end().read("/a.py").agent("h").compaction()

        assert _ratios(builder.end().read("/a.py")) == [None, None, 1.0]

    def test_a_write_by_anybody_changes_the_file_for_all(self) -> None:
        builder = TraceBuilder(captures_content=False).agent("lead").read("/a.py").agent("helper").write("/a.py").end()
        reads = _reads(builder.read("/a.py"))

        assert (reads[1].repeated_ratio, reads[1].is_write_between) == (0.0, True)


class TestEqualTexts:
    def test_an_equal_text_is_a_repeat(self) -> None:
        second = _reads(TraceBuilder().read("/a.py", chars=900).read("/a.py", chars=900))[1]

        assert (second.repeated_ratio, second.repeated_chars, second.is_measured) == (1.0, 900, True)

    def test_another_text_of_the_same_range_is_news_even_if_no_write_was_seen(self) -> None:
        digests = TraceBuilder().read("/a.py").read("/a.py").digests()
        builder = TraceBuilder()
        for digest in digests:
            if digest.span_id == 3 and digest.tool is not None:
                digest = digest._replace(tool=digest.tool._replace(result=ResultDigest(chars=5, text_hash=77)))
            builder.add(digest)
        second = _reads(builder)[1]

        assert (second.repeated_ratio, second.is_measured) == (0.0, True)

    def test_after_a_write_the_text_decides(self) -> None:
        assert _ratios(TraceBuilder().read("/a.py").write("/a.py").read("/a.py")) == [None, 0.0]
        assert _ratios(TraceBuilder().read("/a.py").write("/a.py", error="no match").read("/a.py")) == [None, 1.0]
        assert _ratios(TraceBuilder().read("/a.py").shell("make").read("/a.py")) == [None, 1.0]


class TestRangesOnly:
    """The sender records no contents: ranges and the order of writes decide."""

    def _builder(self) -> TraceBuilder:
        return TraceBuilder(captures_content=False).read("/a.py", first=1, last=100, chars=1_000)

    @pytest.mark.parametrize(
        ("first", "last", "ratio", "chars"),
        [(1, 100, 1.0, 1_000), (20, 29, 1.0, 1_000), (101, 200, 0.0, 0), (51, 150, 0.5, 500), (None, None, None, 0)],
    )
    def test_the_range_decides(self, first: int | None, last: int | None, ratio: float | None, chars: int) -> None:
        second = _reads(self._builder().read("/a.py", first=first, last=last, chars=1_000))[1]

        assert (second.repeated_ratio, second.repeated_chars, second.is_measured) == (ratio, chars, False)

    def test_a_whole_file_read_twice_is_a_repeat(self) -> None:
        assert _ratios(TraceBuilder(captures_content=False).read("/a.py").read("/a.py")) == [None, 1.0]

    def test_after_a_write_it_is_news_and_then_a_repeat_again(self) -> None:
        builder = self._builder().write("/a.py").read("/a.py", first=1, last=100).read("/a.py", first=1, last=100)

        assert _ratios(builder) == [None, 0.0, 1.0]

    def test_a_failed_or_refused_write_changes_nothing(self) -> None:
        assert _ratios(self._builder().write("/a.py", error="no match").read("/a.py", first=1, last=100))[1] == 1.0
        assert _ratios(self._builder().write("/a.py", rejected=True).read("/a.py", first=1, last=100))[1] == 1.0

    def test_a_write_to_another_file_changes_nothing(self) -> None:
        assert _ratios(self._builder().write("/b.py").read("/a.py", first=1, last=100))[1] == 1.0

    def test_an_unknown_command_may_have_changed_the_file_even_if_it_failed(self) -> None:
        assert _ratios(self._builder().shell("make").read("/a.py", first=1, last=100))[1] == 0.0
        assert _ratios(self._builder().shell("make", error="exit-1").read("/a.py", first=1, last=100))[1] == 0.0

    def test_a_sub_agent_may_have_changed_the_file(self) -> None:
        builder = self._builder().tool("Task", kind=ToolKind.SUB_AGENT)

        assert _ratios(builder.read("/a.py", first=1, last=100))[1] == 0.0

    def test_a_command_that_changes_nothing_does_not(self) -> None:
        assert _ratios(self._builder().shell("git log", may_write=False).read("/a.py", first=1, last=100))[1] == 1.0

    def test_a_part_of_a_failed_command_may_have_written(self) -> None:
        use = ToolUse(
            "Bash", ToolKind.WRITE, command="sed -i s/a/b/ a.py && false", accesses=(FileAccess("/a.py", True),)
        )
        builder = self._builder()
        builder.add(
            SpanDigest(90, 1, "t", builder.now_ns, builder.now_ns, Operation.TOOL_CALL, error="exit-1", tool=use)
        )

        assert _ratios(builder.pause(seconds=1).read("/a.py", first=1, last=100))[1] == 0.0


class TestReads:
    def test_failed_and_refused_reads_show_nothing(self) -> None:
        builder = TraceBuilder().read("/a.py", error="not found").read("/a.py", rejected=True).read("/a.py")
        (read,) = _reads(builder)

        assert (read.nth_read, read.repeated_ratio) == (1, None)

    def test_a_call_that_reads_two_files_is_two_reads(self) -> None:
        use = ToolUse(
            "read_many", ToolKind.READ, accesses=(FileAccess("/a.py"), FileAccess("/b.py"), FileAccess("/c.py", True)),
            result=ResultDigest(chars=1_000, text_hash=5),
        )  # fmt: skip
        builder = TraceBuilder().read("/b.py", chars=10)
        builder.add(SpanDigest(90, 1, "t", builder.now_ns, builder.now_ns, Operation.TOOL_CALL, tool=use))
        _, a, b = _reads(builder)

        assert [(read.path, read.nth_read, read.line_chars) for read in (a, b)] == [
            ("/a.py", 1, 500),
            ("/b.py", 2, 500),
        ]
        assert (b.repeated_ratio, b.is_measured) == (1.0, False)

    def test_a_path_that_is_not_known_is_no_read(self) -> None:
        builder = TraceBuilder()
        builder.add(SpanDigest(2, 1, "t", 1, 2, Operation.TOOL_CALL, tool=ToolUse("Read", ToolKind.READ)))

        assert _reads(builder) == ()

    @pytest.mark.parametrize("key", ["file_path", "file", "path"])
    def test_reads_recorded_by_hand_count(self, key: str) -> None:
        session = Session("s1", "coder", "task")
        for number, event_type in enumerate(
            [EventType.FILE_READ, EventType.FILE_READ, EventType.FILE_WRITE, EventType.FILE_READ]
        ):
            session.add_event(SessionEvent(f"e{number}", "2026-01-05T09:00:00Z", event_type, {key: "a.py"}, 100, 10))
        reads = file_reads(session)

        assert [read.repeated_ratio for read in reads] == [None, 1.0, 0.0]
        assert [read.line_chars for read in reads] == [440, 440, 440]

    def test_a_read_recorded_as_failed_by_hand_shows_nothing(self) -> None:
        session = Session("s1", "coder", "task")
        for number, error in enumerate(["boom", None]):
            session.add_event(SessionEvent(f"e{number}", "", EventType.FILE_READ, {"path": "a.py"}, error=error))

        assert [read.nth_read for read in file_reads(session)] == [1]

    def test_model_calls_between_do_not_matter(self) -> None:
        builder = TraceBuilder().read("/a.py").model_call().agent(usage=model_use(5)).end().read("/a.py")

        assert _ratios(builder) == [None, 1.0]


class TestBounds:
    def test_lines_beyond_the_bound_are_never_held_to_be_repeats(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(files, "_MAX_SHOWN_LINES", 4)
        builder = TraceBuilder().read("/a.py", text=FOUR).read("/b.py", text=FOUR)

        assert _ratios(builder.read("/a.py", text=FOUR).read("/b.py", text=FOUR)) == [None, None, 1.0, 0.0]

    def test_a_file_read_in_a_thousand_ranges_remembers_the_latest(self) -> None:
        builder = TraceBuilder(captures_content=False)
        for first in range(1, 1_001):
            builder.read("/a.py", first=first, last=first)

        assert _ratios(builder.read("/a.py", first=1, last=1).read("/a.py", first=1_000, last=1_000))[-2:] == [0.0, 1.0]
