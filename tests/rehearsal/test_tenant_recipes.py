"""A tenant recipe is checked before it shapes anything, and its mistakes are told in words; so is a live account's."""

from __future__ import annotations

import copy
import datetime
import importlib
import ipaddress
import re
import socket
import sqlite3
import threading
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import tomli_w
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import BaseModel
from pydantic_core import PydanticCustomError
from typer.testing import CliRunner, Result

from workbench import rehearsal
from workbench.cli import app
from workbench.errors import EditError, Refused, SpecError, WaitError
from workbench.rehearsal import TENANTS, recipe_of, running
from workbench.rehearsal.engine.live import Reader, recipe_text
from workbench.rehearsal.engine.recipes import checked
from workbench.rehearsal.freshsales import spec as freshsales_spec
from workbench.rehearsal.pipedrive import recipe as pipedrive_recipe
from workbench.rehearsal.pipedrive import spec as pipedrive_spec

KEY = "0123456789abcdef0123456789abcdef01234567"
SUITE = (TENANTS / "freshsales_suite.toml").read_text(encoding="utf-8")
GROWTH = (TENANTS / "pipedrive_growth.toml").read_text(encoding="utf-8")
TEXTS = {"freshsales": SUITE, "pipedrive": GROWTH}
MODELS: dict[str, Any] = {"freshsales": freshsales_spec.Tenant, "pipedrive": pipedrive_spec.Tenant}
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "rehearsal.md").read_text(encoding="utf-8")
USERS = re.compile(r"\[\[users\]\].*?(?=\[\[(?!users))", re.DOTALL)
FIELD = '\n[[fields]]\nobject = "deal"\n'


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def own(folder: Path, text: str) -> Path:
    recipe = folder / "own.toml"
    recipe.write_text(text, encoding="utf-8")
    return recipe


def served(vendor: str, *, state: Path, tenant: str | Path | None = None, faults: Sequence[str] = ()) -> None:
    """What serving begins with; a stand-in that opens where it should not ends the test instead of waiting."""

    def opened(url: str) -> None:
        raise AssertionError(f"served at {url}")

    rehearsal.serve(vendor, port=0, state=state, token=KEY, tenant=tenant, faults=faults, on_ready=opened)


def told(folder: Path, vendor: str, text: str) -> SpecError:
    """What starting with this recipe says; it leaves no state."""
    state = folder / "state.sqlite"
    with pytest.raises(SpecError) as mistake, running(vendor, state=state, token=KEY, tenant=own(folder, text)):
        pass
    assert not state.exists()
    return mistake.value


# ---------------------------------------------------------------- mistakes


