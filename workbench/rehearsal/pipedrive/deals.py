"""Deals: stage and pipeline, the times of winning and losing, the archive, participants, and a value made by products."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.rehearsal.engine import Json, Refusal, Traits, as_json
from workbench.rehearsal.pipedrive.answers import SUPPORT, invalid
from workbench.rehearsal.pipedrive.links import Links
from workbench.rehearsal.pipedrive.persons import SHARED
from workbench.rehearsal.pipedrive.shapes import Check, Shape, between, boolean, integer, nullable, number, one_of, text
from workbench.rehearsal.pipedrive.stamps import clearable_day, kept_day, seconds_of, shown_moment, written_moment

STATUSES = ("open", "won", "lost")
ARCHIVED = "archived "
"""What precedes the status of an archived deal in its facet."""
LINES, DISCOUNTS, INSTALLMENTS = "dealProducts", "dealDiscounts", "dealInstallments"
KEYS: dict[str, Check] = {
    "title": text,
    "owner_id": integer,
    "person_id": nullable(integer),
    "org_id": nullable(integer),
    "pipeline_id": integer,
    "stage_id": integer,
    "value": nullable(number),
    "currency": text,
    "is_deleted": one_of(False),
    "is_archived": boolean,
    "archive_time": written_moment,
    "status": one_of(*STATUSES),
    "probability": nullable(between(integer, 0, 100)),
    "lost_reason": nullable(text),
    "visible_to": integer,
    "close_time": nullable(written_moment),
    "won_time": written_moment,
    "lost_time": written_moment,
    "expected_close_date": clearable_day,
    "label_ids": SHARED["label_ids"],
    "custom_fields": SHARED["custom_fields"],
}
SHAPE = Shape(KEYS, required=("title",))
UNDOCUMENTED: dict[str, Check] = {"channel_id": nullable(text), "add_time": written_moment}
"""Keys that no page names any more and clients send: the channel a deal came by, and the time of its creation."""
DATED = Shape({**KEYS, "add_time": UNDOCUMENTED["add_time"]}, required=("title",))
PATCH = Shape(KEYS)
ONLY_ONCE_WON, ONLY_ONCE_LOST = ("won_time",), ("lost_time", "lost_reason")
OUTCOME = ("won_time", "lost_time", "close_time", "lost_reason")
PLAIN = ("value", "currency", "probability", "channel_id")


class Deals:
    """The rules of deals."""

    name = "deals"
    object = "deal"
    parts: Sequence[str] = (LINES, DISCOUNTS, INSTALLMENTS)

    def __init__(self, links: Links) -> None:
        self._links = links
        self._account = links.account
        self._room = 0  # so many more deals may be open for certain; to count them at each new one takes ever longer

    def draft(self, given: Json, old: Json, now: float) -> Json:
        if old.get("is_archived"):
            self._refuse_archived(given)
        body = {**old, **{key: given[key] for key in PLAIN if key in given}}
        body |= self._titled(given)
        self._refuse_currency(body)
        body |= self._placed(given, old, now)
        body |= self._ended(given, old, now)
        body |= self._archived(given, old, now)
        self._may_be_open(body, old)
        for key, kind in (("person_id", "persons"), ("org_id", "organizations")):
            if key in given:
                self._links.check(key, kind, given[key])
                body[key] = given[key]
        if "expected_close_date" in given:
            body["expected_close_date"] = kept_day(given["expected_close_date"])
        if "label_ids" in given:
            body["label_ids"] = self._links.labels(self.object, given["label_ids"])
        body["participants"] = self._participants(given, body, old)
        body["creator_user_id"] = old.get("creator_user_id", self._account.me["id"])
        body["owner_id"] = self._links.owner(given, old)
        body["visible_to"] = self._links.visibility(given, old)
        body["custom_fields"] = self._links.custom(self.object, given, old)
        return body

    def _titled(self, given: Json) -> Json:
        if "title" not in given:
            return {}
        if not given["title"].strip():
            invalid(["title: The value is required"])
        return {"title": given["title"].strip()}

    def _refuse_archived(self, given: Json) -> None:
        """An archived deal takes no edit; whether it can be brought back is a switch."""
        back = given == {"is_archived": False} and self._links.switches["unarchive"] == "accept"
        if not back:
            invalid(["deal: Archived deals cannot be edited"])

    def _refuse_currency(self, body: Json) -> None:
        body.setdefault("currency", self._account.currency)
        if body["currency"] not in self._account.currencies:
            invalid([f"currency: Unknown currency '{body['currency']}'"])

    def _placed(self, given: Json, old: Json, now: float) -> Json:
        """A stage implies its pipeline, a pipeline alone its first stage."""
        stage = self._stage_of(given, old)
        if stage is None:
            return {}
        moved = old and stage["id"] != old["stage_id"]
        return {
            "stage_id": stage["id"],
            "pipeline_id": stage["pipeline_id"],
            **({"stage_change_time": now} if moved else {}),
        }

    def _stage_of(self, given: Json, old: Json) -> Json | None:
        stage_id, pipeline_id = given.get("stage_id"), given.get("pipeline_id")
        if stage_id is not None:
            stage: Json | None = self._account.stage(stage_id)
            if stage is None:
                invalid([f"stage_id: Stage {stage_id} does not exist"])
            mismatch = pipeline_id is not None and pipeline_id != stage["pipeline_id"]
            if mismatch and self._links.switches["stage_mismatch"] == "reject":
                invalid([f"stage_id: Stage {stage_id} does not belong to pipeline {pipeline_id}"])
            return stage
        if pipeline_id is None:
            return None if old else self._account.default_stage()
        if pipeline_id == old.get("pipeline_id"):
            return None
        stages: Sequence[Json] = self._account.stages_of(pipeline_id)
        if not stages:
            invalid([f"pipeline_id: Pipeline {pipeline_id} does not exist or has no stages"])
        return stages[0]

    def _ended(self, given: Json, old: Json, now: float) -> Json:
        """Status with its times and reason; it is the state after the write that must hold."""
        status = str(given.get("status") or old.get("status") or "open")
        self._refuse_outcome(given, status)
        if status == "open":
            return {"status": status, **dict.fromkeys(OUTCOME)}
        changed = status != old.get("status")
        kept = {} if changed else {key: old.get(key) for key in OUTCOME}
        own = f"{status}_time"
        moment = seconds_of(given.get(own)) or seconds_of(given.get("close_time")) or kept.get(own) or now
        closed = seconds_of(given.get("close_time")) or (moment if own in given else kept.get("close_time") or moment)
        ended: Json = {**dict.fromkeys(OUTCOME), **kept, "status": status, own: moment, "close_time": closed}
        if "lost_reason" in given:
            ended["lost_reason"] = given["lost_reason"]
        if status == "won":
            ended["first_won_time"] = old.get("first_won_time") or moment
        return ended

    def _refuse_outcome(self, given: Json, status: str) -> None:
        problems = [
            f"{key}: {key} can only be set if deal status is {wanted}"
            for wanted, keys in (("won", ONLY_ONCE_WON), ("lost", ONLY_ONCE_LOST))
            for key in keys
            if given.get(key) is not None and status != wanted
        ]
        if given.get("close_time") is not None and status == "open":
            problems.append("close_time: close_time can only be set if deal status is won or lost")
        if problems:
            invalid(problems)

    def _archived(self, given: Json, old: Json, now: float) -> Json:
        archived = given.get("is_archived", old.get("is_archived", False))
        if not archived:
            if given.get("archive_time") is not None:
                invalid(["archive_time: archive_time can only be set if the deal is archived"])
            return {"is_archived": None, "archive_time": None}
        return {"is_archived": True, "archive_time": seconds_of(given.get("archive_time")) or old.get("archive_time") or now}

    def _may_be_open(self, body: Json, old: Json) -> None:
        """The plan's limit of open deals."""
        if body["status"] != "open" or body.get("is_archived") or (old.get("status") == "open" and not old.get("is_archived")):
            return
        if self._room <= 0:
            known = self._links.state.count("kind = 'deals' AND deleted IS NULL AND facet = 'open'", ())
            self._room = self._account.caps.open_deals - known
        self._room -= 1
        if self._room < 0:
            text_ = "Couldn't add the deal. Open deals limit reached."
            rest = {"error_info": SUPPORT, "data": None, "additional_data": None, "code": "feature_capping_deals_limit"}
            raise Refusal(403, text_, reply=as_json({"success": False, "error": text_, **rest}, 403))

    def _participants(self, given: Json, body: Json, old: Json) -> list[int]:
        """Everyone in the deal; its own person counts as one, and leaves when another takes the place."""
        others: Sequence[int] = given["participants"] if "participants" in given else old.get("participants", [])
        left = old.get("person_id") if "person_id" in given and given["person_id"] != old.get("person_id") else None
        own = [body["person_id"]] if body.get("person_id") else []
        return list(dict.fromkeys([*own, *(number for number in others if number != left)]))

    def shown(self, body: Json) -> Json:
        return {
            "title": body["title"],
            "creator_user_id": body["creator_user_id"],
            "owner_id": body["owner_id"],
            "value": body.get("lines_value", body.get("value", 0)),
            "person_id": body.get("person_id"),
            "org_id": body.get("org_id"),
            "stage_id": body["stage_id"],
            "pipeline_id": body["pipeline_id"],
            "currency": body["currency"],
            "archive_time": shown_moment(body.get("archive_time")),
            "stage_change_time": shown_moment(body.get("stage_change_time")),
            "status": body["status"],
            "is_archived": body.get("is_archived", False),
            "probability": body.get("probability"),
            "lost_reason": body.get("lost_reason"),
            "visible_to": body["visible_to"],
            "close_time": shown_moment(body.get("close_time")),
            "won_time": shown_moment(body.get("won_time")),
            "lost_time": shown_moment(body.get("lost_time")),
            "expected_close_date": body.get("expected_close_date"),
            "label_ids": body.get("label_ids", []),
            "origin": body.get("origin", "API"),
            "origin_id": body.get("origin_id"),
            "channel": body.get("channel"),
            "channel_id": body.get("channel_id"),
            **{key: body.get(key) for key in ("acv", "arr", "mrr")},
        }

    def traits(self, body: Json) -> Traits:
        parents = [("persons", number) for number in body.get("participants", [])]
        if body.get("org_id"):
            parents.append(("organizations", body["org_id"]))
        places = [("stages", body["stage_id"]), ("pipelines", body["pipeline_id"])]
        return Traits(
            body["title"].lower(),
            owner=body["owner_id"],
            facet=(ARCHIVED if body.get("is_archived") else "") + body["status"],
            parents=[*parents, *places],
        )

    def severed(self, body: Json, kind: str, number: int) -> Json:
        left = dict(body)
        if kind == "organizations" and left.get("org_id") == number:
            del left["org_id"]
        if kind == "persons":
            left["participants"] = [person for person in body.get("participants", []) if person != number]
            if left.get("person_id") == number:
                del left["person_id"]
        return left
