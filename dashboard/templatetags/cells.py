"""The cells of `dashboard.cells` for templates."""

from django import template

register = template.Library()