MISTAKES: list[tuple[str, Callable[[str], str], str, str, str]] = [
    # vendor, change, where, expected, found
    ("pipedrive", lambda text: text.replace('currency = "USD"\n', "", 1), "[account] currency", "this key", "nothing"),
    ("pipedrive", lambda text: text.replace('currency = "USD"', 'currency = "SEK"', 1), "[account] currency", "USD", "SEK"),
    ("pipedrive", lambda text: text.replace("open_deals", "open_dealz", 1), "[caps] open_dealz", "open_deals", "open_dealz"),
    ("pipedrive", lambda text: text.replace("America/New_York", "America/Gotham"), "[account] timezone", "zone", "Gotham"),
    ("pipedrive", lambda text: text + FIELD + 'field_name = "Tier"\n', "[[fields]] row 1, field_type", "this key", "nothing"),
    (
        "pipedrive",
        lambda text: text + FIELD + 'field_name = "Tier"\nfield_type = "dropdown"\n',
        "[[fields]] row 1, field_type",
        "enum",
        "dropdown",
    ),
    (
        "pipedrive",
        lambda text: text + FIELD + 'field_name = "Tier"\nfield_type = "enum"\n',
        "[[fields]] row 1, options",
        "enum and set",
        "0 for enum",
    ),
    ("pipedrive", lambda text: text + '\n[[field]]\nobject = "deal"\n', "field", "fields", "'field'"),
    (
        "pipedrive",
        lambda text: text + '\n[[pipelines]]\nname = "Renewals"\n',
        "[[pipelines]] row 3, stages",
        "this key",
        "nothing",
    ),
    ("pipedrive", lambda text: text.replace("22870102", "22870101", 1), "[[users]] row 2, id", "differ", "22870101"),
    (
        "pipedrive",
        lambda text: text.replace('"USD"\ntimezone', '"USD"\nseets = 3\ntimezone'),
        "[account] seets",
        "seats",
        "seets",
    ),
    ("pipedrive", lambda text: text.replace("seats = 8", 'seats = "8"'), "[account] seats", "a whole number", "'8'"),
    ("pipedrive", lambda text: text.replace('icon_key = "lunch"', 'icon_key = "soup"'), "row 6, icon_key", "lunch", "soup"),
    (
        "pipedrive",
        lambda text: (
            text.replace("custom_fields = 100", "custom_fields = 0") + FIELD + 'field_name = "a"\nfield_type = "text"\n'
        ),
        "[[fields]] row 1",
        "",
        "limit",
    ),
    (
        "freshsales",
        lambda text: text + FIELD + 'label = "Tier"\ntype = "enum"\n',
        "[[fields]] row 1, type",
        "dropdown",
        "enum",
    ),
    ("freshsales", lambda text: text.replace('"-05:00"', '"EST"'), "[account] utc_offset", "-05:00", "EST"),
    ("freshsales", lambda text: USERS.sub("", text), "users", "this key", "nothing"),
    ("freshsales", lambda text: text.replace('plan = "growth"', 'plan = "lite"'), "[account] plan", "growth", "lite"),
    (
        "freshsales",
        lambda text: text.replace('name = "Demo", probability', 'name = "Demo", probable'),
        "[[pipelines]] row 1, stages row 4, probable",
        "probability",
        "probable",
    ),
    (
        "freshsales",
        lambda text: text.replace('rule = "mine"', 'rule = "yours"', 1),
        "[views] contacts row 1, rule",
        "mine",
        "yours",
    ),
    (
        "freshsales",
        lambda text: text.replace("lost_reasons", "lost_causes"),
        "[selectors] lost_causes",
        "lost_reasons",
        "causes",
    ),
    ("freshsales", lambda text: f"{text}\n[switches]\nminute_cap = -1\n", "[switches]", "from 0 upwards", "-1"),
    ("pipedrive", lambda text: f"{text}\n[switches]\nminute_cap = 1\n", "[switches]", "list_lag_seconds", ""),
    ("freshsales", lambda text: text.replace("base = true\n", ""), "currencies", "base = true", "0 rows"),
    ("freshsales", lambda text: text.replace('"0.92"', '"a few"'), "[[currencies]] row 3, rate", "number", "a few"),
    ("freshsales", lambda text: text.replace('"1.36"', "1.36"), "[[currencies]] row 2, rate", "a text in quotes", "1.36"),
    (
        "freshsales",
        lambda text: text.replace('_user = "migration.', '_user = "nobody.'),
        "[account] api_user",
        "users",
        "nobody",
    ),
    (
        "freshsales",
        lambda text: text.replace('"2026-01-05T14:00:00Z"', "2026-01-05T14:00:00Z"),
        "made_at",
        "quotes",
        "datetime",
    ),
    (
        "freshsales",
        lambda text: text + FIELD + 'label = "Tier"\ntype = "text"\n' + FIELD + 'label = "tier"\ntype = "text"\n',
        "[[fields]] row 2",
        "",
        "already been taken",
    ),
    (
        "freshsales",
        lambda text: text + '\n[[fields]]\nobject = "roof"\nlabel = "Tier"\ntype = "text"\n',
        "[[fields]] row 1",
        "",
        "no object 'roof'",
    ),
    (
        "freshsales",
        lambda text: text + FIELD + 'label = "Tier"\ntype = "text"\nchoices = ["a"]\n',
        "[[fields]] row 1, choices",
        "dropdown",
        "text",
    ),
]


@pytest.mark.parametrize(("vendor", "change", "where", "expected", "found"), MISTAKES)
def test_a_mistake_is_told_with_its_table_and_key(
    tmp_path: Path, vendor: str, change: Callable[[str], str], where: str, expected: str, found: str
) -> None:
    text = change(TEXTS[vendor])
    assert text != TEXTS[vendor]
    state = tmp_path / "state.sqlite"
    with pytest.raises(SpecError) as mistake:
        served(vendor, state=state, tenant=own(tmp_path, text))
    error = mistake.value
    assert error.where.startswith(f"{tmp_path / 'own.toml'}: ")
    assert where in error.where
    assert expected in error.expected
    assert found in error.found
    assert error.todo
    assert not state.exists()


