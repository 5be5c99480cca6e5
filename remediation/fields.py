"""What people write, cleaned at the border: the databases disagree about what they would store."""

import re
import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

LONGEST_NOTE = 1000
_MAY_STAY = {"\n", "\t"}
COULD_BE_AN_ID = re.compile("[0-9]{1,18}")


class NoteField(forms.CharField):
    """Several lines of plain text. Counts as the browser and the ticket systems do: in UTF-16 units."""

    widget = forms.Textarea

    def __init__(self, **kwargs: Any) -> None:
        options: dict[str, Any] = {"required": False, "label": _("Note")} | kwargs
        super().__init__(**options)
        self.validators = []
        self.widget.attrs.update({"maxlength": LONGEST_NOTE, "rows": 4, "class": "form-control"})

    def to_python(self, value: object) -> str:
        text = str(value or "").replace("\r\n", "\n").replace("\r", "\n")
        return text.strip()

    def validate(self, value: str) -> None:
        super().validate(value)
        if any(_is_unwelcome(character) for character in value):
            raise ValidationError(
                _("This text holds characters that cannot be stored, such as NUL. Type it again, or paste plain text."),
                code="control_characters",
            )
        length = len(value.encode("utf-16-le")) // 2
        if length > LONGEST_NOTE:
            raise ValidationError(
                _("Use at most %(most)s characters; this is %(length)s."),
                code="too_long",
                params={"most": f"{LONGEST_NOTE:,}", "length": f"{length:,}"},
            )


class RowsField(forms.ModelMultipleChoiceField):
    """Rows by their ids. One that no database could hold is refused before it is asked for."""

    def clean(self, value: Any) -> QuerySet:
        for text in value if isinstance(value, list | tuple) else []:
            if not COULD_BE_AN_ID.fullmatch(str(text)):
                raise ValidationError(
                    self.error_messages["invalid_choice"], code="invalid_choice", params={"value": str(text)[:20]}
                )
        return super().clean(value)


class GroupsField(RowsField):
    """Device groups."""


def _is_unwelcome(character: str) -> bool:
    """Control characters and lone surrogates."""
    return unicodedata.category(character) in {"Cc", "Cs"} and character not in _MAY_STAY
