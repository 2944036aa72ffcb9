"""Requests of all kinds, made from the service's own description by schemathesis.

It takes seconds to import, so only the process that makes the requests does so.
"""

import pytest
from hypothesis import HealthCheck, given, settings

MODES = {"as described": "positive", "otherwise": "negative"}


@pytest.fixture(scope="module")
def operations(service) -> list:
    """What can be asked, by the description that the service gives of itself."""
    import schemathesis

    described = schemathesis.openapi.from_url(f"{service.url}openapi.json")
    return [found.ok() for found in described.get_all_operations()]


def fuzz(operations, mode: str, examples: int) -> None:
    """Every answer is of a status and a form that the description knows, and none is 500."""
    from schemathesis import GenerationMode
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    # That a picture is described does not make it one: noise is refused, and rightly.
    excluded = [positive_data_acceptance]
    for operation in operations:
        has_input = [*operation.body, *operation.query]
        if mode == "negative" and not has_input:
            continue  # there is nothing that could be otherwise

        @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=GenerationMode(mode)))
        def answered(case) -> None:
            response = case.call_and_validate(excluded_checks=excluded, timeout=60)
            assert response.status_code < 500
            if response.status_code >= 400:
                assert response.json()["error"]["status"] == response.status_code

        answered()


@pytest.mark.parametrize("mode", MODES)
def test_whatever_is_sent_is_answered_as_described(operations, service, mode):
    fuzz(operations, MODES[mode], 8)
    assert service.get("health").json() == {"status": "ok", "workers": 1, "waiting": 0}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("mode", MODES)
def test_whatever_is_sent_for_long_is_answered_as_described(operations, service, mode):
    fuzz(operations, MODES[mode], 100)
    assert service.get("health").json() == {"status": "ok", "workers": 1, "waiting": 0}
