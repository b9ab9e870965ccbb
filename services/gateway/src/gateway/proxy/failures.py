"""How a call to a service can fail, in the caller's words."""

from __future__ import annotations

from chassis.errors import Unavailable


class ServiceUnavailable(Unavailable):
    """The service is not to be asked now: its circuit is open or its places are taken."""

    title = "a service behind the gateway is unavailable"


class ServiceUnreachable(Unavailable):
    """The service could not be reached, or its answer broke off."""

    title = "a service behind the gateway could not be reached"


class ServiceTooSlow(Unavailable):
    """The service did not answer within the deadline. A command may still have been done."""

    title = "a service behind the gateway did not answer in time"
