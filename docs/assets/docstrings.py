"""For the reference: what a docstring says of arguments and attributes ("name: meaning. name: meaning.") as a list."""

from __future__ import annotations

import re

import griffe

# A name or several, at the start of a line or after a full stop, and a colon.
_NAMED = re.compile(r"(?:(?<=[.;] )|(?<=\n)|^)((?:[a-z]\w*)(?:(?:, | and )[a-z]\w*)*): (?=\S)")


def listed(text: str, names: set[str]) -> str:
    """The same text, each of the names that it explains in a line of a list.

    names: what may be explained; a colon after anything else is only a colon. A paragraph whose explained names are
    followed by a line that explains none keeps that line below the list.
    """
    paragraphs = text.split("\n\n")
    return "\n\n".join(_paragraph(paragraph, names) for paragraph in paragraphs)


def _paragraph(text: str, names: set[str]) -> str:
    found = [match for match in _NAMED.finditer(text) if set(re.split(r", | and ", match[1])) <= names]
    if not found:
        return text
    ends = [match.start() for match in found[1:]] + [len(text)]
    before, after, items = text[: found[0].start()].rstrip(), "", []
    for match, end in zip(found, ends, strict=True):
        meaning = text[match.end() : end].strip()
        if end == len(text):
            # A sentence on a new line after a complete one is about the whole, not about the last name.
            meaning, _, after = re.sub(r"\.\n(?=[A-Z])", ".\0", meaning, count=1).partition("\0")
        explained = ", ".join(f"`{name}`" for name in re.split(r", | and ", match[1]))
        items.append(f"- {explained}: {' '.join(meaning.split())}")
    return "\n\n".join(part for part in (before, "\n".join(items), after) if part)


class ListedArguments(griffe.Extension):
    """Applies ``listed`` to every docstring."""

    def on_function_instance(self, *, func: griffe.Function, **_: object) -> None:
        """Of a function: its parameters."""
        self._change(func, {parameter.name for parameter in func.parameters})

    def on_class_members(self, *, cls: griffe.Class, **_: object) -> None:
        """Of a class: its attributes and what makes it."""
        made = cls.members.get("__init__")
        given = {parameter.name for parameter in made.parameters} if isinstance(made, griffe.Function) else set()
        # What ends in an underscore exists after fitting, and no member says so.
        fitted = set(re.findall(r"\b[a-z]\w*_(?=[:,])", cls.docstring.value)) if cls.docstring else set()
        self._change(cls, {*cls.members} | given | fitted)

    @staticmethod
    def _change(thing: griffe.Object, names: set[str]) -> None:
        if thing.docstring is not None:
            thing.docstring.value = listed(thing.docstring.value, names)
