"""Products and their list prices. Reference data, visible to all teams."""

from __future__ import annotations

from fastapi import APIRouter, Response

from chassis.auth import require
from chassis.bulk import ImportBody, ImportResult, answer, sort_rows
from chassis.concurrency import IfMatch, set_etag
from chassis.paging import Page, PageDep
from chassis.types import Code, CurrencyCode, MinorAmount, StrictModel, Text
from chassis.work import WorkDep
from pipeline.api.catalogue import put_rows, said
from pipeline.errors import AlreadyExists, ProductNotFound
from pipeline.store import catalogue
from pipeline.tables import ProductRow

router = APIRouter(prefix="/v1/products", tags=["products"])


class ListPrice(StrictModel):
    """What one costs before any discount."""

    amount_minor: MinorAmount
    currency: CurrencyCode


class ProductBody(StrictModel):
    """A product. Deals opened with it take its list price as their list value."""

    code: Code
    name: Text
    series: Text | None = None
    list_price: ListPrice | None = None


class ProductPatch(StrictModel):
    """What is left out stays. A new price counts for deals opened from now on."""

    name: Text = ""
    series: Text | None = None
    list_price: ListPrice | None = None


class ProductView(ProductBody):
    """A product; `id` is its code."""

    id: str
    version: int

    @classmethod
    def of(cls, row: ProductRow) -> ProductView:
        price = None if row.list_price is None else ListPrice(**row.list_price)
        return cls(
            id=row.code,
            version=row.version,
            code=row.code,
            name=row.name,
            series=row.series,
            list_price=price,
        )


@router.get("", dependencies=[require("catalogue:read")])
async def list_products(page: PageDep, work: WorkDep) -> Page[ProductView]:
    """All products, by code."""
    rows = await catalogue.page_of(
        work.session, ProductRow, ProductRow.code, after=page.after(str), limit=page.fetch
    )
    return page.page(rows, view=ProductView.of, key=lambda row: row.code)


@router.post("", status_code=201, dependencies=[require("catalogue:write")])
async def create_product(body: ProductBody, work: WorkDep, response: Response) -> ProductView:
    """Add a product."""
    if await catalogue.find(work.session, ProductRow, body.code):
        raise AlreadyExists("product", body.code)
    row = ProductRow(version=1, **body.model_dump())
    work.session.add(row)
    set_etag(response, row.version)
    return ProductView.of(row)


@router.get("/{code}", dependencies=[require("catalogue:read")])
async def show_product(code: Code, work: WorkDep, response: Response) -> ProductView:
    """One product."""
    row = await catalogue.find(work.session, ProductRow, code)
    if row is None:
        raise ProductNotFound(code)
    set_etag(response, row.version)
    return ProductView.of(row)


@router.patch("/{code}", dependencies=[require("catalogue:write")])
async def change_product(
    code: Code, body: ProductPatch, work: WorkDep, expected: IfMatch, response: Response
) -> ProductView:
    """Change name, series or list price."""
    row = await catalogue.find(work.session, ProductRow, code, lock=True)
    if row is None:
        raise ProductNotFound(code)
    expected.check(row.version, current=ProductView.of(row))
    catalogue.update(row, said(body))
    set_etag(response, row.version)
    return ProductView.of(row)


@router.post("/import", dependencies=[require("catalogue:write")])
async def import_products(body: ImportBody, work: WorkDep) -> ImportResult:
    """Add or change products by their code."""
    rows = sort_rows(body, ProductBody, identity=lambda row: row.code)
    codes = [accepted.row.code for accepted in rows.accepted]
    results, _ = put_rows(
        work.session,
        rows,
        await catalogue.find_all(work.session, ProductRow, ProductRow.code, values=codes),
        key="code",
        values=said,
        create=lambda values: ProductRow(version=1, **values),
        identify=lambda row: row.code,
        check=lambda _row, _entry: None,
    )
    if body.dry_run:
        work.discard()
    return answer(rows.rejected, results)
