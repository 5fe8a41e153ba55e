"""Values that a LiteLLM file keeps in variables: the provider is taken over, switched off, and says what it needs."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from groups.models import RoutingGroup
from interchange.bundle import Bundle, ProviderDraft
from interchange.files import bundle_from, checked
from providers import secrets
from providers.models import Provider, ProviderKey
from tests.factories import make_provider

# References are sealed with the key of the installation, which the database confirms.
pytestmark = pytest.mark.django_db

IMPORT = "/v1/routing_group/import"
AWS = {"model": "bedrock/anthropic.claude-3-haiku-20240307-v1:0"}
VERTEX = {"model": "vertex_ai/gemini-2.5-flash"}
ACCOUNT = {"type": "service_account", "private_key": "-----BEGIN-----\nabc\n-----END-----\n"}


def content(*entries: dict[str, Any], **rooms: Any) -> str:
    rows = [{"model_name": f"g{n}", "litellm_params": params} for n, params in enumerate(entries)]
    return yaml.safe_dump({"model_list": rows, **rooms})


def read(*entries: dict[str, Any], **rooms: Any) -> Bundle:
    return bundle_from(checked(content(*entries, **rooms)))[0]


def provider_of(**params: Any) -> ProviderDraft:
    (provider,) = read(params).providers
    return provider


WAITING = {
    "an address": (
        {"model": "openai/m", "api_base": "os.environ/MY_BASE", "api_key": "os.environ/MY_KEY"},
        ("api_base: MY_BASE", "a key: MY_KEY"),
    ),
    "an address by its other name": ({"model": "ollama/m", "base_url": "os.environ/MY_BASE"}, ("api_base: MY_BASE",)),
    "a version": (
        {"model": "azure/m", "api_base": "https://x.openai.azure.com", "api_version": "os.environ/V", "api_key": "k"},
        ("api_version: V",),
    ),
    "all of azure": (
        {"model": "azure/m", "api_base": "os.environ/B", "api_version": "os.environ/V", "api_key": "os.environ/K"},
        ("api_base: B", "api_version: V", "a key: K"),
    ),
    "a region": ({**AWS, "aws_region_name": "os.environ/AWS_REGION"}, ("aws_region_name: AWS_REGION",)),
    "no region at all": (AWS, ("aws_region_name",)),
    "keys of aws": (
        {
            **AWS,
            "aws_region_name": "eu-central-1",
            "aws_access_key_id": "os.environ/ID",
            "aws_secret_access_key": "os.environ/SECRET",
        },
        ("aws_access_key_id: ID", "aws_secret_access_key: SECRET"),
    ),
    "a role": (
        {**AWS, "aws_region_name": "eu-central-1", "aws_role_name": "arn:x"},
        ("credentials of another kind: aws_role_name is not supported here",),
    ),
    "an app of azure": (
        {"model": "azure/m", "api_base": "https://x.openai.azure.com", "tenant_id": "t", "client_id": "c"},
        ("credentials of another kind: tenant_id, client_id is not supported here",),
    ),
    "vertex": (
        {
            **VERTEX,
            "vertex_project": "os.environ/P",
            "vertex_location": "os.environ/L",
            "vertex_credentials": "os.environ/C",
        },
        ("vertex_project: P", "vertex_location: L", "vertex_credentials: C"),
    ),
    "vertex by its older names": ({**VERTEX, "vertex_ai_project": "os.environ/P"}, ("vertex_project: P",)),
    "a file of the proxy": (
        {**VERTEX, "vertex_credentials": "/app/account.json"},
        ("vertex_credentials: a file that only the proxy has",),
    ),
    "as a template has it": (
        {"model": "azure/m", "api_base": "${AZURE_ENDPOINT}", "api_key": "${AZURE_KEY}"},
        ("api_base: AZURE_ENDPOINT", "a key: AZURE_KEY"),
    ),
    "no address": ({"model": "ollama/m"}, ("api_base",)),
}


@pytest.mark.parametrize(("params", "needs"), WAITING.values(), ids=WAITING.keys())
def test_a_provider_that_lacks_something_says_what(params, needs):
    assert provider_of(**params).needs == needs
    assert provider_of(**params).status == f"switched off: needs {', '.join(needs)}"


@pytest.mark.django_db
@pytest.mark.parametrize("params", [params for params, _ in WAITING.values()], ids=WAITING.keys())
def test_it_is_imported_switched_off_with_its_group_and_found_again(as_alice, params):
    text = content(params)
    answer = as_alice.post(IMPORT, {"content": text, "dry_run": False})
    assert answer.status_code == 200, answer.content
    provider = Provider.objects.get()
    assert (provider.enabled, provider.error) == (False, f"Needs {', '.join(provider_of(**params).needs)}.")
    assert RoutingGroup.objects.get().deployments.get().model.provider == provider
    again = as_alice.post(IMPORT, {"content": text, "dry_run": False}).json()
    assert [line["name"] for line in again["unchanged"]] == ["g0"]
    assert Provider.objects.count() == 1


@pytest.mark.django_db
def test_what_the_file_does_say_is_stored_with_what_is_missing(as_alice):
    params = {"model": "azure/m", "api_base": "os.environ/B", "api_version": "2025-01-01", "api_key": "sk-of-azure"}
    as_alice.post(IMPORT, {"content": content(params), "dry_run": False})
    provider = Provider.objects.get()
    assert (provider.enabled, provider.settings) == (False, {"api_version": "2025-01-01"})
    assert secrets.decrypt(ProviderKey.objects.get()).reveal() == "sk-of-azure"


@pytest.mark.django_db
def test_keys_of_aws_are_stored_encrypted(as_alice):
    keys = {"aws_access_key_id": "AKIA-of-ours", "aws_secret_access_key": "the-secret"}
    text = content({**AWS, "aws_region_name": "eu-central-1", **keys})
    assert "AKIA-of-ours" not in checked(text)
    as_alice.post(IMPORT, {"content": text, "dry_run": False})
    row = ProviderKey.objects.get()
    assert {name: secret.reveal() for name, secret in secrets.read(row).others} == keys
    assert row.provider.enabled


@pytest.mark.django_db
@pytest.mark.parametrize("spelled", [json.dumps(ACCOUNT), json.dumps(ACCOUNT, indent=1)])
def test_the_account_of_vertex_is_stored_encrypted(as_alice, spelled):
    params = {**VERTEX, "vertex_project": "p-1", "vertex_location": "europe-west4", "vertex_credentials": spelled}
    text = json.dumps({"model_list": [{"model_name": "g", "litellm_params": params}]})
    assert "BEGIN" not in checked(text)
    assert as_alice.post(IMPORT, {"content": text, "dry_run": False}).status_code == 200
    row = ProviderKey.objects.get()
    assert json.loads(dict(secrets.read(row).others)["vertex_credentials"].reveal()) == ACCOUNT
    assert (row.provider.enabled, row.provider.name) == (True, "vertex_ai europe-west4")
    assert row.provider.settings == {"vertex_project": "p-1", "vertex_location": "europe-west4"}


def test_each_region_is_a_provider_of_its_own():
    bundle = read(*({**VERTEX, "vertex_location": region} for region in ("us-central1", "europe-west4", "us-central1")))
    assert [p.name for p in bundle.providers] == ["vertex_ai us-central1", "vertex_ai europe-west4"]
    bundle = read(*({**AWS, "aws_region_name": region} for region in ("eu-central-1", "us-east-1")))
    assert [p.name for p in bundle.providers] == ["AWS Bedrock eu-central-1", "AWS Bedrock us-east-1"]


@pytest.mark.django_db
def test_a_region_here_is_not_taken_for_another(as_alice):
    make_provider(name="Bedrock", type="aws", api_base="", settings={"aws_region_name": "us-east-1"})
    as_alice.post(IMPORT, {"content": content({**AWS, "aws_region_name": "eu-central-1"}), "dry_run": False})
    assert {p.name for p in Provider.objects.all()} == {"Bedrock", "AWS Bedrock eu-central-1"}


def test_a_number_in_a_variable_costs_that_number():
    bundle = read({"model": "groq/m", "rpm": "os.environ/RPM", "tpm": 5})
    assert (bundle.groups[0].deployments[0].rpm, bundle.groups[0].deployments[0].tpm) == (None, 5)
    assert "left out: rpm (RPM)" in " ".join(remark.why for remark in bundle.remarks)


def test_credentials_that_a_file_keeps_apart_are_those_of_the_entry():
    apart = [{"credential_name": "eu", "credential_values": {"api_base": "https://x.example.com", "api_key": "sk-1"}}]
    bundle = read({"model": "openai/m", "litellm_credential_name": "eu"}, credential_list=apart)
    (provider,) = bundle.providers
    assert (provider.api_base, provider.key and provider.key.reveal()) == ("https://x.example.com", "sk-1")


def test_a_template_variable_is_no_secret_and_stays_readable():
    text = "model_list: [{model_name: a, litellm_params: {model: groq/m, api_key: ${GROQ_KEY}}}]"
    assert checked('a:\n  api_key: ${GROQ_KEY}\n  token: "${T}"') == 'a:\n  api_key: ${GROQ_KEY}\n  token: "${T}"'
    assert "sealed" not in checked(text)


@pytest.mark.django_db
def test_secrets_beside_the_key_are_exported_as_references_of_their_own(as_alice):
    keys = {"aws_access_key_id": "AKIA-of-ours", "aws_secret_access_key": "the-secret"}
    text = content({**AWS, "aws_region_name": "eu-central-1", **keys})
    as_alice.post(IMPORT, {"content": text, "dry_run": False})
    exported = as_alice.get("/v1/routing_group/export?format=litellm").content.decode()
    params = yaml.safe_load(exported)["model_list"][0]["litellm_params"]
    assert params["aws_access_key_id"] == "os.environ/AWS_BEDROCK_EU_CENTRAL_1_AWS_ACCESS_KEY_ID"
    assert "api_key" not in params
    assert "AWS_BEDROCK_EU_CENTRAL_1_AWS_SECRET_ACCESS_KEY  aws_secret_access_key of AWS Bedrock" in exported
    again = as_alice.post(IMPORT, {"content": exported}).json()
    assert [again[part] for part in ("created", "changed", "skipped")] == [[], [], []]
