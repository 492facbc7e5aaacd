"""The emergency numbers of shared/domain are those of libphonenumber's short number metadata."""

import re

import phonenumbers
import pytest
from phonenumbers.shortnumberinfo import SUPPORTED_SHORT_REGIONS

from conftest import ROOT

DATA = ROOT / "shared" / "domain" / "src" / "emergency_numbers.txt"

#: Every text of 2 to 6 digits.
DIGITS = [f"{number:0{length}}" for length in range(2, 7) for number in range(10**length)]


def lines():
    """The lines of the data file that are not comments, each as a list of its words."""
    return [line.split(" ") for line in DATA.read_text().splitlines() if not line.startswith("#")]


@pytest.fixture(scope="module")
def listed():
    """The calling code and the emergency numbers of each country of the data file."""
    return {country: (calling_code, numbers) for country, calling_code, *numbers in lines()}


@pytest.fixture(scope="module")
def expected():
    """The calling code and the emergency numbers of each country of the metadata that has emergency numbers."""
    patterns = {}
    for country in SUPPORTED_SHORT_REGIONS:
        emergency = phonenumbers.PhoneMetadata.short_metadata_for_region(country).emergency
        # A region that belongs to no country has a number for its name, such as 001.
        if not country.isdigit() and emergency is not None and emergency.national_number_pattern:
            patterns[country] = emergency.national_number_pattern
    # Few texts match any pattern at all, and only these are matched with the pattern of each country.
    of_any_country = re.compile("|".join(f"(?:{pattern})" for pattern in sorted(set(patterns.values()))))
    candidates = sorted(filter(of_any_country.fullmatch, DIGITS))
    return {
        country: (
            str(phonenumbers.country_code_for_region(country)),
            [digits for digits in candidates if re.fullmatch(pattern, digits)],
        )
        for country, pattern in patterns.items()
    }


def test_the_comments_name_the_version_that_is_compared():
    assert f"version {phonenumbers.__version__}," in DATA.read_text()


def test_the_lines_are_sorted_and_each_country_has_one():
    countries = [country for country, *_ in lines()]
    assert countries == sorted(set(countries))


def test_every_listed_country_is_in_the_metadata_with_these_numbers(listed, expected):
    for country, numbers in listed.items():
        assert numbers == expected.get(country), country


def test_every_country_of_the_metadata_is_listed_with_its_numbers(listed, expected):
    assert len(expected) > 200, "the metadata has the emergency numbers of the world's countries"
    for country, numbers in expected.items():
        assert listed.get(country) == numbers, country
