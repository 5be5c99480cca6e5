"""Addresses that many pages link to."""

from django.urls import reverse


def device(pk: int) -> str:
    return reverse("device", args=[pk])


def software(pk: int) -> str:
    return reverse("software", args=[pk])


def weakness(pk: int) -> str:
    """By its number: the source's names may hold what no address can."""
    return reverse("weakness", args=[pk])
