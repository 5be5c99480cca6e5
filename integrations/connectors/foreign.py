"""Foreign text on its way into a ticket, and out of one."""

from remediation.markers import without_markers

LONGEST_NAME = 250


def one_line(text: object, most: int = LONGEST_NAME) -> str:
    """Foreign text for a field, or a place in a sentence, of one line."""
    return cut(" ".join(own_words(str(text)).split()), most)


def own_words(text: str) -> str:
    """Clean, and without anything that looks like a marker: in this order, for what is cleaned away could hide one."""
    return without_markers(clean(text))


def clean(text: str) -> str:
    """Without control characters (line breaks stay) and without halves of characters, which are no Unicode text."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(letter for letter in whole if letter.isprintable() or letter in "\n\t")


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
