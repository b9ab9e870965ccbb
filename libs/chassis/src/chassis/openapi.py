"""The service's own OpenAPI document, telling the truth about its refusals."""

from typing import Any, Final

from fastapi import FastAPI

_JSON: Final = "application/json"
_PROBLEM: Final = "application/problem+json"
_FRAMEWORK_SCHEMAS: Final = ("HTTPValidationError", "ValidationError")


class ServiceApp(FastAPI):
    """FastAPI whose document shows problem documents instead of the framework's 422."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        for item in document["paths"].values():
            for operation in item.values():
                _tell_of_problems(operation["responses"])
        schemas = document.get("components", {}).get("schemas", {})
        for name in _FRAMEWORK_SCHEMAS:
            schemas.pop(name, None)
        return document


def _tell_of_problems(responses: dict[str, Any]) -> None:
    # `default` covers it, with the schema that is really answered.
    if responses.get("422", {}).get("description") == "Validation Error":
        del responses["422"]
    content = responses.get("default", {}).get("content", {})
    if _JSON in content:
        content[_PROBLEM] = content.pop(_JSON)
