"""Everything that is said to Microsoft: one client a resource, used by sources and connectors alike.

    answer = graph_client().post("/beta/deviceAppManagement/deviceAppManagementTasks", body)

A call never raises for what the network or the other side does; it returns an `Answer`. Three cases, by two properties:

* `answer.is_complete`: a status, headers and the whole body arrived. `status` says what they are worth; redirects are
  never followed, so 3xx arrives as it is. `answer.json()` parses strictly, or raises `BrokenBody`.
* `answer.was_not_sent`: nothing of the request left this machine (no such host, refused, TLS failed, no token, address
  not allowed). To repeat it is safe.
* neither: unknown. Bytes may have arrived over there. `status` is set when at least the status line came back (then
  `failure` is BROKEN or TOO_LARGE), else None.

`answer.reason` is a sentence for people without any secret in it. `client_request_id` is new with every request.
"""

from .answers import Answer, BrokenBody, Failure, retry_after
from .client import MicrosoftClient
from .clients import configmgr_client, defender_client, forget_clients, graph_client, groups_client, login_client
from .code_flow import Broken, CodeFlow
from .downloads import Downloads
from .id_tokens import BadToken, NoKeys, read_id_token

__all__ = [
    "Answer",
    "BadToken",
    "Broken",
    "BrokenBody",
    "CodeFlow",
    "Downloads",
    "Failure",
    "MicrosoftClient",
    "NoKeys",
    "configmgr_client",
    "defender_client",
    "forget_clients",
    "graph_client",
    "groups_client",
    "login_client",
    "read_id_token",
    "retry_after",
]
