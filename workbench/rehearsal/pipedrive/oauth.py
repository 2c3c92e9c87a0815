"""OAuth of the Pipedrive rehearsal: codes, access tokens and refresh tokens of one app, of which the state keeps digests."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qs, urlencode

from workbench.rehearsal.engine import Call, House, Json, Reply, as_json
from workbench.rehearsal.pipedrive.scopes import EVERYTHING, opening

PATH = "oauth"
CODE_SECONDS = 300
REFRESH_SECONDS = 60 * 86_400
OPEN_CODES = 100
"""So many codes may wait at once, as whoever reaches the port can ask for one; of more, the oldest opens no longer."""
KEPT = "oauth"


class Grants:
    """What the app of the recipe was granted.

    Its client secret is the key that the rehearsal was started with, so that no recipe and no state holds one. The state
    holds for each digest of a code or token the moment at which it ends.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._state = house.state
        app: Json = house.tenant.get("oauth", {})
        self._client = str(app.get("client_id", "rehearsal"))
        self._redirect = str(app.get("redirect_uri", "http://127.0.0.1/callback"))
        self._scope = str(app.get("scope") or EVERYTHING)
        self._own = _digest(str(app["code"])) if "code" in app else None
        self._secret = b""

    def asked(self, call: Call) -> bool:
        """Whether a request is one for the OAuth host."""
        return call.parts[:1] == (PATH,)

    def remember(self, key: str) -> None:
        """Learn the client secret, which the wire alone holds."""
        self._secret = key.encode()

    def opens(self, call: Call) -> bool:
        """Whether the request carries an access token that has not ended."""
        token = _bearer(call)
        ends = self._kept()["access"].get(_digest(token)) if token else None
        return ends is not None and call.now < ends

    def covers(self, call: Call) -> bool:
        """Whether the app's scopes open what the request asks for; whoever comes with the account's key needs none."""
        parts = call.parts[1:] if call.parts[:1] == ("api",) else call.parts
        opened = opening(call, parts[1:])
        return not bearing(call) or not opened or bool(opened & set(self._scope.split()))

    def answer(self, call: Call) -> Reply:
        """``/oauth/authorize``, ``/oauth/token`` and ``/oauth/revoke``."""
        if call.slash:  # what turns the POST of many clients into a GET: §6 pitfall 9
            return _moved(f"{call.host}/{'/'.join(call.parts)}", 301)
        asked = (call.method, *call.parts[1:])
        if asked == ("GET", "authorize"):
            return self._authorize(call)
        if asked not in (("POST", "token"), ("POST", "revoke")):
            return _denied(404, "invalid_request", "Not found")
        if not self._client_known(call):
            return _denied(401, "invalid_client", "Client authentication failed")
        form = {name: values[-1] for name, values in parse_qs(call.body.decode("utf-8", "replace")).items()}
        return self._token(call, form) if asked[1] == "token" else self._revoke(form)

    def _authorize(self, call: Call) -> Reply:
        """The consent of the user, given at once: back to the app with a new code."""
        wanted = (call.query.get("client_id"), call.query.get("redirect_uri", self._redirect))
        if wanted != (self._client, self._redirect):
            return _denied(400, "invalid_request", "Unknown client_id or redirect_uri")
        code = secrets.token_hex(20)
        kept = self._kept()
        kept["codes"][_digest(code)] = self._in(call.now, CODE_SECONDS)
        self._keep(kept, call.now)
        state = {"state": call.query["state"]} if "state" in call.query else {}
        return _moved(f"{self._redirect}?{urlencode({'code': code, **state})}", 302)

    def _client_known(self, call: Call) -> bool:
        scheme, _, given = call.headers.get("authorization", "").partition(" ")
        try:
            name, _, secret = base64.b64decode(given, validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return False
        same = hmac.compare_digest(name, self._client.encode()) and hmac.compare_digest(secret, self._secret)
        return scheme.lower() == "basic" and bool(self._secret) and same

    def _token(self, call: Call, form: Mapping[str, str]) -> Reply:
        kept = self._kept()
        kind = form.get("grant_type")
        if kind == "authorization_code":
            if form.get("redirect_uri", self._redirect) != self._redirect or not self._use_code(
                kept, call, form.get("code", "")
            ):
                return _denied(400, "invalid_grant", "Invalid authorization code")
            return self._granted(kept, call, secrets.token_hex(20))
        if kind == "refresh_token":
            return self._refreshed(kept, call, form.get("refresh_token", ""))
        return _denied(400, "unsupported_grant_type", "Unknown grant type")

    def _use_code(self, kept: Json, call: Call, code: str) -> bool:
        """A code opens once: one that was made here within five minutes, the one of the recipe at any time."""
        digest = _digest(code)
        if digest != self._own:
            return call.now < float(kept["codes"].pop(digest, 0))
        if digest in kept["used"]:
            return False
        kept["used"][digest] = call.now
        return True

    def _refreshed(self, kept: Json, call: Call, refresh: str) -> Reply:
        if call.now >= kept["refresh"].get(_digest(refresh), 0):
            return _denied(400, "invalid_grant", "Invalid refresh token")
        if not self._house.switches.on("oauth_rotation"):
            return self._granted(kept, call, refresh)
        del kept["refresh"][_digest(refresh)]
        return self._granted(kept, call, secrets.token_hex(20))

    def _granted(self, kept: Json, call: Call, refresh: str) -> Reply:
        access = secrets.token_hex(20)
        seconds = self._house.switches.number("oauth_seconds")
        kept["access"][_digest(access)] = self._in(call.now, seconds)
        kept["refresh"][_digest(refresh)] = self._in(call.now, REFRESH_SECONDS)
        self._keep(kept, call.now)
        return as_json(
            {
                "access_token": access,
                "token_type": "Bearer",
                "refresh_token": refresh,
                "scope": self._scope,
                "expires_in": max(int(self._house.clock.wait(seconds)), 1),
                "api_domain": call.host,
            }
        )

    def _revoke(self, form: Mapping[str, str]) -> Reply:
        """End a token; a refresh token takes everything of the app with it."""
        kept, digest = self._kept(), _digest(form.get("token", ""))
        kept["access"].pop(digest, None)
        if digest in kept["refresh"]:
            kept = {**kept, "access": {}, "refresh": {}}
        self._state.set_meta(KEPT, kept)
        return as_json({"success": True})

    def _in(self, now: float, seconds: float) -> float:
        return now + self._house.clock.wait(seconds)

    def _kept(self) -> Json:
        return {"access": {}, "refresh": {}, "codes": {}, "used": {}, **(self._state.meta(KEPT) or {})}

    def _keep(self, kept: Json, now: float) -> None:
        """Write down what has not ended."""
        live = {kind: {key: ends for key, ends in kept[kind].items() if now < ends} for kind in ("access", "refresh", "codes")}
        live["codes"] = dict(sorted(live["codes"].items(), key=lambda code: float(code[1]))[-OPEN_CODES:])
        # A code that was made here is forgotten with its use; the one of the recipe must stay used.
        self._state.set_meta(KEPT, {**live, "used": {key: at for key, at in kept["used"].items() if key == self._own}})


def bearing(call: Call) -> bool:
    """Whether the request comes under a grant, not under the account's key."""
    return bool(_bearer(call))


def _bearer(call: Call) -> str:
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _denied(status: int, error: str, message: str) -> Reply:
    return as_json({"success": False, "message": message, "error": error}, status)


def _moved(place: str, status: int) -> Reply:
    return replace(as_json({"success": True}, status), headers={"location": place})
