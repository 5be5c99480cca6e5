"""How a start is refused."""


class Refused(Exception):
    """The product cannot start; the text is a sentence for the person at the terminal."""
