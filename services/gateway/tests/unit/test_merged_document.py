from __future__ import annotations

import json
import re
from typing import Any

from gateway.openapi.merge import merge
from gateway.routes import ProxiedRoute

TABLE = [
    ProxiedRoute("GET", "/v1/deals/{deal_id}", "pipeline", ("deals:read",)),
    ProxiedRoute("GET", "/v1/deals", "pipeline", ("deals:read",)),
    ProxiedRoute("GET", "/v1/projects", "ops", ("projects:read",)),
]
BASE = {"info": {"title": "T", "version": "1"}, "paths": {"/health/live": {"get": {}}}}


def operation(schema: str, **more: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"operationId": "x", "tags": ["t"], "responses": {"200": {"content": content}}, **more}


def service(paths: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    return {"paths": paths, "components": {"schemas": schemas}}


def test_only_listed_routes_are_described_with_what_they_refer_to() -> None:
    pipeline = service(
        {
            "/v1/deals": {"get": operation("Page"), "post": operation("Hidden")},
            "/v1/deals/{id}": {"get": operation("View")},
            "/v1/secret": {"get": operation("Hidden")},
        },
        {
            "Page": {"items": {"$ref": "#/components/schemas/View"}},
            "View": {"type": "object", "itemSchema": {"x": 1}},
            "Hidden": {"type": "object"},
            "Problem": {"type": "object"},
        },
    )
    ops = service({"/v1/projects": {"get": operation("View")}}, {"View": {"type": "string"}})
    merged = merge(BASE, {"pipeline": pipeline, "ops": ops}, TABLE)
    assert list(merged["paths"]) == ["/v1/deals", "/v1/deals/{id}", "/v1/projects"]
    assert set(merged["components"]["schemas"]) == {"pipeline.Page", "pipeline.View", "ops.View"}
    assert "itemSchema" not in json.dumps(merged)
    assert list(merged["paths"]["/v1/deals"]) == ["get"]
    ids = [one["operationId"] for item in merged["paths"].values() for one in item.values()]
    assert len(set(ids)) == 3


def test_every_reference_resolves_and_recursive_ones_end() -> None:
    tree = {"Tree": {"children": {"items": {"$ref": "#/components/schemas/Tree"}}}}
    merged = merge(
        BASE, {"ops": service({"/v1/projects": {"get": operation("Tree")}}, tree)}, TABLE
    )
    names = re.findall(r"#/components/schemas/([^\"]+)", json.dumps(merged))
    assert set(names) == {"ops.Tree"} == set(merged["components"]["schemas"])


def test_service_that_has_not_answered_is_left_out() -> None:
    assert merge(BASE, {}, TABLE)["paths"] == {}
