"""What the schema says is what comes: the whole of it, sent to a real server by a fuzzer that has it for its plan."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer

from gateway.api.schema import PATHS
from tests import servers
from tests.databases import is_postgres
from tests.servers import MASTER_KEY, Console
from tests.sharing import HASH_SEED

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# PostgreSQL refuses more than SQLite does.
EXAMPLES = 3 if is_postgres() else 1
SEED = 20
# `make test-schema` adds the boundaries of each field, for which there is no time in each run.
PHASES = os.environ.get("SCHEMA_PHASES", "fuzzing")
# Much that has the right shape is refused for other reasons: a group of unknown models, a key of an unknown person.
LEFT_OUT = "positive_data_acceptance"
# And null is taken for the default where there is one, which the schema can't say of requests alone.
LEFT_OUT += ",negative_data_rejection" if PHASES != "fuzzing" else ""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return dict(SchemaGenerator().get_schema(request=None, public=True))


@pytest.fixture(scope="module")
def console(tmp_path_factory) -> Iterator[Console]:
    with servers.console(tmp_path_factory.mktemp("console"), BODY_DEADLINE_S="120") as running:
        yield running


def test_every_operation_of_the_rest_api_says_how_it_may_fail(schema):
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if path in PATHS:
                continue
            expected = {"400", "401", "403", "406", "429", "503"}
            expected |= {"409"} if method != "get" else set()
            expected |= {"408", "413", "415"} if "requestBody" in operation else set()
            expected |= {"404"} if "{" in path else set()
            assert expected <= set(operation["responses"]), (method, path)


def test_every_operation_of_the_gateway_says_how_it_may_fail():
    for path, operations in PATHS.items():
        for operation in operations.values():
            expected = {"401", "403", "429", "503"} if "security" in operation else {"200"}
            expected |= {"400", "404", "408", "413", "415", "502", "504"} if "requestBody" in operation else set()
            assert expected <= set(operation["responses"]), path


def test_what_is_deleted_is_answered_with_200_and_its_name(schema):
    deleted = [operations["delete"] for operations in schema["paths"].values() if "delete" in operations]
    assert deleted
    assert all("200" in operation["responses"] and "204" not in operation["responses"] for operation in deleted)


def test_a_method_that_a_path_does_not_have_is_answered_with_those_that_it_has(schema, console):
    for path, operations in schema["paths"].items():
        has = {method.upper() for method in operations}
        missing = next(method for method in METHODS if method not in has)
        answer = console.send(missing, path.replace("{", "").replace("}", ""))
        assert answer.status_code == 405, (missing, path, answer.text)
        assert set(answer.headers["allow"].split(", ")) - {"HEAD", "OPTIONS"} == has, path
        assert "detail" in answer.json() or "error" in answer.json(), path


def test_a_null_character_in_any_filter_is_refused_before_the_database_sees_it(schema, console):
    filters = [
        (path, parameter["name"])
        for path, operations in schema["paths"].items()
        for parameter in operations.get("get", {}).get("parameters", ())
        if parameter["in"] == "query" and "{" not in path
    ]
    assert ("/api/v1/llm/keys", "q") in filters
    for path, name in filters:
        answer = console.send("GET", f"{path}?{name}=%00")
        assert (answer.status_code, list(answer.json())) == (400, ["detail"]), (path, name)


@pytest.mark.slow
def test_a_fuzzer_finds_no_answer_that_the_schema_does_not_have(schema, console, tmp_path):
    plan, report = tmp_path / "schema.json", tmp_path / "report.txt"
    plan.write_bytes(OpenApiJsonRenderer().render(schema, renderer_context={}))
    command = [
        *(Path(sys.executable).with_name("schemathesis"), "run", plan, "--url", console.url),
        *("--header", f"Authorization: Bearer {MASTER_KEY}", "--seed", str(SEED), "--max-examples", str(EXAMPLES)),
        *("--phases", PHASES, "--mode", "all", "--exclude-checks", LEFT_OUT, "--warnings", "off", "--no-shrink"),
        *("--generation-database", "none", "--suppress-health-check", "all", "--request-timeout", "120", "--no-color"),
    ]
    same_each_time = {**os.environ, HASH_SEED: "0"}
    with report.open("w") as output:
        ended = subprocess.run(command, cwd=tmp_path, env=same_each_time, stdout=output, stderr=output, check=False)
    assert ended.returncode == 0, report.read_text()[-20_000:]
