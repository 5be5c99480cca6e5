"""Our own layout object for crispy forms."""

from typing import Any

from crispy_forms.layout import LayoutObject
from django.template.loader import render_to_string
from django.utils.safestring import SafeString


class Part(LayoutObject):
    """Some fields of a form, drawn by a template of ours that finds them under `form`."""

    def __init__(self, template: str, *fields: str) -> None:
        self.template = template
        self.fields = list(fields)

    def render(self, form: Any, context: Any, template_pack: str = "", **kwargs: Any) -> SafeString:
        form.rendered_fields.update(self.fields)
        return render_to_string(self.template, context.flatten() | {"form": form})
