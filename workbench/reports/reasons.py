"""What each reason code means, and what somebody can do about it: one table for every report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

__all__ = ["REASONS", "SPREADSHEET_DAMAGE", "Reason", "explained", "in_words", "reason"]


@dataclass(frozen=True)
class Reason:
    """A code in words: what happened, and what to do; nothing to do where `todo` is empty."""

    words: str
    todo: str = ""


_CORRECT = "Correct the value in the destination by hand, or in the source and ask for the file again."
_DECIDE = "Decide it in the notebook of this phase or in the decisions workbook, then run again."
_LINE = "Look at the line in the file as it came; correct it at the source and ask for the file again."
_BY_HAND = "Look at the row; if it is wanted, enter it by hand or correct it in the source."

REASONS: Mapping[str, Reason] = MappingProxyType(
    {
        # rows that could not be read
        "too_few_cells": Reason("The line has fewer cells than the header has columns.", _LINE),
        "too_many_cells": Reason("The line has more cells than the header has columns.", _LINE),
        "unclosed_quote": Reason("A quotation mark is opened and never closed.", _LINE),
        "unreadable_bytes": Reason("The line holds bytes that are no text in the encoding of the file.", _LINE),
        # rows without a place
        "key_missing": Reason("The row has no number of its own, so it cannot be named.", _BY_HAND),
        "required_field_empty": Reason("A field that the destination requires is empty.", "Fill the field in the source."),
        "no_customer_for_reputation": Reason("The rating names a customer who is not in the export.", _BY_HAND),
        "no_contact_for_call": Reason("The call belongs to nobody who is in the export.", _BY_HAND),
        "several_records_fit": Reason("The row fits several records, so it was given to none.", _BY_HAND),
        "no_ticket_for_message": Reason("The message belongs to no ticket that is in the export.", _BY_HAND),
        "no_account_for_asset": Reason("The asset belongs to no account that is loaded.", _BY_HAND),
        "no_account_for_subscription": Reason("The subscription belongs to no account that is loaded.", _BY_HAND),
        "no_account_for_site": Reason("The site belongs to no account that is loaded.", _BY_HAND),
        "no_client_for_course": Reason("The course was begun by nobody who is loaded.", _BY_HAND),
        "survivor_not_loaded": Reason("The row was merged into a record that is itself not loaded.", _DECIDE),
        # rows that wait
        "undecided_duplicate": Reason("The row may be the same as another one, and nobody decided yet.", _DECIDE),
        "same_key_kept_apart": Reason(
            "Another row has the same number, and somebody decided that they are two records.",
            "Give one of them a number of its own in the source, or merge them.",
        ),
        "key_too_alike": Reason(
            "The number differs from another one by capital letters alone, so the records could not be told apart.",
            "Say whether they are one record, and correct the number in the source.",
        ),
        "owner_unresolved": Reason("The owner has no user at the destination.", "Name a user for this owner, then run again."),
        "parent_missing": Reason(
            "The record that this one hangs on is not loaded.", "Load or make the parent, then run again."
        ),
        "not_an_amount": Reason("The amount is no plain sum of money, such as a monthly budget.", "Say what it comes to."),
        "exists_already": Reason("The destination has this record already.", "Decide whether it is to be updated."),
        "claimed_twice": Reason(
            "The destination has one record that several of ours answer to.", "Say which of them it is, or merge them."
        ),
        "unknown_parent_kind": Reason(
            "The row says what kind of record it hangs on, and there is no such kind.", "Say which feed the kind belongs to."
        ),
        "undecided_link": Reason("The row lost its link to another table, and nobody said yet which row it is.", _DECIDE),
        "file_over_limit": Reason(
            "The file is larger than the limit that was agreed on.", "Upload it by hand, or decide otherwise."
        ),
        # rows that are in another record
        "same_group": Reason("Several rows make up this one record."),
        "linked": Reason("The link stands on the record that it belongs to."),
        "repeated_row": Reason("The same row stands in the export twice."),
        "same_key": Reason("Another row has the same number; somebody decided to merge them."),
        "same_person": Reason("Somebody confirmed that this is the same person."),
        "same_company": Reason("Somebody confirmed that this is the same company."),
        "became_customer": Reason("The lead became a customer and lives on in that contact."),
        "same_email_as_customer": Reason("The lead has the e-mail address of a customer and lives on in that contact."),
        "same_email_as_contact": Reason("The person has the e-mail address of a contact and lives on in that one."),
        "listed_organisation": Reason("The list of organisations names this company; the row is part of that record."),
        "attached": Reason("The values stand on the record that the row belongs to."),
        "matched_user": Reason("The owner is this user of the destination."),
        "fallback_user": Reason("The owner has no user; the records went to the fallback that was decided on."),
        # rows that a rule leaves out
        "test_row": Reason("Somebody made this row to try the form."),
        "not_a_business": Reason("The customer is a person; persons give a contact and no account."),
        "earlier_call": Reason("A later call stands on the record; earlier ones are counted."),
        "site_with_fewer_reviews": Reason("The site with the most reviews stands on the record; the others are counted."),
        "earlier_course": Reason("A course begun later stands on the record; earlier ones are counted."),
        "no_company": Reason("The row names no company, so it gives none."),
        "other_kind": Reason("The row is of another kind, and is looked for there."),
        "unconverted_person": Reason("A person without a company who was never converted; such persons become leads."),
        "not_a_lead": Reason("The person has a company or was converted, so they are a contact and no lead."),
        "on_a_project": Reason("It hung on a project, of which the destination has none; the project inventory has it."),
        "on_a_ticket_record": Reason(
            "It hung on a ticket that is a record of its own, which can hold no such thing; it is listed."
        ),
        "project_without_link": Reason("The project names neither a deal nor an account, so the inventory alone has it."),
        "private_note": Reason("A coach marked the note as private."),
        "not_private": Reason("The note is not private, and is looked for among the others."),
        "not_held": Reason("The session was not held, and the scope leaves such sessions out."),
        "other_answer": Reason("The scope was answered so that these rows are not taken."),
        "nobody_needs_it": Reason("No record leads to it, so it is not made."),
        "file_skipped": Reason("The file is larger than the limit; it was decided to leave it out."),
        "file_linked": Reason("The file is larger than the limit; the hand-off says where it lies."),
        "documented": Reason("The destination has no place for it; it is kept in the hand-off documents."),
        # links and files that lead nowhere
        "no_record_for_link": Reason("The link joins records of which one is not loaded.", _BY_HAND),
        "unreadable": Reason("The source could not read this item itself; it is kept as it came.", "Ask the vendor for it."),
        "not_json": Reason("The line is no JSON object.", _LINE),
        "key_twice": Reason("The object says two things under one name.", _LINE),
        "cut_line": Reason("The file ends in the middle of this line.", "Ask for the file again."),
        "file_missing": Reason("The file is listed and was not delivered.", "Ask for the file."),
        "file_empty": Reason("The file has no content.", "Ask for the file again."),
        "file_differs": Reason("The file is not the one that the list describes: its size or its digest differs.", _LINE),
        "file_outside": Reason("The path leads out of the delivery, so the file was not looked at.", _BY_HAND),
        "image_elsewhere": Reason("The picture lies on the network, where it may be gone.", "Save it by hand if it is wanted."),
        "image_missing": Reason("The picture is not among the files.", "Ask for the file."),
        "image_unreadable": Reason("The text holds no picture where it says that there is one.", _BY_HAND),
        # values that did not come along
        "own_parent": Reason("The row names itself as its parent, so it has none."),
        "parent_cycle": Reason("The parents go round in a circle, which was cut here.", "Say which of them is the highest."),
        "second_primary": Reason("Two links claim to be the primary one; the first of them is.", "Say which of them counts."),
        "other_row_counts": Reason("Another row of the same record says something else, and its word counts."),
        "no_room_beside_others": Reason("Texts of several rows share a field, and this one found no room after the others."),
        "first_of_several": Reason("Several rows fit and do not say the same; the first one was taken."),
        "newest_of_several": Reason("Several rows fit and do not say the same; the newest one was taken."),
        "no_row_to_join": Reason("The row that this one names is not in the other table.", _CORRECT),
        "placeholder": Reason("The cell says that there is nothing, in words such as n/a."),
        "damaged_by_excel": Reason(
            "A spreadsheet destroyed the value before it came to us.", "Ask for the value in the source."
        ),
        "not_a_date": Reason("The text names no day of the calendar.", _CORRECT),
        "ambiguous_day": Reason("Day and month cannot be told apart.", _CORRECT),
        "not_an_email": Reason("The text is no e-mail address.", _CORRECT),
        "several_emails": Reason("The cell holds several e-mail addresses.", "Choose one."),
        "not_a_phone": Reason("The text is no telephone number.", _CORRECT),
        "several_phones": Reason("The cell holds several telephone numbers.", "Choose one."),
        "other_country": Reason(
            "The telephone number names no country, and it begins as no number of the supposed one does.",
            "Say of which country such numbers are: `region` in engagement.toml.",
        ),
        "area_code_missing": Reason("The telephone number has no area code.", _CORRECT),
        "not_a_url": Reason("The text is no web address.", _CORRECT),
        "forbidden_scheme": Reason("The link is no web address that can be opened safely."),
        "credentials_in_url": Reason("The link contains a password.", "Remove the password at the source."),
        "not_a_domain": Reason("The text names no domain.", _CORRECT),
        "not_an_integer": Reason("The text is no whole number.", _CORRECT),
        "not_a_number": Reason("The text is no number.", _CORRECT),
        "not_a_boolean": Reason("The text is neither yes nor no.", _CORRECT),
        "not_a_duration": Reason("The text is no length of time.", _CORRECT),
        "no_end": Reason("Neither a length nor an end is stated, only a beginning.", "Say how long it took, if anybody knows."),
        "decimal_mark_differs": Reason("The number is written with the other decimal mark.", _CORRECT),
        "percent_sign": Reason("A percentage stands where a plain number belongs.", _CORRECT),
        "ambiguous_percent": Reason("It cannot be told whether the number is a share or a percentage.", _CORRECT),
        "leading_zero": Reason("The number begins with a zero, so it may be a code.", "Map the column to a text field."),
        "other_currency": Reason("The amount is in another currency.", "Convert it, and enter it by hand."),
        "too_long": Reason("The text is longer than the field holds.", "Map the column to a longer field, or shorten it."),
        "too_many_digits": Reason("The number has more digits than the field keeps.", "Map the column to a text field."),
        "too_many_decimals": Reason("The number has more decimals than the field keeps.", "Map the column to a text field."),
        "zone_missing": Reason("The time does not say in which zone it is."),
        "unmapped_value": Reason("The value has no option at the destination.", _DECIDE),
        "taken_by_another_record": Reason("Another record has this value, and no two may share it.", "Choose who keeps it."),
        "record_kept_its_own": Reason("The record says something else itself, and keeps it."),
        "other_row_chosen": Reason("Somebody decided that another row of the same record has the word here."),
        "chosen_empty": Reason("Somebody decided that the record stays empty here, whatever its rows say."),
        "later_word_won": Reason("A later row says something else, and its word counts."),
        "left_empty": Reason("Somebody decided to leave this value empty."),
        # values that came along in part
        "time_dropped": Reason("The day is kept, the time of day is given up."),
        "trimmed_space": Reason("Spaces before or after the text were taken off."),
        "inner_space": Reason("Several spaces in a row became one."),
        "lower_cased": Reason("Capital letters of the e-mail address became small ones."),
        "invisible_removed": Reason("Characters that nobody sees were taken out."),
        "control_removed": Reason("Control characters were taken out."),
        "unicode_composed": Reason("Accents were joined with their letters."),
        "line_ends_unified": Reason("Line ends were made the same."),
        "scheme_added": Reason("https:// was put before the web address."),
        "path_dropped": Reason("Only the domain of the address is kept."),
        "html_cleaned": Reason("Parts of the text that a page must not run or show were taken out."),
        "formatting_dropped": Reason("Formatting of the text that the destination does not keep was given up."),
        "images_as_links": Reason("Pictures that could not be fetched became links to where they lay."),
        "cut_short": Reason("The text was longer than the field holds; its end is told here and in the export alone."),
        "cut_short_marked": Reason("The text was longer than the field holds; it ends where it says so."),
        "prefix_added": Reason("The number got the prefix that the other files use."),
        "prefix_normalised": Reason("The prefix of the number was written as in the other files."),
        "currency_dropped": Reason("The currency sign was taken off."),
        "decimal_trimmed": Reason("“.0”, which a spreadsheet had added, was taken off."),
        "display_name_dropped": Reason("The name before the e-mail address was taken off."),
        "extension_dropped": Reason("The extension of the telephone number is given up."),
        "letters_to_digits": Reason("Letters of the telephone number became digits."),
        "not_in_numbering_plan": Reason("The number has a possible length, but no country assigns it.", "Check the number."),
        "leading_zero_suspected": Reason("The code may have lost a leading zero; it is kept as it came.", "Check the code."),
        "leading_zero_restored": Reason("A lost leading zero was put back, as decided."),
        "repeated_dropped": Reason("An option that was named twice is kept once."),
        "split_assumed": Reason("First and last name were told apart by guess.", "Check the name."),
        "midnight_assumed": Reason("The day has no time; midnight was taken."),
        "century_assumed": Reason("The year has two digits; the century was assumed.", "Check the year."),
        "dst_ambiguous": Reason("The hour happened twice that night; the first one was taken."),
        "dst_gap": Reason("The hour did not exist that night; the next one was taken."),
        "fraction_scaled": Reason("A share was written as a percentage."),
        "not_a_company_domain": Reason("The address is at a mail or social site, so it names no company."),
        # answers of the destination
        "refused_by_destination": Reason("The destination did not accept the record; its words stand beside.", _CORRECT),
        "outcome_unknown": Reason(
            "The destination never answered.", "Run again: the record is looked for before anything is sent."
        ),
        # what the intake and the discovery find in a file
        "byte_order_mark": Reason("The file begins with a mark of its encoding; it was skipped."),
        "preamble_skipped": Reason("Lines above the header are no data; they were skipped."),
        "duplicate_header_numbered": Reason("Two columns have one name; the later one was numbered."),
        "header_blanks_stripped": Reason("Column names had spaces around them; they were taken off."),
        "empty_column_dropped": Reason("A column has neither a name nor a value."),
        "short_rows_padded": Reason("Rows leave out empty cells at their end; that is the habit of this file."),
        "surplus_cells_trimmed": Reason("Rows have surplus empty cells at their end; they were taken off."),
        "no_header": Reason("The file has no header.", "Say what its columns are."),
        "merged_cells": Reason("The sheet has merged cells; only the first of them holds the value."),
        "other_sheets": Reason("The workbook has further sheets that were not read.", "Say whether they are wanted."),
        "formula_without_value": Reason("A formula was saved without its value.", "Open and save the file in a spreadsheet."),
        "error_value": Reason("A spreadsheet wrote an error over the value.", "Ask for the value in the source."),
        "hash_filled": Reason(
            "The column was too narrow when it was exported; its values are lost.", "Ask for the file again."
        ),
        "scientific_notation": Reason("A spreadsheet rewrote long numbers; digits are lost.", "Ask for the file again."),
        "date_serial": Reason("Days stand as the numbers that a spreadsheet counts them by."),
        "zero_from_format": Reason("Leading zeros stand in the format of the cells and not in their values."),
        "lost_leading_zero": Reason(
            "Codes may have lost their leading zeros.", "Ask for the file as CSV, not by way of a spreadsheet."
        ),
        "formula_like": Reason("Texts look like formulas; they are kept as text and run nowhere."),
        "replacement_character": Reason(
            "Characters were lost before the file came to us.", "Ask for the file again, as UTF-8."
        ),
        "mojibake": Reason("Text was read in the wrong encoding before it came to us.", "Ask for the file again, as UTF-8."),
        "outer_blanks": Reason("Texts begin or end with spaces."),
        "no_break_space": Reason("Texts hold non-breaking spaces."),
        "zero_width": Reason("Texts hold characters that nobody sees."),
        "control_character": Reason("Texts hold control characters."),
        "not_nfc": Reason("Accents stand apart from their letters."),
        "day_order_mixed": Reason("Some days are written day first, others month first.", "Say which order counts."),
        "day_order_ambiguous": Reason("Day and month cannot be told apart in this column.", "Say which order counts."),
        "mixed_decimal_marks": Reason("Some numbers have a decimal comma, others a decimal point.", "Say which one counts."),
        "mostly_empty": Reason("The column is nearly empty.", "Say whether it is wanted."),
        "nearly_unique": Reason("A column that should name its rows has repeated values."),
        "spelling_variants": Reason("One value is spelt in several ways."),
    }
)

SPREADSHEET_DAMAGE = frozenset(
    {"error_value", "formula_without_value", "hash_filled", "scientific_notation", "date_serial", "lost_leading_zero"}
)
"""Codes of what a spreadsheet did to a file before it came to us."""


def reason(code: object) -> Reason:
    """A code in words; several codes joined by ";" are put together, and an unknown one shows itself."""
    codes = [part for part in str(code).split(";") if part.strip()] if isinstance(code, str) else []
    known = [REASONS.get(part.strip(), Reason(part.strip().replace("_", " ").capitalize() + ".")) for part in codes]
    todos = dict.fromkeys(each.todo for each in known if each.todo)
    return Reason(" ".join(each.words for each in known), " ".join(todos))


def explained(frame: pd.DataFrame, *, code: str = "reason") -> pd.DataFrame:
    """The frame with two more columns, `words` and `todo`, for the codes in column `code`."""
    distinct = {each: reason(each) for each in frame[code].dropna().unique()}
    words = [distinct[each].words if each in distinct else "" for each in frame[code]]
    todos = [distinct[each].todo if each in distinct else "" for each in frame[code]]
    return frame.assign(
        words=pd.Series(words, index=frame.index, dtype="str"), todo=pd.Series(todos, index=frame.index, dtype="str")
    )


def in_words(frame: pd.DataFrame, *, code: str = "reason") -> pd.DataFrame:
    """The frame with the codes of one column put in words, as a person reads it; empty stays empty."""
    return frame.assign(**{code: explained(frame, code=code)["words"]}) if len(frame) else frame
