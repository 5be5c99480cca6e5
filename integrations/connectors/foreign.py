"""Foreign text on its way into a ticket, and out of one."""

from remediation.markers import without_markers


def clean(text: str) -> str:
    """Without control characters (line breaks stay) and without halves of characters, which are no Unicode text."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(letter for letter in whole if letter.isprintable() or letter in "\n\t")


def one_line(text: str, most: int = 250) -> str:
    """Foreign text for a field of one line, without anything that looks like a marker."""
    line = without_markers(" ".join(clean(str(text)).split()))
    return line if len(line) <= most else line[: most - 1] + "…"
