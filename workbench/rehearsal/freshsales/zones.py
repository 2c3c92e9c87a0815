"""The time zones of a Freshsales account, by the names that Rails gives them."""

from __future__ import annotations

from collections.abc import Mapping

RUNS = (
    ("-11:00", "American Samoa|International Date Line West|Midway Island"),
    ("-10:00", "Hawaii"),
    ("-08:00", "Alaska"),
    ("-07:00", "Pacific Time (US & Canada)|Tijuana|Arizona|Mazatlan"),
    ("-06:00", "Mountain Time (US & Canada)|Central America"),
    ("-05:00", "Central Time (US & Canada)"),
    ("-06:00", "Chihuahua|Guadalajara|Mexico City|Monterrey|Saskatchewan"),
    ("-05:00", "Bogota"),
    ("-04:00", "Eastern Time (US & Canada)|Indiana (East)"),
    ("-05:00", "Lima|Quito"),
    ("-03:00", "Atlantic Time (Canada)"),
    ("-04:00", "Caracas|Georgetown|La Paz|Santiago"),
    ("-02:30", "Newfoundland"),
    ("-03:00", "Brasilia|Buenos Aires"),
    ("-02:00", "Greenland"),
    ("-03:00", "Montevideo"),
    ("-02:00", "Mid-Atlantic"),
    ("+00:00", "Azores"),
    ("-01:00", "Cape Verde Is."),
    ("+01:00", "Casablanca|Dublin|Edinburgh|Lisbon|London"),
    ("+00:00", "Monrovia|UTC"),
    ("+02:00", "Amsterdam|Belgrade|Berlin|Bern|Bratislava|Brussels|Budapest|Copenhagen|Ljubljana"),
    ("+02:00", "Madrid|Paris|Prague|Rome|Sarajevo|Skopje|Stockholm|Vienna|Warsaw"),
    ("+01:00", "West Central Africa"),
    ("+02:00", "Zagreb"),
    ("+03:00", "Athens|Bucharest|Cairo"),
    ("+02:00", "Harare"),
    ("+03:00", "Helsinki|Jerusalem"),
    ("+02:00", "Kaliningrad"),
    ("+03:00", "Kyiv"),
    ("+02:00", "Pretoria"),
    ("+03:00", "Riga|Sofia|Tallinn|Vilnius|Baghdad|Istanbul|Kuwait|Minsk|Moscow|Nairobi|Riyadh|St. Petersburg|Volgograd"),
    ("+03:30", "Tehran"),
    ("+04:00", "Abu Dhabi|Baku|Muscat|Samara|Tbilisi|Yerevan"),
    ("+04:30", "Kabul"),
    ("+05:00", "Ekaterinburg|Islamabad|Karachi|Tashkent"),
    ("+05:30", "Chennai|Kolkata|Mumbai|New Delhi|Sri Jayawardenepura"),
    ("+05:45", "Kathmandu"),
    ("+06:00", "Almaty|Astana|Dhaka|Urumqi"),
    ("+06:30", "Rangoon"),
    ("+07:00", "Bangkok|Hanoi|Jakarta|Krasnoyarsk|Novosibirsk"),
    ("+08:00", "Beijing|Chongqing|Hong Kong|Irkutsk|Kuala Lumpur|Perth|Singapore|Taipei|Ulaanbaatar"),
    ("+09:00", "Osaka|Sapporo|Seoul|Tokyo|Yakutsk"),
    ("+09:30", "Adelaide|Darwin"),
    ("+10:00", "Brisbane|Canberra|Guam|Hobart|Melbourne|Port Moresby|Sydney|Vladivostok"),
    ("+11:00", "Magadan|New Caledonia|Solomon Is.|Srednekolymsk"),
    ("+12:00", "Auckland|Fiji|Kamchatka|Marshall Is.|Wellington"),
    ("+12:45", "Chatham Is."),
    ("+13:00", "Nuku'alofa|Samoa|Tokelau Is."),
)  # fmt: skip
"""Offset in a summer of the northern half, and the zones that have it, in the order in which the account lists them."""


def zones() -> Mapping[str, str]:
    """Label of each zone by its name."""
    return {name: f"(GMT{offset}) {name}" for offset, names in RUNS for name in names.split("|")}
