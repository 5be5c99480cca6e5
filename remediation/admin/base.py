"""What every page of the admin keeps to: odd addresses, and who may look at what nobody changes."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db import DataError, models, transaction
from django.http import HttpRequest

from ..fields import RowsField
from ..signed_in import SignedInRequest

# Like that of the lists. Each word of more costs the database a condition a field.
_LONGEST_SEARCH = 200


class CarefulChangeList(ChangeList):
    """Filters of the address that the database cannot be asked with are as wrong as those that Django knows to be."""

    def get_results(self, request: HttpRequest) -> None:
        try:
            with transaction.atomic():
                super().get_results(request)
        except (ValueError, DataError) as problem:
            raise IncorrectLookupParameters(problem) from problem


class CarefulAdmin(admin.ModelAdmin):
    """Odd addresses lead to a page, whatever the database makes of them."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return CarefulChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet, search_term: str
    ) -> tuple[models.QuerySet, bool]:
        return super().get_search_results(request, queryset, search_term[:_LONGEST_SEARCH])

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, **{"form_class": RowsField} | kwargs)


class ReadOnlyAdmin(CarefulAdmin):
    """A record of what has happened: nobody adds, changes or deletes."""

    show_full_result_count = False
    actions = None
    # The redirect that it leads to is closed.
    view_on_site = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class WholeOrganisationAdmin(ReadOnlyAdmin):
    """Raw rows, which cannot be cut to device groups: for those who see all of them, superusers included."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        sees_all_groups = cast(SignedInRequest, request).user.sees_all_groups
        return sees_all_groups and super().has_view_permission(request, obj)
