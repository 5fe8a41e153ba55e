"""Which addresses a provider may have."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from providers.models import check_base_url
from providers.rules import check_address, check_settings

PRIVATE = [
    "http://localhost:8000/v1",
    "http://LOCALHOST./v1",
    "http://api.localhost/v1",
    "http://127.0.0.1/v1",
    "http://127.1/v1",
    "http://2130706433/v1",
    "http://0x7f.1/v1",
    "http://0/v1",
    "http://10.0.0.1/v1",
    "http://172.16.5.5/v1",
    "http://192.168.1.1:4000/v1",
    "http://[::1]/v1",
    "http://[::ffff:10.0.0.1]/v1",
    "http://[fd12::1]/v1",
    "http://１２７.0.0.1/v1",
]
NEVER = [
    "http://169.254.169.254/latest",
    "http://[fe80::1]/v1",
    "http://[fe80::1%25eth0]/v1",
    "http://[::ffff:169.254.169.254]/v1",
    "http://[64:ff9b::a9fe:a9fe]/v1",
    "http://2852039166/",
    "http://metadata.google.internal/",
    "http://[fd00:ec2::254]/",
    "http://224.0.0.1/",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_private_addresses_need_the_setting(url, settings):
    settings.ALLOW_PRIVATE_UPSTREAMS = False
    with pytest.raises(ValidationError, match="ROUTING_CONSOLE_ALLOW_PRIVATE_UPSTREAMS"):
        check_address(url)
    settings.ALLOW_PRIVATE_UPSTREAMS = True
    check_address(url)


@pytest.mark.parametrize("url", NEVER)
def test_link_local_and_metadata_addresses_are_never_allowed(url, settings):
    settings.ALLOW_PRIVATE_UPSTREAMS = True
    with pytest.raises(ValidationError, match="never allowed"):
        check_address(url)


@pytest.mark.parametrize("url", ["https://api.openai.com/v1", "http://8.8.8.8/v1", "http://vllm:8000/v1", ""])
def test_public_addresses_and_names_pass(url, settings):
    settings.ALLOW_PRIVATE_UPSTREAMS = False
    check_address(url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x/v1",
        "api.openai.com/v1",
        "https://",
        "https://x:99999/v1",
        "https://me:secret@x/v1",
        "https://x/v1?key=1",
        "https://x/v1#a",
        "https://x y/v1",
        "https://x/\nv1",
        "https://[::1/v1",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_base_url_is_refused(url):
    with pytest.raises(ValidationError):
        check_base_url(url)


@pytest.mark.parametrize("region", ["x@169.254.169.254/#", "example.com/", "eu:80", "a b", "é", "a\n", "x" * 257])
def test_a_setting_that_could_lead_an_address_elsewhere_is_refused(region):
    with pytest.raises(ValidationError, match="aws_region_name"):
        check_settings("aws", {"aws_region_name": region})


def test_settings_as_vendors_write_them_pass():
    check_settings("aws", {"aws_region_name": "us-gov-west-1"})
    check_settings("azure", {"api_version": "2024-10-01-preview"})


def test_an_address_with_a_backslash_is_refused_as_its_readers_differ_over_the_host():
    with pytest.raises(ValidationError, match="no backslash"):
        check_address("https://api.example\\@169.254.169.254/v1")
