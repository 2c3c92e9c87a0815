"""What each recipe converts, what it refuses, and that it never bends a value."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import SpecError
from workbench.recipes import Converted, check_recipe, convert, is_placeholder, recipe_names

NOTHING = (None, None, None)


def one(recipe: str, text: object, **options: object) -> tuple[object, str | None, str | None]:
    """Value, reason and note of one cell; None where there is none."""
    row = convert(pd.Series([text], dtype="object"), recipe, options=options).frame.iloc[0]
    return tuple(None if not isinstance(each, list) and pd.isna(each) else each for each in row)  # type: ignore[return-value]


def value(recipe: str, text: object, **options: object) -> object:
    got, reason, _ = one(recipe, text, **options)
    assert reason is None, reason
    return got


def reason(recipe: str, text: object, **options: object) -> str | None:
    got, why, _ = one(recipe, text, **options)
    assert got is None
    return why


def note(recipe: str, text: object, **options: object) -> str | None:
    return one(recipe, text, **options)[2]


EVERY = [name for name in recipe_names()["name"] if name != "constant"]


@pytest.mark.parametrize("recipe", EVERY)
@pytest.mark.parametrize("empty", [None, "", "   ", "\u00a0", "N/A", "#N/A", "NULL", "-", "none"])
def test_empty_cells_and_placeholders_give_neither_a_value_nor_a_reason(recipe: str, empty: str | None) -> None:
    assert one(recipe, empty) == NOTHING


@pytest.mark.parametrize("recipe", EVERY)
@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.one_of(st.none(), st.text(max_size=40)), max_size=12))
def test_a_reason_and_a_value_exclude_each_other(recipe: str, texts: list[str | None]) -> None:
    column = pd.Series(texts, index=range(5, 5 + len(texts)), dtype="str")

    done = convert(column, recipe)

    assert not (done.values.notna() & done.reasons.notna()).any()
    for each in (done.values, done.reasons, done.notes):
        assert each.index.equals(column.index)
    assert done.values.dtype == object
    assert done.reasons.dtype == "str" and done.notes.dtype == "str"


@pytest.mark.parametrize("recipe", ["email", "phone", "text", "money", "day", "split_last_name", "url", "postal_code"])
def test_rows_keep_their_index_when_labels_repeat(recipe: str) -> None:
    column = pd.Series(["a", None, "a"], index=["x", "x", "y"], dtype="str")

    assert list(convert(column, recipe).values.index) == ["x", "x", "y"]


def test_an_unknown_recipe_lists_those_that_exist() -> None:
    with pytest.raises(SpecError, match=r"(?s)no such recipe.*multi_choice.*found: phon\b"):
        convert(pd.Series(["a"]), "phon")


@pytest.mark.parametrize(
    ("recipe", "options", "says"),
    [
        ("phone", {"regio": "US"}, "regio is not an option"),
        ("phone", {"region": "XX"}, "no numbering plan"),
        ("day", {"order": "us"}, "'mdy', 'dmy', 'ymd' or 'iso'"),
        ("text", {"max_length": "20"}, "max_length"),
        ("text", {"max_length": 0}, "not a length"),
        ("moment", {"zone": "America/Boston"}, "time zone"),
        ("boolean", {"yes": ["ok"], "no": ["OK"]}, "both yes and no"),
        ("constant", {}, "value"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_words(recipe: str, options: dict[str, object], says: str) -> None:
    with pytest.raises(SpecError, match=says):
        check_recipe(recipe, options)


def test_the_catalogue_says_what_every_recipe_does() -> None:
    table = recipe_names().set_index("name")

    assert (table["does"].str.len() > 20).all()
    assert "max_length: int = 255" in table.loc["text", "options"]
    assert "Literal['mdy', 'dmy', 'ymd', 'iso']" in table.loc["day", "options"]


def test_placeholders_are_seen_apart_from_empty_cells() -> None:
    column = pd.Series(["NULL", "n/a", "-", "#N/A", " none ", "", None, "0", "NA", "Nantes"])

    assert list(is_placeholder(column)) == [True] * 5 + [False] * 5


def test_placeholders_are_found_in_columns_that_are_not_text() -> None:
    assert list(is_placeholder(pd.Series([1.5, None, 2.0]))) == [False, False, False]


def test_a_cell_that_a_spreadsheet_broke_is_refused_by_every_text_recipe() -> None:
    assert reason("text", "#REF!") == "damaged_by_excel"
    assert reason("integer", "#DIV/0!") == "damaged_by_excel"
    assert reason("choice", "#VALUE!") == "damaged_by_excel"
    assert reason("split_last_name", "#NAME?") == "damaged_by_excel"


def test_text_loses_only_what_cannot_be_seen_and_says_so() -> None:
    assert one("text", " Roof repair ") == ("Roof repair", None, "trimmed_space")
    assert one("text", "Ac\u200bme\u00a0Roofing") == ("Acme Roofing", None, "invisible_removed")
    assert one("text", "a\x07b") == ("ab", None, "control_removed")
    assert one("text", "cafe\u0301") == ("café", None, "unicode_composed")
    assert one("long_text", "one\r\ntwo") == ("one\ntwo", None, "line_ends_unified")


def test_an_apostrophe_read_as_a_control_character_comes_back() -> None:
    assert one("text", "it\x92s") == ("it’s", None, "cp1252_restored")


def test_emoji_keep_their_joiners() -> None:
    assert one("text", "👨\u200d👩\u200d👧 family") == ("👨\u200d👩\u200d👧 family", None, None)


def test_text_that_is_too_long_is_refused_and_cut_only_where_asked() -> None:
    assert reason("text", "x" * 21, max_length=20) == "too_long"
    assert one("text", "x" * 21, max_length=20, cut=True) == ("x" * 20, None, "cut_short")
    assert reason("long_text", "x" * 10_001) == "too_long"


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_tidied_text_is_tidy(raw: str) -> None:
    once = value("text", raw)

    if once is not None and not is_placeholder(pd.Series([once])).item():  # a dash may come of a byte that was read wrong
        assert one("text", once) == (once, None, None)


@pytest.mark.parametrize("word", ["Null", "None", "Nan"])
def test_people_called_null_keep_their_name(word: str) -> None:
    assert value("name", word) == word
    assert value("split_last_name", word) == word


def test_a_name_keeps_its_case_and_loses_double_blanks() -> None:
    assert one("name", "mcDONALD  jr") == ("mcDONALD jr", None, "inner_space")


@pytest.mark.parametrize(
    ("raw", "address", "given_up"),
    [
        ("jo@example.com", "jo@example.com", None),
        ("Jo.Smith+Crm@Example.COM", "jo.smith+crm@example.com", "lower_cased"),
        (" jo@example.com", "jo@example.com", "trimmed_space"),
        ("Jo Smith <jo@example.com>", "jo@example.com", "display_name_dropped"),
        ("mailto:jo@example.com", "jo@example.com", None),
        ("jo@firm.test", "jo@firm.test", None),
        ("o'brien@example.com", "o'brien@example.com", None),
    ],
)
def test_an_email_is_read(raw: str, address: str, given_up: str | None) -> None:
    assert one("email", raw) == (address, None, given_up)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("jo@example", "not_an_email"),
        ("jo..smith@example.com", "not_an_email"),
        ("jo@example.com,", "not_an_email"),
        ("jo@-example.com", "not_an_email"),
        ("call me", "not_an_email"),
        ("jo@example.com; al@example.com", "several_emails"),
    ],
)
def test_what_is_not_one_email_is_refused(raw: str, why: str) -> None:
    assert reason("email", raw) == why


@pytest.mark.parametrize(
    "raw", ["(617) 555-0123", "617.555.0123", "+1 617 555 0123", "6175550123", "6175550123.0", 6175550123.0]
)
def test_one_phone_has_one_spelling(raw: object) -> None:
    assert value("phone", raw) == "+16175550123"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("6.17555E+09", "damaged_by_excel"),
        ("Anonymous", "not_a_phone"),
        ("12", "not_a_phone"),
        ("555-0123", "area_code_missing"),
        ("617-555-0123 / 617-555-0124", "several_phones"),
    ],
)
def test_what_is_not_one_phone_is_refused(raw: str, why: str) -> None:
    assert reason("phone", raw) == why


def test_what_a_phone_loses_is_noted() -> None:
    assert one("phone", "617-555-0123 ext. 12") == ("+16175550123", None, "extension_dropped")
    assert note("phone", "1-800-FLOWERS") == "letters_to_digits"
    assert note("phone", "+1 111 555 0123") == "not_in_numbering_plan"


def test_a_phone_belongs_to_its_region() -> None:
    assert value("phone", "030 1234560", region="de") == "+49301234560"


@pytest.mark.parametrize(
    ("raw", "link", "given_up"),
    [
        ("https://acme.com/a?b=1#c", "https://acme.com/a?b=1#c", None),
        ("acme.com", "https://acme.com", "scheme_added"),
        ("www.acme.com:8080/x", "https://www.acme.com:8080/x", "scheme_added"),
        ("http://müller.de", "http://müller.de", None),
    ],
)
def test_a_link_is_read(raw: str, link: str, given_up: str | None) -> None:
    assert one("url", raw) == (link, None, given_up)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("javascript:alert(1)", "forbidden_scheme"),
        ("JavaScript:alert(1)", "forbidden_scheme"),
        ("data:text/html,x", "forbidden_scheme"),
        ("file:///etc/passwd", "forbidden_scheme"),
        ("https://u:p@acme.com", "credentials_in_url"),
        ("http://acme.com/a b", "not_a_url"),
        ("acme", "not_a_url"),
        ("http://[::1", "not_a_url"),
        ("see flyer", "not_a_url"),
    ],
)
def test_what_is_not_a_safe_link_is_refused(raw: str, why: str) -> None:
    assert reason("url", raw) == why


def test_a_domain_comes_out_of_links_and_addresses() -> None:
    assert one("domain", "https://www.Acme.com/about") == ("acme.com", None, "path_dropped")
    assert value("domain", "jo@Acme.com") == "acme.com"
    assert value("domain", "joe.wordpress.com") == "joe.wordpress.com"
    assert reason("domain", "facebook") == "not_a_domain"


@pytest.mark.parametrize(
    "shared", ["facebook.com/acme", "https://de-de.facebook.com/acme", "jo@gmail.com", "www.google.com/maps"]
)
def test_a_host_that_many_share_is_no_companys_domain(shared: str) -> None:
    assert one("domain", shared) == (None, None, "not_a_company_domain")


@pytest.mark.parametrize(("raw", "number"), [("12", 12), ("1,200", 1200), ("-3", -3), ("0", 0), ("1 200", 1200), (7, 7)])
def test_a_whole_number_is_read(raw: object, number: int) -> None:
    assert value("integer", raw) == number


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("50%", "percent_sign"),
        ("02134", "leading_zero"),
        ("1.5", "not_an_integer"),
        ("1,5", "decimal_mark_differs"),
        ("12,34", "decimal_mark_differs"),
        ("1E+5", "damaged_by_excel"),
        ("ten", "not_an_integer"),
        ("1,20,000", "not_an_integer"),
    ],
)
def test_what_is_not_a_whole_number_is_refused(raw: str, why: str) -> None:
    assert reason("integer", raw) == why


def test_numbers_beyond_the_field_are_refused() -> None:
    assert reason("integer", "123456789012", max_digits=11) == "too_many_digits"
    assert reason("decimal", "1.23456", max_decimals=4) == "too_many_decimals"
    assert value("decimal", "1.23450", max_decimals=4) == "1.23450"


def test_the_decimal_mark_is_stated_and_never_guessed() -> None:
    assert value("decimal", "1,234.5") == "1234.5"
    assert value("decimal", "1.234,5", decimal_mark=",") == "1234.5"
    assert reason("decimal", "4,5") == "decimal_mark_differs"
    assert reason("decimal", "4.5", decimal_mark=",") == "decimal_mark_differs"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9))
@settings(max_examples=100, deadline=None)
def test_grouping_never_changes_a_number(number: Decimal) -> None:
    english = f"{number:,.3f}"
    german = english.translate(str.maketrans(",.", ".,"))

    assert Decimal(str(value("decimal", english))) == number
    assert Decimal(str(value("decimal", german, decimal_mark=","))) == number


@pytest.mark.parametrize(
    ("raw", "amount"),
    [
        ("1200", "1200.00"),
        ("1200.5", "1200.50"),
        ("$1,200", "1200.00"),
        ("0.125", "0.125"),
        ("(120.00)", "-120.00"),
        ("-$5", "-5.00"),
        ("USD 5", "5.00"),
        ("5 €", "5.00"),
    ],
)
def test_an_amount_is_read_exactly(raw: str, amount: str) -> None:
    assert value("money", raw) == amount


@pytest.mark.parametrize("raw", ["$1,200/mo", "12.5k", "1,200-1,500", "call us", "$", "(5", "--5"])
def test_what_is_not_an_amount_is_refused(raw: str) -> None:
    assert reason("money", raw) == "not_an_amount"


def test_an_amount_in_another_currency_is_refused() -> None:
    assert one("money", "$5", currency="USD") == ("5.00", None, None)
    assert reason("money", "€5", currency="USD") == "other_currency"
    assert note("money", "€5") == "currency_dropped"


def test_a_percentage_is_never_guessed() -> None:
    assert value("percent", "85%") == "85"
    assert value("percent", "85") == "85"
    assert reason("percent", "0.85") == "ambiguous_percent"
    assert one("percent", "0.85", bare="fraction") == ("85", None, "fraction_scaled")
    assert reason("percent", "85", bare="fraction") == "ambiguous_percent"
    assert one("percent", "0.85", bare="mixed") == ("85", None, "fraction_scaled")
    assert reason("percent", "1", bare="mixed") == "ambiguous_percent"


@pytest.mark.parametrize(
    ("raw", "order", "iso"),
    [
        ("3/11/2024", "mdy", "2024-03-11"),
        ("3/11/2024", "dmy", "2024-11-03"),
        ("11.03.2024", "dmy", "2024-03-11"),
        ("2024/3/11", "mdy", "2024-03-11"),
        ("2024-03-11", "dmy", "2024-03-11"),
        ("20240311", "iso", "2024-03-11"),
        ("Mar 11, 2024", "iso", "2024-03-11"),
        ("11. März 2024", "iso", "2024-03-11"),
        ("11 de marzo de 2024", "iso", "2024-03-11"),
        ("3/11/2024 12:00 AM", "mdy", "2024-03-11"),
    ],
)
def test_a_day_is_read_in_the_order_that_was_stated(raw: str, order: str, iso: str) -> None:
    assert one("day", raw, order=order) == (iso, None, None)


@pytest.mark.parametrize("raw", ["13/11/2024", "2/30/2024", "ongoing", "Jan-24", "45000", "2024-13-01", "3-11/2024"])
def test_what_is_not_a_day_is_refused(raw: str) -> None:
    assert reason("day", raw, order="mdy") == "not_a_date"


def test_without_a_stated_order_a_numeric_day_is_ambiguous() -> None:
    assert reason("day", "03/04/2024") == "ambiguous_day"


def test_excel_serials_are_read_only_when_asked() -> None:
    assert value("day", "45000", excel_serials=True) == "2023-03-15"
    assert note("day", "45000.5", excel_serials=True) == "time_dropped"
    assert reason("day", "59", excel_serials=True) == "not_a_date"


def test_a_time_that_is_dropped_and_a_century_that_is_assumed_are_noted() -> None:
    assert one("day", "2024-03-11 09:14:02") == ("2024-03-11", None, "time_dropped")
    assert one("day", "3/11/24", order="mdy") == ("2024-03-11", None, "century_assumed")
    assert value("day", "3/11/85", order="mdy") == "1985-03-11"


def test_days_out_of_a_spreadsheet_reader_need_no_order() -> None:
    assert value("day", datetime(2024, 3, 11)) == "2024-03-11"
    assert value("day", date(2024, 3, 11)) == "2024-03-11"


@given(st.dates(min_value=date(1900, 1, 1)), st.sampled_from(["mdy", "dmy", "ymd"]))
@settings(max_examples=100, deadline=None)
def test_a_day_written_in_an_order_is_read_back_in_it(when: date, order: str) -> None:
    parts = {"m": f"{when.month}", "d": f"{when.day:02}", "y": f"{when.year}"}

    assert value("day", "/".join(parts[each] for each in order), order=order) == when.isoformat()


@pytest.mark.parametrize(
    ("raw", "iso"),
    [
        ("3/11/2024 9:05 PM", "2024-03-11T21:05:00-04:00"),
        ("3/11/2024 12:05 am", "2024-03-11T00:05:00-04:00"),
        ("1/11/2024 13:05", "2024-01-11T13:05:00-05:00"),
        ("2024-03-11T09:00:00Z", "2024-03-11T09:00:00+00:00"),
        ("2024-03-11 09:14:02+05:30", "2024-03-11T09:14:02+05:30"),
    ],
)
def test_a_moment_carries_its_offset(raw: str, iso: str) -> None:
    assert one("moment", raw, order="mdy", zone="America/New_York") == (iso, None, None)


def test_hours_that_clocks_skip_or_repeat_are_noted() -> None:
    zone = {"order": "mdy", "zone": "America/New_York"}

    assert one("moment", "3/10/2024 2:30 AM", **zone) == ("2024-03-10T03:30:00-04:00", None, "dst_gap")
    assert one("moment", "11/3/2024 1:30 AM", **zone) == ("2024-11-03T01:30:00-04:00", None, "dst_ambiguous")
    assert note("moment", "3/11/2024", **zone) == "midnight_assumed"


def test_a_local_moment_without_a_zone_is_refused() -> None:
    assert reason("moment", "2024-03-11 09:00") == "zone_missing"


@pytest.mark.parametrize(
    ("raw", "seconds"), [("192", 192), ("03:12", 192), ("00:03:12", 192), ("3m 12s", 192), ("90:00", 5400)]
)
def test_a_duration_becomes_seconds(raw: str, seconds: int) -> None:
    assert value("duration_seconds", raw) == seconds


@pytest.mark.parametrize("raw", ["-1", "1:75", "12.5", "long", "1:75:00"])
def test_what_is_not_a_duration_is_refused(raw: str) -> None:
    assert reason("duration_seconds", raw) == "not_a_duration"


def test_yes_and_no_are_words_of_a_list() -> None:
    assert value("boolean", "Y") is True
    assert value("boolean", "Nein") is False
    assert reason("boolean", "maybe") == "not_a_boolean"
    assert value("boolean", "-", yes=["x"], no=["-"]) is False


def test_a_choice_is_what_was_confirmed_and_nothing_else() -> None:
    confirmed = {"New": "New customer", "None": "No tier", "old": ""}

    assert value("choice", " New ", mapping=confirmed) == "New customer"
    assert value("choice", "None", mapping=confirmed) == "No tier"
    assert reason("choice", "new", mapping=confirmed) == "unmapped_value"
    assert one("choice", "old", mapping=confirmed) == (None, None, "left_empty")
    assert reason("choice", "New") == "unmapped_value"


def test_several_choices_come_as_a_list_or_not_at_all() -> None:
    confirmed = {"Google": "Google Ads", "google ads": "Google Ads", "Bing": "Bing Ads"}

    assert value("multi_choice", "Google + Bing", mapping=confirmed, separators=["+"]) == ["Google Ads", "Bing Ads"]
    assert one("multi_choice", "Google;google ads", mapping=confirmed) == (["Google Ads"], None, "repeated_dropped")
    assert reason("multi_choice", "Google; TV", mapping=confirmed) == "unmapped_value"


def test_rows_do_not_share_one_list() -> None:
    done = convert(pd.Series(["a;b", "a;b"]), "tags").values
    done.iloc[0].append("c")

    assert done.iloc[1] == ["a", "b"]


@pytest.mark.parametrize(
    ("whole", "first", "last"),
    [
        ("Jane Doe", "Jane", "Doe"),
        ("Doe, Jane", "Jane", "Doe"),
        ("Cher", None, "Cher"),
        ("Jane van der Molen", "Jane", "van der Molen"),
        ("John Smith Jr.", "John", "Smith Jr."),
        ("Acme, Inc.", None, "Acme, Inc."),
        ("Bob's Plumbing", None, "Bob's Plumbing"),
    ],
)
def test_a_whole_name_is_split(whole: str, first: str | None, last: str) -> None:
    assert value("split_first_name", whole) == first
    assert value("split_last_name", whole) == last


@given(st.lists(st.text(alphabet="abcdeéñ", min_size=1, max_size=8), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_splitting_a_name_loses_no_word(words: list[str]) -> None:
    whole = " ".join(words)

    parts = [value("split_first_name", whole), value("split_last_name", whole)]

    assert " ".join(str(part) for part in parts if part is not None) == whole


def test_a_postal_code_stays_text_and_a_lost_zero_is_only_suspected() -> None:
    assert one("postal_code", "02134") == ("02134", None, None)
    assert one("postal_code", "2134") == ("2134", None, "leading_zero_suspected")
    assert one("postal_code", "2134", restore="zero") == ("02134", None, "leading_zero_restored")
    assert one("postal_code", "1010", region="AT") == ("1010", None, None)


def test_an_identifier_gets_the_prefix_it_lost() -> None:
    assert one("identifier", "17", prefix="C-") == ("C-17", None, "prefix_added")
    assert one("identifier", "C-17", prefix="C-") == ("C-17", None, None)
    assert one("identifier", "c-17", prefix="C-") == ("C-17", None, "prefix_normalised")
    assert value("identifier", "0017") == "0017"
    assert reason("identifier", "1.2E+17") == "damaged_by_excel"


def test_a_constant_fills_empty_rows_too() -> None:
    done = convert(pd.Series([None, "x"], dtype="str"), "constant", options={"value": 5})

    assert list(done.values) == [5, 5]


@pytest.mark.parametrize("recipe", ["phone", "email", "url", "day", "money"])
def test_thousands_of_different_cells_all_convert(recipe: str) -> None:
    column = pd.Series(
        {
            "phone": [f"(617) {200 + n % 799}-{n % 10_000:04}" for n in range(3_600)],
            "email": [f"User{n}@example.com" for n in range(3_600)],
            "url": [f"www.example{n}.com" for n in range(3_600)],
            "day": [f"{n % 12 + 1}/{n % 28 + 1}/{1000 + n % 9000}" for n in range(3_600)],
            "money": [f"${n:,}.50" for n in range(3_600)],
        }[recipe]
    )
    done = convert(column, recipe, options={"order": "mdy"} if recipe == "day" else None)

    assert isinstance(done, Converted)
    assert done.values.notna().all()


@pytest.mark.parametrize("recipe", ["integer", "decimal", "money", "percent"])
def test_a_number_with_leading_zeros_is_rejected_by_every_recipe_for_numbers(recipe: str) -> None:
    assert list(convert(pd.Series(["02134", "-007"]), recipe).reasons) == ["leading_zero", "leading_zero"]
    assert list(convert(pd.Series(["0", "0.5%" if recipe == "percent" else "0"]), recipe).reasons.isna()) == [True, True]


@pytest.mark.parametrize(("recipe", "reason"), [("integer", "too_many_digits"), ("duration_seconds", "not_a_duration")])
def test_a_cell_of_five_thousand_digits_is_rejected_and_stops_nothing(recipe: str, reason: str) -> None:
    assert list(convert(pd.Series(["9" * 5_000]), recipe).reasons) == [reason]


@pytest.mark.parametrize(("recipe", "value"), [("integer", 123), ("decimal", "123"), ("money", "123.00"), ("percent", "123")])
def test_digits_of_another_script_become_plain_ones(recipe: str, value: object) -> None:
    assert list(convert(pd.Series(["１２３", "١٢٣"]), recipe).values) == [value, value]
