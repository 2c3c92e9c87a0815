"""What an answer looks like once a fault has met it: pages of a gateway, damaged bodies, answers without ids."""

from __future__ import annotations

import json
from dataclasses import replace

from workbench.rehearsal.engine.contract import Reply

HTML = "text/html; charset=utf-8"
GATEWAY = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}
PAGE = "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
BLOCKED = """<!DOCTYPE html>
<html lang="en-US"><head><title>Attention Required! | Cloudflare</title></head>
<body><h1>Sorry, you have been blocked</h1><p>This error is produced by Cloudflare.</p></body></html>
"""


def gateway(status: int) -> Reply:
    """The page with which a proxy in front of the vendor tells 502, 503 or 504."""
    return Reply(status, PAGE.format(title=f"{status} {GATEWAY[status]}").encode(), HTML)


def blocked() -> Reply:
    """The page of the network in front of a vendor, which lets nothing through any more."""
    return Reply(403, BLOCKED.encode(), HTML, {"server": "cloudflare"})


def spoiled(reply: Reply, kind: str, *, host: str) -> Reply:
    """The answer as the fault leaves it; the work behind it is done."""
    if kind == "truncated":
        return replace(reply, body=half(reply))
    if kind == "html_200":
        return Reply(200, PAGE.format(title="We will be back soon").encode(), HTML)
    if kind == "invalid_json":
        return replace(reply, body=reply.body[:-1] + b",,}")
    if kind == "no_id":
        return _without_ids(reply, host)
    return reply


def half(reply: Reply) -> bytes:
    """The first half of the body."""
    return reply.body[: len(reply.body) // 2]


def _without_ids(reply: Reply, host: str) -> Reply:
    """Without the keys named id and without addresses of this host, which lead to one."""
    try:
        body = json.loads(reply.body)
    except ValueError:
        return reply
    return replace(reply, body=json.dumps(_bare(body, host), ensure_ascii=False, separators=(",", ":")).encode())


def _bare(value: object, host: str) -> object:
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key != "id" and not (isinstance(item, str) and host in item)}
        return {key: _bare(item, host) for key, item in kept.items()}
    return [_bare(item, host) for item in value] if isinstance(value, list) else value