FURTHER = {
    "freshsales": """
[[modules]]
singular_name = "Roof"
plural_name = "Roofs"
entity_name = "cm_roof"
icon = "home"

[[fields]]
object = "cm_roof"
label = "Tier"
name = "cf_tier"
type = "dropdown"
choices = ["a", "b"]
required = true
""",
    "pipedrive": """
[oauth]
client_id = "app"
code = "told"

[labels]
deal = [{ label = "Hot", color = "red", id = 4 }]

[[roles]]
id = 1
name = "All"

[[filters]]
name = "Mine"
type = "deals"
conditions = { glue = "and", conditions = [] }

[[fields]]
object = "deal"
field_name = "Tier"
field_type = "enum"
code = "abc"
options = [{ label = "a", id = 3 }]
""",
}


def _paths(value: object, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key and every first row of a recipe."""
    rows: Any = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for step, inner in rows:
        yield (*at, step)
        yield from _paths(inner, (*at, step))


@pytest.mark.parametrize("vendor", ["freshsales", "pipedrive"])
def test_whatever_is_missing_or_out_of_place_a_recipe_opens_or_is_told_in_words(tmp_path: Path, vendor: str) -> None:
    recipe = tomllib.loads(TEXTS[vendor] + FURTHER[vendor])
    outcomes = dict.fromkeys(("opens", "is refused"), 0)
    for path in _paths(recipe):
        for junk in (None, -1, "x", [], {}):
            changed = copy.deepcopy(recipe)
            table: Any = changed
            for step in path[:-1]:
                table = table[step]
            if junk is None:
                del table[path[-1]]
            else:
                table[path[-1]] = junk
            file = own(tmp_path, tomli_w.dumps(changed))
            try:
                rehearsal.Vendor(vendor, importlib.import_module(f"workbench.rehearsal.{vendor}")).tried(file, {})
            except SpecError as mistake:
                assert mistake.where, (path, junk)
                assert mistake.todo, (path, junk)
                assert mistake.expected or mistake.found, (path, junk)
                outcomes["is refused"] += 1
            else:
                outcomes["opens"] += 1
    assert min(outcomes.values()) > 50


def test_the_command_line_tells_a_mistake_in_words_and_a_code(tmp_path: Path) -> None:
    recipe = own(tmp_path, GROWTH.replace('currency = "USD"\n', "", 1))
    done = run("rehearse", "pipedrive", "--state", tmp_path / "s", "--token", KEY, "--tenant", recipe)
    assert done.exit_code == 1
    assert "[account] currency" in done.stderr
    assert "Traceback" not in done.output
    assert isinstance(done.exception, SystemExit)
    assert not (tmp_path / "s").exists()


def test_a_recipe_that_is_no_text_is_told_in_words(tmp_path: Path) -> None:
    recipe = tmp_path / "own.toml"
    recipe.write_bytes(GROWTH.replace("BrightRoof", "Dächer").encode("cp1252"))
    done = run("rehearse", "pipedrive", "--state", tmp_path / "s", "--token", KEY, "--tenant", recipe)
    assert (done.exit_code, "UTF-8" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("vendor", "text"),
    [("pipedrive", GROWTH.replace('currency = "USD"\n', "", 1)), ("freshsales", SUITE + FIELD + 'label = ""\ntype = "text"\n')],
)
def test_a_mistyped_recipe_does_not_stick(tmp_path: Path, vendor: str, text: str) -> None:
    told(tmp_path, vendor, text)
    (tmp_path / "state.sqlite").touch()  # as one may who keeps a place for it
    with running(vendor, state=tmp_path / "state.sqlite", token=KEY, tenant=own(tmp_path, TEXTS[vendor])) as stand_in:
        assert stand_in.dump()["meta"]["destination"] == {"name": vendor}


def test_a_plan_that_does_not_fit_the_recipe_makes_no_state(tmp_path: Path) -> None:
    recipe = own(tmp_path, SUITE + FIELD + 'label = "Tier"\ntype = "text"\n')
    done = run("rehearse", "freshsales", "--state", tmp_path / "s", "--token", KEY, "--tenant", recipe, "--plan", "free")
    assert done.exit_code == 1
    assert "[[fields]] row 1" in done.stderr
    assert not (tmp_path / "s").exists()


def test_a_state_that_holds_a_mistyped_recipe_of_old_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    state = tmp_path / "s"
    with running("pipedrive", state=state, token=KEY):
        pass
    _meta(state, "UPDATE meta SET value = json_remove(value, '$.account.currency') WHERE name = 'recipe'")
    with pytest.raises(SpecError) as mistake:
        served("pipedrive", state=state)
    assert mistake.value.where == f"{state}: [account] currency"


# ---------------------------------------------------------------- what is of another destination


def _meta(state: Path, sql: str) -> None:
    with sqlite3.connect(state) as db:
        db.execute(sql)
    db.close()


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize(("vendor", "other"), [("freshsales", "pipedrive"), ("pipedrive", "freshsales")])
def test_the_state_of_another_vendor_is_told_apart_with_its_mark_and_without(
    tmp_path: Path, vendor: str, other: str, marked: bool
) -> None:
    state = tmp_path / "s"
    with running(vendor, state=state, token=KEY):
        pass
    if not marked:
        _meta(state, "DELETE FROM meta WHERE name = 'destination'")
    done = run("rehearse", other, "--state", state, "--token", KEY)
    assert done.exit_code == 1
    assert "of another destination" in done.stderr
    assert vendor in done.stderr
    with running(vendor, state=state, token=KEY):  # and is served as before
        pass


def test_the_recipe_of_another_vendor_is_told_apart(tmp_path: Path) -> None:
    assert "of another destination" in str(told(tmp_path, "pipedrive", SUITE))
    with pytest.raises(SpecError, match="one of pipedrive"):
        served("freshsales", state=tmp_path / "s", tenant="pipedrive_growth")


def test_an_unknown_tenant_is_answered_with_those_of_its_vendor(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as mistake:
        served("pipedrive", state=tmp_path / "s", tenant="freshsales_siute")
    assert mistake.value.expected == "pipedrive_growth, pipedrive_profi, or the path of a TOML file"


@pytest.mark.parametrize("name", ["salesforce", "engine", "child", "__main__", "", "../x"])
def test_an_unknown_destination_is_answered_with_those_that_there_are(name: str, tmp_path: Path) -> None:
    with pytest.raises(SpecError) as mistake:
        served(name, state=tmp_path / "s")
    assert mistake.value.expected == "fasttrack, freshsales, pipedrive, soffront"


@pytest.mark.parametrize(("vendor", "lacks"), [("freshsales", "429_daily"), ("pipedrive", "job_rows")])
def test_an_unknown_fault_is_answered_with_what_this_vendor_can_meet(tmp_path: Path, vendor: str, lacks: str) -> None:
    for spec in ("drop_aftr", lacks):
        with pytest.raises(SpecError) as mistake:
            served(vendor, state=tmp_path / "s", faults=[spec])
        assert set(mistake.value.expected.split(", ")) == set(rehearsal.faults(vendor)["name"])
        assert lacks not in mistake.value.expected.split(", ")


# ---------------------------------------------------------------- every key that we show is one


@pytest.mark.parametrize("file", sorted(TENANTS.glob("*.toml")), ids=lambda file: file.stem)
def test_the_tenants_of_the_package_say_nothing_unknown(file: Path) -> None:
    recipe = tomllib.loads(file.read_text(encoding="utf-8"))
    model = importlib.import_module(f"workbench.rehearsal.{file.stem.partition('_')[0]}.spec").Tenant
    assert checked(recipe, model, where=file.name) is recipe


def test_every_key_of_the_page_is_one_of_a_recipe() -> None:
    by_hand = PAGE.partition("By hand: copy a file")[2].partition("\n## ")[0]
    both, freshsales, pipedrive = (" ".join(line.split()) for line in by_hand.split("\n- ")[1:])
    keys: dict[str, set[str]] = {vendor: _keys(model) for vendor, model in MODELS.items()}
    for text, vendors in ((both, keys), (freshsales, ["freshsales"]), (pipedrive, ["pipedrive"])):
        named = set(re.findall(r"`\[*(\w+)\]*`", text))
        assert named
        for vendor in vendors:
            assert named <= keys[vendor], vendor
    for vendor, text in (("freshsales", freshsales), ("pipedrive", pipedrive)):
        field = set(MODELS[vendor].model_fields["fields"].annotation.__args__[0].model_fields)
        words = text.partition("A field has")[2].partition(";")[0]
        plain = set(re.findall(r"\w+", words)) - {"and", "may", "have", "the", "that", "is", "its", "key"}
        assert plain <= field, vendor


def _keys(model: type[BaseModel]) -> set[str]:
    found = set(model.model_fields)
    for schema in model.model_json_schema()["$defs"].values():
        found |= set(schema.get("properties", {}))
    return found


def test_a_check_of_a_model_may_be_told_whatever_a_recipe_holds() -> None:
    with pytest.raises(PydanticCustomError, match=r"\{users\} and \{0\}"):
        pipedrive_spec.wrong("{users} and {0}", expected="{", found="}")
    recipe = tomllib.loads(GROWTH)
    recipe["account"]["api_user"] = "{0}@{users}"
    with pytest.raises(SpecError, match="not among the users") as mistake:
        checked(recipe, pipedrive_spec.Tenant, where="own.toml")
    assert "{0}@{users}" in mistake.value.message


# ---------------------------------------------------------------- from a live account


@pytest.fixture(scope="module")
def pipedrive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rehearsal.Rehearsal]:
    state = tmp_path_factory.mktemp("pipedrive") / "s"
    with running("pipedrive", state=state, token=KEY, switches={"limits": "off"}) as one:
        yield one


@pytest.fixture(scope="module")
def freshsales(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rehearsal.Rehearsal]:
    state = tmp_path_factory.mktemp("freshsales") / "s"
    with running("freshsales", state=state, token=KEY, switches={"limits": "off"}) as one:
        yield one


@pytest.mark.parametrize("rest", ["", "/", "/api", "/api/", "/api/v2", "/v1", "/api/v1"])
def test_pipedrive_takes_the_host_and_what_clients_add_to_it(pipedrive: rehearsal.Rehearsal, rest: str) -> None:
    assert pipedrive_recipe.root("https://acme.pipedrive.com" + rest) == "https://acme.pipedrive.com"
    if rest in ("", "/api"):
        text = recipe_of("pipedrive", url=pipedrive.url + rest, token=KEY)
        assert tomllib.loads(text)["account"]["company_name"] == "BrightRoof"


def test_another_address_is_refused_with_what_the_vendor_wants(
    pipedrive: rehearsal.Rehearsal, freshsales: rehearsal.Rehearsal
) -> None:
    host = freshsales.url.removesuffix("/crm/sales/api")
    with pytest.raises(SpecError, match="/crm/sales/api"):
        recipe_of("freshsales", url=host, token=KEY)
    with pytest.raises(Refused, match="bare host"):
        recipe_of("pipedrive", url=f"{pipedrive.url}/elsewhere", token=KEY)
    for url in ("http://[", "https://acme.example:99999", "https://", "https://a b.example"):
        with pytest.raises(SpecError, match="no address"):
            recipe_of("pipedrive", url=url, token=KEY)
    with pytest.raises(SpecError, match="no key may"):
        recipe_of("pipedrive", url=pipedrive.url, token="schlüssel")


def test_the_help_says_what_each_vendor_wants() -> None:
    words = " ".join(re.sub(r"[│╭╰─╮╯]", " ", run("tenant", "--help").stdout).split())
    assert "Freshsales up to and with /api" in words
    assert "Pipedrive the bare host" in words


def test_a_recipe_of_pipedrive_says_at_its_head_what_it_guessed(pipedrive: rehearsal.Rehearsal, tmp_path: Path) -> None:
    text = recipe_of("pipedrive", url=pipedrive.url, token=KEY)
    unsure = tomllib.loads(text)["account"]["unsure"]
    assert [line.removeprefix("# guessed: ") for line in text.splitlines() if line.startswith("#")] == unsure
    for word in ("plan", "caps", "seats", "filters and roles"):
        assert any(word in guess for guess in unsure), word
    with running("pipedrive", state=tmp_path / "s", token=KEY, tenant=own(tmp_path, text)):
        pass


def test_a_recipe_of_freshsales_does_not_tell_of_the_probe_for_the_edition(
    freshsales: rehearsal.Rehearsal, tmp_path: Path
) -> None:
    text = recipe_of("freshsales", url=freshsales.url, token=KEY)
    head = [line for line in text.splitlines() if line.startswith("#")]
    assert head
    assert all(line.startswith("# guessed: ") for line in head)
    assert "leads" not in text.partition("[account]")[0]
    assert checked(tomllib.loads(text), freshsales_spec.Tenant, where="") is not None


def test_what_an_account_withholds_stands_at_the_head_in_one_line_each(freshsales: rehearsal.Rehearsal) -> None:
    with Reader(freshsales.url, {"Authorization": f"Token token={KEY}"}) as reader:

        def tenant_of(get: Callable[[str], Any]) -> dict[str, Any]:
            assert get("leads/filters") is None
            assert get("nowhere") is None
            return {"account": {"unsure": ["a view\n[account] \x1b"]}}

        text = recipe_text(reader, tenant_of, probes=("leads/filters",))
    head = text.splitlines()[:2]
    assert head == ["# guessed: a view [account]  ", "# not given by the account: nowhere (404)"]
    assert tomllib.loads(text)["account"]["unsure"] == ["a view\n[account] \x1b"]


# ---------------------------------------------------------------- connections


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    folder, key = tmp_path_factory.mktemp("tls"), ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")]), datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    no_password = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password))
    return certificate, secret


@pytest.fixture(scope="module")
def secured(signed: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[rehearsal.Rehearsal]:
    state = tmp_path_factory.mktemp("secured") / "s"
    with running("pipedrive", state=state, token=KEY, tls=signed, switches={"limits": "off"}) as one:
        yield one


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_an_authority_of_ones_own_is_taken_from_the_environment_and_no_proxy_is(
    secured: rehearsal.Rehearsal, signed: tuple[Path, Path], untold: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    untold.setenv(name, str(signed[0]))
    untold.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    untold.setenv("WORKBENCH_KEY", KEY)
    done = run("tenant", "pipedrive", "--url", secured.url, "--key-file", "env", "--out", tmp_path / "copy.toml")
    assert done.exit_code == 0, done.output
    assert tomllib.loads((tmp_path / "copy.toml").read_text(encoding="utf-8"))["users"]


def test_a_certificate_that_is_not_trusted_is_told_as_such(
    secured: rehearsal.Rehearsal, untold: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(EditError, match="certificate of the account is not trusted") as told_so:
        recipe_of("pipedrive", url=secured.url, token=KEY)
    assert "self-signed" in told_so.value.found
    assert "SSL_CERT_FILE" in told_so.value.todo
    for content in (None, "no certificate"):
        if content:
            (tmp_path / "ca.pem").write_text(content)
        untold.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        with pytest.raises(EditError, match="authorities of \\$SSL_CERT_FILE cannot be read"):
            recipe_of("pipedrive", url=secured.url, token=KEY)


def test_why_nobody_answers_is_told_in_words(pipedrive: rehearsal.Rehearsal, untold: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent, socket.socket() as closed:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        closed.bind(("127.0.0.1", 0))  # and does not listen
        assert "refused" in _reason(f"http://127.0.0.1:{closed.getsockname()[1]}")
        assert "no answer in time" in _reason(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert "no TLS" in _reason(pipedrive.url.replace("http://", "https://"))
    assert "nobody has this name" in _reason("https://acme.invalid")
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_hang_up, args=(server,), daemon=True).start()
        assert "closed before the answer" in _reason(f"http://127.0.0.1:{server.getsockname()[1]}")


def _reason(url: str) -> str:
    with Reader(url, {}, timeout=httpx.Timeout(0.4)) as reader, pytest.raises(WaitError) as told_so:
        reader.get("v1/users")
    assert url in told_so.value.where
    return told_so.value.found


def _hang_up(server: socket.socket) -> None:
    connection, _ = server.accept()
    connection.recv(100)
    connection.close()
