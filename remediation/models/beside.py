"""What stands on a device beside the version that an exposure names."""

from django.db import models

from .devices import Device
from .inventory import SoftwareVersion


class InstalledBeside(models.Model):
    """Another vulnerable version of the same product on an exposed device, less risky than the one the exposure names.

    With the exposures these are all vulnerable installations that a full sync saw, and few of them: most devices have
    one version of a product. Without them nobody could tell whether the product is clean once the named version went.
    """

    pk = models.CompositePrimaryKey("device_id", "version_id")
    device = models.ForeignKey(Device, on_delete=models.CASCADE, related_name="+", db_index=False)
    version = models.ForeignKey(SoftwareVersion, on_delete=models.CASCADE, related_name="+", db_index=False)

    class Meta:
        default_permissions = ()
