"""What the readers raise among themselves where input is not what it should be."""

from __future__ import annotations


class Malformed(Exception):  # noqa: N818 - names the state of the input; users see `InputError`
    """A piece of input that cannot be read; the reader that knows its position turns it into an `InputError`.

    The message never quotes the input: values may be prompts or secrets.
    """


class CutOff(Malformed):
    """The input ends in the middle of something: nothing more can be read."""
