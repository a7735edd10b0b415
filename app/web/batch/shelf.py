"""The results of a batch on the page: the table, the lowest and the highest, and what can be downloaded."""

import base64
from typing import Any

import streamlit as st

from app.web import widgets
from app.web.batch import download
from app.web.batch import table as tables
from app.web.batch.report import batch_report
from app.web.batch.session import Desk
from app.web.batch.table import Table

WIDTH = 170  # pixels of a thumbnail


def show(desk: Desk, table: Table) -> None:
    """The table, the extremes, and what can be downloaded."""
    st.header(f"{len(table.results)} pictures" if len(table.results) > 1 else "1 picture")
    _downloads(desk, table)
    config, height = _config(table), min(64 * len(table.results) + 40, 560)
    st.dataframe(_rows(table), column_config=config, hide_index=True, row_height=64, height=height, width="stretch")
    lacking = sum(not each for each in table.shares)
    if table.areas and lacking:
        st.markdown(f"{lacking} of them have no areas: their size or name is another one.")
    column = st.selectbox("Lowest and highest by", table.columns, key="batch-by", persist_state="session")
    for place, title, numbers in zip(st.columns(2), ("Lowest", "Highest"), table.extremes(column), strict=True):
        with place:
            _row_of(title, table, column, numbers)


def _rows(table: Table) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {
        "Picture": [f"data:image/jpeg;base64,{base64.b64encode(r.icon).decode()}" for r in table.results],
        "Name": [result.name for result in table.results],
    }
    rows |= {f"share {n}": table.values(name) for n, name in enumerate(table.columns)}
    if any(result.medium for result in table.results):
        rows["Kind"] = [_kind(result.medium, result.familiar) for result in table.results]
    return rows


def _kind(medium: str, familiar: bool) -> str:
    return medium.capitalize() + ("" if familiar or not medium else " (not trained on)")


def _config(table: Table) -> dict[str, Any]:
    config: dict[str, Any] = {
        "Picture": st.column_config.ImageColumn("Picture", width="small"),
        "Name": st.column_config.TextColumn("Name", width="medium"),
        "Kind": st.column_config.TextColumn(
            "Kind", help="What the picture is like. The model was trained on photographs of scenes."
        ),
    }
    for number, name in enumerate(table.columns):
        form = "%.0f" if name in tables.HELP else "%.1f %%"
        words = tables.HELP.get(name, "Share of looks of this area over the whole viewing.")
        config[f"share {number}"] = st.column_config.NumberColumn(widgets.plain(name), format=form, help=words)
    return config


def _row_of(title: str, table: Table, column: str, numbers: list[int]) -> None:
    """Some pictures side by side, each with its value."""
    if not numbers:
        return
    st.markdown(f"**{title} {widgets.plain(column.lower() if column in tables.HELP else column)}**")
    values = table.values(column)
    shelf = st.container(horizontal=True)
    for number in numbers:
        result, value = table.results[number], shown(column, values[number])
        words = f"Heat map of {result.name}, {column} {value}"
        shelf.image(result.thumbnail, caption=widgets.plain(f"{result.name}: {value}"), width=WIDTH, alt=words)


def shown(column: str, value: float) -> str:
    """A value of a column as people read it.

    >>> shown("Focus", 41.3), shown("Logo", 3.14)
    ('41', '3.1 %')
    """
    return f"{value:.0f}" if column in tables.HELP else f"{value:.1f} %"


def _downloads(desk: Desk, table: Table) -> None:
    csv = table.csv()
    desk.offer = download.offer(desk.job, [("table.csv", csv.encode("utf-8-sig"))])
    row = st.container(horizontal=True)
    row.link_button("Everything (zip)", download.address(desk.job), icon=":material/folder_zip:")
    row.download_button(
        "Table (CSV)", csv.encode("utf-8-sig"), "batch.csv", "text/csv", "batch-csv", on_click="ignore",
        icon=":material/table:",
    )  # fmt: skip
    recipe, problems = desk.job.recipe, desk.job.problems
    if recipe:
        row.download_button(
            "Report (HTML)", lambda: batch_report(table, recipe, problems).encode(), "batch-report.html", "text/html",
            "batch-report", on_click="ignore", icon=":material/description:",
        )  # fmt: skip
