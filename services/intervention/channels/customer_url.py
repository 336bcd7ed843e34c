"""Post to a URL of a customer's: through the guard, to the address that was checked."""

from __future__ import annotations

from collections.abc import Mapping

from services.common.guard import Guard, RefusedUrl, UnresolvedUrl
from services.common.http_client import Answer, Http, NotSent, Unanswered
from services.intervention.channels.message import Message
from services.intervention.channels.verdict import Ending, Verdict


class CustomerUrl:
    """What Slack, Teams and webhooks share."""

    def __init__(self, http: Http, guard: Guard) -> None:
        self._http = http
        self._guard = guard

    async def post(
        self, message: Message, headers: Mapping[str, str], *, silence: Ending
    ) -> Answer | Verdict:
        """Post the body; what went wrong before an answer came is a verdict already.

        Args:
            silence: what it means if the connection stood and no answer came.
        """
        try:
            target = await self._guard.check(message.address)
            return await self._http.request(
                "POST",
                target.url,
                headers={**headers, "host": target.host_header},
                content=message.body.encode(),
                tls_name=target.tls_name,
            )
        except RefusedUrl as error:
            return Verdict(Ending.DROP, f"refused_url:{error}")
        except (UnresolvedUrl, NotSent) as error:
            return Verdict(Ending.RETRY, f"no_connection:{error}", down=True)
        except Unanswered as error:
            return Verdict(silence, f"no_answer:{error}", down=True)
